package continuous

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

func TestDecodingFirstThenPromptsThenStarts(t *testing.T) {
	s := mustNew(t, Config{Slots: 4, TokenBudget: 8, MaxChunk: 6})
	mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 20, MaxNewTokens: 4}, Request{ID: 2, PromptTokens: 2, MaxNewTokens: 4},
		Request{ID: 3, PromptTokens: 9, MaxNewTokens: 4})
	// MaxChunk leaves room for a second prompt beside the first.
	step(t, s, t0, Row{ID: 1, Count: 6}, Row{ID: 2, Slot: 1, Count: 2, Samples: true})
	step(t, s, t0, Row{ID: 2, Slot: 1, Start: 2, Count: 1, Samples: true}, Row{ID: 1, Start: 6, Count: 6},
		Row{ID: 3, Slot: 2, Count: 1})
	// The first prompt leaves one token to the later one, and both leave the decoding row its own.
	step(t, s, t0, Row{ID: 2, Slot: 1, Start: 3, Count: 1, Samples: true}, Row{ID: 1, Start: 12, Count: 6},
		Row{ID: 3, Slot: 2, Start: 1, Count: 1})
	ended := step(t, s, t0, Row{ID: 2, Slot: 1, Start: 4, Count: 1, Samples: true},
		Row{ID: 1, Start: 18, Count: 2, Samples: true}, Row{ID: 3, Slot: 2, Start: 2, Count: 5})
	wantEnded(t, ended, Ended{ID: 2, Reason: ReasonLength, Slot: 1, Generated: 4})
	step(t, s, t0, Row{ID: 1, Start: 20, Count: 1, Samples: true},
		Row{ID: 3, Slot: 2, Start: 7, Count: 2, Samples: true})
}

func TestScoringRunsThePromptAndSamplesNothing(t *testing.T) {
	s := mustNew(t, Config{MaxChunk: 4})
	mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 6})
	wantEnded(t, step(t, s, t0, Row{ID: 1, Count: 4}))
	wantEnded(t, step(t, s, t0, Row{ID: 1, Start: 4, Count: 2}), Ended{ID: 1, Reason: ReasonLength})
}

func TestLowestFreeSlotFirst(t *testing.T) {
	s := mustNew(t, Config{Slots: 3})
	mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 1, MaxNewTokens: 9}, Request{ID: 2, PromptTokens: 1, MaxNewTokens: 9},
		Request{ID: 3, PromptTokens: 1, MaxNewTokens: 9})
	step(t, s, t0, Row{ID: 1, Count: 1, Samples: true}, Row{ID: 2, Slot: 1, Count: 1, Samples: true},
		Row{ID: 3, Slot: 2, Count: 1, Samples: true})
	s.Cancel(2)
	s.Cancel(1)
	if st := s.Stats(); st.SlotsFree != 2 || st.ActiveSlots != 3 || st.TokensInUse != 1 {
		t.Errorf("after two of three left: %+v", st)
	}
	mustAdmit(t, s, t0, Request{ID: 4, PromptTokens: 1, MaxNewTokens: 9})
	step(t, s, t0, Row{ID: 3, Slot: 2, Start: 1, Count: 1, Samples: true}, Row{ID: 4, Count: 1, Samples: true})
}

func TestOrderOfWaitingRequests(t *testing.T) {
	type arrival struct {
		after time.Duration
		level int
	}
	for _, c := range []struct {
		name     string
		arrivals []arrival // ids 1, 2, ...
		at       time.Duration
		want     []uint64
	}{
		{"first come, first served", []arrival{{0, 2}, {0, 2}, {1, 2}}, 2, []uint64{1, 2, 3}},
		{"levels before arrival", []arrival{{0, 3}, {1, 2}, {2, 1}}, 3, []uint64{3, 2, 1}},
		{"zero is the default level", []arrival{{0, 3}, {1, 0}, {2, 2}, {3, 1}}, 4, []uint64{4, 2, 3, 1}},
		{"one interval, one level", []arrival{{0, 2}, {9, 1}}, 10, []uint64{1, 2}},
		{"just short of it", []arrival{{0, 2}, {9, 1}}, 9, []uint64{2, 1}},
		{"two levels in two intervals", []arrival{{0, 3}, {15, 2}, {19, 1}}, 20, []uint64{1, 3, 2}},
		{"never above the highest", []arrival{{0, 1}, {0, 3}, {99, 1}}, 100, []uint64{1, 2, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustNew(t, Config{PriorityLevels: 3, AgingInterval: 10 * time.Second})
			for i, a := range c.arrivals {
				mustAdmit(t, s, t0.Add(a.after*time.Second), Request{ID: uint64(i + 1), PromptTokens: 1, Priority: a.level})
			}
			var got []uint64
			for _, r := range s.Plan(t0.Add(c.at * time.Second)).Rows {
				got = append(got, r.ID)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("started %v, want %v", got, c.want)
			}
		})
	}
}

func TestDeadlines(t *testing.T) {
	s := mustNew(t, Config{Slots: 2})
	at := func(d int) time.Time { return t0.Add(time.Duration(d) * time.Second) }
	if _, ok := s.NextDeadline(); ok {
		t.Error("a deadline with no request")
	}
	mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 2, MaxNewTokens: 9, Deadline: at(5)},
		Request{ID: 2, PromptTokens: 2, MaxNewTokens: 9}, Request{ID: 3, PromptTokens: 2, MaxNewTokens: 9, Deadline: at(3)})
	if d, ok := s.NextDeadline(); !ok || !d.Equal(at(3)) {
		t.Errorf("NextDeadline() = %v, %v", d, ok)
	}
	first := s.Plan(t0)
	// While the plan is in flight, a waiting request expires and a running one does not.
	p := s.Plan(at(6))
	wantEnded(t, p.Ended, Ended{ID: 3, Reason: ReasonExpired, Slot: -1})
	if p.Rows != nil {
		t.Errorf("rows beside a plan in flight: %+v", p.Rows)
	}
	wantEnded(t, completeAll(t, s, at(6), first.Rows, OutcomeContinue))
	p = s.Plan(at(6))
	wantEnded(t, p.Ended, Ended{ID: 1, Reason: ReasonExpired, Generated: 1})
	if want := []Row{{ID: 2, Slot: 1, Start: 2, Count: 1, Samples: true}}; !reflect.DeepEqual(p.Rows, want) {
		t.Errorf("rows %+v, want %+v", p.Rows, want)
	}
	if d, ok := s.NextDeadline(); ok {
		t.Errorf("NextDeadline() = %v after the last", d)
	}
}

func TestDeadlineIsTheFirstMomentTooLate(t *testing.T) {
	for _, early := range []time.Duration{0, 1} {
		s := mustNew(t, Config{})
		mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 1, Deadline: t0.Add(time.Second)})
		p := s.Plan(t0.Add(time.Second - early))
		if len(p.Ended) != 1-int(early) || len(p.Rows) != int(early) {
			t.Errorf("%v before the deadline: %+v", early, p)
		}
	}
}

func TestCancelInFlightKeepsTheSlotUntilComplete(t *testing.T) {
	s := mustNew(t, Config{Slots: 1})
	mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 3, MaxNewTokens: 5}, Request{ID: 2, PromptTokens: 1})
	p := s.Plan(t0)
	if !s.Cancel(1) || s.Cancel(1) {
		t.Fatal("Cancel must succeed once")
	}
	if st := s.Stats(); st.SlotsFree != 0 || st.Running != 1 || st.InFlight != 3 {
		t.Errorf("the slot was freed under the model's hands: %+v", st)
	}
	wantEnded(t, s.Plan(t0).Ended)
	wantEnded(t, completeAll(t, s, t0, p.Rows, OutcomeStop), Ended{ID: 1, Reason: ReasonCancelled})
	step(t, s, t0, Row{ID: 2, Count: 1})
}

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		outcome Outcome
		want    []Ended
	}{
		{OutcomeContinue, nil},
		{OutcomeStop, []Ended{{ID: 1, Reason: ReasonStop, Generated: 1}}},
		{OutcomeFail, []Ended{{ID: 1, Reason: ReasonFailed}}},
	} {
		s := mustNew(t, Config{})
		mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 3, MaxNewTokens: 5})
		wantEnded(t, completeAll(t, s, t0, s.Plan(t0).Rows, c.outcome), c.want...)
	}
}

func TestCompleteRefusesWhatDoesNotMatch(t *testing.T) {
	s := mustNew(t, Config{})
	mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 3, MaxNewTokens: 5}, Request{ID: 2, PromptTokens: 3, MaxNewTokens: 5})
	rows := s.Plan(t0).Rows
	for field, results := range map[string][]Result{
		"results":            {{ID: 1}},
		"results[0].id":      {{ID: 2}, {ID: 1}},
		"results[1].outcome": {{ID: 1, Outcome: OutcomeStop}, {ID: 2, Outcome: 3}},
	} {
		_, err := s.Complete(t0, results)
		var e *Error
		if !errors.As(err, &e) || e.Kind != KindInvalid || e.Field != field {
			t.Errorf("got %v, want a complaint about %s", err, field)
		}
	}
	if st := s.Stats(); st.InFlight != 6 || st.Running != 2 || st.TokensInUse != 0 {
		t.Errorf("refused results changed something: %+v", st)
	}
	wantEnded(t, completeAll(t, s, t0, rows, OutcomeContinue))
}

func TestRowsTakeTurnsUnderALoweredBudget(t *testing.T) {
	const rows = 10
	for budget := 1; budget <= rows+1; budget++ {
		s := mustNew(t, Config{Slots: rows, SlotCapacity: 200})
		for id := uint64(0); id < rows; id++ {
			mustAdmit(t, s, t0, Request{ID: id, PromptTokens: 1, MaxNewTokens: 199})
		}
		completeAll(t, s, t0, s.Plan(t0).Rows, OutcomeContinue)
		if err := s.SetTokenBudget(budget); err != nil {
			t.Fatal(err)
		}
		turns := (rows + budget - 1) / budget
		var waited [rows]int
		for range 100 {
			for i := range waited {
				waited[i]++
			}
			p := s.Plan(t0)
			for _, r := range p.Rows {
				waited[r.ID] = 0
			}
			for id, n := range waited {
				if n >= turns {
					t.Fatalf("budget %d: row %d has waited %d steps of at most %d", budget, id, n, turns-1)
				}
			}
			completeAll(t, s, t0, p.Rows, OutcomeContinue)
		}
	}
	var e *Error
	if err := mustNew(t, Config{}).SetTokenBudget(0); !errors.As(err, &e) || e.Field != "token_budget" {
		t.Errorf("SetTokenBudget(0): %v", err)
	}
}

func TestChunksNarrowForPaddedKernels(t *testing.T) {
	s := mustNew(t, Config{SlotCapacity: 10, PaddedCapacity: 12, MaxChunk: 8})
	mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 7, MaxNewTokens: 3})
	step(t, s, t0, Row{ID: 1, Count: 7, Samples: true})
	mustAdmit(t, s, t0, Request{ID: 2, PromptTokens: 9, MaxNewTokens: 1})
	// Row 1 is padded to the width of row 2: 7+5 <= 12, then 8+4 <= 12.
	step(t, s, t0, Row{ID: 1, Start: 7, Count: 1, Samples: true}, Row{ID: 2, Slot: 1, Count: 5})
	step(t, s, t0, Row{ID: 1, Start: 8, Count: 1, Samples: true}, Row{ID: 2, Slot: 1, Start: 5, Count: 4, Samples: true})
}

func TestClockStepsBack(t *testing.T) {
	s := mustNew(t, Config{Slots: 1})
	mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 1, MaxNewTokens: 2, Deadline: t0.Add(time.Second)})
	wantEnded(t, s.Plan(t0.Add(time.Minute)).Ended, Ended{ID: 1, Reason: ReasonExpired, Slot: -1})
	mustAdmit(t, s, t0, Request{ID: 2, PromptTokens: 1, MaxNewTokens: 2, Deadline: t0.Add(time.Second)})
	wantEnded(t, s.Plan(t0).Ended, Ended{ID: 2, Reason: ReasonExpired, Slot: -1})
}

// Tokens that were appended run together with the sampled one before them, never it alone, whatever the budget.
func TestAppendedTokensRunTogether(t *testing.T) {
	s := mustNew(t, Config{Slots: 2, SlotCapacity: 32, TokenBudget: 4, MaxChunk: 3})
	mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 1, MaxNewTokens: 20}, Request{ID: 2, PromptTokens: 1, MaxNewTokens: 20})
	run := func(appended ...int) (out []Row) {
		plan := s.Plan(t0)
		results := make([]Result, len(plan.Rows))
		for i, r := range plan.Rows {
			results[i] = Result{ID: r.ID, Appended: appended[i]}
		}
		out = append(out, plan.Rows...)
		if _, err := s.Complete(t0, results); err != nil {
			t.Fatal(err)
		}
		return out
	}
	run(4, 0)
	for i, want := range [][]Row{
		{{ID: 1, Slot: 0, Start: 1, Count: 3}, {ID: 2, Slot: 1, Start: 1, Count: 1, Samples: true}},
		{{ID: 1, Slot: 0, Start: 4, Count: 2, Samples: true}, {ID: 2, Slot: 1, Start: 2, Count: 1, Samples: true}},
		{{ID: 1, Slot: 0, Start: 6, Count: 1, Samples: true}, {ID: 2, Slot: 1, Start: 3, Count: 1, Samples: true}},
	} {
		if got := run(0, 0); !reflect.DeepEqual(got, want) {
			t.Fatalf("step %d: %+v, want %+v", i, got, want)
		}
	}
	plan := s.Plan(t0)
	for _, appended := range []int{-1, 13} {
		results := []Result{{ID: plan.Rows[0].ID, Appended: appended}, {ID: plan.Rows[1].ID}}
		var e *Error
		if _, err := s.Complete(t0, results); !errors.As(err, &e) || e.Field != "results[0].appended" {
			t.Fatalf("%d appended: %v", appended, err)
		}
	}
	// 7 sampled and appended, the one sampled now, 12 behind it: that is all there may be.
	ended, err := s.Complete(t0, []Result{{ID: plan.Rows[0].ID, Appended: 12}, {ID: plan.Rows[1].ID}})
	if err != nil || len(ended) != 1 || ended[0].Reason != ReasonLength || ended[0].Generated != 20 {
		t.Fatalf("%+v, %v", ended, err)
	}
}

// The caller may choose slots and say what they hold; what makes no sense is as if nothing had been said.
func TestPlaces(t *testing.T) {
	said := map[uint64][2]int{1: {2, 3}, 2: {2, 1}, 3: {9, 1}, 4: {3, 100}}
	var asked []uint64
	s := mustNew(t, Config{Slots: 5, SlotCapacity: 16, MaxChunk: 4, Place: func(id uint64, free func(int) bool) (int, int) {
		asked = append(asked, id)
		if free(-1) || free(5) || id > 1 && free(2) {
			t.Error("a slot that there is not, or that is taken, is said to be free")
		}
		return said[id][0], said[id][1]
	}})
	mustAdmit(t, s, t0, Request{ID: 1, PromptTokens: 5, MaxNewTokens: 4}, Request{ID: 2, PromptTokens: 5, MaxNewTokens: 4},
		Request{ID: 3, PromptTokens: 3, MaxNewTokens: 4}, Request{ID: 4, PromptTokens: 6, MaxNewTokens: 4})
	step(t, s, t0, Row{ID: 1, Slot: 2, Start: 3, Count: 2, Samples: true}, Row{ID: 2, Slot: 0, Count: 4},
		Row{ID: 3, Slot: 1, Count: 3, Samples: true}, Row{ID: 4, Slot: 3, Start: 5, Count: 1, Samples: true})
	if st := s.Stats(); st.TokensInUse != 5+4+3+6 {
		t.Errorf("tokens in use: %+v", st)
	}
	if !reflect.DeepEqual(asked, []uint64{1, 2, 3, 4}) {
		t.Errorf("asked for %v", asked)
	}
}
