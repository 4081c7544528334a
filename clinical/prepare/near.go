package prepare

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// maxMoment bounds how many readings of one measure and moment are compared.
const maxMoment = 64

// maxDevices bounds how many filings become one reading.
const maxDevices = 16

// near matches readings of different devices that lie within the same moment and differ by no
// more than two good readings may, one to one, the closest first, unless their clocks are in
// doubt; and readings of one device
// and second, one of which was filed in another unit.
func (w *work) near(into map[int]int) {
	var pairs []pair
	all := w.readings()
	parts := map[int][]reading{} // of each observation
	for _, r := range all {
		parts[r.obs] = append(parts[r.obs], r)
	}
	series(all, func(rs []reading) {
		for i := range rs {
			for j := i + 1; j < min(len(rs), i+maxMoment) && rs[j].at.Sub(rs[i].at) <= w.opt.SameMoment; j++ {
				if p := (pair{a: rs[i].obs, b: rs[j].obs, apart: rs[j].at.Sub(rs[i].at)}); w.sameReading(&p, parts) {
					pairs = append(pairs, p)
				}
			}
		}
	})
	slices.SortFunc(pairs, func(x, y pair) int {
		return cmp.Or(
			cmp.Compare(x.apart, y.apart), cmp.Compare(x.differ, y.differ),
			strings.Compare(w.obs[x.a].ID, w.obs[y.a].ID), strings.Compare(w.obs[x.b].ID, w.obs[y.b].ID),
		)
	})
	groups := map[int]*group{}
	for i := range w.obs {
		if parts[i] != nil {
			r := root(into, i)
			groups[r] = groups[r].with(&w.obs[i])
		}
	}
	for _, p := range pairs {
		a, b := root(into, p.a), root(into, p.b)
		same := w.obs[p.a].DeviceID == w.obs[p.b].DeviceID
		if a == b || !groups[a].meets(groups[b], w.opt.SameMoment, same) {
			continue
		}
		first, second := a, b
		if cmp.Or(w.obs[a].Start.Compare(w.obs[b].Start), strings.Compare(w.obs[a].ID, w.obs[b].ID)) > 0 {
			first, second = b, a
		}
		into[second] = first
		groups[first] = groups[first].and(groups[second])
		reason := "same measure and moment by another device, values within what two good readings may differ by"
		if same {
			reason = "same measure and moment in another unit"
		}
		w.noteMerged(second, first, ChangeNearDuplicate, reason)
	}
}

// group is what was found to be one reading so far: when, and by which devices.
type group struct {
	from, to time.Time
	devices  []string
}

func (g *group) with(o *record.Observation) *group {
	return g.and(&group{o.Start.Time, o.Start.Time, []string{o.DeviceID}})
}

func (g *group) and(o *group) *group {
	if g == nil {
		return o
	}
	u := &group{from: g.from, to: g.to, devices: slices.Clone(g.devices)}
	for _, d := range o.devices {
		if !slices.Contains(u.devices, d) {
			u.devices = append(u.devices, d)
		}
	}
	if o.from.Before(u.from) {
		u.from = o.from
	}
	if o.to.After(u.to) {
		u.to = o.to
	}
	return u
}

// meets says whether two groups can be one reading: all of it within a moment, and, unless one
// device filed it in two units, each device at most once. So two readings of one monitor never
// become one by way of another device.
func (g *group) meets(o *group, moment time.Duration, sameDevice bool) bool {
	from, to := g.from, g.to
	if o.from.Before(from) {
		from = o.from
	}
	if o.to.After(to) {
		to = o.to
	}
	return to.Sub(from) <= moment && len(g.devices)+len(o.devices) <= maxDevices &&
		(sameDevice || !slices.ContainsFunc(g.devices, func(d string) bool { return slices.Contains(o.devices, d) }))
}

// pair are two observations that may be one reading.
type pair struct {
	a, b   int
	apart  time.Duration
	differ float64 // the largest difference, in the measures' scales
}

// sameReading says whether two observations, of different devices or in different units, agree
// in all their parts.
// One that stood for several when the record came has met its like already.
func (w *work) sameReading(p *pair, parts map[int][]reading) bool {
	if p.a == p.b || w.given[p.a].Has(record.MarkMerged) || w.given[p.b].Has(record.MarkMerged) {
		return false
	}
	if w.obs[p.a].DeviceID == w.obs[p.b].DeviceID && (p.apart >= time.Second || w.inOtherUnit(p.a) == w.inOtherUnit(p.b)) {
		return false
	}
	if w.doubtful[devicesOf(w.obs[p.a].DeviceID, w.obs[p.b].DeviceID)] {
		return false
	}
	x, y := parts[p.a], parts[p.b]
	if len(x) != len(y) || len(w.obs[p.a].Components) != len(w.obs[p.b].Components) {
		return false
	}
	for i := range x {
		if x[i].key != y[i].key {
			return false
		}
		d := math.Abs(x[i].value-y[i].value) / x[i].lim.scale
		if d > 1 {
			return false
		}
		p.differ = max(p.differ, d)
	}
	return true
}

// inOtherUnit says whether a reading was filed in another unit than the measure's usual one.
func (w *work) inOtherUnit(i int) bool {
	return w.obs[i].Has(record.MarkConverted) || w.obs[i].Has(record.MarkUnitCorrected)
}
