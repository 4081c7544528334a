package render

import (
	"slices"
	"strconv"

	"github.com/bedside-lm/bedside/clinical/record"
)

// doubts are the marks of readings that count in no trend and no extreme, in the order in
// which they are told; a reading is told under the first that it has.
var doubts = []record.Mark{record.MarkImplausible, record.MarkUnitSuspect, record.MarkArtefact, record.MarkImputed}

// corrections are the marks of readings that count, with what was put right.
var corrections = []record.Mark{record.MarkUnitCorrected, record.MarkTimeCorrected}

// maxMarked is how many readings in doubt are shown of each kind; the latest are.
const maxMarked = 3

// doubtOf is the mark that keeps an observation's values from being counted, or "".
func doubtOf(o *record.Observation) record.Mark {
	for _, m := range doubts {
		if o.Has(m) {
			return m
		}
	}
	return ""
}

func correctionsOf(o *record.Observation) []record.Mark {
	var out []record.Mark
	for _, m := range corrections {
		if o.Has(m) {
			out = append(out, m)
		}
	}
	return out
}

// sift takes the readings in doubt out of each measure's readings. A measure may be left with
// nothing else.
func (r *renderer) sift() {
	for _, m := range r.measures {
		if !slices.ContainsFunc(m.readings, func(x reading) bool { return x.doubt != "" }) {
			continue
		}
		all := m.readings
		m.readings = nil
		for _, x := range all {
			if x.doubt == "" {
				m.readings = append(m.readings, x)
			} else {
				m.doubtful = append(m.doubtful, x)
			}
		}
	}
}

// any returns some reading of the measure, to tell what kind it is.
func (m *measure) any() reading {
	if len(m.readings) > 0 {
		return m.readings[0]
	}
	return m.doubtful[0]
}

// marked says what is in doubt and what was put right, behind what the fact says of the rest.
func (b *builder) marked(m *measure) string {
	p, text := b.r.p, ""
	for _, mark := range doubts {
		var xs []reading
		for _, x := range m.doubtful {
			if x.doubt == mark {
				xs = append(xs, x)
				b.evidence("Observation", x.obs)
			}
		}
		if len(xs) > 0 {
			text += p.semi + b.mark(mark, len(xs)) + p.colon + b.shown(m, xs)
		}
	}
	for _, mark := range corrections {
		n := 0
		for _, xs := range [][]reading{m.readings, m.doubtful} {
			for i := range xs {
				if slices.Contains(xs[i].corrected, mark) {
					n++
				}
			}
		}
		if n > 0 {
			text += p.semi + b.mark(mark, n)
		}
	}
	return text
}

// mark writes a mark's words, with the number of readings if there are several.
func (b *builder) mark(mark record.Mark, n int) string {
	b.f.Marks = append(b.f.Marks, mark)
	text := b.r.p.marks[mark]
	if n > 1 {
		b.add(Number{Value: record.NewDecimal(float64(n)), Role: RoleCount})
		text += b.r.p.paren(strconv.Itoa(n))
	}
	return text
}

// shown writes the latest of some readings in doubt, in time order.
func (b *builder) shown(m *measure, xs []reading) string {
	text := ""
	for i, x := range xs[max(0, len(xs)-maxMarked):] {
		if i > 0 {
			text += b.r.p.list
		}
		x.flag = "" // what is in doubt is neither high nor low
		text += b.r.p.valueAt(b.value(m, x, RoleMarked, false), b.at(x.at, record.DateTime{}))
	}
	return text
}

// doubtfulFact tells a measure that has no reading but those in doubt.
func (r *renderer) doubtfulFact(m *measure) Fact {
	b := r.fact()
	name := b.name(m)
	text := b.marked(m)
	return b.write(name, r.p.colon, text[len(r.p.semi):]).done()
}

// toCheck says that the reading filed last is in doubt: the patient may be as it says.
func (r *renderer) toCheck(m *measure) (Fact, bool) {
	if len(m.doubtful) == 0 {
		return Fact{}, false
	}
	x := m.doubtful[len(m.doubtful)-1]
	if x.doubt == record.MarkImputed || len(m.readings) > 0 && m.readings[len(m.readings)-1].at.Compare(x.at) > 0 {
		return Fact{}, false
	}
	b, p := r.fact().evidence("Observation", x.obs), r.p
	b.f.Critical = x.doubt != record.MarkArtefact
	name := b.name(m)
	x.flag = ""
	value := p.valueAt(b.value(m, x, RoleMarked, false), b.at(x.at, record.DateTime{}))
	return b.write(p.toCheck, p.colon, name, p.comma, b.mark(x.doubt, 1), p.colon, value).done(), true
}
