package ort

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/repository"
)

// families are decoders of other architectures, which scripts/golden/make_families.py made and scripts/testmodels exported.
var families = []string{"llama", "llama3", "qwen2", "qwen3", "gemma3"}

func opensFamily(name string) func(testing.TB, Options) *LanguageModel {
	return func(t testing.TB, opt Options) *LanguageModel {
		t.Helper()
		mf, err := repository.Open("../../testdata/fused/" + name)
		require.NoError(t, err)
		require.True(t, mf.BatchInvariant)
		return openManifest(t, mf, opt)
	}
}

// TestFamiliesMatchTransformers holds what the 8-bit graphs give against logits that transformers computed in float32.
func TestFamiliesMatchTransformers(t *testing.T) {
	for _, name := range families {
		data, err := os.ReadFile("../../testdata/families/" + name + "/logits.json")
		require.NoError(t, err)
		var golden struct {
			Tokens    []int32     `json:"tokens"`
			Positions []int       `json:"positions"`
			Logits    [][]float32 `json:"logits"`
		}
		require.NoError(t, json.Unmarshal(data, &golden))
		require.NotEmpty(t, golden.Positions)
		require.Len(t, golden.Logits, len(golden.Positions))

		n := len(golden.Tokens)
		m := opensFamily(name)(t, Options{Threads: 1, Slots: 1, SlotCapacity: 128, MaxTokens: n, MaxLogits: n})
		out, err := m.Step(t.Context(), []Row{{Tokens: golden.Tokens}})
		require.NoError(t, err)
		vocab, sum := m.Manifest().VocabSize, 0.0
		for i, at := range golden.Positions {
			sum += divergence(golden.Logits[i], out.Row(0)[at*vocab:(at+1)*vocab])
		}
		require.Less(t, sum/float64(len(golden.Positions)), 0.002, name)
	}
}

// divergence is Kullback and Leibler's, in nats, of the distributions that logits stand for.
func divergence(want, got []float32) float64 {
	p, q, sum := logTotal(want), logTotal(got), 0.0
	for i := range want {
		log := float64(want[i]) - p
		sum += math.Exp(log) * (log - float64(got[i]) + q)
	}
	return sum
}

func logTotal(logits []float32) float64 {
	sum := 0.0
	for _, x := range logits {
		sum += math.Exp(float64(x))
	}
	return math.Log(sum)
}
