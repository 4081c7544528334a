package dynamic

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestConfigIsChecked(t *testing.T) {
	policies := func(level int, p QueuePolicy) map[int]QueuePolicy { return map[int]QueuePolicy{level: p} }
	for _, c := range []struct {
		field string
		cfg   Config
	}{
		{"", Config{}},
		{"", Config{MaxBatchSize: 8, PreferredBatchSize: []int{8, 1}, PriorityLevels: 2, DefaultPriorityLevel: 2,
			PriorityQueuePolicy: policies(2, QueuePolicy{MaxQueueSize: 1 << 40})}},
		{"", Config{PreserveOrdering: true, DefaultQueuePolicy: QueuePolicy{TimeoutAction: TimeoutDelay}}},
		{"max_batch_size", Config{MaxBatchSize: -1}},
		{"max_batch_size", Config{MaxBatchSize: 1 << 21}},
		{"preferred_batch_size[1]", Config{MaxBatchSize: 4, PreferredBatchSize: []int{4, 5}}},
		{"preferred_batch_size[0]", Config{MaxBatchSize: 4, PreferredBatchSize: []int{0}}},
		{"max_queue_delay", Config{MaxQueueDelay: -1}},
		{"max_queue_delay", Config{MaxQueueDelay: 2 * time.Hour}},
		{"priority_levels", Config{PriorityLevels: 65}},
		{"priority_levels", Config{PriorityLevels: 2, DefaultPriorityLevel: 1, PreserveOrdering: true}},
		{"default_priority_level", Config{PriorityLevels: 2}},
		{"default_priority_level", Config{PriorityLevels: 2, DefaultPriorityLevel: 3}},
		{"default_priority_level", Config{DefaultPriorityLevel: 1}},
		{"instances", Config{Instances: -1}},
		{"max_queue", Config{MaxQueue: 1 << 17}},
		{"max_tenants", Config{MaxTenants: -1}},
		{"max_batch_tokens", Config{MaxBatchTokens: -1}},
		{"length_buckets[0]", Config{LengthBuckets: []int{0}}},
		{"length_buckets[2]", Config{LengthBuckets: []int{1, 2, 2}}},
		{"length_buckets", Config{LengthBuckets: make([]int, 65)}},
		{`tenant_weights["b"]`, Config{TenantWeights: map[string]float64{"a": 1, "b": 0}}},
		{`tenant_weights["a"]`, Config{TenantWeights: map[string]float64{"a": math.NaN()}}},
		{`tenant_weights["a"]`, Config{TenantWeights: map[string]float64{"a": math.Inf(1)}}},
		{"default_queue_policy.timeout_action", Config{DefaultQueuePolicy: QueuePolicy{TimeoutAction: 2}}},
		{"default_queue_policy.timeout_action", Config{PreserveOrdering: true,
			DefaultQueuePolicy: QueuePolicy{TimeoutAction: TimeoutDelay, DefaultTimeout: 1}}},
		{"default_queue_policy.default_timeout", Config{DefaultQueuePolicy: QueuePolicy{DefaultTimeout: -1}}},
		{"default_queue_policy.max_queue_size", Config{DefaultQueuePolicy: QueuePolicy{MaxQueueSize: -1}}},
		{"priority_queue_policy[1]", Config{PriorityQueuePolicy: policies(1, QueuePolicy{})}},
		{"priority_queue_policy[3]", Config{PriorityLevels: 2, DefaultPriorityLevel: 1, PriorityQueuePolicy: policies(3, QueuePolicy{})}},
		{"priority_queue_policy[2].max_queue_size", Config{PriorityLevels: 2, DefaultPriorityLevel: 1,
			PriorityQueuePolicy: policies(2, QueuePolicy{MaxQueueSize: -1})}},
	} {
		_, err := NewScheduler(c.cfg)
		if c.field == "" {
			if err != nil {
				t.Errorf("%+v: %v", c.cfg, err)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Kind != KindInvalid || e.Field != "config."+c.field {
			t.Errorf("%+v: %v, want an error of config.%s", c.cfg, err, c.field)
		}
	}
}

// The batcher keeps copies: a caller that goes on to change its Config changes nothing.
func TestConfigIsCopied(t *testing.T) {
	cfg := Config{MaxBatchSize: 8, PreferredBatchSize: []int{4}, TenantWeights: map[string]float64{"a": 2}}
	b, err := New(cfg, func(context.Context, []int) ([]int, error) { return nil, nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	want := Config{
		MaxBatchSize: 8, PreferredBatchSize: []int{4}, TenantWeights: map[string]float64{"a": 2},
		Instances: 1, MaxQueue: 1024, MaxTenants: 256,
	}
	cfg.PreferredBatchSize[0], cfg.TenantWeights["a"] = 1, 1
	if got := b.Config(); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v", got)
	}
	if _, err := New[int, int](Config{}, nil, nil); kindOf(err) != KindInvalid {
		t.Fatal(err)
	}
}

func TestItemsAreChecked(t *testing.T) {
	s, err := NewScheduler(Config{MaxBatchSize: 4, MaxBatchTokens: 100, PriorityLevels: 2, DefaultPriorityLevel: 1})
	if err != nil {
		t.Fatal(err)
	}
	inside := &Entry{Item: Item{Size: 1}}
	if err := s.Admit(t0, inside); err != nil {
		t.Fatal(err)
	}
	for field, entries := range map[string][]*Entry{
		"items":             {},
		"size":              {{}},
		"tokens":            {{Item: Item{Size: 2, Tokens: 51}}},
		"priority":          {{Item: Item{Size: 1, Priority: -1}}},
		"timeout":           {{Item: Item{Size: 1, Timeout: -1}}},
		"entry":             {inside},
		"items[1].size":     {{Item: Item{Size: 1}}, {Item: Item{Size: 5}}},
		"items[1].tokens":   {{Item: Item{Size: 1}}, {Item: Item{Size: 1, Tokens: -1}}},
		"items[1].priority": {{Item: Item{Size: 1}}, {Item: Item{Size: 1, Priority: 2}}},
		"items[1].tenant":   {{Item: Item{Size: 1}}, {Item: Item{Size: 1, Tenant: "b"}}},
	} {
		var e *Error
		if err := s.Admit(t0, entries...); !errors.As(err, &e) || e.Kind != KindInvalid || e.Field != field {
			t.Errorf("%v, want an error of %s", err, field)
		}
	}
	same := &Entry{Item: Item{Size: 1}}
	if err := s.Admit(t0, same, same); kindOf(err) != KindInvalid {
		t.Errorf("the same entry twice: %v", err)
	}
	if st := s.Stats(); st.Queued != 1 {
		t.Errorf("%d wait", st.Queued)
	}
}

func TestErrorsInWords(t *testing.T) {
	seen := map[string]Kind{}
	for k := KindInvalid; k <= KindFailed; k++ {
		text := (&Error{Kind: k, Field: "size", detail: "0 is outside 1 to 4", RetryAfter: time.Second}).Error()
		if other, twice := seen[text]; twice || len(text) < 10 || strings.HasPrefix(k.String(), "kind(") {
			t.Errorf("%v says %q, as does %v", k, text, other)
		}
		seen[text] = k
	}
	if Kind(99).String() != "kind(99)" {
		t.Error(Kind(99))
	}
	if errors.Is(&Error{Kind: KindDraining}, ErrStopped) || !errors.Is(&Error{Kind: KindStopped}, ErrStopped) {
		t.Error("ErrStopped stands for KindStopped alone")
	}
}

// The retry hint is the time in which half of the queue starts, at the pace of the latest batches.
func TestRetryAfter(t *testing.T) {
	s, err := NewScheduler(Config{MaxBatchSize: 2, MaxQueue: 40})
	if err != nil {
		t.Fatal(err)
	}
	full := func(now time.Time) *Error {
		for {
			var e *Error
			if err := s.Admit(now, &Entry{Item: Item{Size: 1}}); errors.As(err, &e) {
				return e
			}
		}
	}
	if e := full(t0); e.RetryAfter != unknownRetry || e.Have != 41 || e.Limit != 40 {
		t.Fatalf("%+v", e)
	}
	now := t0
	batch := s.Plan(now).Batches[0]
	for range 100 {
		now = now.Add(ms(100))
		full(now)
		s.Complete(now, batch)
		batch = s.Plan(now).Batches[0]
	}
	if e := full(now); e.RetryAfter < 900*time.Millisecond || e.RetryAfter > 1100*time.Millisecond {
		t.Fatalf("20 requests a second leave, 40 wait: retry after %v", e.RetryAfter)
	}
}

// More groups than one can remember: what is kept of those without requests is bounded.
func TestManyGroups(t *testing.T) {
	s, err := NewScheduler(Config{MaxBatchSize: 4})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 * maxIdleLanes {
		if err := s.Admit(t0, &Entry{Item: Item{Size: 1, Group: string(rune('a' + i))}}); err != nil {
			t.Fatal(err)
		}
		s.Complete(t0, s.Plan(t0).Batches[0])
		s.Plan(t0)
		if len(s.lanes) > maxIdleLanes+1 || s.idleLanes > maxIdleLanes {
			t.Fatalf("%d groups are remembered", len(s.lanes))
		}
	}
}
