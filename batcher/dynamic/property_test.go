package dynamic

import (
	"testing"

	"pgregory.net/rapid"
)

// source decides what a random run does: rapid draws, or a fuzzer's bytes.
type source interface {
	pick(n int, label string) int // in [0, n)
}

type drawn struct{ t *rapid.T }

func (d drawn) pick(n int, label string) int { return rapid.IntRange(0, n-1).Draw(d.t, label) }

// spent is a fuzzer's input: a byte for each decision, then zeros.
type spent struct{ data []byte }

func (b *spent) pick(n int, _ string) int {
	if len(b.data) == 0 {
		return 0
	}
	v := int(b.data[0])
	b.data = b.data[1:]
	return v % n
}

type checker interface {
	Helper()
	Fatalf(format string, args ...any)
}

func pickConfig(src source) Config {
	cfg := Config{
		MaxBatchSize:  1 + src.pick(6, "batch"),
		Instances:     1 + src.pick(3, "instances"),
		MaxQueue:      1 + src.pick(12, "queue"),
		MaxQueueDelay: ms(float64(src.pick(4, "delay") * 3)),
		AdaptiveDelay: src.pick(2, "adaptive") == 1,
		MaxTenants:    1 + src.pick(3, "tenants"),
	}
	if src.pick(2, "preferred") == 1 {
		cfg.PreferredBatchSize = []int{1 + src.pick(cfg.MaxBatchSize, "size"), 1 + src.pick(cfg.MaxBatchSize, "size")}
	}
	if src.pick(3, "tokens") == 1 {
		cfg.MaxBatchTokens = 10 + src.pick(30, "limit")
	}
	if src.pick(3, "buckets") == 1 {
		cfg.LengthBuckets = []int{3, 7}
	}
	if src.pick(2, "weights") == 1 {
		cfg.TenantWeights = map[string]float64{"1": 2.5}
	}
	policy := func() QueuePolicy {
		return QueuePolicy{
			DefaultTimeout:       ms(float64(src.pick(3, "timeout") * 5)),
			AllowTimeoutOverride: src.pick(2, "override") == 1,
			MaxQueueSize:         src.pick(8, "size"),
		}
	}
	cfg.DefaultQueuePolicy = policy()
	if cfg.PreserveOrdering = src.pick(4, "ordered") == 1; cfg.PreserveOrdering {
		return cfg
	}
	cfg.DefaultQueuePolicy.TimeoutAction = TimeoutAction(src.pick(2, "action"))
	if cfg.PriorityLevels = src.pick(4, "levels"); cfg.PriorityLevels > 0 {
		cfg.DefaultPriorityLevel = 1 + src.pick(cfg.PriorityLevels, "default")
		cfg.PriorityQueuePolicy = map[int]QueuePolicy{1: policy()}
	}
	return cfg
}

func random(t checker, src source, calls int) {
	w := newWorld(t, pickConfig(src))
	for range calls {
		switch src.pick(10, "call") {
		case 0, 1, 2, 3:
			w.admit(src)
		case 4, 5:
			w.now = w.now.Add(ms(float64(src.pick(8, "time"))))
		case 6:
			if at, some := w.s.NextEvent(); some {
				w.now = at
			}
		case 7, 8:
			if len(w.flying) > 0 {
				w.complete(src.pick(len(w.flying), "batch"))
			}
		case 9:
			w.cancel(src)
		}
		w.plan()
	}
	w.s.Drain()
	w.drain = true
	for w.plan(); len(w.flying) > 0; w.plan() {
		w.complete(0)
	}
	if !w.s.Drained() || len(w.queued)+len(w.runs)+len(w.held) > 0 {
		t.Fatalf("something is left: %+v", w.s.Stats())
	}
	if len(w.s.busy)+len(w.s.active)+len(w.s.timers) > 0 || w.s.order.head != nil {
		t.Fatalf("the scheduler remembers who has left")
	}
}

func TestRandomCalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { random(t, drawn{t}, rapid.IntRange(1, 150).Draw(t, "calls")) })
}

func FuzzCalls(f *testing.F) {
	f.Add([]byte("a few bytes to begin with, long enough for some requests to arrive, run and be cancelled"))
	f.Add([]byte{3, 1, 9, 2, 1, 2, 1, 0, 0, 1, 0, 1, 2, 1, 1, 4, 0, 1, 1, 2, 0, 0, 1, 1, 0, 1, 5, 7, 0, 9, 1, 0, 6, 6, 7})
	f.Fuzz(func(t *testing.T, data []byte) { random(t, &spent{data}, 300) })
}
