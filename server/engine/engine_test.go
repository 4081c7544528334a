package engine

import (
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bedside-lm/bedside/batcher/continuous"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/runtime/sampling"
	"github.com/bedside-lm/bedside/runtime/tokenizer"
)

// TestCloseEndsWhatRunsAndWaits closes an engine in the middle of a step: neither the text
// being written nor the one waiting for the only slot may be left hanging, or be told that
// the model failed.
func TestCloseEndsWhatRunsAndWaits(t *testing.T) {
	defer goleak.VerifyNone(t)
	library, err := repository.ORTLibrary()
	require.NoError(t, err)
	require.NoError(t, ort.Init(library))
	root, err := repository.ModelsDir()
	require.NoError(t, err)
	dir := filepath.Join(root, "smollm2-135m-instruct")
	mf, err := repository.Open(dir)
	require.NoError(t, err, "run 'make setup'")
	tok, err := tokenizer.Load(dir)
	require.NoError(t, err)
	metrics, err := NewMetricSet(prometheus.NewRegistry())
	require.NoError(t, err)
	cfg := continuous.Config{Slots: 1, SlotCapacity: 512, TokenBudget: 64, MaxChunk: 64}
	model, err := ort.Open(mf, ModelOptions(cfg, 0))
	require.NoError(t, err)
	e, err := New(model, tok, cfg, Options{Metrics: metrics.ForModel(mf.Name)})
	require.NoError(t, err)

	seed := uint64(3)
	params := sampling.Default()
	params.MaxTokens, params.Temperature, params.Seed = 400, 1.5, &seed
	request := Request{Prompt: tok.Encode("The patient was admitted with"), Sampling: params}
	running, err := e.Generate(t.Context(), request)
	require.NoError(t, err)
	waiting, err := e.Generate(t.Context(), request)
	require.NoError(t, err)
	<-running.sequence.events // its first token is there, so that it runs

	require.NoError(t, e.Close())
	for _, g := range []*Generation{running, waiting} {
		for range g.Events() {
		}
		require.ErrorIs(t, g.Err(), ErrStopped)
		require.NotErrorIs(t, g.Err(), ErrFailed)
	}
	_, err = e.Generate(t.Context(), request)
	require.ErrorIs(t, err, ErrStopped)
}
