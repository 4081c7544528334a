package server

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
)

// shipModels puts copies of tiny models into a folder as those that come with Bedside, and gives some of them a fit.
func shipModels(t testing.TB, fit string, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		require.NoError(t, os.CopyFS(filepath.Join(root, name), os.DirFS(filepath.Join(deviceModels, name))))
		if fit != "" && name != "attention" {
			require.NoError(t, os.WriteFile(filepath.Join(root, name, "diagnosis.json"), []byte(fit), 0o600))
		}
	}
	return root
}

const tinyFit = `{"temperature": {"1": 2, "24": 1.5}, "threshold": 0.1, "codes": ["A41.9", "J18.9", "I50.9"]}`

func TestShippedModelsServeByName(t *testing.T) {
	s := startServer(t, func(c *config.Config) {
		c.Model, c.ShippedModels = "", shipModels(t, tinyFit, "attention", "gru", "lstm")
	})
	client := bedsidev1.NewGenerationServiceClient(dial(t, s))
	for _, name := range []string{"attention", "gru", "lstm"} {
		_, err := client.Tokenize(t.Context(), &bedsidev1.TokenizeRequest{Model: name, Input: &bedsidev1.TokenizeRequest_Text{Text: "A"}})
		require.NoError(t, err, name)
	}
	require.Equal(t, "gru", s.models.defaults[diagnoses], "the first that has a fit")
	require.Equal(t, "gru", s.models.defaults[treatments])
	require.Empty(t, s.models.defaults[summaries])

	_, err := bedsidev1.NewClinicalServiceClient(dial(t, s)).SummarizeRecord(t.Context(), &bedsidev1.SummarizeRecordRequest{
		Source: &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: "{}"}},
	})
	require.Equal(t, codes.FailedPrecondition, status.Code(err), "%v", err)
	require.ErrorContains(t, err, "--summary-model")
}

func TestDefaultsOfFunctions(t *testing.T) {
	root := shipModels(t, tinyFit, "gru", "lstm")
	for name, c := range map[string]struct {
		cfg     config.Config
		shipped string
		want    map[function]string
	}{
		"none": {config.Config{DiagnosisModel: "auto", TreatmentModel: "auto"}, "", map[function]string{summaries: "", diagnoses: "", treatments: "", noted: ""}},
		"there is one": {
			config.Config{Model: "a", DiagnosisModel: "auto", TreatmentModel: ""}, root, map[function]string{summaries: "a", diagnoses: "gru", treatments: "", noted: ""},
		},
		"named": {
			config.Config{Model: "a", SummaryModel: "b", DiagnosisModel: "lstm", TreatmentModel: "auto", NoteModel: "gru"}, root,
			map[function]string{summaries: "b", diagnoses: "lstm", treatments: "lstm", noted: "gru"},
		},
	} {
		require.Equal(t, c.want, defaultsOf(c.cfg, c.shipped), name)
	}
	t.Setenv("BEDSIDE_SHIPPED_MODELS", root)
	require.Equal(t, root, shippedModels(config.Config{}))
	require.Empty(t, shippedModels(config.Config{ShippedModels: "none"}))
}

func TestAModelWithAFaultyFitIsNotServed(t *testing.T) {
	s := startServer(t, func(c *config.Config) { c.Model, c.ShippedModels = "", shipModels(t, `{"codes": []}`, "gru") })
	_, err := bedsidev1.NewGenerationServiceClient(dial(t, s)).Tokenize(t.Context(),
		&bedsidev1.TokenizeRequest{Model: "gru", Input: &bedsidev1.TokenizeRequest_Text{Text: "A"}})
	require.Equal(t, codes.Unavailable, status.Code(err), "%v", err)
}
