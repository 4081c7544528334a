package continuous

import "time"

// NextDeadline returns the earliest deadline of the requests that can still expire, and whether there is one. A caller
// with nothing to run can sleep until then; the Plan it calls on waking ends the request.
func (s *Scheduler) NextDeadline() (time.Time, bool) {
	if s.stale {
		s.findEarliest()
	}
	return s.earliest, !s.earliest.IsZero()
}

// expire ends every request whose deadline has come, except rows in flight. It looks at single requests only when the
// earliest deadline has come, which happens at most about once for each request.
func (s *Scheduler) expire() {
	if s.earliest.IsZero() || s.now.Before(s.earliest) {
		return
	}
	s.queue.each(func(q *sequence) {
		if s.expired(q) {
			s.end(q, ReasonExpired)
		}
	})
	for _, q := range s.slots {
		if q != nil && q.state == running && s.expired(q) {
			s.end(q, ReasonExpired)
		}
	}
	s.findEarliest()
}

func (s *Scheduler) expired(q *sequence) bool {
	return !q.req.Deadline.IsZero() && !s.now.Before(q.req.Deadline)
}

// noteDeadline makes a new request's deadline count.
func (s *Scheduler) noteDeadline(deadline time.Time) {
	if !deadline.IsZero() && (s.earliest.IsZero() || deadline.Before(s.earliest)) {
		s.earliest, s.stale = deadline, false
	}
}

// dropDeadline makes an ended request's deadline count no more. earliest stays as a lower bound: to look for its
// successor is left to whoever needs it exactly.
func (s *Scheduler) dropDeadline(q *sequence) {
	if !s.earliest.IsZero() && q.req.Deadline.Equal(s.earliest) {
		s.stale = true
	}
}

// findEarliest looks through all requests that can still expire.
func (s *Scheduler) findEarliest() {
	s.earliest, s.stale = time.Time{}, false
	s.queue.each(func(q *sequence) { s.noteDeadline(q.req.Deadline) })
	for _, q := range s.running {
		if q.state != cancelled {
			s.noteDeadline(q.req.Deadline)
		}
	}
}
