package continuous

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

var t0 = time.Unix(1000, 0)

func mustNew(t *testing.T, cfg Config) *Scheduler {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustAdmit(t *testing.T, s *Scheduler, now time.Time, requests ...Request) {
	t.Helper()
	for _, r := range requests {
		if err := s.Admit(now, r); err != nil {
			t.Fatal(err)
		}
	}
}

// step plans, checks the rows, and completes with OutcomeContinue throughout.
func step(t *testing.T, s *Scheduler, now time.Time, want ...Row) []Ended {
	t.Helper()
	p := s.Plan(now)
	if len(p.Rows) != len(want) || len(want) > 0 && !reflect.DeepEqual(p.Rows, want) {
		t.Fatalf("rows\n got %+v\nwant %+v", p.Rows, want)
	}
	return completeAll(t, s, now, p.Rows, OutcomeContinue)
}

func completeAll(t *testing.T, s *Scheduler, now time.Time, rows []Row, outcome Outcome) []Ended {
	t.Helper()
	var results []Result
	for _, r := range rows {
		results = append(results, Result{ID: r.ID, Outcome: outcome})
	}
	ended, err := s.Complete(now, results)
	if err != nil {
		t.Fatal(err)
	}
	return ended
}

func wantEnded(t *testing.T, got []Ended, want ...Ended) {
	t.Helper()
	if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Fatalf("ended\n got %+v\nwant %+v", got, want)
	}
}

func TestAdmitRefuses(t *testing.T) {
	cfg := Config{Slots: 1, SlotCapacity: 10, MaxQueue: 2, PriorityLevels: 2}
	for _, c := range []struct {
		name    string
		request Request
		want    Error // detail is not compared
		text    string
	}{
		{"empty prompt", Request{ID: 9}, Error{Kind: KindInvalid, Field: "prompt_tokens"}, "0 is less than 1"},
		{"negative prompt", Request{ID: 9, PromptTokens: -4}, Error{Kind: KindInvalid, Field: "prompt_tokens"}, "-4"},
		{"negative answer", Request{ID: 9, PromptTokens: 1, MaxNewTokens: -1},
			Error{Kind: KindInvalid, Field: "max_new_tokens"}, "-1 is negative"},
		{"level below", Request{ID: 9, PromptTokens: 1, Priority: -1}, Error{Kind: KindInvalid, Field: "priority"}, "0 to 2"},
		{"level above", Request{ID: 9, PromptTokens: 1, Priority: 3}, Error{Kind: KindInvalid, Field: "priority"}, "0 to 2"},
		{"same id", Request{ID: 1, PromptTokens: 1}, Error{Kind: KindDuplicate, Field: "id"}, "1 has not ended"},
		{"too long", Request{ID: 9, PromptTokens: 6, MaxNewTokens: 5},
			Error{Kind: KindTooLong, Field: "max_new_tokens", Have: 11, Limit: 10}, "need 11 tokens, the limit is 10"},
		{"sum overflows", Request{ID: 9, PromptTokens: math.MaxInt, MaxNewTokens: math.MaxInt},
			Error{Kind: KindTooLong, Field: "max_new_tokens", Have: math.MaxInt, Limit: 10}, "limit is 10"},
		{"queue full", Request{ID: 9, PromptTokens: 1},
			Error{Kind: KindQueueFull, Have: 2, Limit: 2, RetryAfter: time.Second}, "2 requests wait, retry after 1s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustNew(t, cfg)
			mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 1}, Request{ID: 2, PromptTokens: 1})
			before := s.Stats()
			err := s.Admit(t0, c.request)
			var got *Error
			if !errors.As(err, &got) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if !strings.Contains(err.Error(), c.text) {
				t.Errorf("text %q lacks %q", err, c.text)
			}
			bare := *got
			bare.detail = ""
			if bare != c.want {
				t.Errorf("got %+v, want %+v", bare, c.want)
			}
			if s.Stats() != before {
				t.Errorf("a refused request changed the scheduler: %+v", s.Stats())
			}
		})
	}
}

func TestLongestRequestFits(t *testing.T) {
	s := mustNew(t, Config{SlotCapacity: 10})
	mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 9, MaxNewTokens: 1}, Request{ID: 2, PromptTokens: 10})
}

func TestDrainServesWhatWasAccepted(t *testing.T) {
	s := mustNew(t, Config{Slots: 1})
	mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 2, MaxNewTokens: 1}, Request{ID: 2, PromptTokens: 3, MaxNewTokens: 1})
	s.Drain()
	var e *Error
	if err := s.Admit(t0, Request{ID: 3, PromptTokens: 1}); !errors.As(err, &e) || e.Kind != KindDraining {
		t.Fatalf("Admit after Drain: %v", err)
	}
	if !strings.Contains(e.Error(), "shutting down") {
		t.Errorf("text %q", e)
	}
	wantEnded(t, step(t, s, t0, Row{ID: 1, Count: 2, Samples: true}), Ended{ID: 1, Reason: ReasonLength, Generated: 1})
	wantEnded(t, step(t, s, t0, Row{ID: 2, Count: 3, Samples: true}), Ended{ID: 2, Reason: ReasonLength, Generated: 1})
	if !s.Idle() || !s.Stats().Draining {
		t.Errorf("idle %v, stats %+v", s.Idle(), s.Stats())
	}
}

func TestIDIsFreeOnceItsEndIsReported(t *testing.T) {
	s := mustNew(t, Config{})
	mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 1})
	if !s.Cancel(1) || s.Cancel(1) || s.Cancel(2) {
		t.Fatal("Cancel must succeed once, and only for a request that is there")
	}
	var e *Error
	if err := s.Admit(t0, Request{ID: 1, PromptTokens: 1}); !errors.As(err, &e) || e.Kind != KindDuplicate {
		t.Fatalf("Admit before the report: %v", err)
	}
	if s.Idle() {
		t.Error("idle with an end to report")
	}
	wantEnded(t, s.Plan(t0).Ended, Ended{ID: 1, Reason: ReasonCancelled, Slot: -1})
	mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 1})
}

func TestRetryHintFollowsThroughput(t *testing.T) {
	for _, c := range []struct {
		name string
		gap  time.Duration // between the starts of two requests
		want time.Duration // for half of a queue of 8, and oneself
	}{
		{"steady", time.Second, 4500 * time.Millisecond},
		{"fast: held at the lower bound", time.Millisecond, minRetry},
		{"stuck: held at the upper bound", 100 * time.Hour, maxRetry},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustNew(t, Config{Slots: 1, MaxQueue: 8})
			now, id := t0, uint64(0)
			admit := func() error { id++; return s.Admit(now, Request{ID: id, PromptTokens: 1}) }
			for range 200 {
				for s.Stats().Waiting < 8 {
					if err := admit(); err != nil {
						t.Fatal(err)
					}
				}
				completeAll(t, s, now, s.Plan(now).Rows, OutcomeContinue)
				now = now.Add(c.gap)
			}
			if err := admit(); err != nil {
				t.Fatal(err)
			}
			var e *Error
			if err := admit(); !errors.As(err, &e) || e.RetryAfter != c.want {
				t.Fatalf("got %v, want a hint of %v", err, c.want)
			}
		})
	}
}

func TestIdleTimeDoesNotCountAsThroughput(t *testing.T) {
	s := mustNew(t, Config{Slots: 1, MaxQueue: 1})
	now := t0
	for id := uint64(1); id < 20; id++ { // a lone request each hour, started at once
		mustAdmit(t, s, now, Request{ID: id, PromptTokens: 1})
		completeAll(t, s, now, s.Plan(now).Rows, OutcomeContinue)
		now = now.Add(time.Hour)
	}
	mustAdmit(t, s, now, Request{ID: 100, PromptTokens: 1})
	var e *Error
	if err := s.Admit(now, Request{ID: 101, PromptTokens: 1}); !errors.As(err, &e) || e.RetryAfter != minRetry {
		t.Fatalf("got %v, want a hint of %v", err, minRetry)
	}
}

func TestConfig(t *testing.T) {
	full := Config{}.WithDefaults()
	want := Config{
		Slots: 64, SlotCapacity: 2048, TokenBudget: 256, MaxChunk: 128, MaxQueue: 1024,
		PriorityLevels: 3, DefaultPriority: 2, AgingInterval: 5 * time.Second, MaxTenants: 256,
	}
	if !reflect.DeepEqual(full, want) {
		t.Errorf("defaults %+v, want %+v", full, want)
	}
	if c := (Config{TokenBudget: 16, PriorityLevels: 1}).WithDefaults(); c.MaxChunk != 16 || c.DefaultPriority != 1 {
		t.Errorf("defaults must follow what is set: %+v", c)
	}
	if s := mustNew(t, Config{Slots: 3}); s.Config().Slots != 3 || s.Config().MaxQueue != 1024 {
		t.Errorf("Config() = %+v", s.Config())
	}
	for field, change := range map[string]func(*Config){
		"config.slots":            func(c *Config) { c.Slots = -1 },
		"config.slot_capacity":    func(c *Config) { c.SlotCapacity = 1 },
		"config.padded_capacity":  func(c *Config) { c.PaddedCapacity = c.SlotCapacity - 1 },
		"config.token_budget":     func(c *Config) { c.TokenBudget = maxTokens + 1 },
		"config.max_chunk":        func(c *Config) { c.MaxChunk = -5 },
		"config.max_queue":        func(c *Config) { c.MaxQueue = math.MaxInt },
		"config.priority_levels":  func(c *Config) { c.PriorityLevels = maxPriority + 1 },
		"config.default_priority": func(c *Config) { c.DefaultPriority = 4 },
		"config.aging_interval":   func(c *Config) { c.AgingInterval = -time.Second },
		"config.token_memory":     func(c *Config) { c.TokenMemory = -1 },
		"config.max_tenants":      func(c *Config) { c.MaxTenants = -1 },

		`config.tenant_weights["a"]`: func(c *Config) { c.TenantWeights = map[string]float64{"a": math.NaN()} },
		`config.queue_shares["a"]`:   func(c *Config) { c.QueueShares = map[string]float64{"a": 1.5} },
	} {
		c := full
		change(&c)
		_, err := New(c)
		var e *Error
		if !errors.As(err, &e) || e.Kind != KindInvalid || e.Field != field || !strings.HasPrefix(e.Error(), field+": ") {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

func TestNames(t *testing.T) {
	var kinds, reasons []string
	for k := KindInvalid; k <= KindDraining+1; k++ {
		kinds = append(kinds, k.String())
	}
	for r := ReasonStop; r <= ReasonDisplaced+1; r++ {
		reasons = append(reasons, r.String())
	}
	if got := strings.Join(kinds, " "); got != "invalid duplicate too_long queue_full draining kind(6)" {
		t.Error(got)
	}
	if got := strings.Join(reasons, " "); got != "stop length expired cancelled failed displaced reason(7)" {
		t.Error(got)
	}
}
