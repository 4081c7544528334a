package dynamic

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"
)

// level is the queue of one priority.
type level struct {
	policy QueuePolicy
	queued int
	clock  float64 // virtual time of the tenants' turns
}

// places is how many requests may wait in a level, where all of them together are limited too.
func (l *level) places(all int) int {
	if l.policy.MaxQueueSize == 0 {
		return all
	}
	return min(all, l.policy.MaxQueueSize)
}

// Scheduler decides which waiting requests run together and when. It is a pure state machine: it starts no goroutine,
// reads no clock and takes no lock. It is not safe for concurrent use.
type Scheduler struct {
	cfg               Config
	smallest, largest int       // preferred sizes
	now               time.Time // the latest time seen
	draining          bool
	seq, admissions   uint64

	levels    []level
	queued    int
	flights   []*Batch // that run
	executing int      // requests in them that somebody waits for
	lanes     map[laneKey]*lane
	busy      []*lane // those with waiting requests
	idleLanes int
	timers    timers
	order     list // all that have not left, in order of arrival (PreserveOrdering only)
	held      int

	tenants        map[string]*tenant
	active         []*tenant // those with waiting requests
	unnamed        int       // tenants without a configured weight
	others, common *tenant

	rate   startRate
	served servedRate
	again  time.Time // when the latest plan wants to be looked at again; zero: at no time of its own

	formed, victims []*Entry
	formedFor       *lane
	ended           []Ended
	abandoned       []*Batch
	answered        []*Entry
	plan            Plan
	spare           []*Batch
}

// NewScheduler returns an empty scheduler. Zero fields of cfg take their defaults; a field out of range is an [Error] of
// KindInvalid.
func NewScheduler(cfg Config) (*Scheduler, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if len(cfg.PreferredBatchSize) == 0 {
		cfg.PreferredBatchSize = []int{cfg.MaxBatchSize}
	}
	cfg.PreferredBatchSize, cfg.LengthBuckets = slices.Clone(cfg.PreferredBatchSize), slices.Clone(cfg.LengthBuckets)
	cfg.TenantWeights, cfg.PriorityQueuePolicy = maps.Clone(cfg.TenantWeights), maps.Clone(cfg.PriorityQueuePolicy)
	s := &Scheduler{
		cfg:      cfg,
		smallest: slices.Min(cfg.PreferredBatchSize),
		largest:  slices.Max(cfg.PreferredBatchSize),
		levels:   make([]level, max(1, cfg.PriorityLevels)),
		lanes:    make(map[laneKey]*lane),
		tenants:  make(map[string]*tenant),
		order:    list{which: inOrder},
	}
	for i := range s.levels {
		s.levels[i].policy = cfg.policy(i)
	}
	s.others, s.common = s.newTenant(1), s.newTenant(1)
	return s, nil
}

// Admit puts entries, the parts of one request, in the queue: all or none. They must have the same Priority and Tenant,
// and none may be in a scheduler's hands. The error, if any, is an [*Error] of KindInvalid (its Field is a field of Item,
// with the place among several as in "items[1].size"), KindQueueFull or KindDraining, and leaves the scheduler
// unchanged. What the entries push out of a full queue is reported by the next Plan.
func (s *Scheduler) Admit(now time.Time, entries ...*Entry) error {
	s.advance(now)
	if s.draining {
		return &Error{Kind: KindDraining}
	}
	if len(entries) == 0 {
		return invalid("items", "there are none")
	}
	lv := s.level(entries[0].Priority)
	if limit := s.levels[lv].places(s.cfg.MaxQueue); len(entries) > limit {
		return invalid("items", fmt.Sprintf("there are %d, the queue holds %d", len(entries), limit))
	}
	if err := s.checkAll(entries); err != nil {
		return err
	}
	t := s.tenantOf(entries[0].Tenant)
	err := s.tooLate(t, lv, entries)
	if err == nil {
		err = s.room(t, lv, len(entries))
	}
	if err != nil {
		refuse(entries)
		return err
	}
	s.admissions++
	for _, e := range entries {
		e.tenant, e.level = t, lv
		s.enter(e)
	}
	s.rate.observe(s.now, 0, s.queued)
	s.served.queue(s.now, s.queued)
	return nil
}

func refuse(entries []*Entry) {
	for _, e := range entries {
		e.state = outside
	}
}

// checkAll judges each entry by itself, and that they go together.
func (s *Scheduler) checkAll(entries []*Entry) *Error {
	for i, e := range entries {
		err := s.check(e, entries[0])
		if err == nil {
			e.state = entering // so that it cannot be there twice
			continue
		}
		refuse(entries[:i])
		if len(entries) > 1 {
			err.Field = fmt.Sprintf("items[%d].%s", i, err.Field)
		}
		return err
	}
	return nil
}

func (s *Scheduler) check(e, first *Entry) *Error {
	_, length := s.bucket(e.Tokens)
	if err := e.check(&s.cfg, e.Size*length); err != nil {
		return err
	}
	switch {
	case e.state != outside:
		return invalid("entry", "it has not left the scheduler yet")
	case e.Priority != first.Priority:
		return invalid("priority", "it is not that of the first item")
	case e.Tenant != first.Tenant:
		return invalid("tenant", "it is not that of the first item")
	}
	return nil
}

// bucket returns the place of a length's bucket, and how many tokens a row of it takes.
func (s *Scheduler) bucket(tokens int) (int, int) {
	i := sort.SearchInts(s.cfg.LengthBuckets, tokens)
	if i == len(s.cfg.LengthBuckets) || tokens == 0 {
		return i, tokens
	}
	return i, s.cfg.LengthBuckets[i]
}

// level is the index of a priority's level.
func (s *Scheduler) level(priority int) int {
	if priority == 0 || priority > s.cfg.PriorityLevels {
		priority = s.cfg.DefaultPriorityLevel
	}
	return max(0, priority-1)
}

// enter puts e, whose tenant and level are known, in the queue.
func (s *Scheduler) enter(e *Entry) {
	_, length := s.bucket(e.Tokens)
	e.state, e.late, e.batch = waiting, false, nil
	e.seq, e.arrival = s.seq, s.now
	s.seq++
	e.tokens, e.cost = e.Size*length, float64(e.Size)
	if e.tokens > 0 {
		e.cost = float64(e.tokens)
	}
	e.setTimes(s.levels[e.level].policy, s.cfg.MaxQueueDelay)
	e.due, e.timer = time.Time{}, -1
	s.timers.set(e, earlier(e.timeout, e.Deadline))

	l, payer := s.laneOf(&e.Item), e.tenant
	if s.cfg.PreserveOrdering {
		payer = s.common
		s.order.push(e)
	}
	if l.admission != s.admissions {
		l.arrivals.arrive(s.now, l.queued > 0 || l.running > 0)
		l.admission = s.admissions
	}
	if tl := &e.tenant.levels[e.level]; tl.queued == 0 {
		tl.tag = max(tl.tag, s.levels[e.level].clock)
	}
	s.list(e)
	e.flow = l.flowOf(payer, e.level)
	if l.queued == 0 {
		l.place = len(s.busy)
		s.busy = append(s.busy, l)
	}
	l.push(e)
}

// setTimes works out until when e may wait for its run, and for others.
func (e *Entry) setTimes(p QueuePolicy, delay time.Duration) {
	timeout := p.DefaultTimeout
	if p.AllowTimeoutOverride && e.Timeout > 0 && (timeout == 0 || e.Timeout < timeout) {
		timeout = e.Timeout
	}
	e.timeout = time.Time{}
	if timeout > 0 {
		e.timeout = e.arrival.Add(timeout)
		delay = min(delay, timeout/2)
	}
	if !e.Deadline.IsZero() {
		delay = min(delay, max(0, e.Deadline.Sub(e.arrival)/2))
	}
	e.sendBy = e.arrival.Add(delay)
}

// list counts e as waiting, for the bounds of the queue.
func (s *Scheduler) list(e *Entry) {
	t := e.tenant
	if t.queued == 0 {
		t.place = len(s.active)
		s.active = append(s.active, t)
	}
	t.newest.push(e)
	t.queued++
	t.levels[e.level].queued++
	s.levels[e.level].queued++
	s.queued++
}

func (s *Scheduler) unlist(e *Entry) {
	t := e.tenant
	t.newest.remove(e)
	t.queued--
	t.levels[e.level].queued--
	s.levels[e.level].queued--
	s.queued--
	if t.queued == 0 {
		last := len(s.active) - 1
		s.active[t.place] = s.active[last]
		s.active[t.place].place = t.place
		s.active[last] = nil
		s.active = s.active[:last]
	}
}

// unqueue takes e out of the queue, to run or to leave.
func (s *Scheduler) unqueue(e *Entry) {
	s.unlist(e)
	l := e.lane
	l.remove(e)
	if l.queued > 0 {
		return
	}
	last := len(s.busy) - 1
	s.busy[l.place] = s.busy[last]
	s.busy[l.place].place = l.place
	s.busy[last] = nil
	s.busy = s.busy[:last]
}

// Drained says that no request will come any more and that nothing is left to do.
func (s *Scheduler) Drained() bool { return s.draining && s.Idle() }

// advance moves the time on. A clock that steps back is ignored: waiting times never shrink.
func (s *Scheduler) advance(now time.Time) {
	if now.After(s.now) {
		s.now = now
	}
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
