// Package score computes early-warning scores from the readings of a record, with their parts:
// which reading each point comes from, and what is missing.
//
// NEWS2 follows the Royal College of Physicians, National Early Warning Score (NEWS) 2:
// Standardising the assessment of acute-illness severity in the NHS, London 2017. qSOFA follows
// Singer et al. 2016, The Third International Consensus Definitions for Sepsis and Septic Shock
// (Sepsis-3), doi:10.1001/jama.2016.0287.
//
// A part that nobody measured is missing; it is never taken to be normal. A score counts points
// and diagnoses nothing. NEWS2 is not meant for patients under 16 nor in pregnancy; age is
// checked where it is known, pregnancy cannot be.
//
// Readings count as they stand, so a record should be prepared first (clinical/prepare): readings
// marked as artefact, implausible, of a suspect unit or imputed are not used.
package score

import (
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Kind names a score.
type Kind string

// The scores.
const (
	KindNEWS2 Kind = "news2"
	KindQSOFA Kind = "qsofa"
)

// PartName names what a score is added up from.
type PartName string

// The parts, in the order of the NEWS2 chart. qSOFA has respiratory rate, systolic pressure and
// consciousness.
const (
	PartRespiratoryRate  PartName = "respiratory-rate"
	PartOxygenSaturation PartName = "oxygen-saturation"
	PartOxygen           PartName = "supplemental-oxygen"
	PartSystolic         PartName = "systolic-pressure"
	PartPulse            PartName = "pulse"
	PartConsciousness    PartName = "consciousness"
	PartTemperature      PartName = "temperature"
)

// Finding is what a part shows where it is no number.
type Finding string

// The findings.
const (
	FindingNone    Finding = ""
	FindingAir     Finding = "air"     // breathes room air
	FindingOxygen  Finding = "oxygen"  // is given oxygen
	FindingAlert   Finding = "alert"   // alert, or a Glasgow coma scale of 15
	FindingAltered Finding = "altered" // confused, responds to voice, to pain or not at all, or a coma scale below 15
)

// Band is the clinical risk that a score's source reads from it.
type Band string

// The bands. Low to high are those of NEWS2; qSOFA is positive from 2 points.
const (
	BandNone      Band = "" // what is known does not tell
	BandLow       Band = "low"
	BandLowMedium Band = "low-medium" // 3 points for one part alone
	BandMedium    Band = "medium"
	BandHigh      Band = "high"
	BandPositive  Band = "positive"
	BandNegative  Band = "negative"
)

// Exclusion says why a score does not apply to a patient.
type Exclusion string

// The exclusions.
const (
	ExclusionNone  Exclusion = ""
	ExclusionChild Exclusion = "child" // under 16 for NEWS2, under 18 for qSOFA
)

// Options say how a score is computed. The zero value is the usual way.
type Options struct {
	// Scale2 takes NEWS2's second scale for oxygen saturation, for patients whose target is 88 to
	// 92 %. It is for a clinician to choose, never to be inferred from a diagnosis.
	Scale2 bool
	// MaxAge is how long a reading stands; default 6 h, the longest that NEWS2 leaves a patient
	// who scores at all between two sets of observations.
	MaxAge time.Duration
}

const defaultMaxAge = 6 * time.Hour

// Part is one part of a score.
type Part struct {
	Name PartName
	// Known says whether the points are known; without a reading the rest is empty.
	Known  bool
	Points int
	// Value is the number that the points are for, in Unit (UCUM), as coarse as the chart: whole
	// numbers, temperature to 0.1 Cel. 0 where the reading was no number.
	Value   float64
	Unit    string
	Finding Finding
	// Readings name what the part rests on, as evidence does: "Observation/hr-0800".
	Readings []string
	At       time.Time
}

// Result is a score at a moment.
type Result struct {
	Kind Kind
	At   time.Time
	// Computable says whether every part is known and the score applies to the patient.
	Computable bool
	// Total is the score where it is computable, else the sum of the known parts, which the score
	// cannot be below.
	Total int
	// Parts are all parts, in the chart's order, known or not.
	Parts   []Part
	Missing []PartName
	// Band is known where what is missing cannot change it.
	Band Band
	// Scale2 says that NEWS2's second scale for oxygen saturation was taken.
	Scale2   bool
	Excluded Exclusion
}

// Evidence names all readings that the score rests on, each once.
func (r *Result) Evidence() []string {
	var out []string
	seen := map[string]bool{}
	for _, p := range r.Parts {
		for _, id := range p.Readings {
			if !seen[id] {
				seen[id] = true
				out = append(out, id)
			}
		}
	}
	return out
}

// NEWS2 is the score at a moment, from the latest reading of each part before it. Read is
// the quicker way to several moments of one record.
func NEWS2(rec *record.PatientRecord, at time.Time) Result { return Read(rec).NEWS2(at, Options{}) }

// QSOFA is the quick SOFA score at a moment, from the latest reading of each part before it.
func QSOFA(rec *record.PatientRecord, at time.Time) Result { return Read(rec).QSOFA(at, Options{}) }

// finish adds the parts up.
func finish(kind Kind, at time.Time, parts []Part, excluded Exclusion) Result {
	r := Result{Kind: kind, At: at, Parts: parts, Excluded: excluded}
	for _, p := range parts {
		r.Total += p.Points
		if !p.Known {
			r.Missing = append(r.Missing, p.Name)
		}
	}
	r.Computable = len(r.Missing) == 0 && excluded == ExclusionNone
	return r
}
