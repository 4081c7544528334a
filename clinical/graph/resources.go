package graph

import (
	"slices"

	"github.com/bedside-lm/bedside/clinical/record"
)

// What a status of FHIR's condition-ver-status takes from how sure a diagnosis is.
const (
	confirmedSure = 1
	suspectedSure = 0.5
)

func (m *maker) conditions() {
	for i := range m.rec.Conditions {
		c := &m.rec.Conditions[i]
		node := m.instance(KindCondition, "Condition", c.ID)
		if node == "" || gone(c.Verification) {
			continue
		}
		at := first(c.Onset, c.Recorded)
		from := m.filed(node, at, 1)
		m.link(m.patient, HasCondition, node, from)
		m.during(node, c.EncounterID, from)
		m.say(node, Status, word("clinical", c.Clinical), from)
		m.say(node, Verification, word("status", c.Verification), from)
		m.say(node, Start, moment(c.Onset), from)
		m.say(node, End, moment(c.Abatement), from)
		l := m.concept(m.names, KindDiagnosis, c.Code)
		m.link(node, Of, l.Node, m.filed(node, at, l.sure()))
		p, sure := conditionSays(c)
		m.link(m.patient, p, l.Node, m.filed(node, at, min(sure, l.sure())))
	}
}

// conditionSays is what a condition's status and verification make of it.
func conditionSays(c *record.Condition) (p Predicate, sure float64) {
	switch c.Verification {
	case "refuted":
		return Denied, confirmedSure
	case "unconfirmed", "provisional", "differential":
		return SuspectedOf, suspectedSure
	}
	switch c.Clinical {
	case "resolved", "inactive", "remission":
		return HadDiagnosis, confirmedSure
	}
	return HasDiagnosis, confirmedSure
}

func first(times ...record.DateTime) record.DateTime {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return record.DateTime{}
}

func (m *maker) medications() {
	for i := range m.rec.Medications {
		d := &m.rec.Medications[i]
		resource, says := "MedicationRequest", WasPrescribed
		if d.Administered {
			resource, says = "MedicationAdministration", WasGiven
		}
		node := m.instance(KindMedication, resource, d.ID)
		if node == "" || gone(d.Status) || d.Status == "not-done" || d.Status == "draft" {
			continue
		}
		from := m.filed(node, d.Start, 1)
		m.link(m.patient, HasMedication, node, from)
		m.during(node, d.EncounterID, from)
		m.say(node, Status, word("status", d.Status), from)
		m.say(node, Start, moment(d.Start), from)
		m.say(node, End, moment(d.End), from)
		m.say(node, Dose, quantityOf(d.Dose), from)
		m.say(node, Rate, quantityOf(d.Rate), from)
		m.link(node, Route, m.concept(m.names, KindRoute, d.Route).Node, from)
		l := m.concept(m.names, KindDrug, d.Code)
		sure := m.filed(node, d.Start, l.sure())
		m.link(node, Of, l.Node, sure)
		m.link(m.patient, says, l.Node, sure)
		for _, why := range d.Reasons {
			w := m.concept(m.names, KindDiagnosis, why)
			m.link(node, Reason, w.Node, m.filed(node, d.Start, w.sure()))
		}
	}
}

func (m *maker) allergies() {
	for i := range m.rec.Allergies {
		a := &m.rec.Allergies[i]
		node := m.instance(KindAllergy, "AllergyIntolerance", a.ID)
		if node == "" || gone(a.Verification) {
			continue
		}
		from := m.filed(node, a.Recorded, 1)
		m.link(m.patient, HasAllergy, node, from)
		m.say(node, Status, word("clinical", a.Clinical), from)
		m.say(node, Criticality, word("criticality", a.Criticality), from)
		l := m.concept(m.names, KindAllergen, a.Code)
		m.link(node, Of, l.Node, m.filed(node, a.Recorded, l.sure()))
		switch {
		case a.Verification == "refuted":
			m.link(m.patient, Denied, l.Node, m.filed(node, a.Recorded, l.sure()))
		case a.Clinical == "" || a.Clinical == "active":
			m.link(m.patient, AllergicTo, l.Node, m.filed(node, a.Recorded, l.sure()))
		}
	}
}

func (m *maker) procedures() {
	for i := range m.rec.Procedures {
		p := &m.rec.Procedures[i]
		if p.Status != "" && p.Status != "completed" && p.Status != "in-progress" {
			continue
		}
		l := m.concept(m.names, KindProcedure, p.Code)
		m.link(m.patient, Underwent, l.Node, m.filed("procedure/"+m.names.of("procedure", m.patient, p.ID), p.Start, l.sure()))
	}
}

// quantityOf writes a quantity by its UCUM code. A unit without one is words, and left out.
func quantityOf(q *record.Quantity) Value {
	if q == nil || !slices.Contains([]string{"", "<", "<=", ">=", ">"}, q.Comparator) {
		return Value{}
	}
	return Quantity(q.Comparator+q.Value.String(), unitCode(q))
}
