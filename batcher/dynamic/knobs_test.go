package dynamic

import (
	"testing"
	"time"
)

// One table for each knob, against what its comment in config.go promises.

type knobCase struct {
	name  string
	cfg   Config
	steps []step
}

func playAll(t *testing.T, cases []knobCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { play(t, c.cfg, c.steps) })
	}
}

func TestMaxBatchSize(t *testing.T) {
	playAll(t, []knobCase{
		{"the default runs each alone", Config{}, []step{
			{0, "a:1", "[a]"}, {0, "b:1", ""}, {0, "c:1", ""}, {0, "d:2", "error: invalid size"},
			{1, "done a", "[b] a"}, {2, "done b", "[c] b"}, {3, "done c", "c"},
		}},
		{"what waits shares a batch, up to the limit", Config{MaxBatchSize: 4}, []step{
			{0, "a:1", "[a]"}, {0, "b:1", ""}, {0, "c:2", ""}, {0, "d:1", ""}, {0, "e:1", ""},
			{1, "done a", "[b c d] a"}, {2, "done b", "[e] b c d"},
		}},
		{"one that does not fit is passed over, and first in the next", Config{MaxBatchSize: 4}, []step{
			{0, "a:4", "[a]"}, {0, "b:3", ""}, {0, "c:2", ""}, {0, "d:1", ""}, {0, "e:2", ""},
			{1, "done a", "[b d] a"}, {2, "done b", "[c e] b d"},
		}},
		{"other groups go apart", Config{MaxBatchSize: 4}, []step{
			{0, "a:1", "[a]"}, {0, "b:1 group=x", ""}, {0, "c:1", ""}, {0, "d:1 group=x", ""},
			{1, "done a", "[b d] a"}, {2, "done b", "[c] b d"},
		}},
	})
}

func TestInstances(t *testing.T) {
	playAll(t, []knobCase{
		{"as many batches at once", Config{MaxBatchSize: 2, Instances: 2}, []step{
			{0, "a:1", "[a]"}, {0, "b:1", "[b]"}, {0, "c:1", ""}, {0, "d:1", ""}, {0, "e:1", ""},
			{1, "done b", "[c d] b"}, {2, "done a", "[e] a"},
		}},
		{"a backlog fills all of them", Config{MaxBatchSize: 2, Instances: 2, MaxQueueDelay: ms(5)}, []step{
			{0, "a:1 b:1 c:1 d:1 e:1", "[a b] [c d]"}, {1, "done a", "a b @5"}, {5, "wait", "[e]"},
		}},
	})
}

func TestMaxQueueDelay(t *testing.T) {
	cfg := Config{MaxBatchSize: 3, MaxQueueDelay: ms(5)}
	playAll(t, []knobCase{
		{"waits from the arrival of the oldest", cfg, []step{
			{0, "a:1", "@5"}, {4, "b:1", "@5"}, {4.9, "wait", "@5"}, {5, "wait", "[a b]"},
		}},
		{"a full batch waits for nothing", cfg, []step{{0, "a:1", "@5"}, {1, "b:2", "[a b]"}}},
		{"nor does one that the next does not fit in", cfg, []step{{0, "a:2", "@5"}, {1, "b:2", "[a]"}, {6, "done a", "[b] a"}}},
		{"time spent behind a run counts", cfg, []step{
			{0, "a:3", "[a]"}, {1, "b:1", ""}, {4, "done a", "a @6"}, {4, "cancel b", ""},
			{10, "c:3", "[c]"}, {11, "d:1", ""}, {20, "done c", "[d] c"},
		}},
		{"when the oldest leaves, the next one's time counts", cfg, []step{
			{0, "a:1", "@5"}, {3, "b:1", "@5"}, {4, "cancel a", "@5"}, {5, "wait", "@8"}, {8, "wait", "[b]"},
		}},
		{"0 sends at once", Config{MaxBatchSize: 3}, []step{{0, "a:1", "[a]"}}},
		{"groups wait each for their own", cfg, []step{
			{0, "a:1 group=x", "@5"}, {2, "b:1 group=y", "@5"}, {3, "c:2 group=y", "[b c]"},
			{4, "done b", "b c @5"}, {5, "wait", "[a]"},
		}},
		{"of a timeout half at most is spent on waiting", withPolicy(cfg, QueuePolicy{DefaultTimeout: ms(4)}), []step{
			{0, "a:1", "@2"}, {2, "wait", "[a]"},
		}},
		{"of a deadline too", cfg, []step{{0, "a:1 deadline=6", "@3"}, {3, "wait", "[a] @6"}}},
		{"draining waits for nobody", cfg, []step{{0, "a:1", "@5"}, {1, "drain", "[a]"}}},
	})
}

func withPolicy(cfg Config, p QueuePolicy) Config {
	cfg.DefaultQueuePolicy = p
	return cfg
}

func TestPreferredBatchSize(t *testing.T) {
	delayed := Config{MaxBatchSize: 8, PreferredBatchSize: []int{4, 2}, MaxQueueDelay: ms(5)}
	prompt := Config{MaxBatchSize: 8, PreferredBatchSize: []int{2, 6}}
	playAll(t, []knobCase{
		{"goes at once at a preferred size", delayed, []step{
			{0, "a:1", "@5"}, {1, "b:1", "[a b]"}, {2, "c:1", ""}, {2, "d:1", ""}, {2, "e:1", ""}, {2, "f:1", ""}, {2, "g:1", ""},
			{3, "done a", "[c d e f] a b"}, {4, "done c", "c d e f @7"}, {7, "wait", "[g]"},
		}},
		{"the largest that the queue adds up to", prompt, []step{
			{0, "a:1", "[a]"}, {0, "b:1 c:1 d:1 e:1 f:1 g:1 h:1", ""}, {1, "done a", "[b c d e f g] a"},
		}},
		{"without a delay, all if none is met", prompt, []step{
			{0, "a:1", "[a]"}, {0, "b:3", ""}, {1, "done a", "[b] a"},
		}},
		{"one that leads past the largest stays behind", withDelay(prompt, ms(5)), []step{
			{0, "a:3", "@5"}, {1, "b:4", "[a]"}, {5.5, "done a", "a @6"}, {6, "wait", "[b]"},
		}},
		{"but not once the delay is over", withDelay(prompt, ms(5)), []step{
			{0, "x:2", "[x]"}, {0, "a:3", ""}, {1, "b:4", ""}, {11, "done x", "[a b] x"},
		}},
		{"one that is larger than the largest goes at once", withDelay(Config{MaxBatchSize: 8, PreferredBatchSize: []int{2}}, ms(5)), []step{
			{0, "a:3", "[a]"},
		}},
	})
}

func withDelay(cfg Config, delay time.Duration) Config {
	cfg.MaxQueueDelay = delay
	return cfg
}

func TestPriorityLevels(t *testing.T) {
	cfg := Config{MaxBatchSize: 2, PriorityLevels: 3, DefaultPriorityLevel: 2}
	delayed := withDelay(Config{MaxBatchSize: 4, PriorityLevels: 3, DefaultPriorityLevel: 2}, ms(5))
	playAll(t, []knobCase{
		{"higher levels first, room goes to the next", cfg, []step{
			{0, "x:1", "[x]"}, {0, "c:1 prio=3", ""}, {0, "b:1 prio=2", ""}, {0, "a:1 prio=1", ""}, {0, "d:1 prio=3", ""},
			{1, "done x", "[a b] x"}, {2, "done a", "[c d] a b"},
		}},
		{"0 and levels that do not exist are the default", cfg, []step{
			{0, "x:1", "[x]"}, {0, "c:1 prio=3", ""}, {0, "a:1", ""}, {0, "b:1 prio=9", ""},
			{1, "done x", "[a b] x"}, {2, "done a", "[c] a b"},
		}},
		{"a negative one is an error", cfg, []step{{0, "a:1 prio=-1", "error: invalid priority"}}},
		{"without levels it does not matter", Config{MaxBatchSize: 2}, []step{
			{0, "x:1", "[x]"}, {0, "a:1 prio=2", ""}, {0, "b:1 prio=1", ""}, {0, "c:1", ""}, {1, "done x", "[a b] x"},
		}},
		{"a higher level does not wait while a lower one goes", delayed, []step{
			{0, "a:1 prio=1 group=x", "@5"}, {1, "b:4 prio=2 group=y", "[a]"}, {2, "done a", "[b] a"},
		}},
	})
}

func TestQueuePolicies(t *testing.T) {
	reject := QueuePolicy{DefaultTimeout: ms(5)}
	delay := QueuePolicy{DefaultTimeout: ms(5), TimeoutAction: TimeoutDelay}
	override := func(p QueuePolicy) QueuePolicy { p.AllowTimeoutOverride = true; return p }
	one := Config{MaxBatchSize: 1}
	levels := Config{
		MaxBatchSize: 1, PriorityLevels: 2, DefaultPriorityLevel: 2, DefaultQueuePolicy: reject,
		PriorityQueuePolicy: map[int]QueuePolicy{1: {DefaultTimeout: ms(2), MaxQueueSize: 1}},
	}
	playAll(t, []knobCase{
		{"a rejection comes when it is due, not when the run ends", withPolicy(one, reject), []step{
			{0, "a:1", "[a]"}, {1, "b:1", "@6"}, {5.9, "wait", "@6"}, {6, "wait", "timeout:b"}, {90, "done a", "a"},
		}},
		{"a run that has started is not timed out", withPolicy(one, reject), []step{{0, "a:1", "[a]"}, {90, "done a", "a"}}},
		{"a delayed request goes behind those in time, and is not lost", withPolicy(one, delay), []step{
			{0, "x:1", "[x]"}, {0, "a:1", "@5"}, {4, "b:1", "@5"}, {6, "done x", "[b] x"},
			{7, "c:1", "@12"}, {8, "done b", "[c] b"}, {9, "done c", "[a] c"}, {10, "done a", "a"},
		}},
		{"a delayed request fills room that others leave", withPolicy(Config{MaxBatchSize: 2}, delay), []step{
			{0, "x:1", "[x]"}, {0, "a:1", "@5"}, {4, "b:1", "@5"}, {6, "done x", "[b a] x"},
		}},
		{"the caller's wish is not heard unless allowed", withPolicy(one, reject), []step{
			{0, "a:1", "[a]"}, {0, "b:1 timeout=2", "@5"},
		}},
		{"where allowed it shortens", withPolicy(one, override(reject)), []step{
			{0, "a:1", "[a]"}, {0, "b:1 timeout=2", "@2"}, {2, "wait", "timeout:b"},
		}},
		{"and never lengthens", withPolicy(one, override(reject)), []step{
			{0, "a:1", "[a]"}, {0, "b:1 timeout=9", "@5"}, {5, "wait", "timeout:b"},
		}},
		{"any timeout is shorter than none", withPolicy(one, override(QueuePolicy{})), []step{
			{0, "a:1", "[a]"}, {0, "b:1 timeout=9", "@9"}, {9, "wait", "timeout:b"},
		}},
		{"a full queue refuses", withPolicy(one, QueuePolicy{MaxQueueSize: 2}), []step{
			{0, "a:1", "[a]"}, {0, "b:1", ""}, {0, "c:1", ""}, {0, "d:1", "error: queue_full"},
			{1, "done a", "[b] a"}, {1, "d:1", ""},
		}},
		{"levels have their own policies", levels, []step{
			{0, "x:1", "[x]"}, {0, "a:1 prio=1", "@2"}, {0, "b:1 prio=1", "error: queue_full"},
			{0, "c:1", "@2"}, {0, "d:1", "@2"}, {2, "wait", "timeout:a @5"}, {5, "wait", "timeout:c timeout:d"},
		}},
		{"a deadline ends a request wherever it is", one, []step{
			{0, "a:1 deadline=5", "[a] @5"}, {0, "b:1 deadline=3", "@3"}, {3, "wait", "expired:b @5"},
			{5, "wait", "expired:a !a"}, {6, "done a", ""},
		}},
	})
}

func TestMaxQueue(t *testing.T) {
	cfg := Config{MaxBatchSize: 1, MaxQueue: 3}
	playAll(t, []knobCase{
		{"bounds all levels together", Config{MaxQueue: 2, PriorityLevels: 2, DefaultPriorityLevel: 2}, []step{
			{0, "x:1", "[x]"}, {0, "a:1 prio=1", ""}, {0, "b:1 prio=2", ""}, {0, "c:1 prio=1", "error: queue_full"},
		}},
		{"the parts of a request come in together or not at all", cfg, []step{
			{0, "x:1", "[x]"}, {0, "a:1 b:1", ""}, {0, "c:1 d:1", "error: queue_full"}, {0, "e:1", ""},
			{0, "a:1 b:1 c:1 d:1", "error: invalid items"}, {1, "done x", "[a] x"},
		}},
		{"parts are judged one by one", cfg, []step{{0, "a:1 b:2", "error: invalid items[1].size"}}},
		{"draining refuses", cfg, []step{{0, "drain", ""}, {0, "a:1", "error: draining"}}},
		{"stopping ends all", cfg, []step{{0, "x:1", "[x]"}, {0, "a:1", ""}, {1, "stop", "stopped:a stopped:x !x"}, {2, "done x", ""}}},
	})
}

func TestPreserveOrdering(t *testing.T) {
	cfg := Config{MaxBatchSize: 1, Instances: 2, PreserveOrdering: true}
	playAll(t, []knobCase{
		{"an early answer is held", cfg, []step{
			{0, "a:1", "[a]"}, {0, "b:1", "[b]"}, {0, "c:1", ""}, {1, "done b", "[c]"}, {2, "done c", ""}, {3, "done a", "a b c"},
		}},
		{"without it, it leaves", Config{Instances: 2}, []step{{0, "a:1", "[a]"}, {0, "b:1", "[b]"}, {1, "done b", "b"}}},
		{"one that leaves holds up nobody", cfg, []step{
			{0, "a:1", "[a]"}, {0, "b:1 deadline=5", "[b] @5"}, {0, "c:1", "@5"}, {1, "done a", "[c] a @5"},
			{2, "done c", "@5"}, {5, "wait", "c expired:b !b"},
		}},
		{"a held answer can be given up", cfg, []step{
			{0, "a:1", "[a]"}, {0, "b:1", "[b]"}, {1, "done b", ""}, {2, "cancel b", ""}, {3, "done a", "a"},
		}},
		{"tenants do not overtake", Config{MaxBatchSize: 2, PreserveOrdering: true}, []step{
			{0, "x:1", "[x]"}, {0, "a:1", ""}, {0, "b:1", ""}, {0, "c:1 tenant=t", ""}, {1, "done x", "[a b] x"},
		}},
		{"nor does one that fits better", Config{MaxBatchSize: 3, PreserveOrdering: true}, []step{
			{0, "x:1", "[x]"}, {0, "a:2", ""}, {0, "b:2", ""}, {0, "c:1", ""}, {1, "done x", "[a] x"}, {2, "done a", "[b c] a"},
		}},
	})
}

func TestLengths(t *testing.T) {
	buckets := Config{MaxBatchSize: 4, LengthBuckets: []int{16, 64}}
	playAll(t, []knobCase{
		{"buckets go apart, the oldest first", buckets, []step{
			{0, "x:1", "[x]"}, {0, "a:1 tokens=5", ""}, {0, "b:1 tokens=17", ""}, {0, "c:1 tokens=16", ""}, {0, "d:1 tokens=65", ""},
			{0, "e:1 tokens=900", ""}, {1, "done x", "[a c] x"}, {2, "done a", "[b] a c"}, {3, "done b", "[d e] b"},
		}},
		{"a full bucket does not starve another", buckets, []step{
			{0, "x:1", "[x]"}, {0, "a:4 tokens=5", ""}, {0, "b:1 tokens=64", ""}, {0, "c:4 tokens=5", ""},
			{1, "done x", "[a] x"}, {2, "done a", "[b] a"}, {3, "done b", "[c] b"},
		}},
		{"tokens of a batch, the oldest first, what fits after it", Config{MaxBatchSize: 8, MaxBatchTokens: 100}, []step{
			{0, "x:1", "[x]"}, {0, "a:1 tokens=60", ""}, {0, "b:1 tokens=50", ""}, {0, "c:2 tokens=20", ""}, {0, "d:1 tokens=1", ""},
			{1, "done x", "[a c] x"}, {2, "done a", "[b d] a c"},
		}},
		{"a batch without room waits for nobody", Config{MaxBatchSize: 8, MaxBatchTokens: 100, MaxQueueDelay: ms(5)}, []step{
			{0, "a:1 tokens=60", "@5"}, {1, "b:1 tokens=50", "[a]"},
		}},
		{"too long for any batch", Config{MaxBatchSize: 8, MaxBatchTokens: 100}, []step{{0, "a:2 tokens=51", "error: invalid tokens"}}},
		{"padding counts", Config{MaxBatchSize: 8, MaxBatchTokens: 100, LengthBuckets: []int{32, 64}}, []step{
			{0, "x:1", "[x]"}, {0, "a:1 tokens=1", ""}, {0, "b:1 tokens=1", ""}, {0, "c:1 tokens=1", ""}, {0, "d:1 tokens=1", ""},
			{1, "done x", "[a b c] x"}, {2, "d2:2 tokens=33", "error: invalid tokens"},
		}},
	})
}
