package server

import (
	"testing"

	"github.com/stretchr/testify/require"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
)

// TestModelsThatComeWithBedside holds the committed models to what they are there for: whole, loaded beside the others, and the
// default for diagnoses gives the made-up septic patient's.
func TestModelsThatComeWithBedside(t *testing.T) {
	s := startServer(t, func(c *config.Config) { c.Model, c.ShippedModels, c.Verify = "", "../models", true })
	conn := dial(t, s)
	models, err := bedsidev1.NewModelServiceClient(conn).ListModels(t.Context(), &bedsidev1.ListModelsRequest{})
	require.NoError(t, err)
	var ready []string
	for _, m := range models.GetModels() {
		name := m.GetReference().GetName()
		if m.GetState() == bedsidev1.ModelState_MODEL_STATE_READY {
			ready = append(ready, name)
		}
		if name == "bedside-gru" {
			require.True(t, m.GetDefault())
		}
	}
	require.Subset(t, ready, []string{
		"bedside-attention-small", "bedside-gru", "bedside-gru-small", "bedside-lstm-small", "bedside-rnn-small",
	})

	client := bedsidev1.NewClinicalServiceClient(conn)
	for _, language := range []string{"en", "zh"} {
		got, err := client.SuggestDiagnoses(t.Context(), &bedsidev1.SuggestDiagnosesRequest{
			Source: sampleSource(t), Language: language, OmitReadings: true,
		})
		require.NoError(t, err)
		require.Equal(t, "bedside-gru", got.GetModel().GetName())
		require.NotEmpty(t, got.GetSuggestions())
		require.Equal(t, "A41.9", got.GetSuggestions()[0].GetCode())
		require.Greater(t, got.GetSuggestions()[0].GetProbability(), 0.5)
	}
}
