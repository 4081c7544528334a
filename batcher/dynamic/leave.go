package dynamic

import (
	"slices"
	"sort"
	"time"
)

// leave takes e out for good, wherever it is.
func (s *Scheduler) leave(e *Entry) {
	switch e.state {
	case outside, entering:
		return
	case waiting:
		s.unqueue(e)
		s.rest(e.lane)
		s.rate.observe(s.now, 0, s.queued)
		s.served.queue(s.now, s.queued)
	case running:
		e.batch.Entries[slices.Index(e.batch.Entries, e)] = nil
		if e.batch.live--; e.batch.live == 0 {
			s.abandoned = append(s.abandoned, e.batch)
		}
		s.executing--
	case held:
		s.held--
	}
	s.timers.set(e, time.Time{})
	e.state, e.batch = outside, nil
	if s.cfg.PreserveOrdering {
		s.order.remove(e)
		s.release()
	}
}

// release lets answers go that nobody before them is owed one any more.
func (s *Scheduler) release() {
	for e := s.order.head; e != nil && e.state == held; e = s.order.head {
		s.order.remove(e)
		s.timers.set(e, time.Time{})
		s.held--
		e.state = outside
		s.answered = append(s.answered, e)
	}
}

// Cancel takes e out of the scheduler and says whether it was there. It is not reported again. The next Plan tells if
// nobody waits for its batch any more.
func (s *Scheduler) Cancel(now time.Time, e *Entry) bool {
	s.advance(now)
	if e.state == outside {
		return false
	}
	s.leave(e)
	return true
}

// Drain refuses all further requests. Those already accepted go on to their end, without waiting for others.
func (s *Scheduler) Drain() { s.draining = true }

// Stop ends everything: Drain, and the next Plan reports all requests as Ended, with KindStopped. Batches that run still
// have to be completed.
func (s *Scheduler) Stop() {
	s.Drain()
	var all []*Entry
	for _, l := range s.busy {
		for _, f := range l.flows {
			for _, e := range [2]*Entry{f.fresh.head, f.late.head} {
				for ; e != nil; e = e.links[inFlow].next {
					all = append(all, e)
				}
			}
		}
	}
	for _, b := range s.flights {
		for _, e := range b.Entries {
			if e != nil {
				all = append(all, e)
			}
		}
	}
	for e := s.order.head; e != nil; e = e.links[inOrder].next {
		if e.state == held {
			all = append(all, e)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].seq > all[j].seq }) // the newest first: none is released
	for _, e := range all {
		s.leave(e)
		s.ended = append(s.ended, Ended{e, KindStopped})
	}
}

// Idle says that no request is waiting, running or held, and no batch runs.
func (s *Scheduler) Idle() bool {
	return s.queued == 0 && len(s.flights) == 0 && s.held == 0 && len(s.answered) == 0 && len(s.ended) == 0
}
