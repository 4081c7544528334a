package convert

import (
	"slices"

	"github.com/bedside-lm/bedside/clinical/record"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// RecordToProto writes a record as messages. What the protocol has no field for is left out:
// Skipped and Notices. The result shares no memory with rec.
func RecordToProto(rec *record.PatientRecord) *bedsidev1.PatientRecord {
	return &bedsidev1.PatientRecord{
		Patient: &bedsidev1.Patient{
			Id: rec.Patient.ID, Sex: rec.Patient.Sex, BirthDate: rec.Patient.BirthDate.String(), Deceased: rec.Patient.Deceased,
		},
		Encounters:    toEach(rec.Encounters, encounterTo),
		Devices:       toEach(rec.Devices, deviceTo),
		Observations:  toEach(rec.Observations, observationTo),
		Conditions:    toEach(rec.Conditions, conditionTo),
		Medications:   toEach(rec.Medications, medicationTo),
		Allergies:     toEach(rec.Allergies, allergyTo),
		Reports:       toEach(rec.Reports, reportTo),
		Procedures:    toEach(rec.Procedures, procedureTo),
		Immunizations: toEach(rec.Immunizations, immunizationTo),
	}
}

func toEach[R, P any](in []R, write func(R) *P) []*P {
	if len(in) == 0 {
		return nil
	}
	out := make([]*P, len(in))
	for i := range in {
		out[i] = write(in[i])
	}
	return out
}

func conceptTo(c record.Concept) *bedsidev1.Concept {
	if c.IsZero() {
		return nil
	}
	return conceptInList(c)
}

// conceptInList writes an empty concept too: a list has no place for none.
func conceptInList(c record.Concept) *bedsidev1.Concept {
	return &bedsidev1.Concept{Text: c.Text, Codings: toEach(c.Codings, func(k record.Coding) *bedsidev1.Coding {
		return &bedsidev1.Coding{System: k.System, Code: k.Code, Display: k.Display}
	})}
}

func quantityTo(q *record.Quantity) *bedsidev1.Quantity {
	if q == nil {
		return nil
	}
	return &bedsidev1.Quantity{Value: q.Value.String(), Comparator: q.Comparator, Unit: q.Unit, Code: q.Code}
}

func rangeTo(r *record.Range) *bedsidev1.Range {
	if r == nil {
		return nil
	}
	return &bedsidev1.Range{Low: quantityTo(r.Low), High: quantityTo(r.High), Text: r.Text}
}

func valueTo(v record.Value) *bedsidev1.Value {
	switch {
	case v.Quantity != nil:
		return &bedsidev1.Value{Value: &bedsidev1.Value_Quantity{Quantity: quantityTo(v.Quantity)}}
	case v.Concept != nil:
		return &bedsidev1.Value{Value: &bedsidev1.Value_Concept{Concept: conceptTo(*v.Concept)}}
	case v.Text != "":
		return &bedsidev1.Value{Value: &bedsidev1.Value_Text{Text: v.Text}}
	case v.Bool != nil:
		return &bedsidev1.Value{Value: &bedsidev1.Value_Boolean{Boolean: *v.Bool}}
	case v.Integer != nil:
		return &bedsidev1.Value{Value: &bedsidev1.Value_Integer{Integer: *v.Integer}}
	case v.Sampled != nil:
		s := v.Sampled
		return &bedsidev1.Value{Value: &bedsidev1.Value_Sampled{Sampled: &bedsidev1.SampledData{
			Origin: quantityTo(&s.Origin), PeriodMs: s.PeriodMS, Factor: s.Factor,
			Dimensions: int32(s.Dimensions),
			Samples:    slices.Clone(s.Samples),
		}}}
	case v.AbsentReason != "":
		return &bedsidev1.Value{Value: &bedsidev1.Value_AbsentReason{AbsentReason: v.AbsentReason}}
	}
	return nil
}

func encounterTo(e record.Encounter) *bedsidev1.Encounter {
	return &bedsidev1.Encounter{
		Id: e.ID, Status: e.Status, Class: e.Class, Start: e.Start.String(), End: e.End.String(),
		Reasons: toEach(e.Reasons, conceptInList), Service: conceptTo(e.Service),
	}
}

func deviceTo(d record.Device) *bedsidev1.Device {
	return &bedsidev1.Device{Id: d.ID, Type: conceptTo(d.Type), Manufacturer: d.Manufacturer, Model: d.Model}
}

func observationTo(o record.Observation) *bedsidev1.Observation {
	return &bedsidev1.Observation{
		Id: o.ID, Status: o.Status, Category: o.Category, Code: conceptTo(o.Code), Start: o.Start.String(), End: o.End.String(),
		EncounterId: o.EncounterID, DeviceId: o.DeviceID, Value: valueTo(o.Value),
		Components: toEach(o.Components, componentTo), Interpretation: slices.Clone(o.Interpretation), Reference: rangeTo(o.Reference),
		MemberIds: slices.Clone(o.Members), DerivedFrom: slices.Clone(o.DerivedFrom), Marks: marksTo(o.Marks),
	}
}

func componentTo(c record.Component) *bedsidev1.Component {
	return &bedsidev1.Component{
		Code: conceptTo(c.Code), Value: valueTo(c.Value),
		Interpretation: slices.Clone(c.Interpretation), Reference: rangeTo(c.Reference),
	}
}

func conditionTo(c record.Condition) *bedsidev1.Condition {
	return &bedsidev1.Condition{
		Id: c.ID, Code: conceptTo(c.Code), Category: c.Category, ClinicalStatus: c.Clinical, VerificationStatus: c.Verification,
		Severity: conceptTo(c.Severity), Onset: c.Onset.String(), Abatement: c.Abatement.String(), Recorded: c.Recorded.String(),
		EncounterId: c.EncounterID,
	}
}

func medicationTo(m record.Medication) *bedsidev1.Medication {
	return &bedsidev1.Medication{
		Id: m.ID, Administered: m.Administered, Status: m.Status, Code: conceptTo(m.Code), Dose: quantityTo(m.Dose),
		Rate: quantityTo(m.Rate), Route: conceptTo(m.Route), DosageText: m.DosageText, Start: m.Start.String(), End: m.End.String(),
		Reasons: toEach(m.Reasons, conceptInList), EncounterId: m.EncounterID,
	}
}

func allergyTo(a record.Allergy) *bedsidev1.Allergy {
	return &bedsidev1.Allergy{
		Id: a.ID, Code: conceptTo(a.Code), ClinicalStatus: a.Clinical, VerificationStatus: a.Verification,
		Criticality: a.Criticality, Reactions: toEach(a.Reactions, conceptInList), Recorded: a.Recorded.String(),
	}
}

func reportTo(r record.Report) *bedsidev1.Report {
	return &bedsidev1.Report{
		Id: r.ID, Status: r.Status, Category: r.Category, Code: conceptTo(r.Code), Start: r.Start.String(), Issued: r.Issued.String(),
		Conclusion: r.Conclusion, ConclusionCodes: toEach(r.Codes, conceptInList), ResultIds: slices.Clone(r.Results),
		EncounterId: r.EncounterID,
	}
}

func procedureTo(p record.Procedure) *bedsidev1.Procedure {
	return &bedsidev1.Procedure{
		Id: p.ID, Status: p.Status, Code: conceptTo(p.Code), Start: p.Start.String(), End: p.End.String(), EncounterId: p.EncounterID,
	}
}

func immunizationTo(i record.Immunization) *bedsidev1.Immunization {
	return &bedsidev1.Immunization{Id: i.ID, Status: i.Status, Code: conceptTo(i.Code), Occurrence: i.When.String()}
}

func marksTo(marks []record.Mark) []string {
	var out []string
	for _, m := range marks {
		out = append(out, string(m))
	}
	return out
}
