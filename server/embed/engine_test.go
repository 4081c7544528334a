package embed

import (
	"context"
	"math/rand/v2"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/batcher/dynamic"
	"github.com/bedside-lm/bedside/runtime/tensor"
	"github.com/bedside-lm/bedside/server/apierror"
)

func TestLayout(t *testing.T) {
	got := layout([][]int32{{7, 8, 9}, {5}}, 4)
	for i, want := range []tensor.Tensor{
		tensor.New("input_ids", []int64{4}, []int64{7, 8, 9, 5}),
		tensor.New("position_ids", []int64{4}, []int64{0, 1, 2, 0}),
		tensor.New("pad_index", []int64{2, 4}, []int64{0, 1, 2, 2, 3, 3, 3, 3}),
		tensor.New("unpad_index", []int64{4}, []int64{0, 1, 2, 4}),
		tensor.New("lengths", []int64{2}, []int64{3, 1}),
	} {
		require.NoError(t, got[i].Validate())
		require.Equal(t, want, got[i])
	}
}

func TestCoresAreSpread(t *testing.T) {
	for cores, want := range map[int][2]int{1: {1, 1}, 2: {2, 1}, 8: {8, 1}, 16: {8, 2}, 20: {8, 2}, 64: {8, 8}} {
		instances, threads := spread(cores)
		require.Equal(t, want, [2]int{instances, threads}, "%d cores", cores)
	}
}

// TestVectorsAreThoseRecorded holds both folders against an independent implementation, tokenizer included.
func TestVectorsAreThoseRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		engine *Engine
		texts  []recorded
		least  float64
	}{
		"served": {served(t), goldenTexts(t), 0.99},
		"fp32":   {another(t, modelName+"-fp32", Options{}), goldenTexts(t)[:23], 0.999},
	} {
		for _, g := range c.texts {
			got, err := c.engine.Embed(t.Context(), Request{Texts: []string{g.Text}, Kind: g.kind(), Truncate: true})
			require.NoError(t, err)
			require.Equal(t, len(g.Tokens), got[0].Tokens, g.ID)
			require.InDelta(t, 1, dot(got[0].Values, got[0].Values), 1e-5, g.ID)
			require.Greater(t, dot(got[0].Values, g.values), c.least, "%s %s", name, g.ID)
		}
	}
}

// TestVectorsDoNotDependOnCompany runs texts alone, then in batches with others of their width: each time the same bytes.
func TestVectorsDoNotDependOnCompany(t *testing.T) {
	e := served(t)
	random := rand.New(rand.NewPCG(1, 2))
	for at, width := range e.widths {
		// The shortest and the longest text of this width, and some recorded ones. Of great widths, which take time, the two
		// shortest: they are padded most.
		least := 1
		if at > 0 {
			least = e.widths[at-1] + 1
		}
		other := width
		if width > 128 {
			other = least + 1
		}
		var texts [][]int32
		for _, n := range []int{least, other} {
			ids := make([]int32, n)
			for i := range ids {
				ids[i] = random.Int32N(250_000)
			}
			texts = append(texts, ids)
		}
		for _, g := range goldenTexts(t) {
			if e.width([][]int32{g.Tokens}) == width && len(texts) < 2+64/width {
				texts = append(texts, g.Tokens)
			}
		}
		alone := make([][]float32, len(texts))
		for i, ids := range texts {
			out, err := e.run(t.Context(), [][]int32{ids})
			require.NoError(t, err)
			alone[i] = out[0].values
		}
		for range 1 + 64/width {
			order := random.Perm(len(texts))[:len(texts)-random.IntN(2)]
			batch := make([][]int32, len(order))
			for i, from := range order {
				batch[i] = texts[from]
			}
			out, err := e.run(t.Context(), batch)
			require.NoError(t, err)
			for i, from := range order {
				require.Equal(t, alone[from], out[i].values, "width %d, %d texts", width, len(batch))
			}
		}
	}
}

func TestTextsOfManyCallersShareRuns(t *testing.T) {
	e := served(t)
	short := goldenTexts(t)[:12]
	want := make([][]float32, len(short))
	for i, g := range short {
		got, err := e.Embed(t.Context(), Request{Texts: []string{g.Text}, Kind: g.kind()})
		require.NoError(t, err)
		want[i] = got[0].Values
	}
	var wg sync.WaitGroup
	for caller := range 16 {
		wg.Go(func() {
			for n := 1; n <= 3; n++ {
				at := (caller + 5*n) % len(short)
				got, err := e.Embed(t.Context(), Request{Texts: slices.Repeat([]string{short[at].Text}, n), Kind: short[at].kind()})
				if err != nil {
					t.Errorf("caller %d: %v", caller, err)
					return
				}
				for _, v := range got {
					if !slices.Equal(v.Values, want[at]) {
						t.Errorf("caller %d: %s is not the vector that it is alone", caller, short[at].ID)
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestKindsDiffer(t *testing.T) {
	e := served(t)
	texts := []string{"heart rate"}
	query, err := e.Embed(t.Context(), Request{Texts: texts, Kind: Query})
	require.NoError(t, err)
	passage, err := e.Embed(t.Context(), Request{Texts: texts, Kind: Passage})
	require.NoError(t, err)
	require.NotEqual(t, query[0].Values, passage[0].Values)
}

func TestLongTextsAreRefusedOrCut(t *testing.T) {
	e := served(t)
	long := strings.Repeat("心率 ", 600)
	request := Request{Texts: []string{"a", long}, Kind: Passage}
	_, err := e.Embed(t.Context(), request)
	var field *apierror.FieldError
	require.ErrorAs(t, err, &field)
	require.Equal(t, "texts[1]", field.Field)
	require.Contains(t, field.Message, "512")
	require.NotContains(t, err.Error(), "心率")

	request.Truncate = true
	got, err := e.Embed(t.Context(), request)
	require.NoError(t, err)
	require.False(t, got[0].Truncated)
	require.True(t, got[1].Truncated)
	require.Equal(t, 512, got[1].Tokens)
}

func TestEndedCallersAreNotServed(t *testing.T) {
	e := served(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := e.Embed(ctx, Request{Texts: []string{"a"}})
	require.ErrorIs(t, err, context.Canceled)
}

// flood has an engine work on 8 long texts, and returns when the first of them run. They end with stop.
func flood(t *testing.T, e *Engine) (stop func(), ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := e.Embed(ctx, Request{Texts: slices.Repeat([]string{strings.Repeat("word ", 500)}, 8)})
		done <- err
	}()
	for e.batcher.Stats().Batches == 0 {
		select {
		case err := <-done:
			t.Fatalf("ended before it ran: %v", err)
		default:
			goruntime.Gosched()
		}
	}
	return cancel, done
}

func TestQueueIsBounded(t *testing.T) {
	e := another(t, modelName, Options{MaxQueue: 8, Threads: 1})
	_, err := e.Embed(t.Context(), Request{Texts: slices.Repeat([]string{"a"}, 9)})
	var field *apierror.FieldError
	require.ErrorAs(t, err, &field)
	require.Equal(t, "texts", field.Field)

	stop, ended := flood(t, e) // one runs, seven wait
	_, err = e.Embed(t.Context(), Request{Texts: slices.Repeat([]string{"a"}, 3)})
	var full *dynamic.Error
	require.ErrorAs(t, err, &full)
	require.Equal(t, dynamic.KindQueueFull, full.Kind)
	require.Positive(t, full.RetryAfter)
	stop()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Zero(t, e.Waiting(), "a caller that left holds no place")
}

func TestCloseEndsWhatWaits(t *testing.T) {
	e := another(t, modelName, Options{Threads: 1})
	stop, ended := flood(t, e)
	defer stop()
	require.NoError(t, e.Close())
	require.ErrorIs(t, <-ended, dynamic.ErrStopped)
	_, err := e.Embed(t.Context(), Request{Texts: []string{"a"}})
	require.ErrorIs(t, err, dynamic.ErrStopped)
}

func TestMetricsCountTextsAndVanish(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	set, err := NewMetricSet(registry)
	require.NoError(t, err)
	e := another(t, modelName, Options{Metrics: set})
	_, err = e.Embed(t.Context(), Request{Texts: []string{"a", "b", "c"}})
	require.NoError(t, err)
	_, err = e.Embed(t.Context(), Request{Texts: []string{strings.Repeat("word ", 600)}})
	require.Error(t, err)
	values := map[string]float64{}
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := family.GetName()
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			values[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	runs := values["bedside_embed_run_seconds multilingual-e5-small 1"]
	require.True(t, runs >= 1 && runs <= 3, "%g runs", runs)
	require.Equal(t, map[string]float64{
		"bedside_embed_texts_total multilingual-e5-small invalid 1": 1,
		"bedside_embed_texts_total multilingual-e5-small success 1": 3,
		"bedside_embed_texts_waiting multilingual-e5-small 1":       0,
		"bedside_embed_queue_seconds multilingual-e5-small 1":       3,
		"bedside_embed_run_seconds multilingual-e5-small 1":         runs,
		"bedside_embed_run_texts multilingual-e5-small 1":           runs,
		"bedside_embed_run_places multilingual-e5-small 1":          runs,
	}, values)

	require.NoError(t, e.Close())
	families, err = registry.Gather()
	require.NoError(t, err)
	require.Empty(t, families)
}
