package dynamic

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// world drives a scheduler and holds it to its promises.
type world struct {
	t      checker
	cfg    Config
	s      *Scheduler
	now    time.Time
	next   int
	queued map[*Entry]bool // what should be waiting, running and held
	runs   map[*Entry]*Batch
	held   map[*Entry]bool
	flying []*Batch
	gone   map[*Entry]string
	drain  bool
}

func newWorld(t checker, cfg Config) *world {
	t.Helper()
	s, err := NewScheduler(cfg)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return &world{
		t: t, cfg: s.Config(), s: s, now: t0,
		queued: map[*Entry]bool{}, runs: map[*Entry]*Batch{}, held: map[*Entry]bool{}, gone: map[*Entry]string{},
	}
}

func (w *world) leave(e *Entry, how string) {
	if before, twice := w.gone[e]; twice {
		w.t.Fatalf("entry %v left twice: %s, then %s", e.Owner, before, how)
	}
	w.gone[e] = how
	delete(w.queued, e)
	delete(w.runs, e)
	delete(w.held, e)
}

func (w *world) admit(src source) {
	parts := 1
	if src.pick(4, "several") == 0 {
		parts = 1 + src.pick(3, "parts")
	}
	priority, tenant := src.pick(5, "priority"), fmt.Sprint(src.pick(5, "tenant"))
	var entries []*Entry
	for range parts {
		e := &Entry{Owner: w.next}
		w.next++
		e.Size, e.Priority, e.Tenant = 1+src.pick(w.cfg.MaxBatchSize, "rows"), priority, tenant
		e.Group = fmt.Sprint(src.pick(2, "group"))
		e.Tokens = src.pick(9, "length")
		if w.cfg.MaxBatchTokens > 0 {
			e.Tokens = min(e.Tokens, w.cfg.MaxBatchTokens/e.Size)
		}
		if src.pick(3, "wish") == 0 {
			e.Timeout = ms(float64(src.pick(12, "timeout")))
		}
		if src.pick(4, "limit") == 0 {
			e.Deadline = w.now.Add(ms(float64(src.pick(20, "deadline"))))
		}
		entries = append(entries, e)
	}
	before := w.s.Stats()
	err := w.s.Admit(w.now, entries...)
	if err == nil {
		if w.drain {
			w.t.Fatalf("admitted while draining")
		}
		for _, e := range entries {
			w.queued[e] = true
		}
		return
	}
	var e *Error
	if !errors.As(err, &e) {
		w.t.Fatalf("an error of type %T", err)
	}
	switch e.Kind {
	case KindDraining:
		if !w.drain {
			w.t.Fatalf("draining without Drain")
		}
	case KindQueueFull:
		if e.RetryAfter < minRetry || e.RetryAfter > maxRetry || e.Have <= e.Limit {
			w.t.Fatalf("a full queue: %+v", e)
		}
	case KindTooLate:
		if e.RetryAfter < minRetry || e.RetryAfter > maxRetry || w.s.Stats().Queued == 0 {
			w.t.Fatalf("too late: %+v", e)
		}
	case KindInvalid: // more parts than the queue holds, or too many tokens with the padding
	default:
		w.t.Fatalf("refused: %v", err)
	}
	if after := w.s.Stats(); fmt.Sprint(after) != fmt.Sprint(before) {
		w.t.Fatalf("a refusal changed %+v to %+v", before, after)
	}
}

// plan plans, and checks all that a plan promises.
func (w *world) plan() {
	plan := w.s.Plan(w.now)
	for _, end := range plan.Ended {
		w.ended(end)
	}
	for _, e := range plan.Answered {
		if !w.held[e] {
			w.t.Fatalf("entry %v is answered but has not run", e.Owner)
		}
		w.leave(e, "answered")
		if w.cfg.PreserveOrdering {
			for _, left := range []map[*Entry]bool{w.queued, w.held} {
				for o := range left {
					if o.seq < e.seq && !slices.Contains(plan.Answered, o) && !w.endsIn(plan, o) {
						w.t.Fatalf("entry %v is answered before %v", e.Owner, o.Owner)
					}
				}
			}
		}
	}
	for _, b := range plan.Batches {
		w.started(b)
	}
	for _, b := range plan.Abandoned {
		for _, e := range b.Entries {
			if e != nil {
				w.t.Fatalf("a batch is abandoned that %v waits for", e.Owner)
			}
		}
	}
	w.left(plan)
	w.counts()
}

func (w *world) endsIn(plan Plan, e *Entry) bool {
	return slices.ContainsFunc(plan.Ended, func(end Ended) bool { return end.Entry == e })
}

func (w *world) ended(end Ended) {
	e, in := end.Entry, w.queued[end.Entry]
	switch end.Kind {
	case KindTimeout:
		if !in || e.timeout.IsZero() || w.now.Before(e.timeout) || w.policy(e).TimeoutAction != TimeoutReject {
			w.t.Fatalf("entry %v timed out (in queue %v, due %v, now %v)", e.Owner, in, e.timeout, w.now)
		}
	case KindExpired:
		if e.Deadline.IsZero() || w.now.Before(e.Deadline) {
			w.t.Fatalf("entry %v expired", e.Owner)
		}
	case KindDisplaced:
		if !in {
			w.t.Fatalf("entry %v was displaced but did not wait", e.Owner)
		}
	default:
		w.t.Fatalf("entry %v ended: %v", e.Owner, end.Kind)
	}
	w.leave(e, end.Kind.String())
}

func (w *world) policy(e *Entry) QueuePolicy { return w.s.levels[e.level].policy }

func (w *world) started(b *Batch) {
	rows, tokens := 0, 0
	for _, e := range b.Entries {
		if !w.queued[e] {
			w.t.Fatalf("entry %v runs but does not wait", e.Owner)
		}
		delete(w.queued, e)
		w.runs[e] = b
		rows, tokens = rows+e.Size, tokens+e.tokens
		if e.Group != b.Entries[0].Group || w.bucket(e) != w.bucket(b.Entries[0]) {
			w.t.Fatalf("%v and %v share a batch", e.Owner, b.Entries[0].Owner)
		}
	}
	if rows == 0 || rows != b.Rows || rows > w.cfg.MaxBatchSize || tokens != b.Tokens {
		w.t.Fatalf("a batch of %d rows and %d tokens says %d and %d", rows, tokens, b.Rows, b.Tokens)
	}
	if limit := w.cfg.MaxBatchTokens; limit > 0 && tokens > limit {
		w.t.Fatalf("a batch of %d tokens, the limit is %d", tokens, limit)
	}
	if w.flying = append(w.flying, b); len(w.flying) > w.cfg.Instances {
		w.t.Fatalf("%d batches run on %d instances", len(w.flying), w.cfg.Instances)
	}
}

func (w *world) bucket(e *Entry) int {
	i, _ := w.s.bucket(e.Tokens)
	return i
}

// left judges those that the plan left waiting.
func (w *world) left(plan Plan) {
	event, some := w.s.NextEvent()
	idle := len(w.flying) < w.cfg.Instances
	for e := range w.queued {
		if !e.Deadline.IsZero() && !w.now.Before(e.Deadline) {
			w.t.Fatalf("entry %v waits beyond its deadline", e.Owner)
		}
		if !e.timeout.IsZero() && !w.now.Before(e.timeout) && !e.late {
			w.t.Fatalf("entry %v waits beyond its timeout", e.Owner)
		}
		for _, b := range plan.Batches {
			first := b.Entries[0]
			if e.level < first.level || e.level == first.level && first.late && !e.late {
				w.t.Fatalf("%v of level %d waits and %v of level %d runs", e.Owner, e.level, first.Owner, first.level)
			}
		}
		until := e.sendBy
		if w.cfg.MaxQueueDelay == 0 || w.drain {
			until = w.now
		}
		if idle && (!w.now.Before(until) || !some || event.After(until)) {
			w.t.Fatalf("entry %v waits with a free instance, until %v, and the next event is %v", e.Owner, until, event)
		}
		for _, due := range []time.Time{e.Deadline, e.timeout} {
			if !due.IsZero() && (!e.late || due.Equal(e.Deadline)) && (!some || event.After(due)) {
				w.t.Fatalf("entry %v is due at %v and the next event is %v", e.Owner, due, event)
			}
		}
	}
	if some && !event.After(w.now) {
		w.t.Fatalf("the next event was at %v, it is %v", event, w.now)
	}
}

func (w *world) counts() {
	st := w.s.Stats()
	if st.Queued != len(w.queued) || st.Queued > w.cfg.MaxQueue || st.Batches != len(w.flying) ||
		st.Executing != len(w.runs) || st.Held != len(w.held) {
		w.t.Fatalf("%+v, but %d wait, %d batches run for %d, %d are held",
			st, len(w.queued), len(w.flying), len(w.runs), len(w.held))
	}
	for i, n := range st.QueuedByLevel {
		if limit := w.s.levels[i].policy.MaxQueueSize; limit > 0 && n > limit {
			w.t.Fatalf("%d wait at level %d, the limit is %d", n, i, limit)
		}
	}
	if w.s.idleLanes > maxIdleLanes || len(w.s.lanes) > maxIdleLanes+len(w.queued)+len(w.flying) {
		w.t.Fatalf("%d lanes, %d of them idle", len(w.s.lanes), w.s.idleLanes)
	}
	if w.s.unnamed > w.cfg.MaxTenants {
		w.t.Fatalf("%d tenants are tracked", w.s.unnamed)
	}
}

func (w *world) complete(i int) {
	b := w.flying[i]
	w.flying = slices.Delete(w.flying, i, i+1)
	for _, e := range b.Entries {
		if w.runs[e] == b {
			delete(w.runs, e)
			w.held[e] = true
		}
	}
	w.s.Complete(w.now, b)
}

func (w *world) cancel(src source) {
	var all []*Entry
	for e := range w.queued {
		all = append(all, e)
	}
	for e := range w.runs {
		all = append(all, e)
	}
	for e := range w.held {
		all = append(all, e)
	}
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(a, b *Entry) int { return int(a.seq) - int(b.seq) })
	e := all[src.pick(len(all), "whom")]
	if !w.s.Cancel(w.now, e) {
		w.t.Fatalf("entry %v cannot be cancelled", e.Owner)
	}
	w.leave(e, "cancelled")
	if w.s.Cancel(w.now, e) {
		w.t.Fatalf("entry %v was cancelled twice", e.Owner)
	}
}
