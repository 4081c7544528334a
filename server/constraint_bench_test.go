package server

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// BenchmarkConstrained compares 16 requests at once without a form, with one that forces nothing, and with the schema of a
// record, much of which is forced; and 8 without a form alone and beside 8 with one. Each writes up to 96 tokens.
func BenchmarkConstrained(b *testing.B) {
	s := startServer(b, nil)
	client := bedsidev1.NewGenerationServiceClient(dial(b, s))
	free := func(int) *bedsidev1.Constraint { return nil }
	anything := func(int) *bedsidev1.Constraint { return regexForm(`[\x{20}-\x{7E}\n]{300,}`) }
	record := func(int) *bedsidev1.Constraint { return schemaForm(recordSchema) }
	half := func(i int) *bedsidev1.Constraint {
		if i < 8 {
			return nil
		}
		return anything(i)
	}
	for _, c := range []struct {
		name        string
		n, measured int
		form        func(int) *bedsidev1.Constraint
	}{{"16 free", 16, 16, free}, {"16 any text", 16, 16, anything}, {"16 records", 16, 16, record}, {"8 free", 8, 8, free}, {"8 free beside 8 free", 16, 8, free}, {"8 free beside 8 any text", 16, 8, half}} {
		b.Run(c.name, func(b *testing.B) {
			var tokens atomic.Int64
			var took time.Duration
			for b.Loop() {
				began := time.Now()
				var all sync.WaitGroup
				for i := range c.n {
					req := promptRequest(prompt(uint64(i), 40), &bedsidev1.Sampling{MaxTokens: ptr(int32(96))})
					req.Constraint = c.form(i)
					all.Go(func() {
						resp, err := client.Generate(b.Context(), req)
						require.NoError(b, err)
						if i < c.measured {
							tokens.Add(int64(resp.GetUsage().GetCompletionTokens()))
						}
					})
				}
				all.Wait()
				took += time.Since(began)
			}
			b.ReportMetric(float64(tokens.Load())/took.Seconds(), "tokens/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}
