// Package convert turns the protocol's messages into the types of clinical, and back.
package convert

import (
	"fmt"
	"slices"

	"github.com/bedside-lm/bedside/clinical/record"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// RecordFromProto reads a typed record. The result shares no memory with p. The error is a
// *record.InvalidError with at most 20 violations, whose paths begin with "record"; it finds
// what the rules of the protocol files cannot say: times and numbers that are none, an id
// that two resources of one type share, an end before its start, a unit that contradicts its
// code. An observation's empty status becomes "final".
func RecordFromProto(p *bedsidev1.PatientRecord) (*record.PatientRecord, error) {
	return recordAt("record", p)
}

func recordAt(root string, p *bedsidev1.PatientRecord) (*record.PatientRecord, error) {
	r := &reader{ids: make(map[string]bool, len(p.GetObservations()))}
	r.push(root, -1)
	rec := &record.PatientRecord{
		Patient:       r.patient(p.GetPatient()),
		Encounters:    each(r, "encounters", p.GetEncounters(), (*reader).encounter),
		Devices:       each(r, "devices", p.GetDevices(), (*reader).device),
		Observations:  each(r, "observations", p.GetObservations(), (*reader).observation),
		Conditions:    each(r, "conditions", p.GetConditions(), (*reader).condition),
		Medications:   each(r, "medications", p.GetMedications(), (*reader).medication),
		Allergies:     each(r, "allergies", p.GetAllergies(), (*reader).allergy),
		Reports:       each(r, "reports", p.GetReports(), (*reader).report),
		Procedures:    each(r, "procedures", p.GetProcedures(), (*reader).procedure),
		Immunizations: each(r, "immunizations", p.GetImmunizations(), (*reader).immunization),
	}
	if len(r.violations) > 0 {
		return nil, &record.InvalidError{Violations: r.violations}
	}
	rec.Notices = r.notices
	if r.moreNotes > 0 {
		rec.Notices = append(rec.Notices, record.Notice{
			Path: root, Kind: record.NoticeMore, Message: fmt.Sprintf("%d more notices left out", r.moreNotes),
		})
	}
	return rec, nil
}

func (r *reader) patient(p *bedsidev1.Patient) record.Patient {
	if p == nil {
		r.violate("patient", "required")
		return record.Patient{}
	}
	r.push("patient", -1)
	defer r.pop()
	return record.Patient{
		ID: r.id("Patient", p.GetId(), optional), Sex: p.GetSex(),
		BirthDate: r.date("birth_date", p.GetBirthDate()), Deceased: p.GetDeceased(),
	}
}

func (r *reader) encounter(p *bedsidev1.Encounter) record.Encounter {
	e := record.Encounter{
		ID: r.id("Encounter", p.GetId(), optional), Status: p.GetStatus(), Class: p.GetClass(),
		Reasons: concepts(p.GetReasons()), Service: concept(p.GetService()),
	}
	e.Start, e.End = r.period(p.GetStart(), p.GetEnd())
	return e
}

func (r *reader) device(p *bedsidev1.Device) record.Device {
	return record.Device{
		ID: r.id("Device", p.GetId(), optional), Type: concept(p.GetType()),
		Manufacturer: p.GetManufacturer(), Model: p.GetModel(),
	}
}

func (r *reader) observation(p *bedsidev1.Observation) record.Observation {
	code := r.needConcept("code", p.GetCode())
	o := record.Observation{
		ID: r.id("Observation", p.GetId(), required), Status: p.GetStatus(), Category: p.GetCategory(),
		Code: code, EncounterID: p.GetEncounterId(), DeviceID: p.GetDeviceId(),
		Value:          r.measured(code, p.GetValue()),
		Components:     each(r, "components", p.GetComponents(), (*reader).component),
		Interpretation: slices.Clone(p.GetInterpretation()),
		Reference:      r.referenceRange(p.GetReference()),
		Members:        slices.Clone(p.GetMemberIds()),
		DerivedFrom:    slices.Clone(p.GetDerivedFrom()),
	}
	for _, m := range p.GetMarks() {
		o.Marks = append(o.Marks, record.Mark(m))
	}
	if o.Status == "" {
		o.Status = "final"
	}
	o.Start, o.End = r.period(p.GetStart(), p.GetEnd())
	return o
}

func (r *reader) component(p *bedsidev1.Component) record.Component {
	code := r.needConcept("code", p.GetCode())
	return record.Component{
		Code: code, Value: r.measured(code, p.GetValue()),
		Interpretation: slices.Clone(p.GetInterpretation()), Reference: r.referenceRange(p.GetReference()),
	}
}

func (r *reader) condition(p *bedsidev1.Condition) record.Condition {
	return record.Condition{
		ID: r.id("Condition", p.GetId(), required), Code: r.needConcept("code", p.GetCode()), Category: p.GetCategory(),
		Clinical: p.GetClinicalStatus(), Verification: p.GetVerificationStatus(), Severity: concept(p.GetSeverity()),
		Onset: r.dateTime("onset", p.GetOnset()), Abatement: r.dateTime("abatement", p.GetAbatement()),
		Recorded: r.dateTime("recorded", p.GetRecorded()), EncounterID: p.GetEncounterId(),
	}
}

// medication tells orders from administrations: in FHIR they are two types with ids of their own.
func (r *reader) medication(p *bedsidev1.Medication) record.Medication {
	typ := "MedicationRequest"
	if p.GetAdministered() {
		typ = "MedicationAdministration"
	}
	m := record.Medication{
		ID: r.id(typ, p.GetId(), required), Administered: p.GetAdministered(), Status: p.GetStatus(),
		Code: r.needConcept("code", p.GetCode()), Dose: r.quantity("dose", p.GetDose()), Rate: r.quantity("rate", p.GetRate()),
		Route: concept(p.GetRoute()), DosageText: p.GetDosageText(),
		Reasons: concepts(p.GetReasons()), EncounterID: p.GetEncounterId(),
	}
	m.Start, m.End = r.period(p.GetStart(), p.GetEnd())
	return m
}

func (r *reader) allergy(p *bedsidev1.Allergy) record.Allergy {
	return record.Allergy{
		ID: r.id("AllergyIntolerance", p.GetId(), required), Code: r.needConcept("code", p.GetCode()),
		Clinical: p.GetClinicalStatus(), Verification: p.GetVerificationStatus(), Criticality: p.GetCriticality(),
		Reactions: concepts(p.GetReactions()), Recorded: r.dateTime("recorded", p.GetRecorded()),
	}
}

func (r *reader) report(p *bedsidev1.Report) record.Report {
	return record.Report{
		ID: r.id("DiagnosticReport", p.GetId(), required), Status: p.GetStatus(), Category: p.GetCategory(),
		Code: r.needConcept("code", p.GetCode()), Start: r.dateTime("start", p.GetStart()), Issued: r.dateTime("issued", p.GetIssued()),
		Conclusion: p.GetConclusion(), Codes: concepts(p.GetConclusionCodes()), Results: slices.Clone(p.GetResultIds()),
		EncounterID: p.GetEncounterId(),
	}
}

func (r *reader) procedure(p *bedsidev1.Procedure) record.Procedure {
	c := record.Procedure{
		ID: r.id("Procedure", p.GetId(), required), Status: p.GetStatus(), Code: r.needConcept("code", p.GetCode()),
		EncounterID: p.GetEncounterId(),
	}
	c.Start, c.End = r.period(p.GetStart(), p.GetEnd())
	return c
}

func (r *reader) immunization(p *bedsidev1.Immunization) record.Immunization {
	return record.Immunization{
		ID: r.id("Immunization", p.GetId(), required), Status: p.GetStatus(), Code: r.needConcept("code", p.GetCode()),
		When: r.dateTime("occurrence", p.GetOccurrence()),
	}
}
