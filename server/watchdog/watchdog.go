// Package watchdog ends runs of a model that take too long, and tells where one cannot be ended.
package watchdog

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// ErrHung is the cause of a context whose run took too long.
var ErrHung = errors.New("the model's run took too long and was stopped")

const (
	// shorter is by how much the parts of a run that was stopped are given less time than the whole.
	shorter = 4
	// grace is how many times its limit a run that was stopped has to return: a machine may be busy with something else.
	grace = 4
)

// Dog watches the runs of one model. The zero value lets them take as long as they like. It is safe for concurrent use.
type Dog struct {
	limit time.Duration
	stuck chan struct{}
	once  sync.Once
	ended atomic.Int64

	overdue atomic.Int64 // runs that were stopped, and have not returned yet
}

// New returns a dog that stops what takes longer than limit; 0: nothing.
func New(limit time.Duration) *Dog { return &Dog{limit: limit, stuck: make(chan struct{})} }

// Watch gives a run its context, which ends with ErrHung when its time is over. ONNX Runtime stops between two
// operators of a graph: a run that has not returned when four times as much time again is over hangs in one of them, and
// can never be stopped. Call done when the run has returned. Runs that make good what another one failed of have less time.
func (d *Dog) Watch(ctx context.Context, again bool) (_ context.Context, done func()) {
	if d == nil || d.limit <= 0 {
		return ctx, func() {}
	}
	limit := d.limit
	if again {
		limit /= shorter
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var mu sync.Mutex
	var stopped, returned bool
	var timer *time.Timer
	mu.Lock()
	defer mu.Unlock()
	timer = time.AfterFunc(limit, func() {
		mu.Lock()
		defer mu.Unlock()
		if returned {
			return
		}
		stopped = true
		d.ended.Add(1)
		d.overdue.Add(1)
		cancel(ErrHung)
		// Only now, and not from the beginning: where the whole process was stopped for a while, all timers are due at once.
		timer = time.AfterFunc(grace*d.limit, d.Abandon)
	})
	return ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		if returned = true; stopped {
			d.overdue.Add(-1)
		}
		timer.Stop()
		cancel(nil)
	}
}

// Abandon says that what runs will never return.
func (d *Dog) Abandon() { d.once.Do(func() { close(d.stuck) }) }

// Stuck is closed once a run could not be stopped. Its thread is lost until the process ends.
func (d *Dog) Stuck() <-chan struct{} {
	if d == nil {
		return nil
	}
	return d.stuck
}

// Overdue says whether a run was stopped and has not returned yet, or never will.
func (d *Dog) Overdue() bool { return d != nil && (d.overdue.Load() > 0 || d.IsStuck()) }

// IsStuck says whether a run could not be stopped.
func (d *Dog) IsStuck() bool {
	select {
	case <-d.Stuck():
		return true
	default:
		return false
	}
}

// Stopped counts the runs that took too long.
func (d *Dog) Stopped() int64 {
	if d == nil {
		return 0
	}
	return d.ended.Load()
}

// Hung says whether a run ended because it took too long.
func Hung(ctx context.Context) bool { return errors.Is(context.Cause(ctx), ErrHung) }
