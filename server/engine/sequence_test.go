package engine

import (
	"math"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/batcher/continuous"
	"github.com/bedside-lm/bedside/runtime/ort"
)

func TestRowOf(t *testing.T) {
	tokens := []int32{10, 11, 12, 13, 14, 15}
	writing := &sequence{tokens: tokens, prompt: 5, runEnd: 5}
	scoring := &sequence{tokens: tokens, prompt: 6, runEnd: 5, score: &scoring{from: 3}}
	appended := &sequence{tokens: tokens, prompt: 2, runStart: 3, runEnd: 6}
	for name, c := range map[string]struct {
		s    *sequence
		in   continuous.Row
		want ort.Row
	}{
		"chunk without end": {writing, continuous.Row{Start: 0, Count: 3}, ort.Row{Start: 0, Tokens: tokens[:3], LogitsFrom: 3}},
		"last chunk":        {writing, continuous.Row{Start: 3, Count: 2, Samples: true}, ort.Row{Start: 3, Tokens: tokens[3:5], LogitsFrom: 1}},
		"decoding":          {writing, continuous.Row{Start: 5, Count: 1, Samples: true}, ort.Row{Start: 5, Tokens: tokens[5:6], LogitsFrom: 0}},
		"chunk of the first token": {
			writing, continuous.Row{Start: 0, Count: 1}, ort.Row{Start: 0, Tokens: tokens[:1], LogitsFrom: 1},
		},
		"chunk of one token takes the one before along": {
			writing, continuous.Row{Start: 2, Count: 1}, ort.Row{Start: 1, Tokens: tokens[1:3], LogitsFrom: 2},
		},
		"also when it is the last": {
			writing, continuous.Row{Start: 4, Count: 1, Samples: true}, ort.Row{Start: 3, Tokens: tokens[3:5], LogitsFrom: 1},
		},
		"appended, the first part":         {appended, continuous.Row{Start: 3, Count: 2}, ort.Row{Start: 3, Tokens: tokens[3:5], LogitsFrom: 2}},
		"appended, the last one by itself": {appended, continuous.Row{Start: 5, Count: 1, Samples: true}, ort.Row{Start: 4, Tokens: tokens[4:6], LogitsFrom: 1}},
		"scoring, before its text":         {scoring, continuous.Row{Start: 0, Count: 2}, ort.Row{Start: 0, Tokens: tokens[:2], LogitsFrom: 2}},
		"scoring, across its start":        {scoring, continuous.Row{Start: 1, Count: 3}, ort.Row{Start: 1, Tokens: tokens[1:4], LogitsFrom: 1}},
		"scoring, within":                  {scoring, continuous.Row{Start: 3, Count: 2}, ort.Row{Start: 3, Tokens: tokens[3:5], LogitsFrom: 0}},
		"scoring, one token, is not scored twice": {
			scoring, continuous.Row{Start: 3, Count: 1}, ort.Row{Start: 2, Tokens: tokens[2:4], LogitsFrom: 1},
		},
	} {
		require.Equal(t, c.want, rowOf(c.s, c.in, true), name)
		if c.in.Count == 1 && c.s != scoring {
			last := c.s.tokens[c.in.Start : c.in.Start+1]
			logits := 1
			if c.in.Samples {
				logits = 0
			}
			require.Equal(t, ort.Row{Start: c.in.Start, Tokens: last, LogitsFrom: logits}, rowOf(c.s, c.in, false), "a state cannot go back: %s", name)
		}
	}
	require.Equal(t, ort.Row{Start: 3, Tokens: tokens[3:4], LogitsFrom: 0}, rowOf(scoring, continuous.Row{Start: 3, Count: 1}, false))
}

func TestScoringTakesTheNextToken(t *testing.T) {
	c := &scoring{from: 2}
	tokens := []int32{0, 1, 2, 1}
	logits := []float32{ // two places over a vocabulary of three
		0, 0, 3,
		1, 2, 1,
	}
	require.NoError(t, c.take(tokens, ort.Row{Start: 1, Tokens: tokens[1:3], LogitsFrom: 0}, logits))
	require.Len(t, c.tokens, 2)
	require.Equal(t, int32(2), c.tokens[0].ID)
	require.InDelta(t, 3-math.Log(1+1+math.Exp(3)), c.tokens[0].Logprob, 1e-12)
	require.True(t, c.tokens[0].Greedy)
	require.Equal(t, int32(1), c.tokens[1].ID)
	require.InDelta(t, 2-math.Log(2*math.E+math.Exp(2)), c.tokens[1].Logprob, 1e-12)

	nan := float32(math.NaN())
	require.ErrorIs(t, c.take(tokens, ort.Row{Start: 2, Tokens: tokens[2:3]}, []float32{nan, nan, nan}), ErrFailed)
}

func TestParallelCallsEachOnce(t *testing.T) {
	for n := range 70 {
		var calls [70]atomic.Int32
		parallel(n, func(i int) { calls[i].Add(1) })
		for i := range n {
			require.Equal(t, int32(1), calls[i].Load())
		}
	}
}
