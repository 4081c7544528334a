package graph

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/prompt"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/unit"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// reading is one value of an observation or of a component of it.
type reading struct {
	o       *record.Observation
	part    int // component, or -1
	concept record.Concept
	value   *record.Value
	entry   *terms.Entry
	number  float64 // in the entry's unit
	counted bool    // whether number is known and the reading is to be trusted
}

// suspect marks are those of readings that are kept but that nothing is concluded from.
var suspect = []record.Mark{record.MarkArtefact, record.MarkImplausible, record.MarkUnitSuspect}

func (m *maker) readings(all bool) {
	var found []reading
	for i := range m.rec.Observations {
		o := &m.rec.Observations[i]
		if o.ID == "" || gone(o.Status) || o.Has(record.MarkImputed) {
			continue
		}
		found = append(found, read(o, -1, o.Code, &o.Value))
		for c := range o.Components {
			found = append(found, read(o, c, o.Components[c].Code, &o.Components[c].Value))
		}
	}
	found = slices.DeleteFunc(found, func(r reading) bool { return r.value.IsZero() || r.value.Sampled != nil })
	if !all {
		found = extremes(found)
	}
	for i := range found {
		if m.full() {
			return
		}
		m.reading(&found[i])
	}
}

func read(o *record.Observation, part int, c record.Concept, v *record.Value) reading {
	r := reading{o: o, part: part, concept: c, value: v}
	r.entry, _ = terms.Find("measure", c)
	if r.entry != nil {
		r.number, r.counted = numberIn(v, r.entry.Unit)
		r.counted = r.counted && !slices.ContainsFunc(suspect, o.Has)
	}
	return r
}

// numberIn is a value as a number of a unit.
func numberIn(v *record.Value, code string) (float64, bool) {
	want, err := unit.Parse(code)
	if err != nil {
		return 0, false
	}
	if v.Integer != nil {
		return float64(*v.Integer), want == unit.Unit{Factor: 1}
	}
	q := v.Quantity
	switch {
	case q == nil:
		return 0, false
	case q.Code == code:
		return q.Value.Float, true
	}
	have, err := unit.Parse(unitCode(q))
	if err != nil {
		return 0, false
	}
	return have.Convert(q.Value.Float, want)
}

// unitCode is a quantity's UCUM code, also where only a way of writing it was filed; "" where there is none, and
// for a code with an annotation, which may hold any words.
func unitCode(q *record.Quantity) string {
	if u, _ := terms.UnitOf(*q); u != nil {
		return u.Code
	}
	if _, err := unit.Parse(q.Code); err == nil && !strings.ContainsRune(q.Code, '{') {
		return q.Code
	}
	return ""
}

// extremes keeps of each measure the first, the latest, the lowest and the highest reading, and all that are no
// numbers; in the order in which they came.
func extremes(found []reading) []reading {
	series := map[*terms.Entry][]int{}
	keep := make([]bool, len(found))
	for i := range found {
		if keep[i] = !found[i].counted; !keep[i] {
			series[found[i].entry] = append(series[found[i].entry], i)
		}
	}
	byTime := func(i, j int) int { return found[i].o.Start.Compare(found[j].o.Start) }
	byValue := func(i, j int) int { return cmp.Compare(found[i].number, found[j].number) }
	for _, of := range series {
		for _, by := range []func(i, j int) int{byTime, byValue} {
			keep[slices.MinFunc(of, by)], keep[last(of, by)] = true, true
		}
	}
	out := found[:0:0]
	for i := range found {
		if keep[i] {
			out = append(out, found[i])
		}
	}
	return out
}

// last is the last of the greatest: of two at the same time, the one that was filed later.
func last(of []int, by func(i, j int) int) int {
	best := of[0]
	for _, i := range of[1:] {
		if by(i, best) >= 0 {
			best = i
		}
	}
	return best
}

func (m *maker) reading(r *reading) {
	id := r.o.ID
	if r.part >= 0 {
		id += "#" + strconv.Itoa(r.part)
	}
	node := m.instance(KindReading, "Observation", id)
	sure := 1.0
	if slices.ContainsFunc(suspect, r.o.Has) {
		sure = 0.5
	}
	from := m.filed(node, r.o.Start, sure)
	m.link(m.patient, HasReading, node, from)
	l := m.concept(m.names, KindMeasure, r.concept)
	from.Confidence = min(sure, l.sure())
	m.link(node, Of, l.Node, from)
	m.say(node, MeasuredAs, measured(r.value), from)
	m.say(node, At, moment(r.o.Start), from)
	m.during(node, r.o.EncounterID, from)
	if device := m.instanceID(KindDevice, r.o.DeviceID); r.o.DeviceID != "" && m.has(device) {
		m.link(node, By, device, from)
	}
	if r.counted {
		m.finding(node, r.entry, prompt.Grade(r.entry, r.number, m.female), from)
	}
}

// measured is what a reading says, as far as it is no words of its own.
func measured(v *record.Value) Value {
	switch {
	case v.Quantity != nil:
		return quantityOf(v.Quantity)
	case v.Integer != nil:
		return Value{TypeNumber, strconv.FormatInt(*v.Integer, 10)}
	case v.Bool != nil:
		return Value{TypeBool, strconv.FormatBool(*v.Bool)}
	case v.Concept != nil:
		if e, _ := terms.Find("value", *v.Concept); e != nil {
			return Value{TypeText, e.Name(terms.English)}
		}
	}
	return Value{}
}

// finding states that a reading is beyond its range, and that the patient has that finding: high or low, since
// patients are alike in that and not in the degree.
func (m *maker) finding(reading string, e *terms.Entry, grade int, from Provenance) {
	if grade == 0 {
		return
	}
	m.say(reading, State, Value{TypeText, prompt.Degree(grade, terms.English)}, from)
	side, en, zh := "high", "high ", "偏高"
	if grade < 0 {
		side, en, zh = "low", "low ", "偏低"
	}
	measure := m.entry(e)
	n := Node{ID: "finding/" + slug(measure) + "/" + side, Kind: KindFinding, Names: map[terms.Lang]string{
		terms.English: en + e.Name(terms.English), terms.Chinese: e.Name(terms.Chinese) + zh,
	}}
	for _, a := range e.Names[terms.English][1:] {
		n.Aliases = append(n.Aliases, en+a)
	}
	m.node(n)
	m.link(n.ID, Of, measure, tableSays)
	m.link(m.patient, HasFinding, n.ID, from)
}
