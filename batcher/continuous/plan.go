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
		rows = s.rows
	}
	return Plan{Rows: rows, Ended: s.takeEnded()}
}

// takeTurns gives tokens to the running sequences.
func (s *Scheduler) takeTurns() {
	budget, n := s.cfg.TokenBudget, len(s.running)
	if n > budget {
		for _, q := range s.running[:budget] {
			s.addRow(q, 1)
		}
		rotate(s.running, budget)
		return
	}
	prompts := 0
	for _, q := range s.running {
		if q.sampled == 0 {
			prompts++
			continue
		}
		s.addRow(q, 1)
	}
	left, width := budget-(n-prompts), s.width()
	for _, q := range s.running {
		if q.sampled > 0 {
			continue
		}
		prompts--
		// One token stays for each later prompt, so that every one of them moves on.
		count := min(q.known()-q.past, width, left-prompts)
		s.addRow(q, count)
		left -= count
	}
}

// startWaiting gives what is left of the budget to waiting sequences, as long as there are free slots.
func (s *Scheduler) startWaiting() {
	left := s.cfg.TokenBudget
	for i := range s.rows {
		left -= s.rows[i].Count
	}
	width, slot, started := s.width(), 0, 0
	for left > 0 && s.queue.size > 0 && len(s.running) < len(s.slots) {
		for s.slots[slot] != nil {
			slot++
		}
		q := s.queue.best(s.now)
		s.queue.remove(q)
		q.slot, q.state = slot, running
		s.slots[slot] = q
		s.running = append(s.running, q)
		count := min(q.known(), width, left)
		s.addRow(q, count)
		left -= count
		started++
	}
	if started > 0 {
		s.rate.observe(s.now, started, s.queue.size)
	}
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
