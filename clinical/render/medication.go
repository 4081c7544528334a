package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

func (r *renderer) medication() []Fact {
	var facts []Fact
	for i, m := range r.rec.Medications {
		if !m.Administered && m.Status != "entered-in-error" {
			facts = append(facts, r.drug(i, m, nil))
		}
	}
	for _, group := range r.administrations() {
		facts = append(facts, r.drug(group[0], r.rec.Medications[group[0]], group[1:]))
	}
	for i, c := range r.rec.Procedures {
		if c.Status != "entered-in-error" {
			facts = append(facts, r.procedure(i, c))
		}
	}
	return facts
}

// administrations groups equal doses of one drug, by place in the record and time.
func (r *renderer) administrations() [][]int {
	var groups [][]int
	index := map[string]int{}
	for i, m := range r.rec.Medications {
		if !m.Administered || m.Status == "entered-in-error" {
			continue
		}
		key := strings.Join([]string{r.drugKey(m), amount(m.Dose), amount(m.Rate), m.Route.Label(), m.Status, m.DosageText}, "\x00")
		at, ok := index[key]
		if !ok {
			at = len(groups)
			index[key] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], i)
	}
	for _, g := range groups {
		slices.SortStableFunc(g, func(a, b int) int {
			return r.rec.Medications[a].Start.Compare(r.rec.Medications[b].Start)
		})
	}
	return groups
}

func (r *renderer) drugKey(m record.Medication) string {
	if e, _ := terms.Find("drug", m.Code); e != nil {
		return e.Key
	}
	return "drug:" + strings.ToLower(clean(m.Code.Label()))
}

func amount(q *record.Quantity) string {
	if q == nil {
		return ""
	}
	return q.Comparator + q.Value.Text + " " + q.Unit + " " + q.Code
}

// drug says one order, or one administration with the equal ones that followed it.
func (r *renderer) drug(i int, m record.Medication, again []int) Fact {
	b, p := r.fact(), r.p
	kind, head := "MedicationRequest", p.ordered
	b.f.State = StateOrdered
	if m.Administered {
		kind, head, b.f.State = "MedicationAdministration", p.given, StateAdministered
		if m.Status == "not-done" {
			head, b.f.Negated, b.f.State = p.notGiven, true, StateNone
		}
	}
	b.evidence(kind, m.ID)
	name := b.concept(TermDrug, "drug", m.Code, fmt.Sprintf("%s[%d].medication", kind, i))
	key := b.f.Terms[0].Key
	for _, q := range []*record.Quantity{m.Dose, m.Rate} {
		if q != nil {
			name = p.follow(name, b.quantity(*q, Number{Role: RoleDose, Of: key}))
		}
	}
	parts := []string{name}
	if m.Dose == nil && m.Rate == nil && m.DosageText != "" && !r.opt.OmitFreeText {
		parts = append(parts, p.quote(b.label(m.DosageText)))
	}
	if !m.Route.IsZero() {
		parts = append(parts, b.route(m.Route))
	}
	if m.Status != "" && !b.f.Negated {
		parts = append(parts, b.word("status", m.Status))
	}
	end := m.End
	if len(again) > 0 {
		n := record.NewDecimal(float64(len(again) + 1))
		parts = append(parts, b.count(n, "{time}", Number{Role: RoleCount, Of: key}))
		for _, j := range again {
			b.evidence(kind, r.rec.Medications[j].ID).listDate(r.rec.Medications[j].Start)
			end = r.rec.Medications[j].Start
		}
	}
	if at := b.at(m.Start, end); at != "" {
		parts = append(parts, at)
	}
	return b.write(head, p.colon, strings.Join(parts, p.comma)).done()
}

func (b *builder) route(c record.Concept) string {
	if e, _ := terms.Find("route", c); e != nil {
		b.addTerm(b.r.term(e, TermOther))
		return b.r.name(e)
	}
	return b.label(c.Label())
}

func (r *renderer) procedure(i int, c record.Procedure) Fact {
	b, p := r.fact().evidence("Procedure", c.ID), r.p
	parts := []string{b.concept(TermProcedure, "procedure", c.Code, fmt.Sprintf("Procedure[%d].code", i))}
	if c.Status != "" {
		parts = append(parts, b.word("status", c.Status))
	}
	b.f.Negated = c.Status == "not-done"
	if at := b.at(c.Start, c.End); at != "" {
		parts = append(parts, at)
	}
	return b.write(p.procedure, p.colon, strings.Join(parts, p.comma)).done()
}

func (r *renderer) reports() []Fact {
	var facts []Fact
	for i, d := range r.rec.Reports {
		if d.Status == "entered-in-error" || d.Status == "cancelled" {
			continue
		}
		b, p := r.fact().evidence("DiagnosticReport", d.ID), r.p
		parts := []string{b.concept(TermMeasure, "measure", d.Code, fmt.Sprintf("DiagnosticReport[%d].code", i))}
		if d.Status != "" {
			parts = append(parts, b.word("status", d.Status))
		}
		if pendingStatus(d.Status) {
			b.f.State = StatePreliminary
		}
		when := d.Issued
		if when.IsZero() {
			when = d.Start
		}
		if at := b.at(when, record.DateTime{}); at != "" {
			parts = append(parts, at)
		}
		if d.Conclusion != "" && !r.opt.OmitFreeText {
			parts = append(parts, p.conclusion+p.gap()+p.quote(b.label(d.Conclusion)))
		}
		facts = append(facts, b.write(p.report, p.colon, strings.Join(parts, p.comma)).done())
	}
	return facts
}

func pendingStatus(s string) bool { return s == "registered" || s == "partial" || s == "preliminary" }
