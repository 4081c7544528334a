package dynamic

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
)

// The batcher's own cost for each request: the run does nothing.
func BenchmarkBatcher(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(strconv.Itoa(callers), func(b *testing.B) {
			results := make([]int, 64)
			run := func(_ context.Context, batch []int) ([]int, error) { return results[:len(batch)], nil }
			d, err := New(Config{MaxBatchSize: 64}, run, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			b.ReportAllocs()
			b.ResetTimer()
			share(b, callers, func() error {
				_, err := d.Do(b.Context(), 1, Item{Size: 1})
				return err
			})
		})
	}
}

// share lets callers make b.N calls between them.
func share(b *testing.B, callers int, do func() error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	done := make(chan error, callers)
	for range callers {
		go func() {
			for left.Add(-1) >= 0 {
				if err := do(); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range callers {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}
