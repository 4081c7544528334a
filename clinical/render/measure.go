package render

import (
	"slices"
	"strconv"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

func (r *renderer) vitals() []Fact {
	return append(r.measureFacts("vital", "score", "wave"), r.scores()...)
}

func (r *renderer) laboratory() []Fact {
	return append(r.measureFacts("gas", "lab"), r.reports()...)
}

func (r *renderer) measureFacts(groups ...string) []Fact {
	var facts []Fact
	for _, m := range r.measures {
		if !slices.Contains(groups, m.group) {
			continue
		}
		first := m.any()
		switch {
		case len(m.readings) == 0:
			facts = append(facts, r.doubtfulFact(m))
		case first.value.Sampled != nil:
			facts = append(facts, r.waveFact(m))
		case first.value.Quantity != nil:
			facts = append(facts, r.seriesFact(m))
			facts = append(facts, r.derived(m)...)
		default:
			if f, ok := r.wordsFact(m); ok {
				facts = append(facts, f)
			}
		}
	}
	return facts
}

// name writes a measure's name and lists its terms; a blood pressure lists its
// parts as well.
func (b *builder) name(m *measure) string {
	if m.any().diastolic != nil {
		b.addTerm(b.r.term(m.entry, TermMeasure))
		b.addTerm(b.r.term(terms.Measure(loincSystolic), TermMeasure))
		b.addTerm(b.r.term(terms.Measure(loincDiastolic), TermMeasure))
		return b.r.name(m.entry)
	}
	return b.concept(TermMeasure, "measure", m.concept, m.path)
}

// term lists a thing of the table under the names it goes by, the one in the text first.
func (r *renderer) term(e *terms.Entry, kind TermKind) Term {
	return Term{Kind: kind, Names: r.names(e), Key: e.Key}
}

func (r *renderer) names(e *terms.Entry) []string {
	names := slices.Clone(e.Names[r.lang])
	if i := slices.Index(names, r.name(e)); i > 0 {
		names = slices.Insert(slices.Delete(names, i, i+1), 0, r.name(e))
	}
	return names
}

// name is the one that the text uses: the abbreviation in compact style, where there is one.
func (r *renderer) name(e *terms.Entry) string {
	if short := e.Abbr[r.lang]; short != "" && r.p.compact {
		return short
	}
	return e.Name(r.lang)
}

// keys gives the term that a reading's value belongs to, and its diastolic one's.
func (b *builder) keys(m *measure) (value, diastolic string) {
	if m.any().diastolic != nil {
		return terms.Measure(loincSystolic).Key, terms.Measure(loincDiastolic).Key
	}
	return b.f.Terms[0].Key, ""
}

// seriesFact says one value, or the first, last, lowest and highest of several.
func (r *renderer) seriesFact(m *measure) Fact {
	var evidence []string
	for _, x := range m.readings {
		evidence = append(evidence, reference("Observation", x.obs))
	}
	return r.seriesOf(m, evidence)
}

func (r *renderer) seriesOf(m *measure, evidence []string) Fact {
	b, p := r.fact(), r.p
	b.f.Evidence = evidence
	if m.computed {
		b.write(p.computed)
	}
	b.write(b.name(m), p.colon)
	first, last := m.readings[0], m.readings[len(m.readings)-1]
	b.f.Flag, b.f.Last = last.flag, reference("Observation", last.obs)
	if b.f.Flag == FlagNormal && last.diaFlag != "" {
		b.f.Flag = last.diaFlag
	}
	if len(m.readings) == 1 {
		v := b.value(m, last, RoleValue, true)
		return b.write(p.valueAt(v, b.at(last.at, record.DateTime{})), b.marked(m)).done()
	}
	v := b.value(m, first, RoleFirst, false)
	b.write(p.valueAt(v, b.at(first.at, record.DateTime{})))
	v = b.value(m, last, RoleLast, true)
	b.write(p.then(), p.valueAt(v, b.at(last.at, record.DateTime{})), p.semi)
	if len(m.readings) > 2 {
		low, high := extremes(m.readings)
		lowest, highest := b.value(m, m.readings[low], RoleLowest, false), b.value(m, m.readings[high], RoleHighest, false)
		b.write(p.lowHigh(lowest, highest))
	}
	b.write(b.summary(m), b.marked(m))
	for _, x := range m.readings {
		b.listReading(m, x)
	}
	return b.done()
}

// summary says how many readings there are, over how long, and where they go.
func (b *builder) summary(m *measure) string {
	key, _ := b.keys(m)
	n := b.readings(len(m.readings), key)
	over := ""
	first, last := m.readings[0], m.readings[len(m.readings)-1]
	if v, unit, ok := span(first.at, last.at); ok {
		over = b.count(v, unit, Number{Role: RoleSpan, Of: key})
	}
	text := b.r.p.readings(n, over)
	values := make([]float64, 0, len(m.readings))
	for _, x := range m.readings {
		if x.value.Quantity.Comparator == "" && !x.at.IsZero() {
			values = append(values, x.value.Quantity.Value.Float)
		}
	}
	if b.f.Trend = trendOf(values, b.width(m)); b.f.Trend != TrendNone {
		word := b.r.p.trends[b.f.Trend]
		if m.readings[0].diastolic != nil {
			word = b.r.p.systolic + word
		}
		text += b.r.p.comma + word
	}
	return text
}

// readings says how many readings there are.
func (b *builder) readings(n int, key string) string {
	text := b.count(record.NewDecimal(float64(n)), "{reading}", Number{Role: RoleCount, Of: key})
	if b.r.p.compact {
		return "n=" + strconv.Itoa(n)
	}
	return text
}

// width is that of the reference range of the latest value, 0 if it has not two ends.
func (b *builder) width(m *measure) float64 {
	x := m.readings[len(m.readings)-1]
	if ref := x.reference; ref != nil && ref.Low != nil && ref.High != nil {
		return ref.High.Value.Float - ref.Low.Value.Float
	}
	entry := m.entry
	if x.diastolic != nil {
		entry = terms.Measure(loincSystolic)
	}
	if t := b.r.tableRange(entry, *x.value.Quantity); t != nil && t.Low != nil && t.High != nil {
		return *t.High - *t.Low
	}
	return 0
}

func (b *builder) listReading(m *measure, x reading) {
	key, diaKey := b.keys(m)
	n := Number{Value: x.value.Quantity.Value, Comparator: x.value.Quantity.Comparator, Role: RoleReading, Of: key, At: x.at, Flag: x.flag}
	n.Unit, n.Label = b.unit(*x.value.Quantity)
	b.add(n)
	if x.diastolic != nil {
		n.Value, n.Comparator, n.Of, n.Flag = x.diastolic.Value, x.diastolic.Comparator, diaKey, x.diaFlag
		b.add(n)
	}
	b.listDate(x.at)
}

func extremes(xs []reading) (low, high int) {
	for i, x := range xs {
		v := x.value.Quantity.Value.Float
		if v < xs[low].value.Quantity.Value.Float {
			low = i
		}
		if v > xs[high].value.Quantity.Value.Float {
			high = i
		}
	}
	return low, high
}

// wordsFact says the latest value of a measure that is not a number.
func (r *renderer) wordsFact(m *measure) (Fact, bool) {
	b, p := r.fact(), r.p
	name := b.name(m)
	for i := len(m.readings) - 1; i >= 0; i-- {
		x := m.readings[i]
		text := b.words(x.value)
		if text == "" {
			continue
		}
		b.evidence("Observation", x.obs)
		b.f.Flag = x.flag
		if word := b.flagWord(x.flag); word != "" && x.flag != FlagNormal {
			text += p.paren(word)
		}
		return b.write(name, p.colon, p.valueAt(text, b.at(x.at, record.DateTime{}))).done(), true
	}
	return Fact{}, false
}
