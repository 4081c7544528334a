package auth

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// watched is what one or more files hold, kept current: they are looked at now and then, and what was read last stays
// where they cannot be read any more, such as while they are being replaced.
type watched[T any] struct {
	what    string // for the log
	read    func() ([]byte, error)
	parse   func([]byte) (T, error)
	log     *slog.Logger
	current atomic.Pointer[T]
	seen    [sha256.Size]byte
	failed  bool
}

// watch reads for the first time, and must succeed. The content of a file is never logged.
func watch[T any](what string, log *slog.Logger, read func() ([]byte, error), parse func([]byte) (T, error)) (*watched[T], error) {
	w := &watched[T]{what: what, log: log, read: read, parse: parse}
	data, err := read()
	if err != nil {
		return nil, err
	}
	value, err := parse(data)
	if err != nil {
		return nil, err
	}
	w.current.Store(&value)
	w.seen = sha256.Sum256(data)
	return w, nil
}

func (w *watched[T]) get() T { return *w.current.Load() }

// look reads again. It is called by one goroutine.
func (w *watched[T]) look() {
	data, err := w.read()
	if err == nil {
		sum := sha256.Sum256(data)
		if sum == w.seen {
			w.failed = false
			return
		}
		var value T
		if value, err = w.parse(data); err == nil {
			w.seen, w.failed = sum, false
			w.current.Store(&value)
			w.log.Info("read again, as it changed", "what", w.what)
			return
		}
	}
	if !w.failed { // once, not every few seconds
		w.log.Warn("cannot be read again; what was read before stays in force", "what", w.what, "error", err)
	}
	w.failed = true
}

type looker interface{ look() }

// follow looks every so often, until ctx ends.
func follow(ctx context.Context, running *sync.WaitGroup, every time.Duration, all []looker) {
	running.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				for _, w := range all {
					w.look()
				}
			}
		}
	})
}
