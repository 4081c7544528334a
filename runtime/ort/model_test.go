package ort

import (
	"math/rand/v2"
	"testing"

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
