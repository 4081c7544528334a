package continuous

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// EveryTenant is in Config.QueueShares what all tenants have that are not named there.
const EveryTenant = "*"

// account is a tenant with requests waiting, or that has had some lately. Its turns are given by start-time fair queueing
// (Goyal, Vin and Cheng, SIGCOMM 1996): there is a virtual clock, a request starts at its tenant's tag, and the tag then
// moves on by the request's tokens over the tenant's weight. Of those that wait at the same level, the one with the
// earliest tag is next; one that was away starts at the clock and saves up nothing.
type account struct {
	weight float64
	places int // in the queue, at most
	tag    float64
	queued int
	levels []list // levels[0] is level 1
	at     int    // among the active ones
}

// accountOf finds or opens a tenant's account.
func (w *queue) accountOf(tenant string) *account {
	if a := w.accounts[tenant]; a != nil {
		return a
	}
	_, weighed := w.cfg.TenantWeights[tenant]
	_, shared := w.cfg.QueueShares[tenant]
	named := weighed || shared
	if !named {
		if w.unnamed >= w.cfg.MaxTenants {
			w.forget()
		}
		if w.unnamed >= w.cfg.MaxTenants {
			return w.rest
		}
		w.unnamed++
	}
	a := w.open(tenant)
	w.accounts[tenant] = a
	return a
}

func (w *queue) open(tenant string) *account {
	a := &account{weight: 1, places: w.cfg.MaxQueue, levels: make([]list, w.cfg.PriorityLevels), at: -1}
	if weight, ok := w.cfg.TenantWeights[tenant]; ok {
		a.weight = weight
	}
	share, ok := w.cfg.QueueShares[tenant]
	if !ok {
		share, ok = w.cfg.QueueShares[EveryTenant]
	}
	if ok {
		a.places = max(1, int(share*float64(w.cfg.MaxQueue)))
	}
	return a
}

// forget closes accounts that nothing waits on: first those whose tags the clock has caught up with, which changes nothing.
func (w *queue) forget() {
	for _, debtors := range []bool{false, true} {
		for name, a := range w.accounts {
			_, weighed := w.cfg.TenantWeights[name]
			_, shared := w.cfg.QueueShares[name]
			if weighed || shared || a.queued > 0 || !debtors && a.tag > w.clock {
				continue
			}
			delete(w.accounts, name)
			w.unnamed--
		}
		if w.unnamed < w.cfg.MaxTenants {
			return
		}
	}
}

// charge lets q's tenant pay for all that q may take.
func (w *queue) charge(q *sequence) {
	w.clock = max(w.clock, q.account.tag)
	q.account.tag += float64(q.tokens()) / q.account.weight
}

// refund gives back what q has not taken.
func (w *queue) refund(q *sequence) {
	q.account.tag -= float64(q.req.MaxNewTokens-q.sampled) / q.account.weight
}

// victim is whose place a request of tenant a may take when the queue is full: the newest of the tenant that is most over its
// share, if a stays within its own. Nobody loses a place to a request of a lower level; nil where there is none.
func (w *queue) victim(a *account, level int) *sequence {
	weights := 0.0
	if a.queued == 0 {
		weights = a.weight
	}
	for _, o := range w.active {
		weights += o.weight
	}
	share := func(o *account) float64 { return max(1, float64(w.cfg.MaxQueue)*o.weight/weights) }
	if float64(a.queued+1) > share(a) {
		return nil
	}
	var victim *sequence
	most := 1.0
	for _, o := range w.active {
		over := float64(o.queued) / share(o)
		if o == a || over <= most {
			continue
		}
		var newest *sequence
		for _, l := range o.levels[level-1:] {
			if l.tail != nil && (newest == nil || l.tail.order > newest.order) {
				newest = l.tail
			}
		}
		if newest != nil {
			victim, most = newest, over
		}
	}
	return victim
}

const (
	minWeight = 1e-3
	maxWeight = 1e6
)

func (c Config) validateTenants() error {
	for _, name := range slices.Sorted(maps.Keys(c.TenantWeights)) {
		if weight := c.TenantWeights[name]; math.IsNaN(weight) || weight < minWeight || weight > maxWeight {
			return invalid(fmt.Sprintf("config.tenant_weights[%q]", name), fmt.Sprintf("%v is outside %v to %v", weight, minWeight, maxWeight))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.QueueShares)) {
		if share := c.QueueShares[name]; math.IsNaN(share) || share <= 0 || share > 1 {
			return invalid(fmt.Sprintf("config.queue_shares[%q]", name), fmt.Sprintf("%v is not above 0 and at most 1", share))
		}
	}
	return nil
}
