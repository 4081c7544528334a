package dynamic

// tenant is one account. Its turns are given by start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996): every
// level has a virtual clock, a request starts at its tenant's tag, and the tag then moves on by cost/weight. The
// tenant with the earliest tag is next; one that was away starts at the clock and saves up nothing.
type tenant struct {
	weight float64
	places int // in the queue, at most
	queued int
	levels []tenantLevel
	newest list // its waiting entries, in order of arrival
	place  int  // among the scheduler's active tenants
}

type tenantLevel struct {
	tag    float64
	queued int
}

// tenantOf finds or makes the tenant of this name.
func (s *Scheduler) tenantOf(name string) *tenant {
	if t := s.tenants[name]; t != nil {
		return t
	}
	weight, weighed := s.cfg.TenantWeights[name]
	if !weighed {
		weight = 1
	}
	if !s.named(name) {
		if s.unnamed >= s.cfg.MaxTenants {
			s.forgetTenants()
		}
		if s.unnamed >= s.cfg.MaxTenants {
			return s.others
		}
		s.unnamed++
	}
	t := s.newTenant(weight)
	if share, ok := s.cfg.QueueShares[name]; ok {
		t.places = s.places(share)
	}
	s.tenants[name] = t
	return t
}

// EveryTenant is in Config.QueueShares what all tenants have that are not named there.
const EveryTenant = "*"

func (s *Scheduler) places(share float64) int { return max(1, int(share*float64(s.cfg.MaxQueue))) }

// named says whether the configuration knows a tenant.
func (s *Scheduler) named(name string) bool {
	_, weighed := s.cfg.TenantWeights[name]
	_, shared := s.cfg.QueueShares[name]
	return weighed || shared
}

func (s *Scheduler) newTenant(weight float64) *tenant {
	places := s.cfg.MaxQueue
	if share, ok := s.cfg.QueueShares[EveryTenant]; ok {
		places = s.places(share)
	}
	return &tenant{weight: weight, places: places, levels: make([]tenantLevel, len(s.levels)), newest: list{which: inTenant}}
}

// forgetTenants drops those without a waiting request whose tags the clocks have caught up with, which changes nothing;
// failing that, all without a waiting request.
func (s *Scheduler) forgetTenants() {
	for _, debtors := range []bool{false, true} {
		for name, t := range s.tenants {
			if s.named(name) || t.queued > 0 || !debtors && s.inDebt(t) {
				continue
			}
			delete(s.tenants, name)
			s.unnamed--
		}
		if s.unnamed < s.cfg.MaxTenants {
			return
		}
	}
}

func (s *Scheduler) inDebt(t *tenant) bool {
	for i := range t.levels {
		if t.levels[i].tag > s.levels[i].clock {
			return true
		}
	}
	return false
}

// charge lets e's tenant, or whoever takes its turns, pay for its run.
func (s *Scheduler) charge(e *Entry) {
	payer := &e.flow.payer.levels[e.level]
	start := payer.tag
	payer.tag += e.cost / e.flow.payer.weight
	s.levels[e.level].clock = max(s.levels[e.level].clock, start)
}

// room makes sure that n more entries of t fit in the queue at this level, if need be by pushing out entries of
// tenants that use more than their share. It changes nothing unless it succeeds.
func (s *Scheduler) room(t *tenant, level, n int) *Error {
	lv := &s.levels[level]
	if t.queued+n > t.places {
		return &Error{Kind: KindQueueFull, Have: t.queued + n, Limit: t.places, RetryAfter: s.rate.retryAfter(s.queued)}
	}
	over, overLevel := s.queued+n-s.cfg.MaxQueue, 0
	if size := lv.policy.MaxQueueSize; size > 0 {
		overLevel = lv.queued + n - size
	}
	if over <= 0 && overLevel <= 0 {
		return nil
	}
	victims := s.victims[:0]
	for over > 0 || overLevel > 0 {
		v := s.victim(t, level, n, overLevel > 0)
		if v == nil {
			break
		}
		victims = append(victims, v)
		s.unlist(v)                           // taken out for now, so that the next victim is chosen as if it were gone
		over, overLevel = over-1, overLevel-1 // while overLevel counts, the victim is of this level
	}
	if over > 0 || overLevel > 0 {
		for i := len(victims) - 1; i >= 0; i-- {
			s.list(victims[i])
		}
		e := &Error{Kind: KindQueueFull, Have: s.queued + n, Limit: s.cfg.MaxQueue, RetryAfter: s.rate.retryAfter(s.queued)}
		if overLevel > 0 {
			e.Have, e.Limit = lv.queued+n, lv.policy.MaxQueueSize
		}
		return e
	}
	for _, v := range victims {
		s.list(v)
		s.leave(v)
		s.ended = append(s.ended, Ended{v, KindDisplaced})
	}
	s.victims = victims[:0]
	return nil
}

// victim is the newest entry of the tenant that is most over its share, counted in one level or in the whole queue, if
// t would stay within its own share with n more. Nobody loses a place to a request of a lower level.
func (s *Scheduler) victim(t *tenant, level, n int, inLevel bool) *Entry {
	places, weights := float64(s.cfg.MaxQueue), t.weight
	queued := func(t *tenant) int { return t.queued }
	if inLevel {
		places = float64(s.levels[level].policy.MaxQueueSize)
		queued = func(t *tenant) int { return t.levels[level].queued }
	}
	for _, o := range s.active {
		if o != t && queued(o) > 0 {
			weights += o.weight
		}
	}
	share := func(t *tenant) float64 { return max(1, places*t.weight/weights) }
	if float64(queued(t)+n) > share(t) {
		return nil
	}
	var victim *Entry
	most := 1.0
	for _, o := range s.active {
		over := float64(queued(o)) / share(o)
		if o == t || over <= most {
			continue
		}
		for e := o.newest.tail; e != nil; e = e.links[inTenant].prev {
			if e.level == level || e.level > level && !inLevel {
				victim, most = e, over
				break
			}
		}
	}
	return victim
}
