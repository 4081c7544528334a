package ort

import (
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/repository"
)

// folders are model folders that the benchmarks of decoding take instead of the random ones.
var folders = flag.String("folders", "", "comma-separated model folders for BenchmarkDecodeKinds")

// BenchmarkDecodeKinds measures tokens/s of streams that write at once: of models of random weights at the size that is
// served (4 to 5 million, vocabulary 6,144), or of those that -folders names. "tokens/s" is over all steps, "best-tokens/s" over
// the fastest tenth of them, which other work on the machine disturbs least.
func BenchmarkDecodeKinds(b *testing.B) {
	open := map[string]func(testing.TB, Options) *LanguageModel{}
	for _, kind := range recurrentKinds {
		open[kind] = opensWide(kind)
	}
	if *folders != "" {
		clear(open)
		for _, dir := range strings.Split(*folders, ",") {
			open[filepath.Base(dir)] = func(t testing.TB, opt Options) *LanguageModel {
				t.Helper()
				mf, err := repository.Open(dir)
				require.NoError(t, err)
				return openManifest(t, mf, opt)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(open)) {
		m := open[name](b, Options{Threads: 2, Slots: 64, SlotCapacity: 1024, MaxTokens: 256, MaxLogits: 64})
		for _, n := range []int{1, 4, 16, 64} {
			b.Run(fmt.Sprintf("%s/streams=%d", name, n), func(b *testing.B) { decodeStreams(b, m, n) })
		}
	}
}

// decodeStreams has n streams write from 16 tokens on, and anew when a slot is full.
func decodeStreams(b *testing.B, m *LanguageModel, n int) {
	b.Helper()
	const first = 16
	rows := make([]Row, n)
	for i := range rows {
		prefill(b, m, i, wideTokens(uint64(i), first), first-2, 2)
		rows[i] = Row{Slot: i, Tokens: []int32{100}}
	}
	start := first
	var steps []time.Duration
	for b.Loop() {
		if start == m.Options().SlotCapacity {
			b.StopTimer()
			for i := range rows {
				prefill(b, m, i, wideTokens(uint64(i), first), first-2, 2)
			}
			start = first
			b.StartTimer()
		}
		for i := range rows {
			rows[i].Start = start
		}
		began := time.Now()
		_, err := m.Step(b.Context(), rows)
		require.NoError(b, err)
		steps = append(steps, time.Since(began))
		start++
	}
	b.ReportMetric(float64(n*len(steps))/sum(steps).Seconds(), "tokens/s")
	best := fastest(steps)
	b.ReportMetric(float64(n*len(best))/sum(best).Seconds(), "best-tokens/s")
	b.ReportMetric(0, "ns/op")
}

// fastest is the fastest tenth of some steps, one at least.
func fastest(steps []time.Duration) []time.Duration {
	sorted := slices.Sorted(slices.Values(steps))
	return sorted[:max(1, len(sorted)/10)]
}

func sum(steps []time.Duration) (all time.Duration) {
	for _, s := range steps {
		all += s
	}
	return all
}

// BenchmarkRecurrentContext shows that a step costs the same however much text there is before it: texts of all the
// lengths are written turn by turn, so that what else the machine does meets them alike. "x/first" is the time of a
// length's fastest steps over that of the first one's.
func BenchmarkRecurrentContext(b *testing.B) {
	lengths := []int{16, 512, 8192}
	const streams = 8
	for _, kind := range recurrentKinds {
		b.Run(kind, func(b *testing.B) {
			m := opensWide(kind)(b, Options{Threads: 2, Slots: streams * len(lengths), SlotCapacity: 1 << 16, MaxTokens: 2048, MaxLogits: 64})
			took := make([][]time.Duration, len(lengths))
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
					took[l] = append(took[l], time.Since(began))
					for i := range rows {
						rows[i].Start++
					}
				}
			}
			base := sum(fastest(took[0])).Seconds()
			for l, length := range lengths {
				b.ReportMetric(sum(fastest(took[l])).Seconds()/base, fmt.Sprintf("x/first-at-%d", length))
			}
			b.ReportMetric(0, "ns/op")
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
				var took []time.Duration
				for b.Loop() {
					began := time.Now()
					_, err := m.graph.(*recurrentGraph).call(b.Context(), rows, together, 0, out)
					require.NoError(b, err)
					took = append(took, time.Since(began))
				}
				b.ReportMetric(sum(fastest(took)).Seconds()*1000/float64(len(fastest(took))), "best-ms/call")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
