// Package prepare cleans a patient's record. Each step is a stage with a name, settings and
// a report of its own: what it changed, where, and why, with the source that it follows.
//
// Nothing is lost. A reading that a stage changes or merges away is kept as it was filed, and
// the reading that stands in its place names it (record.Observation.DerivedFrom). Nothing is
// dropped for being unlikely: it is marked, since patients in shock are real.
package prepare

import (
	"github.com/bedside-lm/bedside/clinical/record"
)

// StageName names a stage.
type StageName string

// The stages, in the order in which they run: a clock must be right before readings of two
// devices can be called the same, and units alike before values can be compared.
const (
	StageUnits        StageName = "units"
	StageClock        StageName = "clock"
	StageDuplicates   StageName = "duplicates"
	StagePlausibility StageName = "plausibility"
	StageArtefacts    StageName = "artefacts"
	StageGaps         StageName = "gaps"
)

// ChangeKind says what a stage did or found about one reading.
type ChangeKind string

// The kinds of change.
const (
	ChangeConverted     ChangeKind = "converted"      // given in the measure's usual unit
	ChangeUnitCorrected ChangeKind = "unit-corrected" // filed in a unit that cannot be meant
	ChangeUnitSuspect   ChangeKind = "unit-suspect"   // marked, not changed
	ChangeTimeCorrected ChangeKind = "time-corrected"
	ChangeDuplicate     ChangeKind = "duplicate"      // the same message or reading again
	ChangeNearDuplicate ChangeKind = "near-duplicate" // the same reading by another device or clock
	ChangeImplausible   ChangeKind = "implausible"    // marked, not changed
	ChangeArtefact      ChangeKind = "artefact"       // marked, not changed
	ChangeCarried       ChangeKind = "carried-forward"
	ChangeInterpolated  ChangeKind = "interpolated"
	ChangePoorSignal    ChangeKind = "poor-signal" // a waveform that says little; reported, neither changed nor marked
)

// Change is one thing that a stage did or found.
type Change struct {
	Kind ChangeKind
	// Reading names the reading in the prepared record, as evidence does: "Observation/hr-0800";
	// of a duplicate, the one that was merged away.
	Reading string
	// Component is the component's index, or -1 for the observation's own value.
	Component int
	// Into names the reading that a duplicate was merged into, or is "".
	Into string
	// Before and After are the value and unit, or the time, as text: "98.6 [degF]" and "37 Cel".
	// After is "" where the stage only marks.
	Before, After string
	// Reason says why, in English, without patient text: "outside 20 to 300 /min".
	Reason string
}

// Report is what one stage did to a record.
type Report struct {
	Stage  StageName
	Source string             // the method's source, such as "Hampel 1974, doi:10.1080/01621459.1974.10482962"
	Counts map[ChangeKind]int // of all changes, listed or not
	// Changes are at most Options.MaxChanges.
	Changes []Change
	// Checked is how many readings the stage looked at.
	Checked int
}

// Result is a prepared record.
type Result struct {
	// Record is the cleaned record. It shares what no stage changed with the record that was
	// given, so neither may be changed.
	Record *record.PatientRecord
	// Raw holds, by id, each observation that was changed or merged away, as it was filed.
	Raw map[string]*record.Observation
	// Reports has one report a stage that ran, in order.
	Reports []Report
}
