package fhir

import "encoding/json"

// The types below are the FHIR R4 data types and resources as they are written, each with
// the fields that a record holds.

type outExtension struct {
	URL       string `json:"url"`
	ValueCode string `json:"valueCode"`
}

// notFiled is the extension that stands where FHIR requires a value and the record has none.
func notFiled() []outExtension {
	return []outExtension{{URL: extensionAbsent, ValueCode: "unknown"}}
}

type outCoding struct {
	System  string `json:"system,omitempty"`
	Code    string `json:"code,omitempty"`
	Display string `json:"display,omitempty"`
}

type outConcept struct {
	Extension []outExtension `json:"extension,omitempty"`
	Coding    []outCoding    `json:"coding,omitempty"`
	Text      string         `json:"text,omitempty"`
}

type outQuantity struct {
	Value      json.Number `json:"value"`
	Comparator string      `json:"comparator,omitempty"`
	Unit       string      `json:"unit,omitempty"`
	System     string      `json:"system,omitempty"`
	Code       string      `json:"code,omitempty"`
}

type outRange struct {
	Low  *outQuantity `json:"low,omitempty"`
	High *outQuantity `json:"high,omitempty"`
	Text string       `json:"text,omitempty"`
}

type outPeriod struct {
	Extension []outExtension `json:"extension,omitempty"`
	Start     string         `json:"start,omitempty"`
	End       string         `json:"end,omitempty"`
}

type outReference struct {
	Reference string `json:"reference,omitempty"`
	Display   string `json:"display,omitempty"`
}

type outSampled struct {
	Origin     *outQuantity `json:"origin"`
	Period     json.Number  `json:"period"`
	Factor     json.Number  `json:"factor,omitempty"`
	Dimensions int          `json:"dimensions"`
	Data       string       `json:"data,omitempty"`
}

// outValue is value[x], or why there is none.
type outValue struct {
	Quantity     *outQuantity `json:"valueQuantity,omitempty"`
	Concept      *outConcept  `json:"valueCodeableConcept,omitempty"`
	String       string       `json:"valueString,omitempty"`
	Boolean      *bool        `json:"valueBoolean,omitempty"`
	Integer      *int64       `json:"valueInteger,omitempty"`
	Sampled      *outSampled  `json:"valueSampledData,omitempty"`
	AbsentReason *outConcept  `json:"dataAbsentReason,omitempty"`
}

type outPatient struct {
	Gender    string `json:"gender,omitempty"`
	BirthDate string `json:"birthDate,omitempty"`
	Deceased  bool   `json:"deceasedBoolean,omitempty"`
}

type outEncounter struct {
	Status  string        `json:"status"`
	Class   outCoding     `json:"class"`
	Service *outConcept   `json:"serviceType,omitempty"`
	Subject *outReference `json:"subject,omitempty"`
	Period  *outPeriod    `json:"period,omitempty"`
	Reasons []*outConcept `json:"reasonCode,omitempty"`
}

type outDevice struct {
	Manufacturer string      `json:"manufacturer,omitempty"`
	Model        string      `json:"modelNumber,omitempty"`
	Type         *outConcept `json:"type,omitempty"`
}

type outObservation struct {
	Status            string        `json:"status"`
	Category          []*outConcept `json:"category,omitempty"`
	Code              *outConcept   `json:"code"`
	Subject           *outReference `json:"subject,omitempty"`
	Encounter         *outReference `json:"encounter,omitempty"`
	EffectiveDateTime string        `json:"effectiveDateTime,omitempty"`
	EffectivePeriod   *outPeriod    `json:"effectivePeriod,omitempty"`
	outValue
	Interpretation []*outConcept  `json:"interpretation,omitempty"`
	Device         *outReference  `json:"device,omitempty"`
	Reference      []*outRange    `json:"referenceRange,omitempty"`
	Members        []outReference `json:"hasMember,omitempty"`
	DerivedFrom    []outReference `json:"derivedFrom,omitempty"`
	Components     []outComponent `json:"component,omitempty"`
}

type outComponent struct {
	Code *outConcept `json:"code"`
	outValue
	Interpretation []*outConcept `json:"interpretation,omitempty"`
	Reference      []*outRange   `json:"referenceRange,omitempty"`
}

type outCondition struct {
	Clinical     *outConcept   `json:"clinicalStatus,omitempty"`
	Verification *outConcept   `json:"verificationStatus,omitempty"`
	Category     []*outConcept `json:"category,omitempty"`
	Severity     *outConcept   `json:"severity,omitempty"`
	Code         *outConcept   `json:"code,omitempty"`
	Subject      *outReference `json:"subject"`
	Encounter    *outReference `json:"encounter,omitempty"`
	Onset        string        `json:"onsetDateTime,omitempty"`
	Abatement    string        `json:"abatementDateTime,omitempty"`
	Recorded     string        `json:"recordedDate,omitempty"`
}

// outTiming says until when a dosage holds.
type outTiming struct {
	Repeat struct {
		Bounds *outPeriod `json:"boundsPeriod"`
	} `json:"repeat"`
}

type outDoseAndRate struct {
	Dose *outQuantity `json:"doseQuantity,omitempty"`
	Rate *outQuantity `json:"rateQuantity,omitempty"`
}

// outInstruction is the Dosage of an order.
type outInstruction struct {
	Text        string           `json:"text,omitempty"`
	Timing      *outTiming       `json:"timing,omitempty"`
	Route       *outConcept      `json:"route,omitempty"`
	DoseAndRate []outDoseAndRate `json:"doseAndRate,omitempty"`
}

type outRequest struct {
	Status     string           `json:"status"`
	Intent     string           `json:"intent"`
	Medication *outConcept      `json:"medicationCodeableConcept"`
	Subject    *outReference    `json:"subject"`
	Encounter  *outReference    `json:"encounter,omitempty"`
	AuthoredOn string           `json:"authoredOn,omitempty"`
	Reasons    []*outConcept    `json:"reasonCode,omitempty"`
	Dosage     []outInstruction `json:"dosageInstruction,omitempty"`
}

// outDosage is the dosage of an administration.
type outDosage struct {
	Text  string       `json:"text,omitempty"`
	Route *outConcept  `json:"route,omitempty"`
	Dose  *outQuantity `json:"dose,omitempty"`
	Rate  *outQuantity `json:"rateQuantity,omitempty"`
}

type outAdministration struct {
	Status            string        `json:"status"`
	Medication        *outConcept   `json:"medicationCodeableConcept"`
	Subject           *outReference `json:"subject"`
	Context           *outReference `json:"context,omitempty"`
	EffectiveDateTime string        `json:"effectiveDateTime,omitempty"`
	EffectivePeriod   *outPeriod    `json:"effectivePeriod,omitempty"`
	Reasons           []*outConcept `json:"reasonCode,omitempty"`
	Dosage            *outDosage    `json:"dosage,omitempty"`
}

type outAllergy struct {
	Clinical     *outConcept   `json:"clinicalStatus,omitempty"`
	Verification *outConcept   `json:"verificationStatus,omitempty"`
	Criticality  string        `json:"criticality,omitempty"`
	Code         *outConcept   `json:"code,omitempty"`
	Patient      *outReference `json:"patient"`
	Recorded     string        `json:"recordedDate,omitempty"`
	Reactions    []outReaction `json:"reaction,omitempty"`
}

type outReaction struct {
	Manifestation []*outConcept `json:"manifestation"`
}

type outReport struct {
	Status     string         `json:"status"`
	Category   []*outConcept  `json:"category,omitempty"`
	Code       *outConcept    `json:"code"`
	Subject    *outReference  `json:"subject,omitempty"`
	Encounter  *outReference  `json:"encounter,omitempty"`
	Effective  string         `json:"effectiveDateTime,omitempty"`
	Issued     string         `json:"issued,omitempty"`
	Results    []outReference `json:"result,omitempty"`
	Conclusion string         `json:"conclusion,omitempty"`
	Codes      []*outConcept  `json:"conclusionCode,omitempty"`
}

type outProcedure struct {
	Status    string        `json:"status"`
	Code      *outConcept   `json:"code,omitempty"`
	Subject   *outReference `json:"subject"`
	Encounter *outReference `json:"encounter,omitempty"`
	DateTime  string        `json:"performedDateTime,omitempty"`
	Period    *outPeriod    `json:"performedPeriod,omitempty"`
}

type outImmunization struct {
	Status  string        `json:"status"`
	Code    *outConcept   `json:"vaccineCode"`
	Patient *outReference `json:"patient"`
	When    string        `json:"occurrenceDateTime,omitempty"`
	Words   string        `json:"occurrenceString,omitempty"`
}
