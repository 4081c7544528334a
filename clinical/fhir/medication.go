package fhir

import (
	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
	"github.com/bedside-lm/bedside/clinical/record"
)

// medicationRequest reads https://hl7.org/fhir/R4/medicationrequest.html.
func (r *reader) medicationRequest(n *tree.Node) {
	m := record.Medication{
		ID: r.id, Status: r.code(n, "status", required, requests), Code: r.drug(n),
		Start: r.dateTime(n, "authoredOn"), Reasons: r.concepts(n, "reasonCode"),
	}
	r.code(n, "intent", required, intents)
	r.subject(n, "subject", required)
	m.EncounterID = r.ref(n, "encounter", "Encounter")
	if d := r.first(n, "dosageInstruction"); d != nil {
		m.DosageText, m.Route = r.str(d, "text", optional), r.concept(d, "route", optional)
		start, end := r.timing(r.field(d, "timing", tree.Object, optional))
		if m.End = end; m.Start.IsZero() {
			m.Start = start
		}
		if dr := r.first(d, "doseAndRate"); dr != nil {
			r.dose(dr, &m)
		}
	}
	r.rec.Medications = append(r.rec.Medications, m)
}

// dose reads a Dosage.doseAndRate. What is no single quantity goes into the text.
func (r *reader) dose(n *tree.Node, m *record.Medication) {
	switch c, typ := r.choice(n, "dose", optional, "Quantity", "Range"); typ {
	case "Quantity":
		m.Dose = r.quantityAt(c)
	case "Range":
		r.intoText(m, r.valueAsText(c, "Range"))
	}
	switch c, typ := r.choice(n, "rate", optional, "Quantity", "Ratio", "Range"); typ {
	case "Quantity":
		m.Rate = r.quantityAt(c)
	case "Ratio":
		r.rateRatio(c, m)
	case "Range":
		r.intoText(m, r.valueAsText(c, "Range"))
	}
}

func (r *reader) rateRatio(c *tree.Node, m *record.Medication) {
	num, den := r.ratio(c)
	if num == nil {
		return
	}
	if m.Rate = perUnit(num, den); m.Rate == nil {
		r.intoText(m, amount(num)+" / "+amount(den))
	}
}

func (r *reader) intoText(m *record.Medication, s string) {
	if m.DosageText == "" {
		m.DosageText = s
	}
}

// medicationAdministration reads https://hl7.org/fhir/R4/medicationadministration.html.
func (r *reader) medicationAdministration(n *tree.Node) {
	m := record.Medication{
		ID: r.id, Administered: true, Status: r.code(n, "status", required, administrations),
		Code: r.drug(n), Reasons: r.concepts(n, "reasonCode"),
	}
	m.Start, m.End = r.when(n, "effective", required, "DateTime", "Period")
	r.subject(n, "subject", required)
	m.EncounterID = r.ref(n, "context", "Encounter", "EpisodeOfCare")
	if d := r.field(n, "dosage", tree.Object, optional); d != nil {
		m.DosageText, m.Route = r.str(d, "text", optional), r.concept(d, "route", optional)
		m.Dose = r.simpleQuantity(d, "dose")
		switch c, typ := r.choice(d, "rate", optional, "Quantity", "Ratio"); typ {
		case "Quantity":
			m.Rate = r.quantityAt(c)
		case "Ratio":
			r.rateRatio(c, &m)
		}
	}
	r.rec.Medications = append(r.rec.Medications, m)
}

// drug reads medication[x]: the concept itself, or that of the Medication named,
// which may be contained or another entry.
func (r *reader) drug(n *tree.Node) record.Concept {
	c, typ := r.choice(n, "medication", required, "CodeableConcept", "Reference")
	if c == nil {
		return record.Concept{}
	}
	if c.Kind != tree.Object {
		r.wrongKind(c, tree.Object)
		return record.Concept{}
	}
	if typ == "CodeableConcept" {
		return r.conceptAt(c)
	}
	f, t, ok := r.literal(c)
	if !ok || t == nil { // not in this source: the display is all that is known
		if ok && f.typ != "" && f.typ != "Medication" {
			r.violate(c.Get("reference"), "expected a reference to Medication, got one to another type")
		}
		return record.Concept{Text: r.str(c, "display", optional)}
	}
	if t.typ != "Medication" {
		r.violate(c.Get("reference"), "expected a reference to Medication, got one to another type")
		return record.Concept{}
	}
	if known, ok := r.medications[t]; ok {
		return known
	}
	concept := r.medicationResource(n, t, f.contained)
	r.medications[t] = concept
	return concept
}

// medicationResource reads what https://hl7.org/fhir/R4/medication.html is: its code,
// or that of its first ingredient.
func (r *reader) medicationResource(user *tree.Node, t *target, contained bool) record.Concept {
	med := r.named(user, t, contained)
	if med == nil {
		return record.Concept{}
	}
	if concept := r.concept(med, "code", optional); !concept.IsZero() {
		return concept
	}
	if in := r.first(med, "ingredient"); in != nil {
		return r.concept(in, "itemCodeableConcept", optional)
	}
	return record.Concept{}
}

// named returns the resource that user names and that has no place of its own in the
// record. It is valid until the next call.
func (r *reader) named(user *tree.Node, t *target, contained bool) *tree.Node {
	if contained {
		for c := user.Get("contained").Child(); c != nil; c = c.Next() {
			if c.Get("id").Is(t.filedID) {
				return c
			}
		}
		return nil
	}
	n, err := r.src.glance(t.at)
	if err != nil {
		r.fail(err)
		return nil
	}
	return n
}
