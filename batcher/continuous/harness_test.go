package continuous

import (
	"cmp"
	"reflect"
	"slices"
	"time"
)

// source decides what a random run does: rapid draws, or a fuzzer's bytes.
type source interface {
	pick(n int, label string) int // in [0, n)
}

// checker is what *testing.T and *rapid.T have in common here.
type checker interface {
	Helper()
	Fatalf(format string, args ...any)
}

// op is one call of the scheduler, kept for the replay.
type op struct {
	name    string
	at      time.Time
	req     Request
	results []Result
	tokens  int
}

type answer struct {
	err      error
	ok       bool
	plan     Plan
	ended    []Ended
	stats    Stats
	deadline time.Time
}

func (o op) apply(s *Scheduler) answer {
	var a answer
	switch o.name {
	case "admit":
		a.err = s.Admit(o.at, o.req)
	case "cancel":
		a.ok = s.Cancel(o.req.ID)
	case "plan":
		p := s.Plan(o.at)
		a.plan = Plan{Rows: slices.Clone(p.Rows), Ended: slices.Clone(p.Ended)}
	case "complete":
		ended, err := s.Complete(o.at, o.results)
		a.ended, a.err = slices.Clone(ended), err
	case "budget":
		a.err = s.SetTokenBudget(o.tokens)
	case "drain":
		s.Drain()
	}
	a.stats = s.Stats()
	a.deadline, _ = s.NextDeadline()
	return a
}

// oracle is what the test knows of one accepted request, computed apart from the scheduler.
type oracle struct {
	req       Request
	order     int
	arrival   time.Time
	slot      int
	past      int
	sampled   int
	cancelled bool
	gone      bool // cancelled while not in flight: only the report is missing
	outcome   Outcome
}

func (o *oracle) known() int { return o.req.PromptTokens + o.sampled }

// need is the fewest tokens that its row runs.
func (o *oracle) need() int {
	if o.sampled > 0 && o.known()-o.past > 1 {
		return 2
	}
	return 1
}

// left is how many tokens it may still run.
func (o *oracle) left() int { return o.req.PromptTokens + max(0, o.req.MaxNewTokens-1) - o.past }

// world drives a scheduler and holds each of its answers against the rules.
type world struct {
	t      checker
	s      *Scheduler
	cfg    Config
	now    time.Time
	nextID uint64
	live   map[uint64]*oracle
	flight []Row
	drain  bool
	ops    []op
	log    []answer
	// appends says how many tokens come behind a sampled one, where room is left; nil: none.
	appends func(room int) int
	// accepts says how many of the drafted tokens were right.
	accepts func(drafted int) int
}

func newWorld(t checker, cfg Config) *world {
	s, err := New(cfg)
	if err != nil {
		t.Fatalf("New(%+v): %v", cfg, err)
	}
	return &world{
		t: t, s: s, cfg: cfg.WithDefaults(), now: time.Unix(1000, 0), nextID: 1, live: map[uint64]*oracle{},
	}
}

func (w *world) do(o op) answer {
	w.t.Helper()
	o.at = w.now
	a := o.apply(w.s)
	w.ops = append(w.ops, o)
	w.log = append(w.log, a)
	return a
}

// replay runs the recorded calls on a fresh scheduler: the answers must be the same.
func (w *world) replay(cfg Config) {
	w.t.Helper()
	s, err := New(cfg)
	if err != nil {
		w.t.Fatalf("New: %v", err)
	}
	for i, o := range w.ops {
		if got := o.apply(s); !reflect.DeepEqual(got, w.log[i]) {
			w.t.Fatalf("replay of call %d %+v: got %+v, first run gave %+v", i, o, got, w.log[i])
		}
	}
}

func (w *world) admit(r Request) error {
	w.t.Helper()
	err := w.do(op{name: "admit", req: r}).err
	if err == nil {
		if r.Priority == 0 {
			r.Priority = w.cfg.DefaultPriority
		}
		w.live[r.ID] = &oracle{req: r, order: len(w.ops), arrival: w.now, slot: -1}
	}
	w.checkTotals()
	return err
}

func (w *world) cancel(id uint64) {
	w.t.Helper()
	got := w.do(op{name: "cancel", req: Request{ID: id}}).ok
	o := w.live[id]
	want := o != nil && !o.cancelled
	if got != want {
		w.t.Fatalf("Cancel(%d) = %v, want %v", id, got, want)
	}
	if want {
		o.cancelled = true
		o.gone = !slices.ContainsFunc(w.flight, func(r Row) bool { return r.ID == id })
	}
	w.checkTotals()
}

func (w *world) plan() Plan {
	w.t.Helper()
	p := w.do(op{name: "plan"}).plan
	for _, e := range p.Ended {
		w.checkEnded(e, ReasonExpired, ReasonCancelled)
	}
	if len(w.flight) > 0 {
		if len(p.Rows) > 0 {
			w.t.Fatalf("a second plan while one is in flight: %+v", p.Rows)
		}
	} else {
		w.checkRows(p.Rows)
		w.flight = p.Rows
	}
	w.checkTotals()
	return p
}

func (w *world) complete(outcome func(Row) Outcome) []Ended {
	w.t.Helper()
	results := make([]Result, 0, len(w.flight))
	for _, r := range w.flight {
		o := w.live[r.ID]
		o.outcome = outcome(r)
		result := Result{ID: r.ID, Outcome: o.outcome}
		if r.Drafted > 0 && w.accepts != nil {
			result.Accepted = w.accepts(r.Drafted)
		}
		if room := o.req.MaxNewTokens - o.sampled - 1; r.Samples && room > 0 && result.Accepted == 0 && w.appends != nil {
			result.Appended = w.appends(room)
		}
		results = append(results, result)
		if !o.cancelled && o.outcome != OutcomeFail {
			o.past += r.Count + result.Accepted
			if r.Samples {
				o.sampled += 1 + result.Accepted + result.Appended
			}
		}
	}
	a := w.do(op{name: "complete", results: results})
	if a.err != nil {
		w.t.Fatalf("Complete: %v", a.err)
	}
	w.flight = nil
	for _, e := range a.ended {
		w.checkEnded(e, ReasonStop, ReasonLength, ReasonFailed, ReasonCancelled)
	}
	for id, o := range w.live {
		if o.past >= o.req.PromptTokens && o.sampled == o.req.MaxNewTokens {
			w.t.Fatalf("request %d has all its tokens and did not end", id)
		}
	}
	w.checkTotals()
	return a.ended
}

func proceed(Row) Outcome { return OutcomeContinue }

// started lists the live sequences that hold a slot, waits those that hold none, in the order they should start.
func (w *world) started() (in, waits []*oracle) {
	for _, o := range w.live {
		switch {
		case o.gone:
		case o.slot >= 0:
			in = append(in, o)
		default:
			waits = append(waits, o)
		}
	}
	slices.SortFunc(waits, func(a, b *oracle) int {
		return cmp.Or(cmp.Compare(w.level(a), w.level(b)), cmp.Compare(a.order, b.order))
	})
	return in, waits
}

func (w *world) level(o *oracle) int {
	level := o.req.Priority
	for t := w.cfg.AgingInterval; t <= w.now.Sub(o.arrival) && level > 1; t += w.cfg.AgingInterval {
		level--
	}
	return level
}

// drainBound is how many steps the accepted work may take once nothing arrives: while requests wait, each step runs at
// least min(slots, budget) tokens; then each row runs at least once in ceil(slots/budget) steps.
func (w *world) drainBound() int {
	work, longest := 0, 0
	for _, o := range w.live {
		work += o.left()
		longest = max(longest, o.left())
	}
	turns := (w.cfg.Slots + w.cfg.TokenBudget - 1) / w.cfg.TokenBudget
	if w.appends != nil {
		turns *= 2
		work *= 2 // a token of the budget may be left over where the next row needs two
	}
	return work/min(w.cfg.Slots, w.cfg.TokenBudget) + longest*turns + 2
}

// finish runs everything to its end, within the bound, and checks that nothing is left behind.
func (w *world) finish() {
	w.t.Helper()
	w.complete(proceed)
	bound := w.drainBound()
	for step := 0; !w.s.Idle(); step++ {
		if step > bound {
			w.t.Fatalf("%d requests not ended after %d steps", len(w.live), bound)
		}
		w.now = w.now.Add(time.Millisecond)
		w.plan()
		w.complete(proceed)
	}
	if len(w.live) > 0 {
		w.t.Fatalf("idle, but %d requests were never reported as ended", len(w.live))
	}
}
