package repository

import (
	"context"
)

type opKind int

const (
	opLoad   opKind = iota + 1 // all chosen versions anew
	opSync                     // what changed on disk
	opUnload                   // all versions
)

// operation is one thing to do with a model. Those of one model run one after another, in order.
type operation struct {
	kind    opKind
	ctx     context.Context // ends with the manager, and when nobody waits any more
	cancel  context.CancelFunc
	waiters int // guarded by Manager.mu
	done    chan struct{}

	// Written before done is closed.
	err    error
	drains []<-chan struct{} // what the caller of Unload waits for as well
}

// submit queues an operation, or joins the last one where that is of the same kind and has not begun.
func (m *Manager[T]) submit(name string, kind opKind) (*operation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed
	}
	md := m.modelOf(name)
	if n := len(md.queue); n > 1 {
		if last := md.queue[n-1]; last.kind == kind && last.waiters > 0 {
			last.waiters++
			return last, nil
		}
	}
	op := &operation{kind: kind, waiters: 1, done: make(chan struct{})}
	op.ctx, op.cancel = context.WithCancel(m.ctx)
	md.queue = append(md.queue, op)
	if len(md.queue) == 1 {
		m.work.Go(func() { m.runQueue(md) })
	}
	return op, nil
}

// wait returns when an operation is done, or leaves it when ctx ends first.
func (m *Manager[T]) wait(ctx context.Context, op *operation) error {
	select {
	case <-op.done:
	case <-ctx.Done():
		m.leave(op)
		return ctx.Err()
	}
	for _, drained := range op.drains {
		select {
		case <-drained:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return op.err
}

// leave gives an operation up when nobody waits for it any more.
func (m *Manager[T]) leave(op *operation) {
	m.mu.Lock()
	defer m.mu.Unlock()
	op.waiters--
	if op.waiters == 0 {
		op.cancel()
	}
}

// runQueue does a model's operations until there are none. There is one such goroutine while the queue is not empty.
func (m *Manager[T]) runQueue(md *model[T]) {
	for op := m.next(md, nil); op != nil; op = m.next(md, op) {
		switch op.kind {
		case opUnload:
			op.drains = m.unload(md)
		case opLoad, opSync:
			op.err = m.load(op.ctx, md, op.kind)
		}
		if op.err != nil && m.ctx.Err() != nil {
			op.err = errClosed
		}
		op.cancel()
	}
}

// next takes a finished operation off the queue and returns the one to do; nil when the queue is empty.
func (m *Manager[T]) next(md *model[T], finished *operation) *operation {
	m.mu.Lock()
	defer m.mu.Unlock()
	if finished != nil {
		md.queue = md.queue[1:]
		close(finished.done)
	}
	if len(md.queue) == 0 {
		m.forget(md)
		return nil
	}
	return md.queue[0]
}
