package repository

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestVersionPolicy(t *testing.T) {
	have := []int64{3, 1, 20, 7}
	for _, c := range []struct {
		policy          VersionPolicy
		chosen, missing []int64
		text            string
	}{
		{VersionPolicy{}, []int64{20}, nil, "latest 1"},
		{VersionPolicy{Latest: 2}, []int64{20, 7}, nil, "latest 2"},
		{VersionPolicy{Latest: 9}, []int64{20, 7, 3, 1}, nil, "latest 9"},
		{VersionPolicy{All: true}, []int64{20, 7, 3, 1}, nil, "all"},
		{VersionPolicy{Specific: []int64{1, 7, 1}}, []int64{7, 1}, nil, "specific [1 7 1]"},
		{VersionPolicy{Specific: []int64{5, 3, 5}}, []int64{3}, []int64{5}, "specific [5 3 5]"},
		{VersionPolicy{Specific: []int64{9}}, nil, []int64{9}, "specific [9]"},
	} {
		chosen, missing := c.policy.choose(have)
		require.Equal(t, c.chosen, chosen, c.text)
		require.Equal(t, c.missing, missing, c.text)
		require.Equal(t, c.text, c.policy.String())
	}
}

func TestVersionPolicyChoosesOfWhatIsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		have := rapid.SliceOfDistinct(rapid.Int64Range(1, 12), rapid.ID).Draw(t, "have")
		p := VersionPolicy{
			All:      rapid.Bool().Draw(t, "all"),
			Latest:   rapid.IntRange(0, 5).Draw(t, "latest"),
			Specific: rapid.SliceOfN(rapid.Int64Range(1, 12), 0, 4).Draw(t, "specific"),
		}
		chosen, missing := p.choose(have)
		for i, v := range chosen {
			require.Contains(t, have, v)
			if i > 0 {
				require.Less(t, v, chosen[i-1], "highest first, each once")
			}
		}
		for _, v := range missing {
			require.NotContains(t, have, v)
		}
		if !p.All && len(p.Specific) == 0 {
			require.Len(t, chosen, min(len(have), max(p.Latest, 1)))
			if len(have) > 0 {
				require.Equal(t, slices.Max(have), chosen[0])
			}
		}
	})
}
