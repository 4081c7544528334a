// Package record holds one patient's record as Bedside works on it: the part of
// HL7 FHIR R4 (https://hl7.org/fhir/R4) that device data and bedside care use,
// flattened, with every item reachable by the id it was filed under.
//
// Names, addresses, telephone numbers and other direct identifiers have no field
// here on purpose: what is never read cannot leak.
package record

import (
	"slices"
	"strings"
)

// PatientRecord is one patient's record over one or more encounters. Slices keep
// the order of the source; nothing in it is shared with the source's memory.
type PatientRecord struct {
	Patient       Patient
	Encounters    []Encounter
	Devices       []Device
	Observations  []Observation
	Conditions    []Condition
	Medications   []Medication
	Allergies     []Allergy
	Reports       []Report
	Procedures    []Procedure
	Immunizations []Immunization

	// Skipped counts resources of a kind that Bedside does not read, by resource type.
	Skipped map[string]int
	// Notices are what a reader found odd yet acceptable (unknown code, exact duplicate).
	Notices []Notice
}

// Notice is something worth telling the caller that did not stop the reading.
type Notice struct {
	Path    string // where in the source, such as "Bundle.entry[3].resource.code"
	Kind    NoticeKind
	Message string // carries no patient text
}

// NoticeKind classes notices, so that callers need not read their text.
type NoticeKind string

// The kinds of notice.
const (
	NoticeUnknownResource NoticeKind = "unknown-resource"
	NoticeUnknownCode     NoticeKind = "unknown-code"
	NoticeUnknownUnit     NoticeKind = "unknown-unit"
	NoticeDuplicate       NoticeKind = "duplicate"
	NoticeEnteredInError  NoticeKind = "entered-in-error"
	NoticeImplausible     NoticeKind = "implausible"
	// NoticeOldVersion marks a version of a resource that a newer one replaces.
	NoticeOldVersion NoticeKind = "old-version"
	// NoticeZone marks times that name no time zone.
	NoticeZone NoticeKind = "time-zone"
	// NoticeMore ends a list of notices that was cut at a reader's limit.
	NoticeMore NoticeKind = "more"
)

// Coding is one code of a terminology (FHIR Coding).
type Coding struct {
	System  string // URI, such as SystemLOINC
	Code    string
	Display string
}

// Code systems by their FHIR URIs (https://hl7.org/fhir/R4/terminologies-systems.html).
const (
	SystemLOINC     = "http://loinc.org"
	SystemUCUM      = "http://unitsofmeasure.org"
	SystemRxNorm    = "http://www.nlm.nih.gov/research/umls/rxnorm"
	SystemICD10     = "http://hl7.org/fhir/sid/icd-10"
	SystemICD10CM   = "http://hl7.org/fhir/sid/icd-10-cm"
	SystemSNOMED    = "http://snomed.info/sct"
	SystemIEEE11073 = "urn:iso:std:iso:11073:10101" // device nomenclature (MDC codes)
	SystemCVX       = "http://hl7.org/fhir/sid/cvx"
	SystemATC       = "http://www.whocc.no/atc"
)

// Concept is a FHIR CodeableConcept: codes for the same meaning, and its words.
type Concept struct {
	Codings []Coding
	Text    string
}

// Code returns the concept's first code in the given system, or "".
func (c Concept) Code(system string) string {
	for _, k := range c.Codings {
		if k.System == system {
			return k.Code
		}
	}
	return ""
}

// Label returns the words filed with the concept: its text, else the first
// display, else the first code, else "".
func (c Concept) Label() string {
	if c.Text != "" {
		return c.Text
	}
	for _, k := range c.Codings {
		if k.Display != "" {
			return k.Display
		}
	}
	if len(c.Codings) > 0 {
		return c.Codings[0].Code
	}
	return ""
}

// IsZero says whether nothing was filed.
func (c Concept) IsZero() bool { return c.Text == "" && len(c.Codings) == 0 }

// Quantity is a measured amount (FHIR Quantity).
type Quantity struct {
	Value Decimal
	// Comparator is "", "<", "<=", ">=" or ">".
	Comparator string
	Unit       string // as shown to people
	Code       string // UCUM code, "" if the source gave none
}

// Range is a FHIR Range or reference range; a nil end is open.
type Range struct {
	Low, High *Quantity
	Text      string
}

// Patient is who the record is about. BirthDate may be a year alone.
type Patient struct {
	ID        string
	Sex       string // FHIR administrative-gender: male, female, other, unknown, or ""
	BirthDate DateTime
	Deceased  bool
}

// Encounter is one stay or visit.
type Encounter struct {
	ID      string
	Status  string // FHIR encounter-status
	Class   string // v3 ActCode: IMP, EMER, AMB, ...
	Start   DateTime
	End     DateTime
	Reasons []Concept
	Service Concept
}

// Device is an instrument that produced observations.
type Device struct {
	ID           string
	Type         Concept
	Manufacturer string
	Model        string
}

// Observation is one reading or finding. At most one of Quantity, Concept, Text,
// Bool and Sampled is set; Components may stand beside or in place of a value
// (blood pressure).
type Observation struct {
	ID          string
	Status      string // FHIR observation-status
	Category    string // FHIR observation-category: vital-signs, laboratory, ...
	Code        Concept
	Start       DateTime // effective moment, or start of the effective period
	End         DateTime // zero for a moment
	EncounterID string
	DeviceID    string
	Value       Value
	Components  []Component
	// Interpretation holds v3 ObservationInterpretation codes: L, H, LL, HH, N, A, ...
	Interpretation []string
	Reference      *Range
	// Members are the ids of the observations that this one groups (hasMember).
	Members []string
	// DerivedFrom names the readings that this one was made from (FHIR derivedFrom), such as
	// those it stands for after duplicates were merged, or those between which it was interpolated.
	DerivedFrom []string
	// Marks are what preparation found or did about the reading, in the order of its stages.
	Marks []Mark
}

// Mark is something that preparation says about a reading. None of them means that the
// reading is wrong: patients in shock are real.
type Mark string

// The marks.
const (
	MarkMerged        Mark = "merged"         // stands for several filings of the same reading
	MarkTimeCorrected Mark = "time-corrected" // moved by its device's clock offset
	MarkConverted     Mark = "converted"      // given in the measure's usual unit instead of the one filed
	MarkUnitCorrected Mark = "unit-corrected" // the unit filed cannot be meant; this one can
	MarkUnitSuspect   Mark = "unit-suspect"   // the unit filed is unlikely, and none is certain
	MarkImplausible   Mark = "implausible"    // beyond what the measure's plausible limits allow
	MarkArtefact      Mark = "artefact"       // stands alone against its neighbours in time
	MarkImputed       Mark = "imputed"        // was never measured
)

// Has says whether the observation carries a mark.
func (o *Observation) Has(m Mark) bool { return slices.Contains(o.Marks, m) }

// Component is a part of an observation, such as systolic pressure.
type Component struct {
	Code           Concept
	Value          Value
	Interpretation []string
	Reference      *Range
}

// Value is what was observed; at most one field is set. AbsentReason says why
// none is (FHIR data-absent-reason).
type Value struct {
	Quantity     *Quantity
	Concept      *Concept
	Text         string
	Bool         *bool
	Integer      *int64
	Sampled      *SampledData
	AbsentReason string
}

// IsZero says whether no value was filed.
func (v Value) IsZero() bool {
	return v.Quantity == nil && v.Concept == nil && v.Text == "" && v.Bool == nil &&
		v.Integer == nil && v.Sampled == nil
}

// SampledData is a waveform (FHIR SampledData). Sample i of dimension d stands at
// Samples[i*Dimensions+d]; its value is Origin.Value + Samples*Factor in Origin's
// unit. A NaN marks a dropout ("E"), -Inf and +Inf below and above the limits
// ("L", "U").
type SampledData struct {
	Origin     Quantity
	PeriodMS   float64 // milliseconds between samples
	Factor     float64
	Dimensions int
	Samples    []float64
}

// Condition is a diagnosis or problem.
type Condition struct {
	ID           string
	Code         Concept
	Category     string // encounter-diagnosis, problem-list-item
	Clinical     string // FHIR condition-clinical: active, resolved, ...
	Verification string // FHIR condition-ver-status: confirmed, provisional, refuted, ...
	Severity     Concept
	Onset        DateTime
	Abatement    DateTime
	Recorded     DateTime
	EncounterID  string
}

// Medication is a MedicationRequest (an order) or a MedicationAdministration.
type Medication struct {
	ID           string
	Administered bool // false: ordered
	Status       string
	Code         Concept
	Dose         *Quantity
	Rate         *Quantity
	Route        Concept
	DosageText   string
	Start        DateTime // authoredOn of an order; effective time of an administration
	End          DateTime
	Reasons      []Concept
	EncounterID  string
}

// Allergy is an AllergyIntolerance.
type Allergy struct {
	ID           string
	Code         Concept
	Clinical     string
	Verification string
	Criticality  string // low, high, unable-to-assess
	Reactions    []Concept
	Recorded     DateTime
}

// Report is a DiagnosticReport.
type Report struct {
	ID          string
	Status      string
	Category    string
	Code        Concept
	Start       DateTime
	Issued      DateTime
	Conclusion  string
	Codes       []Concept
	Results     []string // ids of the observations it gathers
	EncounterID string
}

// Text is what was filed in words: a comment, a letter, a conclusion. It may name people and is no part of a PatientRecord:
// what reads texts takes from them what it knows, and keeps none.
type Text struct {
	ID   string // of what it is filed with, and its place there: "Condition/c1#0"
	Text string
	Time DateTime
}

// MaxTexts and MaxTextBytes bound the texts that are read of a record, and each of them.
const (
	MaxTexts     = 256
	MaxTextBytes = 16 << 10
)

// CutText is a text as long as is read of one.
func CutText(text string) string {
	if len(text) <= MaxTextBytes {
		return text
	}
	return strings.ToValidUTF8(text[:MaxTextBytes], "")
}

// Procedure is something done to the patient.
type Procedure struct {
	ID          string
	Status      string
	Code        Concept
	Start       DateTime
	End         DateTime
	EncounterID string
}

// Immunization is one vaccine given, or not.
type Immunization struct {
	ID     string
	Status string // completed, not-done
	Code   Concept
	When   DateTime
}
