package engine

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bedside-lm/bedside/batcher/continuous"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/runtime/sampling"
	"github.com/bedside-lm/bedside/runtime/tokenizer"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/watchdog"
)

// trap starts an engine on a tiny model whose runs fail of "~" and hang of "^" (scripts/testmodels/traps.py).
func trap(t *testing.T, name string, dog *watchdog.Dog) (*Engine, *Metrics) {
	t.Helper()
	library, err := repository.ORTLibrary()
	require.NoError(t, err)
	require.NoError(t, ort.Init(library))
	dir := "../../testdata/traps/trap-" + name
	mf, err := repository.Open(dir)
	require.NoError(t, err)
	tok, err := tokenizer.Load(dir)
	require.NoError(t, err)
	set, err := NewMetricSet(prometheus.NewRegistry())
	require.NoError(t, err)
	cfg := continuous.Config{Slots: 16, SlotCapacity: mf.ContextLength, TokenBudget: 256, MaxChunk: 32}
	model, err := ort.Open(mf, ModelOptions(cfg, 1))
	require.NoError(t, err)
	metrics := set.ForModel(name)
	e, err := New(model, tok, cfg, Options{Metrics: metrics, Dog: dog})
	require.NoError(t, err)
	return e, metrics
}

// value reads a counter, or how often a histogram was told something.
func value(t *testing.T, m any) float64 {
	t.Helper()
	var out dto.Metric
	metric, ok := m.(prometheus.Metric)
	require.True(t, ok)
	require.NoError(t, metric.Write(&out))
	return out.GetCounter().GetValue() + float64(out.GetHistogram().GetSampleCount())
}

func write(ctx context.Context, e *Engine, prompt string) (string, error) {
	params := sampling.Default()
	params.MaxTokens = 12
	g, err := e.Generate(ctx, Request{Prompt: e.tokenizer.Encode(prompt), Sampling: params})
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for ev := range g.Events() {
		if ev.Token != nil { // what was held back until the end has none
			fmt.Fprintf(&text, "%d ", ev.Token.ID)
		}
	}
	return text.String(), g.Err()
}

// TestWhatFailsFailsAlone has prompts that no model can run among others: those must be answered as if they were alone.
func TestWhatFailsFailsAlone(t *testing.T) {
	for _, name := range []string{"attention", "gru"} {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			e, metrics := trap(t, name, watchdog.New(400*time.Millisecond))
			defer func() { require.NoError(t, e.Close()) }()
			var prompts, alone []string
			for i := 0; len(prompts) < 12; i++ {
				require.Less(t, i, 100)
				prompt := strings.Repeat("abc", 1+i%5) + strconv.Itoa(i)
				text, err := write(t.Context(), e, prompt)
				if err != nil {
					continue // its answer walks into a trap of its own accord
				}
				prompts, alone = append(prompts, prompt), append(alone, text)
			}
			for _, bad := range []struct {
				prompt, fault string
				is            error
			}{{"xy~z", "run", ErrFailed}, {"xy^z", "hung", watchdog.ErrHung}} {
				var wg sync.WaitGroup
				failed := make([]error, 2)
				for i := range failed {
					wg.Go(func() { _, failed[i] = write(t.Context(), e, bad.prompt) })
				}
				for i, p := range prompts {
					wg.Go(func() {
						text, err := write(t.Context(), e, p)
						if err != nil || text != alone[i] {
							t.Errorf("beside %q, prompt %d: %q, %v; alone: %q", bad.prompt, i, text, err, alone[i])
						}
					})
				}
				wg.Wait()
				for _, err := range failed {
					require.ErrorIs(t, err, ErrFailed)
					require.ErrorIs(t, err, bad.is)
				}
				require.Positive(t, value(t, metrics.faults.WithLabelValues(bad.fault)))
			}
			require.NoError(t, e.Healthy(), "all of it could be stopped")
		})
	}
}

// TestAPanicFailsItsRequestAlone has a defect in one request's sampling and in another's end.
func TestAPanicFailsItsRequestAlone(t *testing.T) {
	defer goleak.VerifyNone(t)
	e, metrics := trap(t, "attention", nil)
	defer func() { require.NoError(t, e.Close()) }()
	alone, err := write(t.Context(), e, "abc")
	require.NoError(t, err)

	broken := func(change func(*sequence)) *sequence {
		s := newSequence(t.Context(), e.tokenizer.Encode("abc"), 0)
		s.tokens, s.maxNew, s.events = e.tokenizer.Encode("abc"), 3, make(chan Event, 4)
		sampler, err := sampling.New(sampling.Params{MaxTokens: 3, TopP: 1, RepetitionPenalty: 1})
		require.NoError(t, err)
		s.write = &writing{sampler: sampler, stream: e.tokenizer.NewStream(), stops: sampling.NewStopMatcher(nil)}
		change(s)
		require.NoError(t, e.submit(t.Context(), s))
		return s
	}
	for _, s := range []*sequence{
		broken(func(s *sequence) { s.write.sampler = nil }),
		broken(func(s *sequence) { s.write.stops = nil }), // panics again when it is ended
	} {
		for range s.events {
		}
		require.ErrorIs(t, s.err, ErrFailed)
		panicked := &apierror.PanicError{}
		require.ErrorAs(t, s.err, &panicked)
		require.NotEmpty(t, panicked.Stack)
	}
	text, err := write(t.Context(), e, "abc")
	require.NoError(t, err)
	require.Equal(t, alone, text)
	require.NoError(t, e.Healthy())
	require.Positive(t, value(t, metrics.faults.WithLabelValues("panic")))
}

// TestARunThatCannotBeStopped tells the engine that its step will never end: nobody waits for it any more.
func TestARunThatCannotBeStopped(t *testing.T) {
	dog := watchdog.New(time.Hour)
	e, _ := trap(t, "attention", dog)
	ended := make(chan error, 2)
	go func() { _, err := write(t.Context(), e, "xy^z"); ended <- err }()
	go func() {
		_, err := e.Score(t.Context(), e.tokenizer.Encode("a^c"), [][]int32{e.tokenizer.Encode("d")})
		ended <- err
	}()
	require.Eventually(t, func() bool { return value(t, e.metrics.queueSeconds) > 0 }, 5*time.Second, time.Millisecond)
	dog.Abandon()
	for range 2 {
		require.ErrorIs(t, <-ended, watchdog.ErrHung)
	}
	require.ErrorIs(t, e.Healthy(), watchdog.ErrHung)
	_, err := write(t.Context(), e, "abc")
	require.ErrorIs(t, err, watchdog.ErrHung)
	require.ErrorIs(t, e.Close(), watchdog.ErrHung, "it returns, but the model stays in memory")
	<-e.done // this one could be stopped after all
	require.NoError(t, e.model.Close())
}
