package dynamic

import (
	"fmt"
	"time"
)

// Item is what the scheduler knows of a request, or of one part of a split request. The request itself stays with the
// caller.
type Item struct {
	// Size is how many rows it has, from 1 to Config.MaxBatchSize.
	Size int
	// Tokens is the length in tokens of its widest row; 0 where length does not matter.
	Tokens int
	// Group separates what cannot share a batch, such as other shapes: only items of one group do. "" is a group too.
	Group string
	// Priority is a level from 1, the highest; 0 stands for Config.DefaultPriorityLevel.
	Priority int
	// Timeout is how long the caller wishes to wait for the run to start; it counts where the queue's policy allows
	// it. 0 means no wish.
	Timeout time.Duration
	// Deadline is when nobody wants the answer any more, waiting or running; the zero time means never.
	Deadline time.Time
	// Tenant is on whose account the item runs.
	Tenant string
}

func (it *Item) check(cfg *Config, cost int) *Error {
	if err := within("size", it.Size, 1, cfg.MaxBatchSize); err != nil {
		return err
	}
	if err := within("tokens", it.Tokens, 0, maxTokens); err != nil {
		return err
	}
	if it.Priority < 0 {
		return invalid("priority", fmt.Sprintf("%d is negative", it.Priority))
	}
	if it.Timeout < 0 {
		return invalid("timeout", fmt.Sprintf("%v is negative", it.Timeout))
	}
	if cfg.MaxBatchTokens > 0 && cost > cfg.MaxBatchTokens {
		return invalid("tokens", fmt.Sprintf("%d rows of up to %d tokens take %d tokens of a batch, the limit is %d",
			it.Size, it.Tokens, cost, cfg.MaxBatchTokens))
	}
	return nil
}

type state uint8

const (
	outside state = iota
	entering
	waiting
	running
	held // has run; its answer waits for earlier ones (PreserveOrdering)
)

// Entry is an item in the scheduler's hands, made and kept by the caller.
type Entry struct {
	Item
	// Owner is the caller's own; the scheduler does not look at it.
	Owner any

	state   state
	late    bool // timed out under TimeoutDelay
	seq     uint64
	level   int // index, 0 is the highest
	tokens  int // of the batch's tokens
	cost    float64
	arrival time.Time
	timeout time.Time // when the queue's policy strikes; zero: never
	sendBy  time.Time // until when it may wait for others
	due     time.Time // the timer's: timeout or deadline
	timer   int       // place among the timers, -1: none

	tenant *tenant
	flow   *flow
	lane   *lane
	batch  *Batch
	links  [3]link
}

// Batch is a run to make.
type Batch struct {
	// Entries are its requests, in the order of the scheduler's choice. One that leaves before the end of the run leaves
	// a nil in its place.
	Entries []*Entry
	// Rows and Tokens are the sums over them.
	Rows, Tokens int
	// Started is when it was planned.
	Started time.Time
	// Owner is the caller's own; the scheduler does not look at it.
	Owner any

	lane  *lane
	place int // among the scheduler's flights
	live  int // requests that somebody waits for
}

// Ended reports that a request left without an answer.
type Ended struct {
	Entry *Entry
	// Kind is KindTimeout, KindExpired, KindDisplaced or KindStopped.
	Kind Kind
}

// Plan is what to do now. Its slices are valid until the next call of Plan.
type Plan struct {
	// Batches are to be started; each is answered by one call of Complete.
	Batches []*Batch
	// Answered are requests that have run and whose answers may leave, in this order.
	Answered []*Entry
	// Ended are requests that leave without one.
	Ended []Ended
	// Abandoned are running batches that nobody waits for any more. They still have to be completed.
	Abandoned []*Batch
}

type link struct{ prev, next *Entry }

// The lists that an entry can be in at one time.
const (
	inFlow = iota
	inTenant
	inOrder
)

// list is an intrusive doubly linked list: any member leaves in O(1), and nothing is allocated.
type list struct {
	head, tail *Entry
	which      int
}

func (l *list) push(e *Entry) {
	e.links[l.which] = link{prev: l.tail}
	if l.tail == nil {
		l.head = e
	} else {
		l.tail.links[l.which].next = e
	}
	l.tail = e
}

func (l *list) remove(e *Entry) {
	own := &e.links[l.which]
	if own.prev == nil {
		l.head = own.next
	} else {
		own.prev.links[l.which].next = own.next
	}
	if own.next == nil {
		l.tail = own.prev
	} else {
		own.next.links[l.which].prev = own.prev
	}
	*own = link{}
}
