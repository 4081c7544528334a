package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGuesses(t *testing.T) {
	for name, c := range map[string]struct {
		tokens []int32
		most   int
		want   []int32
	}{
		"what followed the last three before":      {[]int32{1, 2, 3, 4, 5, 6, 1, 2, 3}, 2, []int32{4, 5}},
		"the latest place counts":                  {[]int32{1, 2, 3, 4, 1, 2, 3, 5, 9, 1, 2, 3}, 1, []int32{5}},
		"no more than there is":                    {[]int32{1, 2, 3, 4, 1, 2, 3}, 9, []int32{4, 1, 2, 3}},
		"two in a row where three cannot be found": {[]int32{7, 2, 3, 4, 9, 2, 3}, 1, []int32{4}},
		"one is too few":                           {[]int32{3, 4, 9, 3}, 4, nil},
		"something that repeats":                   {[]int32{8, 8, 8, 8}, 3, []int32{8}},
		"too short":                                {[]int32{8}, 3, nil},
	} {
		d := drafts{}
		require.Equal(t, len(c.want), d.guess(c.tokens, c.most), name)
		require.Equal(t, c.want, d.tokens, name)
		if len(c.want) > 0 {
			require.Equal(t, append([]int32{5}, c.want...), d.behind([]int32{5}, len(c.want)), name)
		}
	}
	unlucky := drafts{tried: patience + 9, correct: 2}
	require.Zero(t, unlucky.guess([]int32{1, 2, 3, 4, 1, 2, 3}, 4), "who guesses wrong too often stops")
}
