package engine

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/batcher/continuous"
	"github.com/bedside-lm/bedside/runtime/ort"
)

// pretend is the logits of a model for which all that came before counts.
func pretend(before []int32, vocab int) []float32 {
	h := uint32(2166136261)
	for _, t := range before {
		h = (h ^ uint32(t)) * 16777619
	}
	out := make([]float32, vocab)
	for i := range out {
		h = (h ^ uint32(i)) * 16777619
		out[i] = float32(h%1000) / 100
	}
	return out
}

// Whatever the texts have in common, and however their rows are cut, each token is scored after what stands before it.
func TestTextsAreScoredAfterWhatStandsBeforeThem(t *testing.T) {
	const vocab = 4
	rapid.Check(t, func(t *rapid.T) {
		token := rapid.Int32Range(0, vocab-1)
		prompt := rapid.SliceOfN(token, 1, 5).Draw(t, "prompt")
		texts := rapid.SliceOfN(rapid.SliceOfN(token, 1, 6), 1, 12).Draw(t, "texts")
		room := rapid.IntRange(1, 80).Draw(t, "room")
		for len(texts) > 0 {
			c, n := newScoring(texts, room)
			require.Positive(t, n)
			require.True(t, n == 1 || c.inner < room, "the texts of a slot fit into it")
			s := &sequence{tokens: slices.Clone(prompt), prompt: len(prompt), runEnd: len(prompt), score: c, maxNew: c.inner + 1}
			ran := runPretended(t, s, vocab)
			require.Equal(t, len(prompt)+c.inner, ran, "nothing is run twice")
			for i, text := range texts[:n] {
				compareScores(t, prompt, text, c.path(c.ends[i]), vocab)
			}
			texts = texts[n:]
		}
	})
}

// runPretended runs a sequence as scheduler and engine do, in rows of any length, and says how many tokens it ran.
func runPretended(t *rapid.T, s *sequence, vocab int) (start int) {
	known := s.prompt
	for s.finish == 0 {
		count := rapid.IntRange(1, known-start).Draw(t, "count")
		planned := continuous.Row{Start: start, Count: count, Samples: start+count == known}
		row := rowOf(s, planned, false)
		var logits []float32
		for i := row.LogitsFrom; i < count; i++ {
			logits = append(logits, pretend(s.tokens[:row.Start+i+1], vocab)...)
		}
		result := s.take(planned, row, logits, s.arrived, nil)
		require.NoError(t, s.failure)
		start += count
		if planned.Samples {
			known += 1 + result.Appended
		}
		require.LessOrEqual(t, known, s.prompt+s.maxNew, "no more than the scheduler was told of")
	}
	return start
}

func compareScores(t *rapid.T, prompt, text []int32, got []ScoredToken, vocab int) {
	require.Len(t, got, len(text))
	before := slices.Clone(prompt)
	for i, token := range text {
		logits := pretend(before, vocab)
		sum := 0.0
		for _, v := range logits {
			sum += math.Exp(float64(v))
		}
		require.Equal(t, token, got[i].ID)
		require.InDelta(t, float64(logits[token])-math.Log(sum), got[i].Logprob, 1e-9)
		require.Equal(t, slices.Index(logits, slices.Max(logits)) == int(token), got[i].Greedy)
		before = append(before, token)
	}
}

func TestScoresNeedNumbers(t *testing.T) {
	c, _ := newScoring([][]int32{{1}}, 8)
	s := &sequence{tokens: []int32{0}, prompt: 1, score: c}
	nan := float32(math.NaN())
	result := s.take(continuous.Row{Count: 1, Samples: true}, ort.Row{Tokens: s.tokens}, []float32{nan, nan}, s.arrived, nil)
	require.Equal(t, continuous.OutcomeFail, result.Outcome)
	require.ErrorIs(t, s.failure, ErrFailed)
}
