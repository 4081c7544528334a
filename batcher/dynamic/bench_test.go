package dynamic

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// The batcher's own cost for each request: the run does nothing.
func BenchmarkBatcher(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(strconv.Itoa(callers), func(b *testing.B) {
			results := make([]int, 64)
			run := func(_ context.Context, batch []int) ([]int, error) { return results[:len(batch)], nil }
			benchmark(b, Config{MaxBatchSize: 64}, run, callers)
		})
	}
}

// Runs of a millisecond, whatever their size, with a delay of two: how many requests share one, and how long a request
// takes for each of its callers.
func BenchmarkDelay(b *testing.B) {
	for _, adaptive := range []bool{false, true} {
		for _, callers := range []int{1, 2, 8, 64} {
			b.Run(fmt.Sprintf("adaptive=%v/%d", adaptive, callers), func(b *testing.B) {
				var runs atomic.Int64
				results := make([]int, 64)
				run := func(_ context.Context, batch []int) ([]int, error) {
					runs.Add(1)
					for end := time.Now().Add(time.Millisecond); time.Now().Before(end); {
						runtime.Gosched()
					}
					return results[:len(batch)], nil
				}
				cfg := Config{MaxBatchSize: 64, MaxQueueDelay: 2 * time.Millisecond, AdaptiveDelay: adaptive}
				benchmark(b, cfg, run, callers)
				b.ReportMetric(float64(b.N)/float64(runs.Load()), "requests/run")
				b.ReportMetric(b.Elapsed().Seconds()*1000*float64(callers)/float64(b.N), "ms/request")
			})
		}
	}
}

func benchmark(b *testing.B, cfg Config, run Runner[int, int], callers int) {
	d, err := New(cfg, run, nil)
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
	b.StopTimer()
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
