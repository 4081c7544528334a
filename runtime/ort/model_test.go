package ort

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/repository"
)

const testModel = "smollm2-135m-instruct"

// openModel opens a model that the set-up exported.
func openModel(t testing.TB, name string, opt Options) *LanguageModel {
	t.Helper()
	library, err := repository.ORTLibrary()
	require.NoError(t, err)
	require.NoError(t, Init(library))
	models, err := repository.ModelsDir()
	require.NoError(t, err)
	mf, err := repository.Open(models + "/" + name)
	require.NoError(t, err, "run 'make setup'")
	m, err := Open(mf, opt)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

var testOptions = Options{Threads: 2, Slots: 8, SlotCapacity: 512, MaxTokens: 256, MaxLogits: 64}

func randomTokens(seed uint64, n int) []int32 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]int32, n)
	for i := range out {
		out[i] = 20 + r.Int32N(40000)
	}
	return out
}

// prefill runs a prompt in chunks and returns a copy of its last token's logits.
func prefill(t testing.TB, m *LanguageModel, slot int, tokens []int32, chunks ...int) []float32 {
	t.Helper()
	start := 0
	for _, n := range append(chunks, len(tokens)) {
		n = min(n, len(tokens)-start)
		if n == 0 {
			break
		}
		row := Row{Slot: slot, Start: start, Tokens: tokens[start : start+n], LogitsFrom: n}
		if start+n == len(tokens) {
			row.LogitsFrom = n - 1
		}
		out, err := m.Step(t.Context(), []Row{row})
		require.NoError(t, err)
		start += n
		if start == len(tokens) {
			return append([]float32(nil), out.Row(0)...)
		}
	}
	t.Fatal("prompt not finished")
	return nil
}

func TestLogitsDoNotDependOnChunksSlotsOrNeighbours(t *testing.T) {
	m := openModel(t, testModel, testOptions)
	prompt := randomTokens(1, 150)
	alone := prefill(t, m, 0, prompt)

	t.Run("chunks", func(t *testing.T) {
		for _, chunks := range [][]int{{1, 2, 3, 5, 7}, {17, 63}, {148}, {64, 64}} {
			require.Equal(t, alone, prefill(t, m, 3, prompt, chunks...), "chunks %v", chunks)
		}
	})
	t.Run("neighbours", func(t *testing.T) {
		prefill(t, m, 5, prompt[:100])
		prefill(t, m, 1, randomTokens(2, 40))
		prefill(t, m, 7, randomTokens(3, 90))
		out, err := m.Step(t.Context(), []Row{
			{Slot: 1, Start: 40, Tokens: []int32{77}},
			{Slot: 5, Start: 100, Tokens: prompt[100:], LogitsFrom: 49},
			{Slot: 7, Start: 90, Tokens: []int32{78}},
			{Slot: 0, Start: 0, Tokens: randomTokens(4, 33), LogitsFrom: 33},
		})
		require.NoError(t, err)
		require.Equal(t, alone, append([]float32(nil), out.Row(1)...))
		require.Empty(t, out.Row(3))
	})
	t.Run("idle slots keep what they hold", func(t *testing.T) {
		prefill(t, m, 4, prompt[:148])
		for range 3 {
			// Slots 3 and 5 run, 4 between them is idle.
			_, err := m.Step(t.Context(), []Row{
				{Slot: 3, Start: 0, Tokens: []int32{9, 8, 7}}, {Slot: 5, Start: 0, Tokens: []int32{6, 5, 4}},
			})
			require.NoError(t, err)
		}
		out, err := m.Step(t.Context(), []Row{{Slot: 4, Start: 148, Tokens: prompt[148:], LogitsFrom: 1}})
		require.NoError(t, err)
		require.Equal(t, alone, append([]float32(nil), out.Row(0)...))
	})
	t.Run("every position's logits", func(t *testing.T) {
		out, err := m.Step(t.Context(), []Row{{Slot: 2, Tokens: prompt, LogitsFrom: 100}})
		require.NoError(t, err)
		vocab := m.Manifest().VocabSize
		require.Len(t, out.Row(0), 50*vocab)
		require.Equal(t, alone, append([]float32(nil), out.Row(0)[49*vocab:]...))
		at120 := append([]float32(nil), out.Row(0)[20*vocab:21*vocab]...)
		require.Equal(t, prefill(t, m, 6, prompt[:121]), at120)
	})
	t.Run("one token at a time, among any", func(t *testing.T) {
		prefill(t, m, 0, prompt[:149])
		single := func(rows ...Row) []float32 {
			out, err := m.Step(t.Context(), append([]Row{{Slot: 0, Start: 149, Tokens: prompt[149:]}}, rows...))
			require.NoError(t, err)
			return append([]float32(nil), out.Row(0)...)
		}
		want := single()
		require.Equal(t, want, single(Row{Slot: 1, Tokens: prompt[:1]}))
		require.Equal(t, want, single(Row{Slot: 1, Tokens: prompt[:3], LogitsFrom: 2}, Row{Slot: 2, Tokens: prompt[:90], LogitsFrom: 90}))
	})
	t.Run("released slot starts anew", func(t *testing.T) {
		require.NoError(t, m.ReleaseSlot(0))
		require.Equal(t, alone, prefill(t, m, 0, prompt))
	})
}

func TestStepRefusesRowsThatDoNotFit(t *testing.T) {
	m := openModel(t, testModel, testOptions)
	many := make([]int32, 257)
	for name, rows := range map[string][]Row{
		"slot too high":     {{Slot: 8, Tokens: []int32{1}}},
		"slot negative":     {{Slot: -1, Tokens: []int32{1}}},
		"slot twice":        {{Slot: 1, Tokens: []int32{1}}, {Slot: 1, Tokens: []int32{1}}},
		"no tokens":         {{Slot: 1}},
		"beyond the slot":   {{Slot: 1, Start: 511, Tokens: []int32{1, 2}}},
		"token too high":    {{Slot: 1, Tokens: []int32{49152}}},
		"token negative":    {{Slot: 1, Tokens: []int32{-1}}},
		"logits past end":   {{Slot: 1, Tokens: []int32{1}, LogitsFrom: 2}},
		"too many tokens":   {{Slot: 1, Tokens: many, LogitsFrom: 257}},
		"too many logits":   {{Slot: 1, Tokens: many[:65]}},
		"start is negative": {{Slot: 1, Start: -1, Tokens: []int32{1}}},
	} {
		_, err := m.Step(t.Context(), rows)
		require.ErrorIs(t, err, ErrPlan, name)
	}
}

func TestStepStopsWhenItsContextEnds(t *testing.T) {
	m := openModel(t, testModel, testOptions)
	tokens := randomTokens(5, 256)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := m.Step(ctx, []Row{{Slot: 0, Tokens: tokens, LogitsFrom: 255}})
	require.ErrorIs(t, err, ErrTerminated)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	out, err := m.Step(t.Context(), []Row{{Slot: 0, Tokens: tokens[:4], LogitsFrom: 3}})
	require.NoError(t, err, "a terminated step does not harm the next one")
	require.Equal(t, prefill(t, m, 1, tokens[:4]), append([]float32(nil), out.Row(0)...))
}

func TestCloseTwice(t *testing.T) {
	m := openModel(t, testModel, testOptions)
	require.NoError(t, m.Close())
	require.NoError(t, m.Close())
	_, err := m.Step(t.Context(), []Row{{Slot: 0, Tokens: []int32{1}}})
	require.ErrorIs(t, err, ErrClosed)
}

func BenchmarkDecode(b *testing.B) {
	for _, n := range []int{1, 4, 16, 64} {
		b.Run(string(rune('0'+n/10))+string(rune('0'+n%10)), func(b *testing.B) {
			m := openModel(b, testModel, Options{Threads: 2, Slots: 64, SlotCapacity: 1024, MaxTokens: 128, MaxLogits: 64})
			rows := make([]Row, n)
			for i := range rows {
				prefill(b, m, i, randomTokens(uint64(i), 64))
				rows[i] = Row{Slot: i, Start: 64, Tokens: []int32{100}}
			}
			for b.Loop() {
				_, err := m.Step(b.Context(), rows)
				require.NoError(b, err)
				for i := range rows {
					rows[i].Start = min(rows[i].Start+1, 1000)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
