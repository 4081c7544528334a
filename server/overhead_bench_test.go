package server

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
)

// BenchmarkOverhead measures what scheduling, sampling and gRPC add to a step of the model: rounds of streams over gRPC take turns
// with the same number of rows driven straight into the model, and medians are compared. Nothing is guessed ahead, so that a step
// is a token of each stream.
func BenchmarkOverhead(b *testing.B) {
	for _, n := range []int{1, 4, 16, benchSlots} {
		b.Run(fmt.Sprintf("streams=%d", n), func(b *testing.B) {
			m := benchModel(b)
			s := startServer(b, func(c *config.Config) { c.Slots, c.DraftTokens = benchSlots, 0 })
			client := bedsidev1.NewGenerationServiceClient(dial(b, s))
			grpcRound(b, client, n) // what is made once is made by now
			var direct, served []time.Duration
			for b.Loop() {
				direct = append(direct, directRound(b, m, n).step(n))
				for i := range n {
					require.NoError(b, m.ReleaseSlot(i))
				}
				served = append(served, grpcRound(b, client, n).step(n))
			}
			b.ReportMetric(median(direct), "ms/direct")
			b.ReportMetric(median(served), "ms/step")
			b.ReportMetric(100*(median(served)/median(direct)-1), "%-longer")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func median(steps []time.Duration) float64 {
	slices.Sort(steps)
	return float64(steps[len(steps)/2].Microseconds()) / 1000
}
