package continuous

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Scheduler holds the waiting and the running sequences. It is not safe for concurrent use: one goroutine owns it.
type Scheduler struct {
	cfg      Config
	now      time.Time // the latest time seen
	arrivals uint64
	draining bool

	byID     map[uint64]*sequence // all that have not been reported as ended
	queue    queue
	reserved int         // tokens that the running sequences may come to together
	slots    []*sequence // nil where free
	running  []*sequence // those in slots, in the order of their turns

	rows   []Row       // the latest plan's
	flight []*sequence // the sequence of each row in flight; empty when none is
	ended  []Ended     // not yet reported
	report []Ended     // the latest report; swapped with ended, so that neither is allocated anew

	rate     startRate
	earliest time.Time // no unended deadline is before this; zero if there is none
	stale    bool      // the sequence that earliest belongs to may be gone
}

// New returns an empty scheduler. Zero fields of cfg take their defaults; a field out of range is an [Error] of
// KindInvalid.
func New(cfg Config) (*Scheduler, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Scheduler{cfg: cfg, byID: make(map[uint64]*sequence), slots: make([]*sequence, cfg.Slots)}
	s.queue = newQueue(&s.cfg)
	return s, nil
}

// Config returns the configuration in force, defaults filled in.
func (s *Scheduler) Config() Config { return s.cfg }

// Admit puts a request in the queue; a later Plan starts it. The error, if any, is an [*Error] of any Kind, and leaves
// the scheduler unchanged. A request whose deadline has passed is accepted and expires at the next Plan.
func (s *Scheduler) Admit(now time.Time, r Request) error {
	s.advance(now)
	if s.draining {
		return &Error{Kind: KindDraining}
	}
	if r.Priority == 0 {
		r.Priority = s.cfg.DefaultPriority
	}
	if err := s.check(r); err != nil {
		return err
	}
	a := s.queue.accountOf(r.Tenant)
	if a.queued >= a.places {
		return s.queueFull(a.queued, a.places)
	}
	if s.queue.size >= s.cfg.MaxQueue {
		victim := s.queue.victim(a, r.Priority)
		if victim == nil {
			return s.queueFull(s.queue.size, s.cfg.MaxQueue)
		}
		s.end(victim, ReasonDisplaced)
	}
	q := &sequence{req: r, arrival: s.now, order: s.arrivals, slot: -1, state: waiting, account: a}
	s.arrivals++
	s.byID[r.ID] = q
	s.queue.push(q)
	s.rate.observe(s.now, 0, s.queue.size)
	s.noteDeadline(r.Deadline)
	return nil
}

func (s *Scheduler) queueFull(have, limit int) *Error {
	return &Error{Kind: KindQueueFull, Have: have, Limit: limit, RetryAfter: s.rate.retryAfter(s.queue.size)}
}

// Displaced is what the caller of a request is to be told that ended with ReasonDisplaced.
func (s *Scheduler) Displaced() *Error { return s.queueFull(s.queue.size, s.cfg.MaxQueue) }

// check judges a request by itself, with the default level already filled in.
func (s *Scheduler) check(r Request) error {
	if r.PromptTokens < 1 {
		return invalid("prompt_tokens", fmt.Sprintf("%d is less than 1", r.PromptTokens))
	}
	if r.MaxNewTokens < 0 {
		return invalid("max_new_tokens", fmt.Sprintf("%d is negative", r.MaxNewTokens))
	}
	if r.Priority < 1 || r.Priority > s.cfg.PriorityLevels {
		return invalid("priority", fmt.Sprintf("%d is outside 0 to %d", r.Priority, s.cfg.PriorityLevels))
	}
	if _, taken := s.byID[r.ID]; taken {
		return &Error{Kind: KindDuplicate, Field: "id", detail: fmt.Sprintf("%d has not ended yet", r.ID)}
	}
	total := r.PromptTokens + r.MaxNewTokens
	if total < r.PromptTokens {
		total = math.MaxInt // the sum overflowed
	}
	limit := s.cfg.SlotCapacity
	if s.cfg.TokenMemory > 0 {
		limit = min(limit, s.cfg.TokenMemory)
	}
	if total > limit {
		return &Error{Kind: KindTooLong, Field: "max_new_tokens", Have: total, Limit: limit}
	}
	return nil
}

// Cancel ends a request and says whether it was there to be ended. The end is reported, as ReasonCancelled, by the next
// call of Plan or Complete. If a plan in flight has a row of it, the row's result will be ignored, and the slot stays
// taken until Complete, because the model may still be writing to it.
func (s *Scheduler) Cancel(id uint64) bool {
	q := s.byID[id]
	if q == nil {
		return false
	}
	switch q.state {
	case waiting, running:
		s.end(q, ReasonCancelled)
		return true
	case inFlight:
		q.state = cancelled
		s.dropDeadline(q)
		return true
	default: // its end is already on the way
		return false
	}
}

// Drain refuses all further requests. Those already accepted, waiting ones too, go on to their end.
func (s *Scheduler) Drain() { s.draining = true }

// Idle says that there is nothing to run and nothing to report: the caller can sleep until the next Admit.
func (s *Scheduler) Idle() bool { return len(s.byID) == 0 }

// SetTokenBudget changes Config.TokenBudget from the next Plan on, for callers that steer the length of a step. It is an
// [*Error] of KindInvalid if tokens is out of range. Under a budget smaller than the running rows, rows take turns.
func (s *Scheduler) SetTokenBudget(tokens int) error {
	if tokens < 1 || tokens > maxTokens {
		return invalid("token_budget", fmt.Sprintf("%d is outside 1 to %d", tokens, maxTokens))
	}
	s.cfg.TokenBudget = tokens
	return nil
}

// Stats counts what is waiting, running and in use, in O(slots).
func (s *Scheduler) Stats() Stats {
	st := Stats{
		Waiting: s.queue.size, Running: len(s.running), SlotsFree: len(s.slots) - len(s.running),
		TokenCapacity: len(s.slots) * s.cfg.SlotCapacity, Draining: s.draining,
	}
	if s.cfg.TokenMemory > 0 {
		st.TokenCapacity = min(st.TokenCapacity, s.cfg.TokenMemory)
	}
	for _, q := range s.running {
		st.TokensInUse += q.past
		st.ActiveSlots = max(st.ActiveSlots, q.slot+1)
	}
	for i := range s.flight {
		st.InFlight += s.rows[i].Count
	}
	return st
}

// advance moves the time on. A clock that steps back is ignored: waiting times never shrink.
func (s *Scheduler) advance(now time.Time) {
	if now.After(s.now) {
		s.now = now
	}
}

// end takes q out of the queue or its slot and notes the report.
func (s *Scheduler) end(q *sequence, reason Reason) {
	if q.state == waiting {
		s.queue.remove(q)
		s.rate.observe(s.now, 0, s.queue.size)
	} else {
		s.slots[q.slot] = nil
		s.reserved -= q.tokens()
		s.queue.refund(q)
		at := slices.Index(s.running, q)
		s.running = slices.Delete(s.running, at, at+1)
	}
	q.state = ended
	s.dropDeadline(q)
	s.ended = append(s.ended, Ended{ID: q.req.ID, Reason: reason, Slot: q.slot, Generated: q.sampled})
}

// takeEnded hands out the ends not yet reported and lets go of their ids.
func (s *Scheduler) takeEnded() []Ended {
	for _, e := range s.ended {
		delete(s.byID, e.ID)
	}
	s.ended, s.report = s.report[:0], s.ended
	return s.report
}
