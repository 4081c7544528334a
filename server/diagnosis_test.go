package server

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/server/config"
)

// withDiagnostician serves a tiny model whose context is long enough for a question.
func withDiagnostician(t testing.TB, fit string) func(*config.Config) {
	t.Helper()
	root := shipModels(t, fit, "gru")
	path := filepath.Join(root, "gru", repository.ManifestName)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var manifest map[string]any
	require.NoError(t, json.Unmarshal(data, &manifest))
	manifest["context_length"] = 8192
	data, err = json.Marshal(manifest)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return func(c *config.Config) { c.Model, c.ShippedModels = "", root }
}

func sampleSource(t testing.TB) *bedsidev1.RecordSource {
	t.Helper()
	data, err := os.ReadFile("../testdata/records/sepsis-icu.fhir.json")
	require.NoError(t, err)
	return &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: string(data)}}
}

func TestDiagnosesOfARecord(t *testing.T) {
	s := startServer(t, withDiagnostician(t, tinyFit))
	client := bedsidev1.NewClinicalServiceClient(dial(t, s))
	en, err := client.SuggestDiagnoses(t.Context(), &bedsidev1.SuggestDiagnosesRequest{Source: sampleSource(t)})
	require.NoError(t, err)
	require.Len(t, en.GetSuggestions(), 3)
	require.Equal(t, "gru", en.GetModel().GetName())
	require.NotEmpty(t, en.GetModel().GetDigest())
	require.NotEmpty(t, en.GetNotice())
	require.NotEmpty(t, en.GetRedFlags())
	require.EqualValues(t, 24, en.GetWindowHours())
	sum := 0.0
	for _, d := range en.GetSuggestions() {
		require.NotEmpty(t, d.GetName())
		sum += d.GetProbability()
	}
	require.InDelta(t, 1, sum, 1e-9)

	zh, err := client.SuggestDiagnoses(t.Context(), &bedsidev1.SuggestDiagnosesRequest{
		Source: sampleSource(t), Language: "zh", OmitReadings: true, MaxSuggestions: 2,
	})
	require.NoError(t, err)
	require.Len(t, zh.GetSuggestions(), 2)
	for i, d := range zh.GetSuggestions() {
		require.Equal(t, en.GetSuggestions()[i].GetCode(), d.GetCode())
		require.Equal(t, en.GetSuggestions()[i].GetProbability(), d.GetProbability(), "the same bits, whatever the language and load")
		require.NotEqual(t, en.GetSuggestions()[i].GetName(), d.GetName())
	}
}

func TestTreatmentsOfARecord(t *testing.T) {
	s := startServer(t, withDiagnostician(t, tinyFit))
	client := bedsidev1.NewClinicalServiceClient(dial(t, s))
	for _, code := range []string{"A41.9", ""} {
		out, err := client.SuggestTreatments(t.Context(), &bedsidev1.SuggestTreatmentsRequest{Source: sampleSource(t), Diagnosis: code, Language: "zh"})
		require.NoError(t, err, code)
		require.Nil(t, out.GetAbstention())
		require.Equal(t, code != "", out.GetDiagnosis().GetConfirmed())
		require.Equal(t, "gru", out.GetModel().GetName())
		require.NotEmpty(t, out.GetSuggestions())
		require.NotEmpty(t, out.GetPatient())
		for _, item := range out.GetSuggestions() {
			require.NotEmpty(t, item.GetSources())
			require.NotEmpty(t, item.GetLines())
		}
	}
	out, err := client.SuggestTreatments(t.Context(), &bedsidev1.SuggestTreatmentsRequest{Source: sampleSource(t), Diagnosis: "Z99.9"})
	require.NoError(t, err)
	require.Equal(t, "no-guideline", out.GetAbstention().GetReason())
	require.Empty(t, out.GetSuggestions())
}

// TestTreatmentsOfWhomTheTablesAreNotFor asks a server without any model.
func TestTreatmentsOfWhomTheTablesAreNotFor(t *testing.T) {
	client := bedsidev1.NewClinicalServiceClient(dial(t, startServer(t, func(c *config.Config) { c.Model, c.ShippedModels = "", "none" })))
	ask := func(resources string) (*bedsidev1.SuggestTreatmentsResponse, error) {
		return client.SuggestTreatments(t.Context(), &bedsidev1.SuggestTreatmentsRequest{Diagnosis: "J18.9", Source: fhirSource(
			`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p","birthDate":"2020-01-01"}}` + resources + `]}`)})
	}
	child, err := ask(`,{"resource":{"resourceType":"Condition","id":"c","code":{"text":"x"},"subject":{"reference":"Patient/p"},"recordedDate":"2026-01-02"}}`)
	require.NoError(t, err)
	require.Equal(t, "child", child.GetAbstention().GetReason())
	require.Empty(t, child.GetSuggestions())
	require.Contains(t, child.GetPatient(), "age: 6 years Patient/p")

	var many strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&many, `,{"resource":{"resourceType":"AllergyIntolerance","id":"%d","code":{"text":"%s"},"patient":{"reference":"Patient/p"}}}`, i, canary)
	}
	_, err = ask(many.String())
	require.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
	require.Contains(t, fields(err), "source")
	require.NotContains(t, err.Error(), "Sanfeng")
}

// A model that is never sure suggests no treatment; one that is not there leaves the table.
func TestTreatmentsWithoutASuggestion(t *testing.T) {
	unsure := `{"temperature": {"1": 2, "24": 1.5}, "threshold": 1, "codes": ["A41.9", "J18.9"]}`
	client := bedsidev1.NewClinicalServiceClient(dial(t, startServer(t, withDiagnostician(t, unsure))))
	out, err := client.SuggestTreatments(t.Context(), &bedsidev1.SuggestTreatmentsRequest{Source: sampleSource(t)})
	require.NoError(t, err)
	require.Equal(t, "low-confidence", out.GetAbstention().GetReason())
	require.Empty(t, out.GetSuggestions())

	client = bedsidev1.NewClinicalServiceClient(dial(t, startServer(t, func(c *config.Config) { c.Model, c.ShippedModels = "", "none" })))
	out, err = client.SuggestTreatments(t.Context(), &bedsidev1.SuggestTreatmentsRequest{Source: sampleSource(t), Diagnosis: "A41.9"})
	require.NoError(t, err)
	require.NotEmpty(t, out.GetSuggestions())
	require.Nil(t, out.GetModel())
	_, err = client.SuggestTreatments(t.Context(), &bedsidev1.SuggestTreatmentsRequest{Source: sampleSource(t)})
	require.Equal(t, codes.FailedPrecondition, status.Code(err), "%v", err)
	_, err = client.SuggestDiagnoses(t.Context(), &bedsidev1.SuggestDiagnosesRequest{Source: sampleSource(t)})
	require.Equal(t, codes.FailedPrecondition, status.Code(err), "%v", err)
	require.ErrorContains(t, err, "--diagnosis-model")
}

func TestBadClinicalRequests(t *testing.T) {
	client := bedsidev1.NewClinicalServiceClient(dial(t, startServer(t, withDiagnostician(t, tinyFit))))
	broken := &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: "{"}}
	for field, req := range map[string]*bedsidev1.SuggestDiagnosesRequest{
		"source": {}, "language": {Source: sampleSource(t), Language: "fr"}, "max_suggestions": {Source: sampleSource(t), MaxSuggestions: 33}, "Bundle": {Source: broken},
	} {
		_, err := client.SuggestDiagnoses(t.Context(), req)
		require.Equal(t, codes.InvalidArgument, status.Code(err), "%s: %v", field, err)
		require.ErrorContains(t, err, field)
	}
	for field, req := range map[string]*bedsidev1.SuggestTreatmentsRequest{
		"source": {}, "diagnosis": {Source: sampleSource(t), Diagnosis: "sepsis"}, "Bundle": {Source: broken, Diagnosis: "A41.9"},
	} {
		_, err := client.SuggestTreatments(t.Context(), req)
		require.Equal(t, codes.InvalidArgument, status.Code(err), "%s: %v", field, err)
		require.ErrorContains(t, err, field)
	}
}

func TestBeginnings(t *testing.T) {
	require.Equal(t, [][]int32{{1, 2, 3}, {1, 2, 4}, {5}}, beginnings([][]int32{{1, 2, 3, 9}, {1, 2, 4, 9}, {5, 6}}))
	require.Equal(t, [][]int32{{1}, {1, 2}}, beginnings([][]int32{{1}, {1, 2, 3}}))
}
