package engine

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/batcher/continuous"
	"github.com/bedside-lm/bedside/runtime/ort"
)

func TestRowOf(t *testing.T) {
	tokens := []int32{10, 11, 12, 13, 14, 15}
	writing := &sequence{tokens: tokens, prompt: 5, runEnd: 5}
	asked := &sequence{tokens: tokens[:3], prompt: 3, runEnd: 3, score: &scoring{}}
	branch := &sequence{tokens: tokens, prompt: 3, runEnd: 6, score: &scoring{behind: 10}}
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
		"scoring, the prompt":              {asked, continuous.Row{Start: 0, Count: 2}, ort.Row{Start: 0, Tokens: tokens[:2], LogitsFrom: 2}},
		"scoring, the prompt's end":        {asked, continuous.Row{Start: 1, Count: 2, Samples: true}, ort.Row{Start: 1, Tokens: tokens[1:3], LogitsFrom: 1}},
		"scoring, the prompt's last token": {asked, continuous.Row{Start: 2, Count: 1, Samples: true}, ort.Row{Start: 1, Tokens: tokens[1:3], LogitsFrom: 1}},
		"scoring, a branch":                {branch, continuous.Row{Start: 13, Count: 2}, ort.Row{Start: 3, Tokens: tokens[3:5], LogitsFrom: 0}},
		"scoring, one token, is not scored twice": {
			branch, continuous.Row{Start: 15, Count: 1, Samples: true}, ort.Row{Start: 4, Tokens: tokens[4:6], LogitsFrom: 1},
		},
	} {
		require.Equal(t, c.want, rowOf(c.s, c.in, true), name)
		if c.in.Count == 1 && c.s.score == nil {
			last := c.s.tokens[c.in.Start : c.in.Start+1]
			logits := 1
			if c.in.Samples {
				logits = 0
			}
			require.Equal(t, ort.Row{Start: c.in.Start, Tokens: last, LogitsFrom: logits}, rowOf(c.s, c.in, false), "a state cannot go back: %s", name)
		}
	}
	require.Equal(t, ort.Row{Start: 3, Tokens: tokens[3:4], LogitsFrom: 0}, rowOf(branch, continuous.Row{Start: 13, Count: 1}, false))
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
