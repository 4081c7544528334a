// Package render turns a patient's record into text, in English or Chinese, from one
// table of terms: statements with all that is needed to hold other sentences against them.
package render

import (
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Lang is a language that Bedside writes in, by its BCP 47 tag.
type Lang = terms.Lang

// The languages.
const (
	English = terms.English
	Chinese = terms.Chinese
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

	// SectionCourse is what a long stay's windows of time held (clinical/summary); Render writes none.
	SectionCourse SectionKind = "course"
)

// Document is a record as text: what people read and what a model is given.
type Document struct {
	Lang     Lang
	Style    Style
	Sections []Section
	Notices  []record.Notice

	// Admission and Discharge bound the stay that the record is about, zero where they are not on record; Latest is when the
	// document was written as of (Options.Now). Times that words give relative to them are read by them.
	Admission, Discharge, Latest record.DateTime

	// Omitted is how many facts the token budget left no room for.
	Omitted int
	// OverBudget says that the critical facts alone are longer than the token budget.
	OverBudget bool
	// Tokens is the size of Text; 0 unless Options ask for a budget or bring a counter.
	Tokens int

	zoned bool // times of day stand in more than one zone, so each shows its own
}

// Section is a heading and the facts beneath it.
type Section struct {
	Kind    SectionKind
	Heading string
	Facts   []Fact
	Omitted int // of this section, by the token budget
}

// Fact is one statement that stands in the record, in words, with all that a
// checker needs to hold another sentence against it.
type Fact struct {
	ID       string   // unique in the document: "vitals.2"
	Text     string   // one sentence in the document's language
	Evidence []string // what it rests on: "Observation/hr-0800", ...
	Last     string   // of that, the latest reading of a series
	Numbers  []Number // every number that the fact supports, in the text or behind it
	Dates    []record.DateTime
	Terms    []Term // every measure, diagnosis, drug, ... that the fact names

	// Negated says that the fact states an absence: ruled out, not given, not filed.
	Negated bool
	// Critical facts are those that no summary may leave out: who the patient is,
	// current and suspected diagnoses, allergies, abnormal latest values.
	Critical bool
	// Flag is the latest value's interpretation: FlagHigh, FlagLow, FlagNormal,
	// FlagAbnormal, or "" where nothing says.
	Flag string
	// Trend is set where a series has one.
	Trend Trend
	// State says how far an order, a diagnosis or a report has come.
	State State
	// Marks are those of the readings that the fact speaks of (clinical/prepare). A reading
	// that was never measured, or is in doubt, counts in no trend and no extreme.
	Marks []record.Mark
}

// Whole says whether every reading that the fact rests on is listed with it: of a very long series the first ones are.
func (f *Fact) Whole() bool { return len(f.Numbers) < maxListed }

// Flags of a value, after HL7 v3 ObservationInterpretation; LL and HH are folded
// into L and H here, the text keeps the difference.
const (
	FlagHigh     = "H"
	FlagLow      = "L"
	FlagNormal   = "N"
	FlagAbnormal = "A"
)

// Trend is the direction of a series of readings.
type Trend string

// The trends.
const (
	TrendNone        Trend = ""
	TrendRising      Trend = "rising"
	TrendFalling     Trend = "falling"
	TrendStable      Trend = "stable"
	TrendFluctuating Trend = "fluctuating"
)

// State says how far something has come.
type State string

// The states that a fact may carry.
const (
	StateNone         State = ""
	StateOrdered      State = "ordered"
	StateAdministered State = "administered"
	StateSuspected    State = "suspected"
	StatePast         State = "past"
	StatePreliminary  State = "preliminary"
)

// Number is a number with its unit. Values computed from several readings (mean,
// change) are listed as well as those filed.
type Number struct {
	Value record.Decimal
	Unit  string // UCUM code, "" for a bare count
	Label string // unit as written in the text

	Role       Role            // what the number stands for
	Of         string          // Term.Key of the measure or drug it belongs to, "" for any of the fact's
	At         record.DateTime // when a reading was made; zero for what has no time
	Comparator string          // "<", "<=", ">=", ">" as filed, or ""
	Flag       string          // the reading's own flag
}

// Role says what a number stands for within its fact.
type Role string

// The roles. A reading is any value of a series that the text does not show.
const (
	RoleValue     Role = "value"
	RoleFirst     Role = "first"
	RoleLast      Role = "last"
	RoleLowest    Role = "lowest"
	RoleHighest   Role = "highest"
	RoleReading   Role = "reading"
	RoleCount     Role = "count"
	RoleSpan      Role = "span"
	RoleReference Role = "reference"
	RoleDose      Role = "dose"
	RoleAge       Role = "age"
	RoleLabel     Role = "label" // a number inside words that were filed

	RoleMarked   Role = "marked"   // a reading in doubt, or never measured
	RoleOffset   Role = "offset"   // part of a time relative to admission
	RolePoints   Role = "points"   // of a part of a score
	RoleSlope    Role = "slope"    // change an hour, without its sign: the trend tells it
	RoleQuartile Role = "quartile" // the first or third of a series
	RoleShare    Role = "share"    // of the time
	RoleAlarm    Role = "alarm"    // an alarm limit
)

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
	TermVaccine   TermKind = "vaccine"
	TermSex       TermKind = "sex"
	TermOther     TermKind = "other"
)

// Term is something that a fact names, with every name it may go by in the
// document's language (the first is the one in the fact's text).
type Term struct {
	Kind  TermKind
	Names []string
	Key   string // the same for the same thing in every fact and language
}
