package continuous

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// backlog admits requests of a tenant, and says which ids they have.
func backlog(t *testing.T, s *Scheduler, tenant string, from uint64, n, tokens int) {
	t.Helper()
	for i := range n {
		mustAdmit(t, s, t0, Request{ID: from + uint64(i), PromptTokens: tokens, Tenant: tenant})
	}
}

// serve runs steps until so many tokens have run, and says how many each tenant got. Ids are 1000 times a tenant's number.
func serve(t *testing.T, s *Scheduler, tokens int) map[uint64]int {
	t.Helper()
	got := map[uint64]int{}
	for tokens > 0 {
		rows := s.Plan(t0).Rows
		if len(rows) == 0 {
			t.Fatal("nothing runs")
		}
		for _, r := range rows {
			got[r.ID/1000] += r.Count
			tokens -= r.Count
		}
		completeAll(t, s, t0, rows, OutcomeContinue)
	}
	return got
}

func TestTenantsShareByTokens(t *testing.T) {
	s := mustNew(t, Config{Slots: 1, TokenBudget: 8, MaxChunk: 8, TenantWeights: map[string]float64{"c": 2}})
	backlog(t, s, "a", 1000, 400, 8) // a floods, and was first
	backlog(t, s, "b", 2000, 100, 4)
	backlog(t, s, "c", 3000, 100, 8)
	got := serve(t, s, 800)
	for tenant, want := range map[uint64]int{1: 200, 2: 200, 3: 400} {
		if d := got[tenant] - want; d < -16 || d > 16 {
			t.Errorf("tenant %d got %d of 800 tokens, want %d", tenant, got[tenant], want)
		}
	}
}

func TestWhatWasNotSampledIsGivenBack(t *testing.T) {
	s := mustNew(t, Config{Slots: 1, TokenBudget: 8, MaxChunk: 8})
	for i := range 40 {
		// a asks for 1,000 tokens each time, and stops after one.
		mustAdmit(t, s, t0, Request{ID: 1000 + uint64(i), PromptTokens: 8, MaxNewTokens: 1000, Tenant: "a"})
	}
	backlog(t, s, "b", 2000, 40, 8)
	got := map[uint64]int{}
	for range 40 {
		rows := s.Plan(t0).Rows
		for _, r := range rows {
			got[r.ID/1000]++
		}
		completeAll(t, s, t0, rows, OutcomeStop)
	}
	if got[1] < 17 || got[1] > 23 {
		t.Errorf("a had %d of 40 turns, want about half", got[1])
	}
}

func TestATenantThatWasAwaySavesUpNothing(t *testing.T) {
	s := mustNew(t, Config{Slots: 1, TokenBudget: 8, MaxChunk: 8})
	backlog(t, s, "a", 1000, 200, 8)
	serve(t, s, 800)
	backlog(t, s, "b", 2000, 100, 8)
	got := serve(t, s, 160)
	if got[2] < 64 || got[2] > 96 {
		t.Errorf("b got %d of 160 tokens, want about half", got[2])
	}
}

func TestAFullQueueMakesRoomForATenantUnderItsShare(t *testing.T) {
	s := mustNew(t, Config{Slots: 1, MaxQueue: 8})
	backlog(t, s, "a", 1000, 8, 4)
	mustAdmit(t, s, t0, Request{ID: 2000, PromptTokens: 4, Tenant: "b"})
	p := s.Plan(t0)
	wantEnded(t, p.Ended, Ended{ID: 1007, Reason: ReasonDisplaced, Slot: -1})
	if e := s.Displaced(); e.Kind != KindQueueFull || e.RetryAfter < minRetry {
		t.Error(e)
	}
	completeAll(t, s, t0, p.Rows, OutcomeContinue)
	backlog(t, s, "a", 1100, 1, 4)
	var e *Error
	if err := s.Admit(t0, Request{ID: 1200, PromptTokens: 4, Tenant: "a"}); !errors.As(err, &e) || e.Kind != KindQueueFull {
		t.Errorf("a is over its share: %v", err)
	}
	if err := s.Admit(t0, Request{ID: 2001, PromptTokens: 4, Tenant: "b", Priority: 3}); !errors.As(err, &e) || e.Kind != KindQueueFull {
		t.Errorf("what is of a lower level takes no place from a higher one: %v", err)
	}
}

func TestAShareOfTheQueueIsABound(t *testing.T) {
	s := mustNew(t, Config{Slots: 1, MaxQueue: 10, QueueShares: map[string]float64{"a": 0.5, EveryTenant: 0.2}})
	backlog(t, s, "a", 1000, 5, 4)
	backlog(t, s, "b", 2000, 2, 4)
	for _, tenant := range []string{"a", "b"} {
		var e *Error
		err := s.Admit(t0, Request{ID: 1, PromptTokens: 4, Tenant: tenant})
		if !errors.As(err, &e) || e.Kind != KindQueueFull || e.Have != e.Limit {
			t.Errorf("%s: %v", tenant, err)
		}
	}
	mustAdmit(t, s, t0, Request{ID: 3000, PromptTokens: 4, Tenant: "c"})
}

func TestMemoryIsReservedBeforeItIsUsed(t *testing.T) {
	s := mustNew(t, Config{Slots: 8, SlotCapacity: 100, TokenBudget: 64, MaxChunk: 64, TokenMemory: 50})
	var e *Error
	if err := s.Admit(t0, Request{ID: 1, PromptTokens: 40, MaxNewTokens: 20}); !errors.As(err, &e) || e.Kind != KindTooLong || e.Limit != 50 {
		t.Fatalf("it would never fit: %v", err)
	}
	mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 4, MaxNewTokens: 26}, Request{ID: 2, PromptTokens: 4, MaxNewTokens: 20}, Request{ID: 3, PromptTokens: 4})
	p := s.Plan(t0)
	if len(p.Rows) != 1 || p.Rows[0].ID != 1 {
		t.Fatalf("30 and 24 are more than 50, and nobody overtakes: %+v", p.Rows)
	}
	completeAll(t, s, t0, p.Rows, OutcomeStop)
	if p = s.Plan(t0); len(p.Rows) != 2 {
		t.Fatalf("now both fit: %+v", p.Rows)
	}
	if got := s.Stats().TokenCapacity; got != 50 {
		t.Errorf("capacity %d", got)
	}
}

func TestAnyNumberOfTenants(t *testing.T) {
	s := mustNew(t, Config{Slots: 1, MaxQueue: 100, MaxTenants: 8, TenantWeights: map[string]float64{"named": 2}})
	for i := range uint64(60) {
		mustAdmit(t, s, t0, Request{ID: i, PromptTokens: 1, Tenant: fmt.Sprint("tenant-", i)})
	}
	mustAdmit(t, s, t0, Request{ID: 100, PromptTokens: 1, Tenant: "named"})
	if n := len(s.queue.accounts); n > 9 {
		t.Errorf("%d accounts", n)
	}
	for !s.Idle() {
		completeAll(t, s, t0, s.Plan(t0).Rows, OutcomeContinue)
	}
	mustAdmit(t, s, t0, Request{ID: 200, PromptTokens: 1, Tenant: "late"})
	if n := len(s.queue.accounts); n > 9 || s.queue.accounts["late"] == nil {
		t.Errorf("%d accounts; those without requests make room", n)
	}
}

// TestManyTenantsByChance holds what must be true of any mix of tenants: memory is kept to, everything ends once and in
// the same way when it is done again, and the books balance at the end.
func TestManyTenantsByChance(t *testing.T) {
	for seed := range uint64(60) {
		var runs [2][]Ended
		for i := range runs {
			runs[i] = playTenants(t, seed)
		}
		if !reflect.DeepEqual(runs[0], runs[1]) {
			t.Fatalf("seed %d: two runs differ", seed)
		}
	}
}

func playTenants(t *testing.T, seed uint64) (all []Ended) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 7))
	cfg := Config{Slots: 1 + random.IntN(6), SlotCapacity: 40, TokenBudget: 16, MaxChunk: 8, MaxQueue: 12, MaxTenants: 3,
		TokenMemory: 40 + random.IntN(80), TenantWeights: map[string]float64{"t0": 3}, QueueShares: map[string]float64{"t1": 0.5}}
	s := mustNew(t, cfg)
	now, admitted := t0, map[uint64]Request{}
	took := func(ended []Ended) {
		for _, e := range ended {
			if _, there := admitted[e.ID]; !there {
				t.Fatalf("seed %d: %d ended twice, or never came", seed, e.ID)
			}
			delete(admitted, e.ID)
		}
		all = append(all, ended...)
	}
	for id := uint64(1); id < 300 || !s.Idle(); id++ {
		now = now.Add(time.Duration(random.IntN(20)) * time.Millisecond)
		for id < 300 && random.IntN(3) > 0 {
			id++
			r := Request{ID: id, PromptTokens: 1 + random.IntN(20), MaxNewTokens: random.IntN(20), Priority: random.IntN(4), Tenant: fmt.Sprint("t", random.IntN(7))}
			if random.IntN(4) == 0 {
				r.Deadline = now.Add(time.Duration(random.IntN(100)) * time.Millisecond)
			}
			if s.Admit(now, r) == nil {
				admitted[id] = r
			}
			if random.IntN(9) == 0 {
				s.Cancel(uint64(random.IntN(int(id))))
			}
		}
		p := s.Plan(now)
		rows := slices.Clone(p.Rows)
		took(p.Ended)
		if s.reserved > cfg.TokenMemory || s.queue.size > cfg.MaxQueue || len(s.queue.accounts) > 5 {
			t.Fatalf("seed %d: %d tokens reserved, %d waiting, %d accounts", seed, s.reserved, s.queue.size, len(s.queue.accounts))
		}
		took(completeAll(t, s, now, rows, Outcome(random.IntN(3))))
	}
	if s.reserved != 0 || s.queue.size != 0 || len(s.queue.active) != 0 || len(admitted) != 0 {
		t.Fatalf("seed %d: %d tokens reserved, %d waiting, %d tenants, %d without an end", seed, s.reserved, s.queue.size, len(s.queue.active), len(admitted))
	}
	return all
}
