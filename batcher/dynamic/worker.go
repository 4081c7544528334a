package dynamic

import (
	"context"
	"fmt"
	"time"
)

// worker carries out one batch at a time, and keeps its buffers from one to the next.
type worker[Q, R any] struct {
	batch  *Batch
	reqs   []Q
	queue  []time.Duration // how long each request waited
	out    []*call[Q, R]   // to be handed out
	ctx    context.Context
	cancel context.CancelFunc
}

// step plans, starts what is planned, gives back the lock that its caller holds, and hands out what is done. A worker
// that calls it passes itself as own, and is told whether it has got another batch.
func (b *Batcher[Q, R]) step(now time.Time, own *worker[Q, R]) (again bool) {
	plan := b.scheduler.Plan(now)
	for _, batch := range plan.Batches {
		if own != nil && !again {
			b.load(own, batch)
			again = true
			continue
		}
		w := b.spare()
		b.load(w, batch)
		b.running.Go(func() { b.work(w) })
	}
	for _, batch := range plan.Abandoned {
		if w, ok := batch.Owner.(*worker[Q, R]); ok {
			w.cancel()
		}
	}
	var out []*call[Q, R]
	if own != nil {
		out = own.out[:0]
	}
	for _, e := range plan.Answered {
		c, _ := e.Owner.(*call[Q, R])
		out = append(out, c)
	}
	answered := len(out)
	for _, end := range plan.Ended {
		c, _ := end.Entry.Owner.(*call[Q, R])
		c.err = b.scheduler.fault(end.Kind)
		out = append(out, c)
	}
	b.arm(now)
	if !b.isDrained && b.scheduler.Drained() {
		b.isDrained = true
		close(b.drained)
	}
	if own != nil {
		own.out = out
	}
	b.mu.Unlock()
	for i, c := range out {
		if i >= answered {
			b.obs.Rejected(b.scheduler.Level(c.entry.Priority), kindOf(c.err))
		}
		out[i] = nil
		c.done <- c.index
	}
	return again
}

// spare returns a worker without a batch.
func (b *Batcher[Q, R]) spare() *worker[Q, R] {
	if last := len(b.idle) - 1; last >= 0 {
		w := b.idle[last]
		b.idle = b.idle[:last]
		return w
	}
	return &worker[Q, R]{}
}

// load gives w a batch. What the run needs is copied: a caller may leave, and its call be used again, meanwhile.
func (b *Batcher[Q, R]) load(w *worker[Q, R], batch *Batch) {
	if w.ctx == nil || w.ctx.Err() != nil {
		w.ctx, w.cancel = context.WithCancel(b.ctx)
	}
	w.batch, batch.Owner = batch, w
	w.reqs, w.queue = w.reqs[:0], w.queue[:0]
	for _, e := range batch.Entries {
		c, _ := e.Owner.(*call[Q, R])
		w.reqs = append(w.reqs, c.req)
		w.queue = append(w.queue, batch.Started.Sub(e.arrival))
	}
}

// work runs w's batch, and those that it gets after that.
func (b *Batcher[Q, R]) work(w *worker[Q, R]) {
	for again := true; again; {
		started := time.Now()
		results, err := b.call(w.ctx, w.reqs)
		end := time.Now()
		ran := Execution{
			Rows: w.batch.Rows, Tokens: w.batch.Tokens, Requests: len(w.reqs),
			Queue: w.queue, Compute: end.Sub(started), Err: err,
		}
		b.obs.Executed(ran)
		clear(w.reqs)

		b.mu.Lock()
		for i, e := range w.batch.Entries {
			if e == nil {
				continue // it left
			}
			c, _ := e.Owner.(*call[Q, R])
			if c.err = err; err == nil {
				c.result = Result[R]{
					Value: results[i], Queue: ran.Queue[i], Compute: ran.Compute, BatchSize: ran.Rows,
				}
			}
		}
		b.scheduler.Complete(end, w.batch)
		again = b.step(end, w)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.idle) < b.scheduler.cfg.Instances {
		b.idle = append(b.idle, w)
	}
}

// call calls the runner and holds it to its contract. A panic fails its batch alone; its value may hold a request's
// content, so only its type is told.
func (b *Batcher[Q, R]) call(ctx context.Context, reqs []Q) (results []R, err error) {
	defer func() {
		if p := recover(); p != nil {
			results, err = nil, &Error{Kind: KindFailed, detail: fmt.Sprintf("the run panicked (%T)", p)}
		}
	}()
	results, err = b.run(ctx, reqs)
	if err == nil && len(results) != len(reqs) {
		return nil, &Error{
			Kind:   KindFailed,
			detail: fmt.Sprintf("the run gave %d results for %d requests", len(results), len(reqs)),
		}
	}
	return results, err
}

// arm sets the timer for the scheduler's next event. It is left alone if it fires earlier, which does no harm.
func (b *Batcher[Q, R]) arm(now time.Time) {
	at, ok := b.scheduler.NextEvent()
	if !ok || b.stopped || !b.wake.IsZero() && !at.Before(b.wake) {
		return
	}
	b.wake = at
	left := at.Sub(now)
	if b.timer == nil {
		b.timer = time.AfterFunc(left, b.tick)
	} else {
		b.timer.Reset(left)
	}
	if left < napLimit && !b.napping {
		b.napping = true
		b.running.Go(func() { b.doze(left) })
	}
}

// doze does what the timer does, in time; the timer then finds nothing to do.
func (b *Batcher[Q, R]) doze(left time.Duration) {
	nap(left)
	b.mu.Lock()
	b.napping = false
	now := time.Now()
	if !now.Before(b.wake) {
		b.wake = time.Time{}
	}
	b.step(now, nil)
}

func (b *Batcher[Q, R]) tick() {
	b.mu.Lock()
	b.wake = time.Time{}
	b.step(time.Now(), nil)
}
