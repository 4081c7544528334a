package ort

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkRecurrentDecode measures tokens/s of streams that write at once, at the size that is served (4 to 5 million
// weights, vocabulary 6,144).
func BenchmarkRecurrentDecode(b *testing.B) {
	for _, kind := range recurrentKinds {
		for _, n := range []int{1, 4, 16, 64} {
			b.Run(fmt.Sprintf("%s/streams=%d", kind, n), func(b *testing.B) {
				m := opensWide(kind)(b, Options{Threads: 2, Slots: 64, SlotCapacity: 1 << 16, MaxTokens: 256, MaxLogits: 64})
				rows := make([]Row, n)
				for i := range rows {
					prefill(b, m, i, wideTokens(uint64(i), 16))
					rows[i] = Row{Slot: i, Start: 16, Tokens: []int32{100}}
				}
				for b.Loop() {
					_, err := m.Step(b.Context(), rows)
					require.NoError(b, err)
					for i := range rows {
						rows[i].Start++
					}
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
			})
		}
	}
}

// BenchmarkRecurrentContext shows that a step costs the same however much text there is before it: texts of all the
// lengths are written turn by turn, so that what else the machine does meets them alike. "x/first" is a length's time
// over that of the first one.
func BenchmarkRecurrentContext(b *testing.B) {
	lengths := []int{16, 256, 4096, 32768}
	const streams = 16
	for _, kind := range recurrentKinds {
		b.Run(kind, func(b *testing.B) {
			m := opensWide(kind)(b, Options{Threads: 2, Slots: streams * len(lengths), SlotCapacity: 1 << 16, MaxTokens: 2048, MaxLogits: 64})
			took := make([]time.Duration, len(lengths))
			all := make([][]Row, len(lengths))
			for l, length := range lengths {
				for i := range streams {
					all[l] = append(all[l], Row{Slot: l*streams + i, Tokens: []int32{100}})
				}
				extend(b, m, all[l], length)
			}
			for b.Loop() {
				for l, rows := range all {
					began := time.Now()
					_, err := m.Step(b.Context(), rows)
					require.NoError(b, err)
					took[l] += time.Since(began)
					for i := range rows {
						rows[i].Start++
					}
				}
			}
			for l, length := range lengths {
				b.ReportMetric(took[l].Seconds()/took[0].Seconds(), fmt.Sprintf("x/first-at-%d", length))
			}
		})
	}
}

// extend gives the rows' slots texts of a length, and has the rows start behind them.
func extend(b *testing.B, m *LanguageModel, rows []Row, length int) {
	b.Helper()
	const chunk = 128
	text := wideTokens(7, length)
	for at := 0; at < length; at += chunk {
		part := text[at:min(at+chunk, length)]
		step := make([]Row, len(rows))
		for i, r := range rows {
			step[i] = Row{Slot: r.Slot, Start: at, Tokens: part, LogitsFrom: len(part)}
		}
		_, err := m.Step(b.Context(), step)
		require.NoError(b, err)
	}
	for i := range rows {
		rows[i].Start = length
	}
}

// BenchmarkRecurrentCall measures what recurrentRunCost weighs, in one call: rows of a width, with the logits of the last
// token each.
func BenchmarkRecurrentCall(b *testing.B) {
	for _, kind := range recurrentKinds {
		m := opensWide(kind)(b, Options{Threads: 2, Slots: 64, SlotCapacity: 1 << 16, MaxTokens: 4096, MaxLogits: 64})
		for _, shape := range [][2]int{{1, 1}, {2, 1}, {16, 1}, {64, 1}, {1, 16}, {1, 64}, {1, 128}, {2, 128}, {4, 128}, {16, 128}, {16, 16}, {64, 16}} {
			n, width := shape[0], shape[1]
			b.Run(fmt.Sprintf("%s/rows=%d/width=%d", kind, n, width), func(b *testing.B) {
				rows := make([]Row, n)
				together := run{rows: make([]int, n), span: n, width: width}
				for i := range rows {
					together.rows[i] = i
					rows[i] = Row{Slot: i, Tokens: wideTokens(uint64(i), width), LogitsFrom: width - 1}
				}
				out := make([][]float32, n)
				for b.Loop() {
					_, err := m.graph.(*recurrentGraph).call(b.Context(), rows, together, 0, out)
					require.NoError(b, err)
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/call")
			})
		}
	}
}
