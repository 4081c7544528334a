package render

import (
	"fmt"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// expectedVitals are the measures that a bedside record should hold (those of
// NEWS2), by LOINC code; any one of a group will do.
var expectedVitals = [][]string{{"8867-4"}, {"85354-9", "8480-6"}, {"9279-1"}, {"2708-6"}, {"8310-5"}}

// open lists what a reader should look at next. It states what stands in the
// record or is missing from it, and judges no treatment.
func (r *renderer) open() []Fact {
	var facts []Fact
	for _, m := range r.measures {
		if f, ok := r.abnormal(m); ok {
			facts = append(facts, f)
		}
	}
	for _, m := range r.measures {
		if f, ok := r.toCheck(m); ok {
			facts = append(facts, f)
		}
	}
	for _, m := range r.measures {
		if f, ok := r.absent(m); ok {
			facts = append(facts, f)
		}
	}
	facts = append(facts, r.pendingReports()...)
	facts = append(facts, r.notAdministered()...)
	if f, ok := r.missingVitals(); ok {
		facts = append(facts, f)
	}
	return facts
}

// abnormal says that a measure's latest value is out of its range.
func (r *renderer) abnormal(m *measure) (Fact, bool) {
	if len(m.readings) == 0 {
		return Fact{}, false
	}
	x := m.readings[len(m.readings)-1]
	if x.flag == FlagNormal || x.flag == "" || x.value.Sampled != nil {
		return Fact{}, false
	}
	b := r.fact().evidence("Observation", x.obs)
	b.f.Critical, b.f.Flag = true, x.flag
	name := b.name(m)
	if x.diastolic != nil {
		name = r.name(terms.Measure(loincSystolic))
	}
	var value string
	switch {
	case x.diastolic != nil:
		key, _ := b.keys(m)
		b.f.Terms = []Term{r.term(terms.Measure(loincSystolic), TermMeasure)}
		value = b.quantity(*x.value.Quantity, Number{Role: RoleLast, Of: key, At: x.at, Flag: x.flag})
	case x.value.Quantity != nil:
		key, _ := b.keys(m)
		value = b.quantity(*x.value.Quantity, Number{Role: RoleLast, Of: key, At: x.at, Flag: x.flag})
	default:
		if value = b.words(x.value); value == "" {
			return Fact{}, false
		}
	}
	at := b.at(x.at, record.DateTime{})
	if r.opt.Part {
		return b.write(r.p.was(name, b.flagWord(x.flag), value, at)).done(), true
	}
	return b.write(r.p.latest(name, b.flagWord(x.flag), value, at)).done(), true
}

// absent says that the latest reading of a measure was filed without a value.
func (r *renderer) absent(m *measure) (Fact, bool) {
	if len(m.readings) == 0 {
		return Fact{}, false
	}
	x := m.readings[len(m.readings)-1]
	if !x.value.IsZero() || x.value.AbsentReason == "" {
		return Fact{}, false
	}
	b, p := r.fact().evidence("Observation", x.obs), r.p
	b.f.Negated = true
	text := p.absent + p.colon + b.name(m) + p.comma + b.word("absent", x.value.AbsentReason)
	if at := b.at(x.at, record.DateTime{}); at != "" {
		text += p.comma + at
	}
	return b.write(text).done(), true
}

func (r *renderer) pendingReports() []Fact {
	var facts []Fact
	add := func(kind, id string, c record.Concept, path, status string) {
		b := r.fact().evidence(kind, id)
		b.f.State = StatePreliminary
		name := b.concept(TermMeasure, "measure", c, path)
		facts = append(facts, b.write(r.p.pending, r.p.colon, name, r.p.comma, b.word("status", status)).done())
	}
	for i, d := range r.rec.Reports {
		if pendingStatus(d.Status) {
			add("DiagnosticReport", d.ID, d.Code, fmt.Sprintf("DiagnosticReport[%d].code", i), d.Status)
		}
	}
	for i, o := range r.rec.Observations {
		if o.Status == "registered" || o.Status == "preliminary" {
			add("Observation", o.ID, o.Code, fmt.Sprintf("Observation[%d].code", i), o.Status)
		}
	}
	return facts
}

// notAdministered lists drugs with an active order of which no dose is filed.
func (r *renderer) notAdministered() []Fact {
	given := map[string]bool{}
	for _, m := range r.rec.Medications {
		if m.Administered && m.Status != "not-done" && m.Status != "entered-in-error" {
			given[r.drugKey(m)] = true
		}
	}
	var facts []Fact
	for i, m := range r.rec.Medications {
		key := r.drugKey(m)
		if m.Administered || m.Status != "active" || given[key] {
			continue
		}
		given[key] = true
		b := r.fact().evidence("MedicationRequest", m.ID)
		b.f.Negated, b.f.State = true, StateOrdered
		name := b.concept(TermDrug, "drug", m.Code, fmt.Sprintf("MedicationRequest[%d].medication", i))
		facts = append(facts, b.write(r.p.notAdministered, r.p.colon, name).done())
	}
	return facts
}

func (r *renderer) missingVitals() (Fact, bool) {
	have := map[*terms.Entry]bool{}
	for _, m := range r.measures {
		for _, xs := range [][]reading{m.readings, m.doubtful} {
			for i := range xs {
				have[m.entry] = have[m.entry] || !xs[i].value.IsZero() && xs[i].doubt != record.MarkImputed
			}
		}
	}
	b := r.fact().evidence("Patient", r.rec.Patient.ID)
	b.f.Negated = true
	var names []string
	for _, codes := range expectedVitals {
		found := false
		for _, c := range codes {
			found = found || have[terms.Measure(c)]
		}
		if !found {
			e := terms.Measure(codes[0])
			b.addTerm(r.term(e, TermMeasure))
			names = append(names, r.name(e))
		}
	}
	if len(names) == 0 {
		return Fact{}, false
	}
	return b.write(r.p.notFiled, r.p.colon, strings.Join(names, r.p.list)).done(), true
}
