package ort

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkCall measures what groupRuns weighs: a call's fixed cost, its tokens, and the
// places that attention pads where slots between two rows are idle.
func BenchmarkCall(b *testing.B) {
	m := openModel(b, testModel, Options{Threads: 2, Slots: 64, SlotCapacity: 1024, MaxTokens: 512, MaxLogits: 64})
	one := func(name string, rows func(start int) []Row) {
		b.Run(name, func(b *testing.B) {
			for i := range 64 {
				prefill(b, m, i, randomTokens(uint64(i), 64))
			}
			for b.Loop() {
				_, err := m.Step(b.Context(), rows(64))
				require.NoError(b, err)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/call")
		})
	}
	for _, n := range []int{1, 8, 32, 64, 128, 256} {
		one(fmt.Sprintf("tokens=%d", n), func(start int) []Row {
			return []Row{{Slot: 0, Start: start, Tokens: randomTokens(9, n), LogitsFrom: n - 1}}
		})
	}
	// Two equal rows, further and further apart, in one call and, beyond what groupRuns
	// joins, in two.
	for _, n := range []int{1, 16, 64, 128} {
		for _, apart := range []int{1, 2, 4, 8, 16, 32, 63} {
			rows := []Row{
				{Slot: 0, Start: 64, Tokens: randomTokens(9, n), LogitsFrom: n - 1},
				{Slot: apart, Start: 64, Tokens: randomTokens(8, n), LogitsFrom: n - 1},
			}
			together := run{rows: []int{0, 1}, low: 0, span: apart + 1, width: n}
			b.Run(fmt.Sprintf("two of %d, %d slots apart", n, apart), func(b *testing.B) {
				out := make([][]float32, 2)
				for b.Loop() {
					_, err := m.graph.(*packedGraph).call(b.Context(), rows, together, 0, out)
					require.NoError(b, err)
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/call")
			})
		}
	}
}
