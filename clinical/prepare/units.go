package prepare

import (
	"fmt"
	"math"
	"slices"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/unit"
)

// filedReading is a quantity before its unit is settled.
type filedReading struct {
	obs, component int
	lim            *limits
	q              *record.Quantity
	filed          unit.Unit
	value          float64 // in the usual unit, if the unit filed is meant
	at             int64   // seconds
	device         string
}

// units gives every reading in its measure's usual unit. A reading is corrected where the unit
// filed cannot be meant, by one of two rules: its value lies outside the hard limits and exactly
// one other unit in use makes it plausible; or it lies far from what the patient's own readings
// let expect, and near it in exactly one other unit, by odds of at least 1000 to 1. A reading
// that is implausible and would be plausible in another unit is marked where neither holds. So is
// a low pressure amid others by a monitor that files every few minutes, unless another unit puts it
// right among them: a line that was flushed or open to the air is likelier than a monitor that
// changed its unit for one reading.
func (w *work) units() {
	w.kept = nil
	byMeasure := map[string][]filedReading{}
	var keys []string
	for i := range w.obs {
		o := &w.obs[i]
		if !counts(o) {
			continue
		}
		for c := -1; c < len(o.Components); c++ {
			f, ok := w.filed(o, i, c)
			if !ok {
				continue
			}
			w.report.Checked++
			if byMeasure[f.lim.key] == nil {
				keys = append(keys, f.lim.key)
			}
			byMeasure[f.lim.key] = append(byMeasure[f.lim.key], f)
		}
	}
	body := bodyOf(byMeasure)
	slices.Sort(keys)
	for _, key := range keys {
		fs := byMeasure[key]
		own := ownReadingsOf(fs)
		steady := &steadyDevices{all: fs}
		// Where readings carry marks, they were judged when the record was prepared before, when
		// more was there to judge by.
		judged := slices.ContainsFunc(fs, func(f filedReading) bool { return len(w.given[f.obs].Marks) > 0 })
		for i := range fs {
			f := &fs[i]
			if !judged && f.q.Comparator == "" && f.lim.listed && w.judge(f, own, body, steady) {
				continue
			}
			w.convert(f)
		}
	}
}

func (w *work) filed(o *record.Observation, i, component int) (filedReading, bool) {
	q, code := *quantity(o, component), &o.Code
	if component >= 0 {
		code = &o.Components[component].Code
	}
	if q == nil {
		return filedReading{}, false
	}
	l, _ := w.limitsOf(code)
	if l == nil {
		return filedReading{}, false
	}
	f := filedReading{obs: i, component: component, lim: l, q: q, at: o.Start.Time.Unix(), device: o.DeviceID}
	if q.Code == l.code {
		f.filed, f.value = l.unit, q.Value.Float
		return f, true
	}
	u, ok := unitOf(q)
	if !ok {
		return filedReading{}, false
	}
	f.filed = u
	f.value, ok = l.convert(q.Value.Float, u)
	return f, ok
}

// judge decides whether the unit filed can be meant, and says whether the reading was corrected.
func (w *work) judge(f *filedReading, own *ownReadings, body *body, steady *steadyDevices) bool {
	l := f.lim
	plausible := l.plausible(f.value)
	if len(l.alternatives) == 0 && f.q.Code == l.code || plausible && !own.unusual(f.value) && !body.speaksOf(f) {
		return false
	}
	others := l.otherUnits(f)
	if len(others) > 0 && l.flushed() && steady.around(f) && !own.expect(f).meets(others) {
		w.suspectUnit(f)
		return false
	}
	if !l.possible(f.value) && len(others) == 1 {
		w.correctUnit(f, others[0], fmt.Sprintf("outside %g to %g %s, and plausible in exactly one other unit in use", l.hardLow, l.hardHigh, l.code))
		return true
	}
	for _, e := range []expectation{body.expect(f), own.expect(f)} {
		if v, ok := e.chooses(f.value, others); ok {
			w.correctUnit(f, v, fmt.Sprintf("far from about %.3g %s, %s, and near it in exactly one other unit in use", e.value, l.code, e.by))
			return true
		}
	}
	if !plausible && len(others) > 0 {
		w.suspectUnit(f)
	}
	return false
}

// convert gives a reading in its measure's usual unit.
func (w *work) convert(f *filedReading) {
	l := f.lim
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

// otherUnits are the values that the filed number has in the other units in use, where they are plausible.
func (l *limits) otherUnits(f *filedReading) []float64 {
	var out []float64
	for i := -1; i < len(l.alternatives); i++ {
		u := l.unit
		if i >= 0 {
			u = l.alternatives[i]
		}
		if u.Equal(f.filed) {
			continue
		}
		v, ok := l.convert(f.q.Value.Float, u)
		if !ok || !l.plausible(v) {
			continue
		}
		if !slices.ContainsFunc(out, func(have float64) bool { return math.Abs(have-v) <= 1e-6*math.Abs(v) }) {
			out = append(out, v)
		}
	}
	return out
}

func (w *work) correctUnit(f *filedReading, v float64, reason string) {
	l := f.lim
	o := w.edit(f.obs, true)
	q := &record.Quantity{Value: rounded(v, f.q.Value), Unit: l.shown, Code: l.code}
	*quantity(o, f.component) = q
	w.mark(f.obs, record.MarkUnitCorrected, true)
	w.note(Change{
		Kind: ChangeUnitCorrected, Reading: "Observation/" + o.ID, Component: f.component, Before: text(f.q), After: text(q),
		Reason: reason,
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
