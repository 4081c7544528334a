package dynamic

import (
	"slices"
	"time"
)

// Plan fills the free instances with batches, as far as the queue has any that should not wait for more requests, and
// reports who has left. Call it after every Admit, Complete and Cancel, and when NextEvent is due.
func (s *Scheduler) Plan(now time.Time) Plan {
	s.advance(now)
	s.expire()
	// What was reported is swapped with what is reported now, so that neither is allocated anew.
	s.plan.Batches = s.plan.Batches[:0]
	s.plan.Ended, s.ended = s.ended, s.plan.Ended[:0]
	s.plan.Answered, s.answered = s.answered, s.plan.Answered[:0]
	s.plan.Abandoned, s.abandoned = s.abandoned, s.plan.Abandoned[:0]
	s.again = time.Time{}
	for len(s.flights) < s.cfg.Instances && len(s.busy) > 0 {
		l, n := s.choose()
		if l == nil {
			break
		}
		s.plan.Batches = append(s.plan.Batches, s.dispatch(l, n))
	}
	if len(s.flights) == s.cfg.Instances {
		s.again = time.Time{} // nothing can start before a batch ends
	}
	if len(s.plan.Batches) > 0 {
		started := 0
		for _, b := range s.plan.Batches {
			started += len(b.Entries)
		}
		s.rate.observe(s.now, started, s.queued)
		s.served.queue(s.now, s.queued)
	}
	return s.plan
}

// choose returns the lane whose batch goes next, with n requests of s.formed. Of the lanes with a batch ready, it is the
// one whose first request is first in line; a lane that waits for company while it outranks that one waits no longer.
func (s *Scheduler) choose() (chosen *lane, n int) {
	var first, patient *flow
	var waits *lane
	s.again, s.formedFor = time.Time{}, nil
	for _, l := range s.busy {
		l.rewind()
		head := l.next()
		if first != nil && !head.before(first) {
			continue
		}
		requests, again := s.decide(l)
		l.rewind() // decide has moved the cursors that before looks at
		switch {
		case requests > 0:
			chosen, first, n = l, head, requests
		case patient == nil || head.before(patient):
			waits, patient = l, head
		}
		s.again = earlier(s.again, again)
	}
	if chosen == nil {
		return nil, 0
	}
	if patient != nil && patient.outranks(first) {
		chosen, n = waits, s.cfg.MaxBatchSize
	}
	if s.formedFor != chosen {
		s.form(chosen)
	}
	return chosen, min(n, len(s.formed))
}

// dispatch makes a batch of the first n requests of s.formed.
func (s *Scheduler) dispatch(l *lane, n int) *Batch {
	b := s.batch()
	b.Started, b.lane, b.live = s.now, l, n
	b.Entries = append(b.Entries, s.formed[:n]...)
	for _, e := range b.Entries {
		s.unqueue(e)
		s.charge(e)
		s.timers.set(e, e.Deadline)
		e.state, e.batch = running, b
		b.Rows += e.Size
		b.Tokens += e.tokens
	}
	l.prune()
	l.running++
	b.place = len(s.flights)
	s.flights = append(s.flights, b)
	s.executing += n
	return b
}

func (s *Scheduler) batch() *Batch {
	if last := len(s.spare) - 1; last >= 0 {
		b := s.spare[last]
		s.spare = s.spare[:last]
		return b
	}
	return &Batch{}
}

// Complete says that b's run has ended, and frees its instance. Those of its requests that somebody waits for are
// reported by a later Plan as Answered: the next one, or with PreserveOrdering once all earlier requests have left. b
// belongs to the scheduler again, which will use it anew: it must be completed once only.
func (s *Scheduler) Complete(now time.Time, b *Batch) {
	s.advance(now)
	s.served.ran(s.now, b.live)
	for _, e := range b.Entries {
		if e == nil {
			continue
		}
		e.batch = nil
		s.executing--
		if s.cfg.PreserveOrdering {
			e.state = held
			s.held++
			continue
		}
		e.state = outside
		s.timers.set(e, time.Time{})
		s.answered = append(s.answered, e)
	}
	s.release()
	l := b.lane
	last := len(s.flights) - 1
	s.flights[b.place] = s.flights[last]
	s.flights[b.place].place = b.place
	s.flights[last] = nil
	s.flights = s.flights[:last]
	l.running--
	l.arrivals.settle(s.now)
	s.rest(l)
	s.abandoned = slices.DeleteFunc(s.abandoned, func(o *Batch) bool { return o == b })
	clear(b.Entries)
	*b = Batch{Entries: b.Entries[:0]}
	s.spare = append(s.spare, b)
}

// expire takes out or puts back those whose time has come.
func (s *Scheduler) expire() {
	for e := s.timers.passed(s.now); e != nil; e = s.timers.passed(s.now) {
		expired := !e.Deadline.IsZero() && !s.now.Before(e.Deadline)
		switch {
		case expired:
			s.leave(e)
			s.ended = append(s.ended, Ended{e, KindExpired})
		case s.levels[e.level].policy.TimeoutAction == TimeoutReject:
			s.leave(e)
			s.ended = append(s.ended, Ended{e, KindTimeout})
		default:
			e.flow.fresh.remove(e)
			e.late = true
			e.flow.late.push(e)
			s.timers.set(e, e.Deadline)
		}
	}
}

// NextEvent is when Plan must be called again although nothing else happens; false if it need not.
func (s *Scheduler) NextEvent() (time.Time, bool) {
	at := s.again
	if len(s.timers) > 0 {
		at = earlier(at, s.timers[0].due)
	}
	return at, !at.IsZero()
}

// fault is the error of a request that ended without an answer.
func (s *Scheduler) fault(kind Kind) *Error {
	e := &Error{Kind: kind}
	if kind == KindDisplaced {
		e.RetryAfter = s.rate.retryAfter(s.queued)
	}
	return e
}

// Stats is a snapshot for metrics and health checks.
type Stats struct {
	// Queued counts waiting requests, QueuedByLevel those of each level, the highest first (one number where there are
	// no levels).
	Queued        int
	QueuedByLevel []int
	// Batches counts running batches, Executing the requests in them that somebody waits for, and Held those that
	// have run and wait for earlier ones.
	Batches, Executing, Held int
	// Tenants counts the tenants that have a request waiting.
	Tenants int
	// Draining says that Drain was called.
	Draining bool
}

// Stats counts what waits and runs.
func (s *Scheduler) Stats() Stats {
	st := Stats{
		Queued: s.queued, Batches: len(s.flights), Executing: s.executing, Held: s.held,
		Tenants: len(s.active), Draining: s.draining,
	}
	for i := range s.levels {
		st.QueuedByLevel = append(st.QueuedByLevel, s.levels[i].queued)
	}
	return st
}

// Level is the level that an item of this priority waits at, 0 where there are no levels.
func (s *Scheduler) Level(priority int) int {
	if s.cfg.PriorityLevels == 0 {
		return 0
	}
	return s.level(priority) + 1
}

// Config returns the configuration in force, defaults filled in.
func (s *Scheduler) Config() Config {
	cfg := s.cfg
	cfg.PreferredBatchSize = slices.Clone(cfg.PreferredBatchSize)
	return cfg
}
