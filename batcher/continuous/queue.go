package continuous

import (
	"cmp"
	"time"
)

// sequence is a request and its progress. It is in one place at a time: a level's list (slot -1) or the slot table.
type sequence struct {
	req     Request
	arrival time.Time
	order   uint64 // of arrival, unique
	slot    int    // -1 while waiting
	past    int    // tokens in the slot
	sampled int    // tokens sampled and counted
	state   state
	account *account

	prev, next *sequence // neighbours in the level's list
}

type state uint8

const (
	waiting   state = iota
	running         // in a slot
	inFlight        // in a slot, and a row of the plan under way
	cancelled       // inFlight, and to be dropped at Complete
	ended           // to be reported by the next Plan or Complete
)

// tokens is how many it may take in all.
func (q *sequence) tokens() int { return q.req.PromptTokens + q.req.MaxNewTokens }

// known is how many tokens of the sequence exist. All but those in the slot wait to be run.
func (q *sequence) known() int { return q.req.PromptTokens + q.sampled }

// need is the fewest tokens that a row of the sequence runs: where tokens were appended to a sampled one, it is never run
// without the first of them. Models may round a row of one token otherwise than longer ones, and the length of a row must not
// be a matter of the load.
func (q *sequence) need() int {
	if q.sampled > 0 && q.known()-q.past > 1 {
		return 2
	}
	return 1
}

// list is an intrusive doubly linked list in order of arrival: any member leaves in O(1), and nothing is allocated.
type list struct{ head, tail *sequence }

func (l *list) push(q *sequence) {
	q.prev = l.tail
	if l.tail == nil {
		l.head = q
	} else {
		l.tail.next = q
	}
	l.tail = q
}

func (l *list) remove(q *sequence) {
	if q.prev == nil {
		l.head = q.next
	} else {
		q.prev.next = q.next
	}
	if q.next == nil {
		l.tail = q.prev
	} else {
		q.next.prev = q.prev
	}
	q.prev, q.next = nil, nil
}

// queue holds the waiting sequences: for each tenant, one list for each level they arrived at.
type queue struct {
	cfg   *Config
	size  int
	clock float64 // virtual, of the tenants' turns

	accounts map[string]*account
	active   []*account // those that something waits on
	unnamed  int        // accounts of tenants that the configuration does not name
	rest     *account   // of tenants for whom there is no room
}

func newQueue(cfg *Config) queue {
	w := queue{cfg: cfg, accounts: map[string]*account{}}
	w.rest = w.open("")
	return w
}

func (w *queue) push(q *sequence) {
	a := q.account
	if a.queued == 0 {
		a.tag = max(a.tag, w.clock)
		a.at = len(w.active)
		w.active = append(w.active, a)
	}
	a.levels[q.req.Priority-1].push(q)
	a.queued++
	w.size++
}

func (w *queue) remove(q *sequence) {
	a := q.account
	a.levels[q.req.Priority-1].remove(q)
	w.size--
	if a.queued--; a.queued > 0 {
		return
	}
	last := len(w.active) - 1
	w.active[a.at] = w.active[last]
	w.active[a.at].at = a.at
	w.active[last] = nil
	w.active = w.active[:last]
}

// each calls f for every waiting sequence, which f may remove.
func (w *queue) each(f func(*sequence)) {
	for i := len(w.active) - 1; i >= 0; i-- { // backwards: where one leaves, the last takes its place
		for _, l := range w.active[i].levels {
			for q := l.head; q != nil; {
				next := q.next
				f(q)
				q = next
			}
		}
	}
}

// best returns the sequence to start next, or nil: of the highest level, then of the tenant whose turn it is, then the
// oldest. Only the heads need a look: whoever is behind in the same list arrived later, so its level after aging is no
// higher.
func (w *queue) best(now time.Time) *sequence {
	var best *sequence
	bestLevel := 0
	for _, a := range w.active {
		for i := range a.levels {
			head := a.levels[i].head
			if head == nil {
				continue
			}
			level := w.agedLevel(head, now)
			if best == nil || cmp.Or(cmp.Compare(level, bestLevel), cmp.Compare(a.tag, best.account.tag), cmp.Compare(head.order, best.order)) < 0 {
				best, bestLevel = head, level
			}
		}
	}
	return best
}

// agedLevel is the level that q has reached by waiting until now.
func (w *queue) agedLevel(q *sequence, now time.Time) int {
	risen := now.Sub(q.arrival) / w.cfg.AgingInterval
	if risen >= time.Duration(q.req.Priority) {
		return 1
	}
	return max(1, q.req.Priority-int(risen))
}
