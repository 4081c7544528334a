package dynamic

import "time"

// patience is the part of the time to its deadline that a request may spend waiting; the rest is for its run.
const patience = 0.8

// tooLate refuses entries that would most likely still wait when their deadline is near. Taken in, they would keep others
// waiting and be cut off in the end: at three times what a model can do, nearly all of its work would be for callers who
// have just left. The estimate counts who may go first, at the pace of the recent past; while that is not known, all
// are taken.
func (s *Scheduler) tooLate(t *tenant, level int, entries []*Entry) *Error {
	deadline := entries[0].Deadline
	for _, e := range entries[1:] {
		if deadline.IsZero() || !e.Deadline.IsZero() && e.Deadline.Before(deadline) {
			deadline = e.Deadline
		}
	}
	if !deadline.After(s.now) {
		return nil // none, or it has passed: that is for Plan to say
	}
	spare := time.Duration(patience*float64(deadline.Sub(s.now))) - s.served.wait(s.ahead(t, level))
	if spare >= 0 {
		return nil
	}
	return &Error{Kind: KindTooLate, RetryAfter: min(max(minRetry, (-spare).Round(time.Millisecond)), maxRetry)}
}

// ahead is how many waiting requests may start before a new one of t: those of its level and above, or fewer where t's
// turns come before others' are through.
func (s *Scheduler) ahead(t *tenant, level int) int {
	count := func(o *tenant) (n int) {
		for i := range o.levels[:level+1] {
			n += o.levels[i].queued
		}
		return n
	}
	all, weights := 0, t.weight
	for _, o := range s.active {
		n := count(o)
		all += n
		if o != t && n > 0 {
			weights += o.weight
		}
	}
	if s.cfg.PreserveOrdering {
		return all // tenants take no turns
	}
	return min(all, int(float64(count(t)+1)*weights/t.weight))
}
