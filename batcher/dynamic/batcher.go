package dynamic

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Runner runs a batch and returns one result for each of its requests, in order. An error fails them all. ctx ends when
// nobody waits for any of them any more, or the batcher closes, and is not to be used after the return; neither is
// batch. The runner may be called from Config.Instances goroutines at once.
type Runner[Q, R any] func(ctx context.Context, batch []Q) ([]R, error)

// Result is a request's answer.
type Result[R any] struct {
	Value R
	// Queue is how long the request waited for its run, Compute how long the run took.
	Queue, Compute time.Duration
	// BatchSize is how many rows the run had.
	BatchSize int
}

// Batcher runs requests in batches, as its [Scheduler] decides. It is safe for concurrent use. A lock guards the
// scheduler rather than a goroutine that owns it: it saves each request two changes of goroutine.
type Batcher[Q, R any] struct {
	run   Runner[Q, R]
	obs   Observer
	calls sync.Pool

	mu        sync.Mutex
	scheduler *Scheduler
	timer     *time.Timer
	wake      time.Time // when the timer fires; zero: it does not
	napping   bool
	stopped   bool
	idle      []*worker[Q, R] // kept for their buffers
	drained   chan struct{}
	isDrained bool
	running   sync.WaitGroup
	ctx       context.Context
	stop      context.CancelFunc
}

// call is one request on its way.
type call[Q, R any] struct {
	entry  Entry
	req    Q
	result Result[R]
	err    error
	index  int
	done   chan int // gets index, once; shared by the parts of one DoAll
}

// New returns a running batcher. Zero fields of cfg take their defaults; a field out of range is an [*Error] of
// KindInvalid. obs may be nil. Close it in the end.
func New[Q, R any](cfg Config, run Runner[Q, R], obs Observer) (*Batcher[Q, R], error) {
	scheduler, err := NewScheduler(cfg)
	if err != nil {
		return nil, err
	}
	if run == nil {
		return nil, invalid("run", "it is nil")
	}
	if obs == nil {
		obs = silent{}
	}
	b := &Batcher[Q, R]{
		run: run, obs: obs, scheduler: scheduler, drained: make(chan struct{}),
	}
	b.calls.New = func() any { return &call[Q, R]{done: make(chan int, 1)} }
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b, nil
}

// Config returns the configuration in force, defaults filled in.
func (b *Batcher[Q, R]) Config() Config { return b.scheduler.Config() }

// Do runs one request in a batch with others and waits for its answer. The error is what the run returned, or an
// [*Error] of any kind; ctx's end is KindCancelled or KindExpired and wraps the context's own error.
func (b *Batcher[Q, R]) Do(ctx context.Context, req Q, item Item) (Result[R], error) {
	if ctx.Err() != nil {
		return Result[R]{}, b.gone(ctx, item)
	}
	c, _ := b.calls.Get().(*call[Q, R])
	c.req, c.entry.Item, c.entry.Owner = req, item, c
	level, err := b.admit(&c.entry)
	if err != nil {
		b.recycle(c)
		return Result[R]{}, err
	}
	b.obs.Admitted(level, 1)
	select {
	case <-c.done:
	case <-ctx.Done():
		if err := ended(ctx); b.forget(level, err.Kind, &c.entry) {
			b.recycle(c)
			return Result[R]{}, err
		}
		<-c.done // the answer was on its way
	}
	result, err := c.result, c.err
	b.recycle(c)
	return result, err
}

// DoAll runs the parts of one request, each with its item, and waits for all answers. The parts are admitted together or
// not at all, and must have the same Priority and Tenant. The first failure cancels the other parts and is returned.
// There may be no more parts than the queue has places.
func (b *Batcher[Q, R]) DoAll(ctx context.Context, reqs []Q, items []Item) ([]Result[R], error) {
	if len(reqs) == 0 || len(reqs) != len(items) {
		return nil, invalid("items", fmt.Sprintf("there are %d for %d requests", len(items), len(reqs)))
	}
	if ctx.Err() != nil {
		return nil, b.gone(ctx, items...)
	}
	calls, entries := make([]call[Q, R], len(reqs)), make([]*Entry, len(reqs))
	done := make(chan int, len(reqs))
	for i := range calls {
		c := &calls[i]
		c.req, c.index, c.done, c.entry = reqs[i], i, done, Entry{Item: items[i], Owner: c}
		entries[i] = &c.entry
	}
	level, err := b.admit(entries...)
	if err != nil {
		return nil, err
	}
	b.obs.Admitted(level, len(reqs))
	results := make([]Result[R], len(reqs))
	for range calls {
		select {
		case i := <-done:
			if err := calls[i].err; err != nil {
				b.forget(level, KindCancelled, entries...)
				return nil, err
			}
			results[i] = calls[i].result
		case <-ctx.Done():
			err := ended(ctx)
			b.forget(level, err.Kind, entries...)
			return nil, err
		}
	}
	return results, nil
}

// admit hands entries to the scheduler and starts what it plans.
func (b *Batcher[Q, R]) admit(entries ...*Entry) (level int, err error) {
	level = b.scheduler.Level(entries[0].Priority)
	b.mu.Lock()
	now := time.Now()
	switch err = b.scheduler.Admit(now, entries...); {
	case err == nil:
		b.step(now, nil)
		return level, nil
	case b.stopped:
		err = &Error{Kind: KindStopped}
	}
	b.mu.Unlock()
	for range entries {
		b.obs.Rejected(level, kindOf(err))
	}
	return level, err
}

// forget takes out those entries that are still in, and says whether any was.
func (b *Batcher[Q, R]) forget(level int, kind Kind, entries ...*Entry) bool {
	b.mu.Lock()
	now, found := time.Now(), 0
	for _, e := range entries {
		if b.scheduler.Cancel(now, e) {
			found++
		}
	}
	b.step(now, nil)
	for range found {
		b.obs.Rejected(level, kind)
	}
	return found > 0
}

// gone is the error of a caller whose context had ended before it came.
func (b *Batcher[Q, R]) gone(ctx context.Context, items ...Item) error {
	err := ended(ctx)
	for _, item := range items {
		b.obs.Rejected(b.scheduler.Level(item.Priority), err.Kind)
	}
	return err
}

func (b *Batcher[Q, R]) recycle(c *call[Q, R]) {
	*c = call[Q, R]{done: c.done}
	b.calls.Put(c)
}

// Drain refuses all further requests with KindDraining; those already taken go on to their end. It does not wait: see
// Drained.
func (b *Batcher[Q, R]) Drain() {
	b.mu.Lock()
	b.scheduler.Drain()
	b.step(time.Now(), nil)
}

// Drained is closed when Drain or Close was called and nothing is left to do.
func (b *Batcher[Q, R]) Drained() <-chan struct{} { return b.drained }

// Close ends all requests at once with [ErrStopped], ends the context of the runs, and returns when these have returned.
// It may be called several times.
func (b *Batcher[Q, R]) Close() {
	b.mu.Lock()
	b.stopped = true
	b.scheduler.Stop()
	b.stop()
	if b.timer != nil {
		b.timer.Stop()
	}
	b.step(time.Now(), nil)
	b.running.Wait()
}

// Stats counts what waits and runs.
func (b *Batcher[Q, R]) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.scheduler.Stats()
}
