package dynamic

import "testing"

// One instance takes one request at a time, 100 ms each: what is measured after two of them.
func TestRequestsThatWouldWaitBeyondTheirDeadlineAreRefused(t *testing.T) {
	warm := []step{
		{0, "a:1", "[a]"}, {0, "b:1", ""}, {0, "c:1", ""}, {0, "d:1", ""}, {0, "e:1", ""},
		{100, "done a", "[b] a"}, {200, "done b", "[c] b"}, // d and e wait: 200 ms ahead of whoever comes now
	}
	for _, c := range []struct {
		name  string
		cfg   Config
		steps []step
	}{
		{"enough time, and too little", Config{}, []step{
			{200, "f:1 deadline=460", "@460"},            // d and e go first, 100 ms each: within 0.8 of the 260 ms left
			{200, "g:1 deadline=400", "error: too_late"}, // three do, at the pace of the recent past
			{200, "h:1", "@460"},                         // no deadline, no hurry
		}},
		{"another tenant's turn comes sooner", Config{}, []step{
			{200, "f:1 deadline=330 tenant=flood", "error: too_late"},
			{200, "g:1 deadline=460 tenant=ward", "@460"},
		}},
		{"higher levels do not wait for lower ones", Config{PriorityLevels: 2, DefaultPriorityLevel: 2}, []step{
			{200, "f:1 deadline=210 prio=1", "@210"},
			{200, "g:1 deadline=310 prio=2", "error: too_late"},
		}},
		{"a run that nobody waited for is time without an answer", Config{}, []step{
			{200, "cancel c", "!c"}, {400, "done c", "[d]"},
			{400, "f:1 deadline=640", "error: too_late"}, // e goes first; at 100 ms each there would be time
		}},
		{"a deadline that has passed", Config{}, []step{{200, "f:1 deadline=150", "expired:f"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.MaxBatchSize = 1
			play(t, c.cfg, append(warm[:len(warm):len(warm)], c.steps...))
		})
	}
}

// Before anything is known about the pace, everyone is taken.
func TestNobodyIsRefusedForAPaceThatIsNotKnown(t *testing.T) {
	play(t, Config{MaxBatchSize: 1}, []step{{0, "a:1", "[a]"}, {0, "b:1", ""}, {0, "c:1 deadline=1", "@1"}})
}
