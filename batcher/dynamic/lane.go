package dynamic

import "time"

// maxSkipped is how many requests that do not fit a batch are passed over while it is filled.
const maxSkipped = 64

// keptFlows is how many empty flows a lane may keep for later use.
const keptFlows = 8

// maxIdleLanes is how many lanes without a request keep what they learnt about arrivals.
const maxIdleLanes = 64

type laneKey struct {
	group  string
	bucket int
}

// lane holds the waiting requests that can share a batch.
type lane struct {
	key          laneKey
	flows        []*flow
	rows, tokens int
	queued       int
	running      int
	place        int // among the scheduler's busy lanes
	arrivals     arrivals
	admission    uint64 // the latest, so that the parts of one request count as one arrival

	due   time.Time // no waiting entry's sendBy is earlier
	stale bool      // the entry that due belongs to may have left
}

// flow holds a lane's waiting requests of one payer and level, in order of arrival; those that are late come last.
type flow struct {
	payer       *tenant
	level       int
	fresh, late list

	// Where form stands.
	cursor *Entry
	tag    float64
}

func (l *lane) flowOf(payer *tenant, level int) *flow {
	for _, f := range l.flows {
		if f.payer == payer && f.level == level {
			return f
		}
	}
	f := &flow{payer: payer, level: level, fresh: list{which: inFlow}, late: list{which: inFlow}}
	l.flows = append(l.flows, f)
	return f
}

func (l *lane) push(e *Entry) {
	e.lane = l
	e.flow.fresh.push(e)
	l.rows += e.Size
	l.tokens += e.tokens
	l.queued++
	if l.queued == 1 || e.sendBy.Before(l.due) {
		l.due, l.stale = e.sendBy, false
	}
}

func (l *lane) remove(e *Entry) {
	if e.late {
		e.flow.late.remove(e)
	} else {
		e.flow.fresh.remove(e)
	}
	l.rows -= e.Size
	l.tokens -= e.tokens
	l.queued--
	l.stale = l.stale || e.sendBy.Equal(l.due)
}

// prune drops empty flows once there are more than a few, so that tenants that are gone cost nothing.
func (l *lane) prune() {
	if len(l.flows) <= keptFlows {
		return
	}
	kept := l.flows[:0]
	for _, f := range l.flows {
		if f.fresh.head != nil || f.late.head != nil {
			kept = append(kept, f)
		}
	}
	clear(l.flows[len(kept):])
	l.flows = kept
}

// overdue says whether an entry has waited for others for as long as it may; if not, l.due is when one will have, or
// earlier.
func (l *lane) overdue(now time.Time) bool {
	if now.Before(l.due) {
		return false
	}
	if !l.stale {
		return true
	}
	l.due = time.Time{}
	for _, f := range l.flows {
		for _, e := range [2]*Entry{f.fresh.head, f.late.head} {
			for ; e != nil; e = e.links[inFlow].next {
				if !now.Before(e.sendBy) {
					l.due = e.sendBy // not the earliest perhaps, so still stale
					return true
				}
				if l.due.IsZero() || e.sendBy.Before(l.due) {
					l.due = e.sendBy
				}
			}
		}
	}
	l.stale = false
	return false
}

// rewind puts all cursors at their first entries.
func (l *lane) rewind() {
	for _, f := range l.flows {
		f.tag = f.payer.levels[f.level].tag
		if f.cursor = f.fresh.head; f.cursor == nil {
			f.cursor = f.late.head
		}
	}
}

func (f *flow) advance() {
	e := f.cursor
	if f.cursor = e.links[inFlow].next; f.cursor == nil && !e.late {
		f.cursor = f.late.head
	}
}

// next returns the flow whose turn it is, by the cursors, or nil.
func (l *lane) next() *flow {
	var best *flow
	for _, f := range l.flows {
		if f.cursor != nil && (best == nil || f.before(best)) {
			best = f
		}
	}
	return best
}

// before is the order of service: level, then those in time, then the tenant's turn, then arrival.
func (f *flow) before(g *flow) bool {
	switch {
	case f.level != g.level:
		return f.level < g.level
	case f.cursor.late != g.cursor.late:
		return g.cursor.late
	case f.tag != g.tag:
		return f.tag < g.tag
	}
	return f.cursor.seq < g.cursor.seq
}

// form lists in s.formed the requests that fit in one batch of l, in order of service. preferred is how many of them
// make a batch of a preferred size, 0 if none do; full says that the batch is as large as it gets, because no preferred
// size is larger or because the next request does not fit.
func (s *Scheduler) form(l *lane) (preferred int, full bool) {
	s.formed, s.formedFor = s.formed[:0], l
	rows, tokens, skipped := 0, 0, 0
	l.rewind()
	for f := l.next(); f != nil; f = l.next() {
		e := f.cursor
		if rows+e.Size > s.cfg.MaxBatchSize || s.cfg.MaxBatchTokens > 0 && tokens+e.tokens > s.cfg.MaxBatchTokens {
			full = true
			if s.cfg.PreserveOrdering || skipped == maxSkipped {
				break
			}
			skipped++
			f.advance()
			continue
		}
		if preferred == 0 && rows+e.Size > s.largest {
			preferred = len(s.formed)
		}
		s.formed = append(s.formed, e)
		rows, tokens = rows+e.Size, tokens+e.tokens
		f.tag += e.cost / f.payer.weight
		f.advance()
		if s.prefers(rows) {
			preferred = len(s.formed)
		}
		if rows == s.cfg.MaxBatchSize {
			break
		}
	}
	return preferred, full || rows >= s.largest
}

// decide says how many of s.formed, which it fills, should go as a batch now; if none, when to look again.
func (s *Scheduler) decide(l *lane) (int, time.Time) {
	patient := s.cfg.MaxQueueDelay > 0 && !s.draining
	overdue := patient && l.overdue(s.now)
	hold := patient && !overdue
	if hold && l.rows < s.smallest && (s.cfg.MaxBatchTokens == 0 || l.tokens <= s.cfg.MaxBatchTokens) {
		if again, worth := s.worthWaiting(l); worth {
			return 0, again
		}
		hold = false
	}
	preferred, full := s.form(l)
	switch {
	case preferred > 0 && !overdue:
		return preferred, time.Time{}
	case full || !hold:
		return len(s.formed), time.Time{}
	}
	if again, worth := s.worthWaiting(l); worth {
		return 0, again
	}
	return len(s.formed), time.Time{}
}

func (s *Scheduler) worthWaiting(l *lane) (time.Time, bool) {
	if !s.cfg.AdaptiveDelay {
		return l.due, true
	}
	return l.arrivals.wait(s.now, l.due)
}

// prefers says whether a batch of so many rows has a preferred size.
func (s *Scheduler) prefers(rows int) bool {
	for _, size := range s.cfg.PreferredBatchSize {
		if size == rows {
			return true
		}
	}
	return false
}

// outranks says whether f's requests must not wait for those of g: level, then those in time.
func (f *flow) outranks(g *flow) bool {
	return f.level < g.level || f.level == g.level && !f.cursor.late && g.cursor.late
}

// laneOf finds or makes the lane that the item belongs to.
func (s *Scheduler) laneOf(it *Item) *lane {
	key := laneKey{group: it.Group}
	key.bucket, _ = s.bucket(it.Tokens)
	if l := s.lanes[key]; l != nil {
		if l.queued == 0 && l.running == 0 {
			s.idleLanes--
		}
		return l
	}
	l := &lane{key: key}
	s.lanes[key] = l
	return l
}

// rest notes that l may have nothing left to do.
func (s *Scheduler) rest(l *lane) {
	if l.queued > 0 || l.running > 0 {
		return
	}
	l.prune()
	s.idleLanes++
	if s.idleLanes <= maxIdleLanes {
		return
	}
	for key, l := range s.lanes {
		if l.queued == 0 && l.running == 0 {
			delete(s.lanes, key)
		}
	}
	s.idleLanes = 0
}
