package dynamic

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// tally is an Observer that counts.
type tally struct {
	admitted, rejected, executed, requests, failed atomic.Int64
}

func (c *tally) Admitted(_, n int)  { c.admitted.Add(int64(n)) }
func (c *tally) Rejected(int, Kind) { c.rejected.Add(1) }

func (c *tally) Executed(e Execution) {
	c.executed.Add(1)
	c.requests.Add(int64(len(e.Queue)))
	if e.Err != nil || e.Requests != len(e.Queue) {
		c.failed.Add(1)
	}
}

// Callers of all kinds at once, in real time, for the race detector: everyone gets their own answer, or the reason why not.
func TestCallersAtOnce(t *testing.T) {
	for name, cfg := range map[string]Config{
		"plain":   {MaxBatchSize: 16},
		"ordered": {MaxBatchSize: 4, Instances: 3, PreserveOrdering: true},
		"delayed": {
			MaxBatchSize: 8, Instances: 2, MaxQueueDelay: ms(0.2), AdaptiveDelay: true, MaxQueue: 24,
			PriorityLevels: 2, DefaultPriorityLevel: 1, DefaultQueuePolicy: QueuePolicy{AllowTimeoutOverride: true},
			LengthBuckets: []int{8, 32},
		},
	} {
		t.Run(name, func(t *testing.T) { callersAtOnce(t, cfg) })
	}
}

func callersAtOnce(t *testing.T, cfg Config) {
	var seen tally
	run := func(ctx context.Context, batch []int) ([]int, error) {
		if len(batch)%3 == 0 {
			select {
			case <-time.After(ms(0.3)):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		answers := make([]int, len(batch))
		for i, q := range batch {
			answers[i] = -q
		}
		return answers, nil
	}
	b, err := New(cfg, run, &seen)
	if err != nil {
		t.Fatal(err)
	}
	var callers sync.WaitGroup
	var answered, failed, parts atomic.Int64
	for caller := range 24 {
		callers.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(caller)))
			for i := range 150 {
				q := caller*1000 + i + 1
				item := Item{
					Size: 1 + random.IntN(min(3, b.Config().MaxBatchSize)), Priority: random.IntN(3), Tokens: random.IntN(40),
					Tenant: string(rune('a' + caller%5)),
				}
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				switch random.IntN(6) {
				case 0:
					ctx, cancel = context.WithTimeout(ctx, time.Duration(random.IntN(400))*time.Microsecond)
				case 1:
					item.Timeout = time.Duration(1+random.IntN(400)) * time.Microsecond
				case 2:
					item.Deadline = time.Now().Add(time.Duration(random.IntN(400)) * time.Microsecond)
				}
				if random.IntN(5) == 0 {
					parts.Add(1)
					results, err := b.DoAll(ctx, []int{q, q + 500}, []Item{item, item})
					if err == nil && (results[0].Value != -q || results[1].Value != -q-500) {
						t.Errorf("asked %d and %d, got %v", q, q+500, results)
					}
				} else if r, err := b.Do(ctx, q, item); err != nil {
					failed.Add(1)
					if kindOf(err) == KindFailed {
						t.Error(err)
					}
				} else if answered.Add(1); r.Value != -q || r.BatchSize < item.Size {
					t.Errorf("asked %d, got %+v", q, r)
				}
				cancel()
			}
		})
	}
	callers.Wait()
	if st := b.Stats(); st.Queued != 0 || st.Held != 0 || st.Executing != 0 {
		t.Errorf("all callers are gone, and %+v", st)
	}
	b.Drain()
	<-b.Drained()
	b.Close()
	if answered.Load()+failed.Load()+parts.Load() != 24*150 || answered.Load() == 0 {
		t.Errorf("%d answers, %d failures, %d calls of several parts", answered.Load(), failed.Load(), parts.Load())
	}
	if n := seen.rejected.Load(); n < failed.Load() || n > failed.Load()+2*parts.Load() {
		t.Errorf("the observer saw %d rejected, %d calls failed", n, failed.Load())
	}
	if seen.requests.Load() < answered.Load() || seen.requests.Load() > seen.admitted.Load() || seen.executed.Load() == 0 {
		t.Errorf("the observer saw %d admitted, %d run in %d batches", seen.admitted.Load(), seen.requests.Load(), seen.executed.Load())
	}
}
