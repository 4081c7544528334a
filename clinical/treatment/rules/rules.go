// Package rules holds proposed treatments against a patient's record and marks or removes what
// must not stand: allergies and what cross-reacts with them, drugs of a class that is given
// already, interactions, contraindications by condition, reading, age and pregnancy, doses that
// the kidneys call for, and the monitoring that a drug requires.
//
// The rules are a curated table (data/rules.tsv); each names its source. A rule fires, stays
// silent, or cannot be decided because something is not known: what nobody measured is never
// taken to be normal. What a problem list does not name, though, counts as absent.
//
// The package knows no model and calls none: nothing in a record's words or a proposal's can
// change what it does. It supports a clinician and decides nothing; see docs/treatment.md.
package rules

import (
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// ProposalKind is what a proposal is.
type ProposalKind string

// The kinds of proposal, each a kind of clinical/terms or several.
const (
	KindClass   ProposalKind = "class"   // a class of drugs
	KindDrug    ProposalKind = "drug"    // an ingredient, or a fixed combination of them
	KindCare    ProposalKind = "care"    // a measure without a drug: a procedure, a vaccine, nursing, diet
	KindMonitor ProposalKind = "monitor" // a measure to watch
)

// Proposal is one treatment that somebody, or a model, suggests.
type Proposal struct {
	Kind ProposalKind
	// Code is the RxNorm code of a drug's ingredient; Name is what the treatment is called, in either
	// language, as in clinical/terms. One of them is enough. Where they name different drugs, the
	// proposal is not understood and does not stand.
	Code, Name string
	// Priority says which of two proposals that must not be given together may stay: the one with
	// more. Where it is the same, neither stays.
	Priority float64
}

// Input is what is judged, and by what.
type Input struct {
	// Record is the patient's, as clinical/prepare leaves it. It is only read.
	Record    *record.PatientRecord
	Proposals []Proposal
	// Diagnoses are ICD-10-CM codes that count as present beside the record's conditions: what the
	// proposals are for.
	Diagnoses []string
	// Choices says that the proposals are a list to choose from, not a regimen to be given as a whole:
	// of two that must not be given together, both are marked and none is removed.
	Choices bool
	// At is the moment that the proposals are for; the zero time is the record's last.
	At time.Time
}

// Severity says how much a finding weighs.
type Severity string

// The severities, gravest first.
const (
	SeverityContraindicated Severity = "contraindicated" // does not stand
	SeverityMajor           Severity = "major"           // avoid, or change what makes it dangerous first
	SeverityModerate        Severity = "moderate"        // take care: another dose, another drug, closer watch
	SeverityMonitor         Severity = "monitor"         // give, and watch what is named
)

// RuleKind groups rules.
type RuleKind string

// The kinds of rule.
const (
	RuleAllergy     RuleKind = "allergy"
	RuleDuplicate   RuleKind = "duplicate"
	RuleInteraction RuleKind = "interaction"
	RuleCondition   RuleKind = "condition" // a diagnosis
	RuleReading     RuleKind = "reading"   // a measured value
	RulePatient     RuleKind = "patient"   // age, pregnancy
	RuleRenal       RuleKind = "renal"     // the dose depends on the kidneys
	RuleMonitoring  RuleKind = "monitoring"
	// RuleUnknown is the one rule of no row: what the tables do not know cannot be checked.
	RuleUnknown RuleKind = "unknown"
)

// Verdict is what became of a proposal.
type Verdict string

// The verdicts.
const (
	VerdictKept    Verdict = "kept"    // no rule speaks against it
	VerdictMarked  Verdict = "marked"  // stands, with findings to read first
	VerdictRemoved Verdict = "removed" // does not stand
)

// Result is what the rules found.
type Result struct {
	// Items are the proposals, each once, in the order of kind and name.
	Items  []Item
	Kidney Kidney
	// Unread names what the record files that no table knows, so that it was not checked.
	Unread []Unread
	// Allergies says whether any are filed, or that there are none. Nothing filed is not the same as none.
	Allergies AllergyState
	// Allergens are those filed, also what no table knows. Entry is the allergen's where one names several drugs.
	Allergens []Against
	// Adult is false where the patient is, or may be, under 18: the tables are for adults. Child says that the age is known to be.
	Adult, Child bool
	// Present are the record's conditions that carry one of the input's diagnoses, such as "Condition/c1".
	Present []string
	// Facts are what was read of the patient.
	Facts []Fact
	At    time.Time
}

// AllergyState says what a record tells of allergies.
type AllergyState string

// The states.
const (
	AllergiesFiled    AllergyState = "filed"
	AllergiesNone     AllergyState = "none"      // the record says that there are none
	AllergiesNotFiled AllergyState = "not-filed" // the record does not say
)

// Item is a proposal and what was found about it.
type Item struct {
	Proposal Proposal
	// Entry is what the proposal names; nil where no table knows it.
	Entry    *terms.Entry
	Verdict  Verdict
	Findings []Finding // gravest first
	// Excluded are the drugs of a proposed class that do not stand, by key.
	Excluded []*terms.Entry
	// Doses come from the table of doses; empty where it has none for this patient.
	Doses []Dose
	// DoseLacks says what would have to be known for a dose of the table.
	DoseLacks []Lack
}

// Finding is one rule that fired, or could not be decided.
type Finding struct {
	Rule *Rule
	// Lacks says what is not known and would decide the rule; empty where it fired.
	Lacks []Lack
	// Members are the drugs of a proposed class that the rule is about; empty for all of them.
	Members []*terms.Entry
	// Against is what the proposal runs into: medication, allergies, diagnoses, other proposals.
	Against []Against
	// Values are the readings and numbers that the rule rests on.
	Values []Value
}

// Fired says whether the rule applies, not only may.
func (f *Finding) Fired() bool { return len(f.Lacks) == 0 }

// Against is something that a proposal runs into.
type Against struct {
	Entry *terms.Entry // nil where the table of terms has none
	Label string       // an ICD-10-CM code, or the words of the record, where Entry is nil
	// Evidence names where it stands in the record, such as "AllergyIntolerance/a1"; empty for a proposal.
	Evidence string
}

// Unread is something of the record that could not be checked.
type Unread struct {
	Kind     string // "medication", "allergy", "condition"
	Label    string // the record's own words
	Evidence string
}
