package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
)

// Guessing ahead changes no text, log probability or reason, greedy or seeded, and where a text repeats its prompt it saves steps.
func TestGuessesChangeNothing(t *testing.T) {
	with := startServer(t, nil)
	without := startServer(t, func(c *config.Config) { c.DraftTokens = 0 })
	facts := strings.Repeat("The heart rate was 131 beats per minute at 08:15, and potassium 6.1 mmol/L. ", 3)
	for i, req := range append(questions(),
		promptRequest(facts+"The heart rate was 131", &bedsidev1.Sampling{MaxTokens: ptr(int32(60)), Logprobs: 1}),
		promptRequest(facts, &bedsidev1.Sampling{MaxTokens: ptr(int32(40)), Temperature: 0.7, Seed: ptr(uint64(4)), Stop: []string{"6.1"}}),
		promptRequest(facts+"The", &bedsidev1.Sampling{MaxTokens: ptr(int32(33)), RepetitionPenalty: ptr(float32(1.1))}),
	) {
		answer := func(s *Server) string {
			resp, err := bedsidev1.NewGenerationServiceClient(dial(t, s)).Generate(t.Context(), req)
			require.NoError(t, err)
			return fmt.Sprint(resp.GetText(), resp.GetLogprobs(), resp.GetFinishReason(), resp.GetUsage().GetCompletionTokens())
		}
		require.Equal(t, answer(without), answer(with), i)
	}
	require.Greater(t, accepted(t, with), 20.0)
	require.Zero(t, accepted(t, without))
}

// accepted is how many guesses of the model that writes were right.
func accepted(t *testing.T, s *Server) (out float64) {
	t.Helper()
	families, err := s.registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "bedside_draft_tokens_total" && label(m, "outcome") == "accepted" {
				out += m.GetCounter().GetValue()
			}
		}
	}
	return out
}
