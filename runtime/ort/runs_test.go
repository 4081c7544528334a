package ort

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func rowsOf(slotsAndCounts ...int) []Row {
	var out []Row
	for i := 0; i < len(slotsAndCounts); i += 2 {
		out = append(out, Row{Slot: slotsAndCounts[i], Tokens: make([]int32, slotsAndCounts[i+1])})
	}
	return out
}

func TestGroupRuns(t *testing.T) {
	for name, c := range map[string]struct {
		rows []Row
		want []run
	}{
		"one":                        {rowsOf(3, 5), []run{{rows: []int{0}, low: 3, span: 1, width: 5}}},
		"decoding, far apart":        {rowsOf(0, 1, 63, 1), []run{{rows: []int{0, 1}, low: 0, span: 64, width: 1}}},
		"in slot order":              {rowsOf(2, 1, 1, 1), []run{{rows: []int{1, 0}, low: 1, span: 2, width: 1}}},
		"a chunk beside a decoding":  {rowsOf(0, 1, 1, 128), []run{{rows: []int{0, 1}, low: 0, span: 2, width: 128}}},
		"a chunk among 64 decodings": {rowsOf(0, 1, 63, 1, 30, 128), []run{{rows: []int{0, 1}, low: 0, span: 64, width: 1}, {rows: []int{2}, low: 30, span: 1, width: 128}}},
	} {
		require.Equal(t, c.want, groupRuns(c.rows, packedRunCost), name)
	}
}

func TestGroupRunsProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.SliceOfNDistinct(rapid.IntRange(0, 63), 1, 64, rapid.ID).Draw(t, "slots")
		var rows []Row
		for _, s := range slots {
			rows = append(rows, rowsOf(s, rapid.IntRange(1, 256).Draw(t, "count"))...)
		}
		runs := groupRuns(rows, packedRunCost)
		var seen []int
		total, apart := 0.0, 0.0
		for _, r := range runs {
			total += packedRunCost(r)
			require.True(t, slices.IsSortedFunc(r.rows, func(a, b int) int { return rows[a].Slot - rows[b].Slot }))
			for _, i := range r.rows {
				seen = append(seen, i)
				require.GreaterOrEqual(t, rows[i].Slot, r.low)
				require.Less(t, rows[i].Slot, r.low+r.span)
				require.LessOrEqual(t, len(rows[i].Tokens), r.width)
			}
		}
		for _, r := range rows {
			apart += packedRunCost(run{span: 1, width: len(r.Tokens)})
		}
		slices.Sort(seen)
		require.Len(t, slices.Compact(seen), len(rows), "every row once")
		require.LessOrEqual(t, total, apart+1e-9, "never worse than each row on its own")
	})
}
