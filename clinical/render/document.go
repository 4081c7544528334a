package render

import "github.com/bedside-lm/bedside/clinical/record"

// Lang is a language that Bedside writes in, by its BCP 47 tag.
type Lang string

// The languages.
const (
	English Lang = "en"
	Chinese Lang = "zh"
)

// SectionKind names a part of a document.
type SectionKind string

// The sections, in the order in which they are rendered.
const (
	SectionWho        SectionKind = "who"        // age, sex, stay
	SectionWhy        SectionKind = "why"        // reasons, conditions, allergies
	SectionVitals     SectionKind = "vitals"     // vital signs and their trends
	SectionLaboratory SectionKind = "laboratory" // laboratory and reports
	SectionMedication SectionKind = "medication" // orders and administrations
	SectionOpen       SectionKind = "open"       // open points: abnormal, missing, pending
)

// Document is a record as text: what people read and what a model is given.
type Document struct {
	Lang     Lang
	Sections []Section
	Notices  []record.Notice
}

// Section is a heading and the facts beneath it.
type Section struct {
	Kind    SectionKind
	Heading string
	Facts   []Fact
}

// Fact is one statement that stands in the record, in words, with all that a
// checker needs to hold another sentence against it.
type Fact struct {
	ID       string   // unique in the document: "vitals.2"
	Text     string   // one sentence in the document's language
	Evidence []string // what it rests on: "Observation/hr-0800", ...
	Numbers  []Number // every number that the fact supports, in the text or behind it
	Dates    []record.DateTime
	Terms    []Term // every measure, diagnosis, drug, ... that the fact names
}

// Number is a number with its unit. Values computed from several readings (mean,
// change) are listed as well as those filed.
type Number struct {
	Value record.Decimal
	Unit  string // UCUM code, "" for a bare count
	Label string // unit as written in the text
}

// TermKind classes terms.
type TermKind string

// The kinds of term.
const (
	TermMeasure   TermKind = "measure"
	TermDiagnosis TermKind = "diagnosis"
	TermDrug      TermKind = "drug"
	TermAllergen  TermKind = "allergen"
	TermDevice    TermKind = "device"
	TermProcedure TermKind = "procedure"
	TermOther     TermKind = "other"
)

// Term is something that a fact names, with every name it may go by in the
// document's language (the first is the one in the fact's text).
type Term struct {
	Kind  TermKind
	Names []string
}
