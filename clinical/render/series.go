package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// measure is every reading of one thing in one unit, in time order.
type measure struct {
	entry    *terms.Entry
	concept  record.Concept
	path     string
	group    string // vital, gas, lab, wave, score
	rank     int    // place in the table of terms, unknown ones after all others
	readings []reading
	doubtful []reading // those that preparation marked as in doubt or never measured
	computed bool      // not filed: made from other readings
}

// reading is one value. Blood pressure keeps the diastolic value beside the systolic one.
type reading struct {
	obs       string // id of the observation
	at        record.DateTime
	value     record.Value
	flag      string
	reference *record.Range
	diastolic *record.Quantity
	diaFlag   string
	prelim    bool
	doubt     record.Mark   // "" for a reading that counts
	corrected []record.Mark // what preparation put right
}

const (
	loincSystolic  = "8480-6"
	loincDiastolic = "8462-4"
)

// collect folds the observations into measures. Readings that were never made
// (cancelled) and those entered in error are not readings.
func (r *renderer) collect() {
	index := map[string]*measure{}
	for i, o := range r.rec.Observations {
		if o.Status == "entered-in-error" || o.Status == "cancelled" {
			continue
		}
		base := reading{
			obs: o.ID, at: o.Start, prelim: o.Status == "preliminary" || o.Status == "registered",
			doubt: doubtOf(&o), corrected: correctionsOf(&o),
		}
		path := fmt.Sprintf("Observation[%d]", i)
		if !o.Value.IsZero() || o.Value.AbsentReason != "" {
			x := base
			x.value, x.reference = o.Value, o.Reference
			r.place(index, x, o.Code, o.Category, path, o.Interpretation)
		}
		components := o.Components
		if x, rest, ok := r.pressurePair(base, components); ok {
			components = rest
			r.place(index, x, o.Code, o.Category, path, nil)
		}
		for j, c := range components {
			if c.Value.IsZero() && c.Value.AbsentReason == "" {
				continue
			}
			x := base
			x.value, x.reference = c.Value, c.Reference
			r.place(index, x, c.Code, o.Category, fmt.Sprintf("%s.component[%d]", path, j), c.Interpretation)
		}
	}
	for _, m := range r.measures {
		slices.SortStableFunc(m.readings, func(a, b reading) int { return a.at.Compare(b.at) })
	}
	slices.SortStableFunc(r.measures, func(a, b *measure) int { return a.rank - b.rank })
	r.sift()
}

// pressurePair joins the systolic and diastolic components of one blood pressure.
func (r *renderer) pressurePair(x reading, cs []record.Component) (reading, []record.Component, bool) {
	sys, dia := -1, -1
	for i, c := range cs {
		e, _ := terms.Find("measure", c.Code)
		if e == nil || c.Value.Quantity == nil {
			continue
		}
		switch {
		case slices.Contains(e.Codes, "L"+loincSystolic) && sys < 0:
			sys = i
		case slices.Contains(e.Codes, "L"+loincDiastolic) && dia < 0:
			dia = i
		}
	}
	if sys < 0 || dia < 0 {
		return x, cs, false
	}
	s, d := cs[sys], cs[dia]
	if unitKey(*s.Value.Quantity) != unitKey(*d.Value.Quantity) {
		return x, cs, false
	}
	x.value, x.reference, x.diastolic = s.Value, s.Reference, d.Value.Quantity
	x.flag = r.flagOf(terms.Measure(loincSystolic), s.Interpretation, s.Value, s.Reference)
	x.diaFlag = r.flagOf(terms.Measure(loincDiastolic), d.Interpretation, d.Value, d.Reference)
	rest := make([]record.Component, 0, len(cs)-2)
	for i, c := range cs {
		if i != sys && i != dia {
			rest = append(rest, c)
		}
	}
	return x, rest, true
}

func unitKey(q record.Quantity) string {
	if u, _ := terms.UnitOf(q); u != nil {
		return u.Code
	}
	return q.Code + "|" + q.Unit
}

func (r *renderer) place(index map[string]*measure, x reading, c record.Concept, category, path string, interpretation []string) {
	e, _ := terms.Find("measure", c)
	if x.diastolic == nil {
		x.flag = r.flagOf(e, interpretation, x.value, x.reference)
	}
	if x.value.Quantity == nil {
		x.doubt, x.corrected = "", nil // preparation judges numbers alone
	}
	key := strings.ToLower(c.Label()) + firstCode(c)
	m := &measure{entry: e, concept: c, path: path + ".code", rank: len(terms.Entries()) + len(index)}
	if e != nil {
		key, m.rank, m.group = e.Key, e.Rank, e.Group
	}
	switch {
	case x.diastolic != nil:
		key += " pair"
		if bp := terms.Measure("85354-9"); e == nil || e != bp {
			m.entry, m.rank, m.group = bp, bp.Rank, bp.Group
		}
	case x.value.Sampled != nil:
		key, m.group = key+" wave "+x.obs, "wave"
	}
	if x.value.Quantity != nil {
		key += " " + unitKey(*x.value.Quantity)
	} else {
		key += " words"
	}
	if m.group == "" {
		m.group = "vital"
		if category == "laboratory" {
			m.group = "lab"
		}
	}
	if have := index[key]; have != nil {
		have.readings = append(have.readings, x)
		return
	}
	m.readings = []reading{x}
	index[key] = m
	r.measures = append(r.measures, m)
}

// flagOf folds what was filed into one flag: the interpretation, else the filed
// reference range, else the table's range for adults where the unit is the same.
func (r *renderer) flagOf(e *terms.Entry, interpretation []string, v record.Value, ref *record.Range) string {
	for _, code := range interpretation {
		switch code {
		case "H", "HH", "HU", ">":
			return FlagHigh
		case "L", "LL", "LU", "<":
			return FlagLow
		case "N":
			return FlagNormal
		case "A", "AA":
			return FlagAbnormal
		}
	}
	q := v.Quantity
	if q == nil {
		return ""
	}
	if ref != nil && (ref.Low != nil || ref.High != nil) {
		low, okLow := r.end(ref.Low, *q)
		high, okHigh := r.end(ref.High, *q)
		if !okLow || !okHigh {
			return ""
		}
		return compare(*q, low, high)
	}
	if b := r.tableRange(e, *q); b != nil {
		return compare(*q, b.Low, b.High)
	}
	return ""
}

// end gives a reference range's end if it stands in the value's own unit.
func (r *renderer) end(q *record.Quantity, value record.Quantity) (*float64, bool) {
	if q == nil {
		return nil, true
	}
	sameUnit := q.Code == "" && q.Unit == "" || unitKey(*q) == unitKey(value)
	return &q.Value.Float, sameUnit
}

func (r *renderer) tableRange(e *terms.Entry, q record.Quantity) *terms.Bounds {
	if e == nil || !r.hasAge || r.ageHigh < 18 {
		return nil
	}
	if u, _ := terms.UnitOf(q); u == nil || u.Code != e.Unit {
		return nil
	}
	if e.Male == e.Female {
		return e.Male
	}
	switch r.rec.Patient.Sex {
	case "male":
		return e.Male
	case "female":
		return e.Female
	}
	return nil
}

// compare knows nothing of a value that is only bounded on the wrong side ("<5"
// against a lower end of 3).
func compare(q record.Quantity, low, high *float64) string {
	v, upper := q.Value.Float, strings.HasPrefix(q.Comparator, ">")
	lower := strings.HasPrefix(q.Comparator, "<")
	switch {
	case high != nil && !lower && (v > *high || upper && v >= *high):
		return FlagHigh
	case low != nil && !upper && (v < *low || lower && v <= *low):
		return FlagLow
	case upper && high != nil, lower && low != nil:
		return ""
	}
	return FlagNormal
}
