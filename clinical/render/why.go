package render

import (
	"fmt"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

func (r *renderer) why() []Fact {
	var facts []Fact
	for i, e := range r.rec.Encounters {
		for j, c := range e.Reasons {
			if c.IsZero() || e.Status == "entered-in-error" {
				continue
			}
			b := r.fact().evidence("Encounter", e.ID)
			name := b.concept(TermDiagnosis, "diagnosis", c, fmt.Sprintf("Encounter[%d].reasonCode[%d]", i, j))
			facts = append(facts, b.write(r.p.reason, r.p.colon, name).done())
		}
	}
	for i, c := range r.rec.Conditions {
		if c.Verification != "entered-in-error" {
			facts = append(facts, r.condition(i, c))
		}
	}
	for i, a := range r.rec.Allergies {
		if a.Verification != "entered-in-error" {
			facts = append(facts, r.allergy(i, a))
		}
	}
	for i, v := range r.rec.Immunizations {
		if v.Status != "entered-in-error" {
			facts = append(facts, r.immunization(i, v))
		}
	}
	return facts
}

func (r *renderer) condition(i int, c record.Condition) Fact {
	b, p := r.fact().evidence("Condition", c.ID), r.p
	head := p.diagnosis
	switch {
	case c.Verification == "refuted":
		head, b.f.Negated = p.ruledOut, true
	case c.Verification == "provisional" || c.Verification == "differential" || c.Verification == "unconfirmed":
		head, b.f.State = p.suspected, StateSuspected
	case c.Clinical == "resolved" || c.Clinical == "inactive" || c.Clinical == "remission":
		head, b.f.State = p.past, StatePast
	case c.Category == "problem-list-item":
		head = p.problem
	}
	// What the stay is about; a list of old problems may be left to the record.
	b.f.Critical = head == p.diagnosis || head == p.suspected
	parts := []string{b.concept(TermDiagnosis, "diagnosis", c.Code, fmt.Sprintf("Condition[%d].code", i))}
	if !c.Severity.IsZero() {
		s := c.Severity.Label()
		if e, _ := terms.Find("severity", c.Severity); e != nil {
			s = r.name(e)
		}
		parts = append(parts, p.words(p.severity, b.label(s)))
	}
	if c.Clinical != "" {
		parts = append(parts, b.word("clinical", c.Clinical))
	}
	onset := c.Onset
	if onset.IsZero() {
		onset = c.Recorded
	}
	switch {
	case !onset.IsZero() && c.Abatement.IsZero():
		parts = append(parts, p.since(b.time(onset)))
	case !c.Abatement.IsZero():
		parts = append(parts, b.at(onset, c.Abatement))
	}
	return b.write(head, p.colon, strings.Join(parts, p.comma)).done()
}

func (r *renderer) allergy(i int, a record.Allergy) Fact {
	b, p := r.fact().evidence("AllergyIntolerance", a.ID), r.p
	// "No known allergies" is filed as an allergy of its own.
	if label := strings.ToLower(a.Code.Label()); strings.HasPrefix(label, "no known") || strings.HasPrefix(label, "无已知") {
		b.f.Negated = true
		b.addTerm(Term{Kind: TermAllergen, Key: "allergen:none", Names: p.noneKnown})
		return b.write(p.noAllergy).done()
	}
	name := b.allergen(a.Code, fmt.Sprintf("AllergyIntolerance[%d].code", i))
	if a.Verification == "refuted" {
		b.f.Negated = true
		return b.write(p.allergyOut, p.colon, name).done()
	}
	b.f.Critical = a.Clinical != "resolved" && a.Clinical != "inactive"
	parts := []string{name}
	if a.Criticality != "" {
		parts = append(parts, b.word("criticality", a.Criticality))
	}
	if a.Clinical != "" {
		parts = append(parts, b.word("clinical", a.Clinical))
	}
	for j, c := range a.Reactions {
		if c.IsZero() || j == 8 {
			break
		}
		parts = append(parts, p.reaction+p.gap()+b.concept(TermDiagnosis, "diagnosis", c, fmt.Sprintf("AllergyIntolerance[%d].reaction[%d]", i, j)))
	}
	return b.write(p.allergy, p.colon, strings.Join(parts, p.comma)).done()
}

// allergen names what an allergy is to; many are filed by a drug's code.
func (b *builder) allergen(c record.Concept, path string) string {
	if e, _ := terms.Find("allergen", c); e == nil {
		if d, exact := terms.Find("drug", c); d != nil && exact {
			b.addTerm(b.r.term(d, TermAllergen))
			return b.label(b.r.name(d))
		}
	}
	return b.concept(TermAllergen, "allergen", c, path)
}

func (r *renderer) immunization(i int, v record.Immunization) Fact {
	b, p := r.fact().evidence("Immunization", v.ID), r.p
	head := p.vaccine
	if v.Status == "not-done" {
		head, b.f.Negated = p.noVaccine, true
	}
	text := head + p.colon + b.concept(TermVaccine, "vaccine", v.Code, fmt.Sprintf("Immunization[%d].vaccineCode", i))
	if at := b.at(v.When, record.DateTime{}); at != "" {
		text += p.comma + at
	}
	return b.write(text).done()
}
