package repository

import (
	"context"
	"iter"
	"sync"
)

// watcher keeps what one caller of Watch has not seen yet: the latest state of each version, in the order of first change.
type watcher struct {
	mu      sync.Mutex
	waiting map[versionKey]Status
	order   []versionKey
	news    chan struct{} // holds a token while something waits
}

type versionKey struct {
	name    string
	version int64
}

func (w *watcher) tell(s Status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := versionKey{s.Name, s.Version}
	if _, ok := w.waiting[key]; !ok {
		w.order = append(w.order, key)
	}
	w.waiting[key] = s
	select {
	case w.news <- struct{}{}:
	default:
	}
}

func (w *watcher) take() []Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	states := make([]Status, len(w.order))
	for i, key := range w.order {
		states[i] = w.waiting[key]
	}
	w.order = w.order[:0]
	clear(w.waiting)
	return states
}

// Watch yields the state of every version now, then each state that is new, until ctx ends or the manager is closed. A
// caller that is slower than the changes gets the latest state of a version and not those between; the manager never waits
// for it. The last state of a version whose folder is gone is StateUnavailable.
func (m *Manager[T]) Watch(ctx context.Context) iter.Seq[Status] {
	return func(yield func(Status) bool) {
		w := &watcher{waiting: map[versionKey]Status{}, news: make(chan struct{}, 1)}
		m.mu.Lock()
		for _, s := range m.statuses() {
			w.tell(s)
		}
		m.watchers[w] = struct{}{}
		m.mu.Unlock()
		defer func() {
			m.mu.Lock()
			delete(m.watchers, w)
			m.mu.Unlock()
		}()
		for {
			for _, s := range w.take() {
				if ctx.Err() != nil || !yield(s) {
					return
				}
			}
			select {
			case <-w.news:
			case <-ctx.Done():
				return
			case <-m.ctx.Done():
				return
			}
		}
	}
}
