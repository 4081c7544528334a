package prepare

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// minFillInterval bounds the grid: nothing at a bedside is charted more often.
const minFillInterval = time.Minute

// gaps makes up readings on a grid in time where none was made: between two neighbours that
// are at most twice the measure's limit apart, by the method that would have told the series'
// own readings best, else the last one carried forward within its limit, else none. What people
// set is carried forward alone; sums over a time that nobody filed are not made up. Readings
// made up carry MarkImputed and name their neighbours.
// Readings that are marked as artefact, implausible or of a suspect unit are no neighbours.
//
// Interpolation looks ahead: it suits records that are complete. For one that is still being
// written it reaches only to the latest reading.
func (w *work) gaps() {
	filled := 0
	have := map[string]bool{} // made up when the record was prepared before
	for i := range w.obs {
		if w.obs[i].Has(record.MarkImputed) {
			have[w.obs[i].ID] = true
		}
	}
	series(w.readings(), func(rs []reading) {
		w.report.Checked += len(rs)
		if rs[0].lim.group == "score" || rs[0].lim.kind == kindSum {
			return
		}
		good := rs[:0:0]
		for _, r := range rs {
			if w.anchor(r.obs) {
				good = append(good, r)
			}
		}
		if len(good) < 2 {
			return
		}
		filled = w.fill(rs, good, have, filled)
	})
	w.kept = nil
}

func (w *work) anchor(i int) bool {
	o := &w.obs[i]
	return !o.Has(record.MarkArtefact) && !o.Has(record.MarkImplausible) && !o.Has(record.MarkUnitSuspect)
}

// fill walks the grid of one measure. all are its readings, good those to fill from.
func (w *work) fill(all, good []reading, have map[string]bool, filled int) int {
	l := good[0].lim
	between := methodFor(good)
	step := max(w.opt.FillInterval, minFillInterval)
	prefix := imputedPrefix(l)
	next, occupied := 0, 0
	for t := good[0].at.Truncate(step).Add(step); t.Before(good[len(good)-1].at); t = t.Add(step) {
		for next < len(good) && !good[next].at.After(t) {
			next++
		}
		for occupied < len(all) && all[occupied].at.Before(t.Add(-step/2)) {
			occupied++
		}
		if occupied < len(all) && all[occupied].at.Before(t.Add(step/2)) && w.stands(all[occupied:], t.Add(step/2)) {
			continue
		}
		id := prefix + strconv.FormatInt(t.Unix(), 36)
		if have[id] {
			continue
		}
		if filled >= w.opt.MaxFilled {
			return filled
		}
		if w.imputeAt(t, id, good, next, between) {
			filled++
			continue
		}
		t = good[next].at.Truncate(step) // nothing is known until then
	}
	return filled
}

// stands says whether one of the readings before end can be used: a value that was marked
// leaves a gap.
func (w *work) stands(rs []reading, end time.Time) bool {
	for i := range rs {
		if !rs[i].at.Before(end) {
			return false
		}
		if w.anchor(rs[i].obs) {
			return true
		}
	}
	return false
}

// imputeAt makes up one reading before the one at index next, if its neighbours are near enough.
func (w *work) imputeAt(t time.Time, id string, good []reading, next int, between *method) bool {
	before, after := &good[next-1], &good[next]
	l := before.lim
	apart := after.at.Sub(before.at)
	kind := ChangeCarried
	value, from := before.value, []string{before.id}
	switch {
	case apart <= 2*l.carry && between != carried:
		kind, value = ChangeInterpolated, between.value(good, next, next, t)
		if after.id != before.id {
			from = append(from, after.id)
		}
	case t.Sub(before.at) > l.carry:
		return false
	}
	q := &record.Quantity{Value: rounded(value, w.obsValue(before)), Unit: l.shown, Code: l.code}
	w.obs = append(w.obs, record.Observation{
		ID: id, Status: "unknown", Category: category(l.group),
		Code:        record.Concept{Codings: []record.Coding{l.coding}},
		Start:       record.DateTime{Time: t.In(before.at.Location()), Precision: record.PrecisionSecond},
		EncounterID: w.obs[before.obs].EncounterID, Value: record.Value{Quantity: q}, DerivedFrom: from, Marks: []record.Mark{record.MarkImputed},
	})
	w.owned = append(w.owned, true)
	w.gone = append(w.gone, false)
	c := Change{Kind: kind, Component: -1}
	if w.tells() {
		c.Reading, c.After = "Observation/"+id, text(q)
		c.Reason = fmt.Sprintf("between two readings %s apart, %s", apart, between.name)
		if kind == ChangeCarried {
			c.Reason = fmt.Sprintf("the reading %s before, which stands for %s", t.Sub(before.at), l.carry)
		}
	}
	w.note(c)
	return true
}

func (w *work) obsValue(r *reading) record.Decimal {
	return (*quantity(&w.obs[r.obs], r.component)).Value
}

// imputedPrefix begins the ids of what is made up of a measure. With the moment behind it, an id
// is the same for the same measure and moment, so that preparing again adds nothing.
func imputedPrefix(l *limits) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(strings.TrimPrefix(l.key, "measure:")))
	return "imputed-" + name[:min(len(name), 40)] + "-"
}

func category(group string) string {
	if group == "vital" {
		return "vital-signs"
	}
	return "laboratory"
}
