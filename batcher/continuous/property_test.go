package continuous

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type drawn struct{ t *rapid.T }

func (d drawn) pick(n int, label string) int { return rapid.IntRange(0, n-1).Draw(d.t, label) }

// spent is a fuzzer's input: two bytes for each decision, then zeros.
type spent struct{ data []byte }

func (b *spent) pick(n int, _ string) int {
	if len(b.data) < 2 {
		b.data = nil
		return 0
	}
	v := int(b.data[0])<<8 | int(b.data[1])
	b.data = b.data[2:]
	return v % n
}

func pickConfig(src source) Config {
	cfg := Config{
		Slots:          1 + src.pick(8, "slots"),
		SlotCapacity:   2 + src.pick(60, "capacity"),
		TokenBudget:    1 + src.pick(24, "budget"),
		MaxChunk:       1 + src.pick(16, "chunk"),
		MaxQueue:       1 + src.pick(12, "queue"),
		PriorityLevels: 1 + src.pick(4, "levels"),
		AgingInterval:  time.Duration(1+src.pick(40, "aging")) * time.Millisecond,
	}
	if src.pick(2, "padded") == 1 {
		cfg.PaddedCapacity = cfg.SlotCapacity + src.pick(10, "padding")
	}
	if src.pick(2, "drafts") == 1 {
		cfg.DraftTokens = 1 + src.pick(cfg.TokenBudget, "draft tokens")
		cfg.Draft = func(id uint64, most int) int { return int(id%5) * most / 4 }
	}
	return cfg
}

func pickRequest(src source, w *world) Request {
	r := Request{ID: w.nextID, PromptTokens: 1 + src.pick(w.cfg.SlotCapacity-1, "prompt")}
	w.nextID++
	r.MaxNewTokens = src.pick(w.cfg.SlotCapacity-r.PromptTokens+1, "new")
	r.Priority = src.pick(w.cfg.PriorityLevels+1, "priority")
	if src.pick(3, "has deadline") == 0 {
		r.Deadline = w.now.Add(time.Duration(src.pick(60, "deadline")) * time.Millisecond)
	}
	return r
}

// act makes one random call.
func act(src source, w *world) {
	switch src.pick(12, "op") {
	case 0, 1, 2:
		waits := w.s.Stats().Waiting
		err := w.admit(pickRequest(src, w))
		var e *Error
		switch {
		case w.drain:
			if !errors.As(err, &e) || e.Kind != KindDraining {
				w.t.Fatalf("Admit while draining: %v", err)
			}
		case waits == w.cfg.MaxQueue:
			if !errors.As(err, &e) || e.Kind != KindQueueFull || e.RetryAfter < minRetry || e.RetryAfter > maxRetry {
				w.t.Fatalf("Admit to a full queue: %v", err)
			}
		case err != nil:
			w.t.Fatalf("Admit: %v", err)
		}
	case 3:
		w.cancel(uint64(src.pick(int(w.nextID)+1, "id")))
	case 4:
		w.now = w.now.Add(time.Duration(src.pick(20, "time")) * time.Millisecond)
	case 5:
		if src.pick(4, "change budget") == 0 {
			w.cfg.TokenBudget = 1 + src.pick(24, "budget")
			w.do(op{name: "budget", tokens: w.cfg.TokenBudget})
		}
		if src.pick(20, "drain") == 19 {
			w.drain = true
			w.do(op{name: "drain"})
		}
	case 6, 7, 8:
		w.plan()
	default:
		w.complete(func(Row) Outcome {
			switch src.pick(12, "outcome") {
			case 10:
				return OutcomeStop
			case 11:
				return OutcomeFail
			}
			return OutcomeContinue
		})
	}
}

// play makes up to calls random calls, then lets all work end, and repeats the whole on a second scheduler.
func play(t checker, src source, calls int) {
	cfg := pickConfig(src)
	w := newWorld(t, cfg)
	w.accepts = func(drafted int) int { return src.pick(drafted+1, "accepted") }
	if src.pick(2, "appends") == 1 && cfg.PaddedCapacity != cfg.SlotCapacity {
		w.appends = func(room int) int {
			if src.pick(3, "append") > 0 {
				return 0
			}
			return 1 + src.pick(min(room, 9), "appended")
		}
	}
	for range calls {
		if b, ok := src.(*spent); ok && len(b.data) == 0 {
			break
		}
		act(src, w)
	}
	w.finish()
	w.replay(cfg)
}

func TestRandomRunsKeepEveryRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		play(t, drawn{t}, rapid.IntRange(1, 300).Draw(t, "calls"))
	})
}

func FuzzCalls(f *testing.F) {
	f.Add([]byte("a few bytes to begin with, long enough for some requests to arrive, run and be cancelled"))
	f.Add([]byte{0, 7, 0, 59, 0, 3, 0, 15, 0, 11, 0, 3, 0, 10, 0, 0, 0, 0, 0, 9, 0, 9, 0, 1, 0, 1, 0, 6, 0, 9, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		play(t, &spent{data}, 1000)
	})
}

// Under arrivals of the highest level that never stop, a request of any level starts once it has aged to the top and
// those who arrived before it are served.
func TestLowPriorityStartsUnderSteadyLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := pickConfig(drawn{t})
		cfg.PriorityLevels = rapid.IntRange(2, 4).Draw(t, "at least two levels")
		w := newWorld(t, cfg)
		step := time.Millisecond
		fill := func(level int) {
			for w.s.Stats().Waiting < w.cfg.MaxQueue {
				r := pickRequest(drawn{t}, w)
				r.Priority, r.Deadline = level, time.Time{}
				if err := w.admit(r); err != nil {
					t.Fatalf("Admit: %v", err)
				}
			}
		}
		for range rapid.IntRange(0, 20).Draw(t, "before") {
			fill(1)
			w.plan()
			w.complete(proceed)
			w.now = w.now.Add(step)
		}
		for w.s.Stats().Waiting == w.cfg.MaxQueue { // make room for the low one
			w.plan()
			w.complete(proceed)
		}
		low := pickRequest(drawn{t}, w)
		low.Priority, low.Deadline = cfg.PriorityLevels, time.Time{}
		if err := w.admit(low); err != nil {
			t.Fatalf("Admit: %v", err)
		}
		aged := int(time.Duration(cfg.PriorityLevels-1) * cfg.AgingInterval / step)
		// Before it, once it has aged: at most a full queue and full slots.
		most := (w.cfg.MaxQueue + w.cfg.Slots) * w.cfg.SlotCapacity
		bound := aged + most/min(w.cfg.Slots, w.cfg.TokenBudget) + w.cfg.SlotCapacity + 2
		o := w.live[low.ID]
		for n := 0; o.slot < 0; n++ {
			if n > bound {
				t.Fatalf("not started after %d steps", bound)
			}
			fill(1)
			w.plan()
			w.complete(proceed)
			w.now = w.now.Add(step)
		}
	})
}
