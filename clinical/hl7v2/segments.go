package hl7v2

import (
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

var sexes = map[string]string{"M": "male", "F": "female", "O": "other", "A": "other", "U": "unknown", "N": "unknown", "": ""}

// hospital and personal are types of identifiers (HL7 table 0203): numbers that a hospital gave
// a patient, and those that tell anyone who it is.
var (
	hospital = map[string]bool{"MR": true, "MRT": true, "PI": true, "PT": true}
	personal = map[string]bool{
		"NI": true, "SS": true, "DL": true, "PPN": true, "NH": true, "HC": true, "MC": true, "MA": true, "CZ": true, "BC": true, "TAX": true, "NIIP": true,
	}
)

// patientID chooses among the identifiers of PID-3: one of the hospital's own, else the first
// that is not a citizen's. A citizen's number alone is replaced by a digest of it.
func patientID(v value) string {
	first, last := "", ""
	for _, id := range v.repetitions() {
		name, kind := id.component(1), strings.ToUpper(id.component(5))
		switch {
		case name == "":
		case hospital[kind]:
			return record.IDOf(name)
		case personal[kind] || len(kind) == 5 && strings.HasPrefix(kind, "NN"): // NNxxx, a nation's
			last = record.IDOf("/" + name)
			last = "patient" + last[strings.LastIndexByte(last, '-'):]
		case first == "":
			first = record.IDOf(name)
		}
	}
	if first != "" {
		return first
	}
	return last
}

// patient reads PID: id, birth date, sex, whether the patient has died. Names, addresses and
// numbers of all kinds stay unread.
func (r *reader) patient() {
	id := patientID(r.seg.field(3))
	r.known = true
	switch {
	case id == "":
		r.violate(3, "required: the patient's id")
	case r.rec.Patient.ID != "" && r.rec.Patient.ID != id:
		r.violate(3, "a second patient; a record is about one")
	}
	p := &r.rec.Patient
	p.ID = id
	if birth := r.time(7); !birth.IsZero() {
		if birth.Precision == record.PrecisionSecond { // some send midnight
			y, m, d := birth.Time.Date()
			birth = record.DateTime{Time: time.Date(y, m, d, 0, 0, 0, 0, time.UTC), Precision: record.PrecisionDay}
		}
		p.BirthDate = birth
	}
	sex, known := sexes[strings.ToUpper(r.seg.field(8).component(1))]
	if !known {
		r.violate(8, "expected M, F, O, U, A or N")
	}
	if sex != "" {
		p.Sex = sex
	}
	if strings.EqualFold(r.seg.field(30).component(1), "Y") {
		p.Deceased = true
	}
}

// classes are those of HL7 table 0004 as v3 ActCodes.
var classes = map[string]string{"I": "IMP", "E": "EMER", "O": "AMB", "P": "PRENC", "R": "AMB", "B": "IMP", "C": "", "N": "", "U": ""}

// visit reads PV1.
func (r *reader) visit() {
	class, known := classes[strings.ToUpper(r.seg.field(2).component(1))]
	if !known {
		r.notice(2, record.NoticeUnknownCode, "not a patient class of table 0004")
	}
	e := record.Encounter{ID: record.IDOf(r.seg.field(19).component(1)), Class: class, Start: r.time(44), End: r.time(45), Status: "in-progress"}
	if !e.End.IsZero() {
		e.Status = "finished"
		if !e.Start.IsZero() && e.End.Compare(e.Start) < 0 {
			r.violate(45, "discharge before admission")
		}
	}
	if e.ID == "" {
		if class == "" && e.Start.IsZero() {
			return
		}
		e.ID = r.id(".visit")
	}
	r.encounter = e.ID
	for i := range r.rec.Encounters {
		if old := &r.rec.Encounters[i]; old.ID == e.ID { // of an earlier message: what is known now, and what was
			if e.Class == "" {
				e.Class = old.Class
			}
			if e.Start.IsZero() {
				e.Start = old.Start
			}
			if e.End.IsZero() {
				e.End, e.Status = old.End, old.Status
			}
			*old = e
			return
		}
	}
	r.rec.Encounters = append(r.rec.Encounters, e)
}

// reportStatus are those of HL7 table 0123 as FHIR's.
var reportStatus = map[string]string{
	"F": "final", "P": "preliminary", "C": "corrected", "X": "cancelled", "A": "partial", "R": "preliminary", "S": "registered", "I": "registered",
	"O": "registered", "Y": "unknown", "Z": "unknown", "": "final",
}

// request reads OBR, which begins a group of results. What a laboratory was asked for is a report;
// the group of a device's readings is none.
func (r *reader) request() {
	r.obr = &order{number: r.seg.number, at: r.time(7), report: -1}
	c := concept(r.seg.field(4))
	if c.IsZero() {
		r.violate(4, "required: what was asked for")
		return
	}
	if c.Code(record.SystemIEEE11073) != "" {
		return
	}
	status, known := reportStatus[strings.ToUpper(r.seg.field(25).component(1))]
	if !known {
		r.violate(25, "not a result status of table 0123")
	}
	issued := r.time(22)
	if issued.Precision != record.PrecisionSecond { // FHIR's issued is an instant
		issued = record.DateTime{}
	}
	r.rec.Reports = append(r.rec.Reports, record.Report{
		ID: r.id(".%d", r.obr.number), Status: status, Category: r.seg.field(24).component(1), Code: c, Start: r.obr.at, Issued: issued, EncounterID: r.encounter,
	})
	r.obr.report = len(r.rec.Reports) - 1
}

// diagnosis reads DG1.
func (r *reader) diagnosis() {
	c := concept(r.seg.field(3))
	if c.IsZero() {
		if c.Text = r.seg.field(4).component(1); c.Text == "" {
			r.violate(3, "required: the diagnosis")
			return
		}
	}
	verification := map[string]string{"F": "confirmed", "W": "provisional", "A": "provisional"}[strings.ToUpper(r.seg.field(6).component(1))]
	r.rec.Conditions = append(r.rec.Conditions, record.Condition{
		ID: r.id(".dg%d", r.seg.number), Code: c, Category: "encounter-diagnosis", Clinical: "active", Verification: verification,
		Recorded: r.time(5), EncounterID: r.encounter,
	})
}

// allergy reads AL1.
func (r *reader) allergy() {
	c := concept(r.seg.field(3))
	if c.IsZero() {
		r.violate(3, "required: what the patient is allergic to")
		return
	}
	a := record.Allergy{ID: r.id(".al%d", r.seg.number), Code: c, Clinical: "active", Verification: "confirmed", Recorded: r.time(6)}
	switch strings.ToUpper(r.seg.field(4).component(1)) {
	case "SV":
		a.Criticality = "high"
	case "MO", "MI":
		a.Criticality = "low"
	case "U":
		a.Criticality = "unable-to-assess"
	}
	for _, v := range r.seg.field(5).repetitions() {
		if text := v.text(); text != "" {
			a.Reactions = append(a.Reactions, record.Concept{Text: text})
		}
	}
	r.rec.Allergies = append(r.rec.Allergies, a)
}
