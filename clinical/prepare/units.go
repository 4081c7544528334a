package prepare

import (
	"fmt"
	"math"
	"slices"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/unit"
	"github.com/bedside-lm/bedside/clinical/terms"
)

const (
	// minOwn is how many other readings of the patient's speak for or against a unit.
	minOwn = 3
	// agrees and differs bound, as factors, what is near the patient's own level and what is far
	// from it. A patient's weight changes by less, a glucose by more within hours: that is why
	// only a reading that is far as filed and near in exactly one other unit is corrected.
	agrees  = 1.35
	differs = 1.9
)

// filedReading is a quantity before its unit is settled.
type filedReading struct {
	obs, component int
	lim            *limits
	q              *record.Quantity
	filed          unit.Unit
	value          float64 // in the usual unit, if the unit filed is meant
	at             int64   // seconds
}

// units gives every reading in its measure's usual unit. A reading is corrected where the unit
// filed cannot be meant: its value lies outside what is possible, or far from the patient's own
// readings, and exactly one other unit in use makes it plausible and, where there are own
// readings, agrees with them. Where that is not certain it is marked.
func (w *work) units() {
	w.kept = nil
	byMeasure := map[string][]filedReading{}
	entries := map[string]*terms.Entry{}
	var keys []string
	for i := range w.obs {
		o := &w.obs[i]
		if !counts(o) {
			continue
		}
		for c := -1; c < len(o.Components); c++ {
			f, key, ok := w.filed(entries, o, i, c)
			if !ok {
				continue
			}
			w.report.Checked++
			if byMeasure[key] == nil {
				keys = append(keys, key)
			}
			byMeasure[key] = append(byMeasure[key], f)
		}
	}
	for _, key := range keys {
		fs := byMeasure[key]
		own, have := ownLevel(fs)
		// Where readings carry marks, they were judged when the record was prepared before, when
		// more was there to judge by.
		judged := slices.ContainsFunc(fs, func(f filedReading) bool { return len(w.given[f.obs].Marks) > 0 })
		for i := range fs {
			w.settleUnit(&fs[i], own, have, judged)
		}
	}
}

func (w *work) filed(entries map[string]*terms.Entry, o *record.Observation, i, component int) (filedReading, string, bool) {
	q, code := *quantity(o, component), o.Code
	if component >= 0 {
		code = o.Components[component].Code
	}
	if q == nil {
		return filedReading{}, "", false
	}
	l, key := limitsOf(entries, code)
	if l == nil {
		return filedReading{}, "", false
	}
	f := filedReading{obs: i, component: component, lim: l, q: q, at: o.Start.Time.Unix()}
	if q.Code == l.code {
		f.filed, f.value = l.unit, q.Value.Float
		return f, key, true
	}
	u, ok := unitOf(q)
	if !ok {
		return filedReading{}, "", false
	}
	f.filed = u
	f.value, ok = l.convert(q.Value.Float, u)
	return f, key, ok
}

// ownLevel is the median of a patient's plausible readings of one measure.
func ownLevel(fs []filedReading) (level float64, ok bool) {
	type said struct {
		at    int64
		value float64
	}
	seen := make(map[said]bool, len(fs)) // what was filed twice speaks once
	var values []float64
	odd := 0
	for i := range fs {
		s := said{fs[i].at, fs[i].value}
		if seen[s] {
			continue
		}
		seen[s] = true
		switch {
		case !fs[i].lim.plausible(fs[i].value):
			odd++
		case fs[i].value > 0:
			values = append(values, fs[i].value)
		}
	}
	if len(values) < minOwn || len(values) <= odd {
		return 0, false
	}
	slices.Sort(values)
	return values[len(values)/2], true
}

func (w *work) settleUnit(f *filedReading, own float64, haveOwn, judged bool) {
	l := f.lim
	far := haveOwn && f.value > 0 && factor(f.value, own) > differs
	if f.q.Comparator == "" && (!l.plausible(f.value) || far) && !judged {
		alternatives := l.meant(f, own, haveOwn)
		switch {
		case len(alternatives) == 1 && (!l.possible(f.value) || haveOwn):
			w.correctUnit(f, alternatives[0])
			return
		case !l.plausible(f.value) && len(alternatives) > 0:
			w.suspectUnit(f)
		}
	}
	if f.q.Code == l.code {
		return
	}
	same := f.filed.Equal(l.unit)
	o := w.edit(f.obs, !same)
	q := &record.Quantity{Value: f.q.Value, Comparator: f.q.Comparator, Unit: l.shown, Code: l.code}
	if !same {
		q.Value = rounded(f.value, f.q.Value)
		w.mark(f.obs, record.MarkConverted, true)
		w.note(Change{Kind: ChangeConverted, Reading: "Observation/" + o.ID, Component: f.component, Before: text(f.q), After: text(q), Reason: "the measure's usual unit is " + l.code})
	}
	*quantity(o, f.component) = q
	w.convertRange(o, f)
}

// meant are the other units in which the filed number would be plausible, and near the
// patient's own readings where there are any.
func (l *limits) meant(f *filedReading, own float64, haveOwn bool) []float64 {
	var out []float64
	for _, u := range append([]unit.Unit{l.unit}, l.alternatives...) {
		if u.Equal(f.filed) {
			continue
		}
		v, ok := l.convert(f.q.Value.Float, u)
		if !ok || !l.plausible(v) || haveOwn && (v <= 0 || factor(v, own) > agrees) {
			continue
		}
		if !slices.ContainsFunc(out, func(have float64) bool { return math.Abs(have-v) <= 1e-6*math.Abs(v) }) {
			out = append(out, v)
		}
	}
	return out
}

// factor is by how much two positive numbers differ, at least 1.
func factor(a, b float64) float64 { return max(a/b, b/a) }

func (w *work) correctUnit(f *filedReading, v float64) {
	l := f.lim
	o := w.edit(f.obs, true)
	q := &record.Quantity{Value: rounded(v, f.q.Value), Unit: l.shown, Code: l.code}
	*quantity(o, f.component) = q
	w.mark(f.obs, record.MarkUnitCorrected, true)
	w.note(Change{
		Kind: ChangeUnitCorrected, Reading: "Observation/" + o.ID, Component: f.component, Before: text(f.q), After: text(q),
		Reason: fmt.Sprintf("cannot be meant in the unit filed (possible: %g to %g %s), and one other unit in use fits", l.hardLow, l.hardHigh, l.code),
	})
}

func (w *work) suspectUnit(f *filedReading) {
	if !w.mark(f.obs, record.MarkUnitSuspect, false) {
		return
	}
	l := f.lim
	w.note(Change{
		Kind: ChangeUnitSuspect, Reading: "Observation/" + w.obs[f.obs].ID, Component: f.component, Before: text(f.q),
		Reason: fmt.Sprintf("outside %g to %g %s, and another unit in use would fit; not certain", l.softLow, l.softHigh, l.code),
	})
}

// convertRange gives a reading's reference range in the unit that the reading has now.
func (w *work) convertRange(o *record.Observation, f *filedReading) {
	place := &o.Reference
	if f.component >= 0 {
		place = &o.Components[f.component].Reference
	}
	if *place == nil {
		return
	}
	r := **place
	for _, end := range []**record.Quantity{&r.Low, &r.High} {
		if *end == nil {
			continue
		}
		u, ok := unitOf(*end)
		if !ok {
			u = f.filed
		}
		v, ok := f.lim.convert((*end).Value.Float, u)
		if !ok {
			return
		}
		q := record.Quantity{Value: (*end).Value, Comparator: (*end).Comparator, Unit: f.lim.shown, Code: f.lim.code}
		if !u.Equal(f.lim.unit) {
			q.Value = rounded(v, (*end).Value)
		}
		*end = &q
	}
	*place = &r
}
