package continuous

import (
	"slices"
	"time"
)

// Plan decides the next step. Requests whose deadline is not after now leave first, running or waiting. The same state
// and time give the same plan. A plan with rows is in flight until Complete answers it; meanwhile Plan gives no rows,
// and ends only requests that the plan in flight has no row of. A plan without rows wants no Complete.
func (s *Scheduler) Plan(now time.Time) Plan {
	s.advance(now)
	s.expire()
	var rows []Row
	if len(s.flight) == 0 {
		s.rows = s.rows[:0]
		s.takeTurns()
		s.startWaiting()
		s.draft()
		rows = s.rows
	}
	return Plan{Rows: rows, Ended: s.takeEnded()}
}

// takeTurns gives tokens to the running sequences.
func (s *Scheduler) takeTurns() {
	left := s.cfg.TokenBudget
	for _, q := range s.running {
		left -= q.need()
	}
	if left < 0 {
		s.rotateTurns()
		return
	}
	// What is left is shared out, and the least of each stays for it, so that every one moves on.
	width := s.width()
	for _, q := range s.running {
		if q.sampled > 0 {
			count := q.need() + min(left, max(0, min(q.known()-q.past, width)-q.need()))
			left -= count - q.need()
			s.addRow(q, count)
		}
	}
	for _, q := range s.running {
		if q.sampled == 0 {
			count := min(q.known()-q.past, width, 1+left)
			left -= count - 1
			s.addRow(q, count)
		}
	}
}

// rotateTurns gives the first sequences the least that they need, as far as the budget goes, and sends them to the back.
func (s *Scheduler) rotateTurns() {
	left, served := s.cfg.TokenBudget, 0
	for _, q := range s.running {
		if left < q.need() && served > 0 || left == 0 {
			break
		}
		s.addRow(q, q.need())
		left -= q.need()
		served++
	}
	rotate(s.running, served)
}

// startWaiting gives what is left of the budget to waiting sequences, as long as there are free slots.
func (s *Scheduler) startWaiting() {
	if len(s.rows) < len(s.running) {
		return // not even those that run have all their turn
	}
	left := s.cfg.TokenBudget
	for i := range s.rows {
		left -= s.rows[i].Count
	}
	width, started := s.width(), 0
	for left > 0 && s.queue.size > 0 && len(s.running) < len(s.slots) {
		q := s.queue.best(s.now)
		if s.cfg.TokenMemory > 0 && s.reserved+q.tokens() > s.cfg.TokenMemory {
			break // nobody overtakes it: it would wait for ever
		}
		s.queue.remove(q)
		s.queue.charge(q)
		s.reserved += q.tokens()
		s.place(q)
		q.state = running
		s.slots[q.slot] = q
		s.running = append(s.running, q)
		count := min(q.known()-q.past, width, left)
		s.addRow(q, count)
		left -= count
		started++
	}
	if started > 0 {
		s.rate.observe(s.now, started, s.queue.size)
	}
}

// draft lets the caller guess what follows, where the step is so short that guesses cost little.
func (s *Scheduler) draft() {
	left := s.cfg.DraftTokens
	for i := range s.rows {
		left -= s.rows[i].Count
	}
	if s.cfg.Draft == nil || left <= 0 || len(s.rows) == 0 {
		return
	}
	share := max(1, left/len(s.rows))
	for i, q := range s.flight {
		row := &s.rows[i]
		// One token is sampled in any case; what would be sampled beyond the last is no use.
		most := min(share, left, q.req.MaxNewTokens-q.sampled-1, s.cfg.SlotCapacity-row.Start-row.Count)
		if row.Samples && row.Count == 1 && q.sampled > 0 && most > 0 {
			row.Drafted = min(max(s.cfg.Draft(q.req.ID, most), 0), most)
			left -= row.Drafted
		}
	}
}

// place gives a request that starts its slot.
func (s *Scheduler) place(q *sequence) {
	free := func(slot int) bool { return slot >= 0 && slot < len(s.slots) && s.slots[slot] == nil }
	if s.cfg.Place != nil {
		if slot, held := s.cfg.Place(q.req.ID, free); free(slot) {
			q.slot, q.past = slot, min(max(held, 0), q.known()-1)
			return
		}
	}
	q.slot = slices.Index(s.slots, nil)
}

// width is how many tokens one row of this step may have. It is at least 1: past < SlotCapacity <= PaddedCapacity.
func (s *Scheduler) width() int {
	width := s.cfg.MaxChunk
	if s.cfg.PaddedCapacity > 0 {
		for _, q := range s.running {
			width = min(width, s.cfg.PaddedCapacity-q.past)
		}
	}
	return width
}

func (s *Scheduler) addRow(q *sequence, count int) {
	q.state = inFlight
	s.flight = append(s.flight, q)
	s.rows = append(s.rows, Row{
		ID: q.req.ID, Slot: q.slot, Start: q.past, Count: count,
		Samples: q.req.MaxNewTokens > 0 && q.past+count == q.known(),
	})
}

// rotate moves the first k elements to the end, by reversing both parts and then the whole.
func rotate[T any](list []T, k int) {
	slices.Reverse(list[:k])
	slices.Reverse(list[k:])
	slices.Reverse(list)
}
