package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress is a line on a terminal that says what is going on and for how long. Its zero
// value shows nothing.
type progress struct {
	w       io.Writer
	stopped chan struct{}
	done    sync.WaitGroup
	once    sync.Once
}

// progress starts a line on standard error, if that is a terminal.
func (a *app) progress(what string, quiet bool) *progress {
	if quiet || !a.errIsTTY {
		return &progress{}
	}
	p := &progress{w: a.err, stopped: make(chan struct{})}
	p.done.Go(func() { p.run(what) })
	return p
}

func (p *progress) run(what string) {
	start := time.Now()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			fmt.Fprintf(p.w, "\r%s ... %.1f s", what, now.Sub(start).Seconds())
		case <-p.stopped:
			fmt.Fprint(p.w, "\r\x1b[K") // clears the line
			return
		}
	}
}

// stop takes the line away. When it returns, nothing more is written.
func (p *progress) stop() {
	if p.stopped == nil {
		return
	}
	p.once.Do(func() { close(p.stopped) })
	p.done.Wait()
}

// statusLine is a line on a terminal that is written over, or a line every half minute elsewhere.
type statusLine struct {
	w          io.Writer
	tty, quiet bool
	mu         sync.Mutex
	last       time.Duration
}

const everyHalfMinute = 30 * time.Second

// show shows text, elapsed being the time since the beginning.
func (s *statusLine) show(text string, elapsed time.Duration) {
	if s.quiet {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.tty:
		fmt.Fprintf(s.w, "\r%s\x1b[K", text)
	case elapsed-s.last >= everyHalfMinute:
		s.last = elapsed
		fmt.Fprintln(s.w, text)
	}
}

// end takes the line away.
func (s *statusLine) end() {
	if s.tty && !s.quiet {
		fmt.Fprint(s.w, "\r\x1b[K")
	}
}
