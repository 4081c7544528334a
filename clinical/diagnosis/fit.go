// Package diagnosis suggests diagnoses from a record: a device language model says how likely each answer that it knows is, and
// this package asks it, weighs what it says, shows which readings carry it, and says when not to answer.
//
// It supports a clinician and decides nothing; see docs/diagnosis.md for what it rests on and where it ends.
package diagnosis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/bedside-lm/bedside/clinical/prepare/features"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// FitName is the file in a model's folder that says how its probabilities are read.
const FitName = "diagnosis.json"

// Bounds of a fit.
const (
	MaxFitBytes   = 64 << 10
	MaxCandidates = 256
)

// Fit is what was fitted on the validation patients of scripts/corpus for one model: which answers it knows, and how much
// its probabilities are worth.
type Fit struct {
	// Temperature divides log probabilities, by the window's hours; one above 1 makes them less certain.
	Temperature map[features.Window]float64
	// Threshold is the probability of the first answer below which there is none; 1 has it never answer.
	Threshold float64
	// Codes are the ICD-10-CM codes of the answers.
	Codes []string
}

// FitError says what is wrong with the file.
type FitError struct{ Reason string }

func (e *FitError) Error() string { return FitName + ": " + e.Reason }

// ParseFit reads the file, such as {"temperature": {"1": 1.4, "24": 1.2}, "threshold": 0.2, "codes": ["A41.9", "J18.9"]}. Fields
// that it does not know are passed over. Errors are of type *FitError.
func ParseFit(data []byte) (*Fit, error) {
	if len(data) > MaxFitBytes {
		return nil, &FitError{fmt.Sprintf("larger than %d bytes", MaxFitBytes)}
	}
	var file struct {
		Temperature map[string]float64 `json:"temperature"`
		Threshold   *float64           `json:"threshold"`
		Codes       []string           `json:"codes"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&file); err != nil {
		return nil, &FitError{"is not the JSON object that is expected"}
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, &FitError{"goes on after the object"}
	}
	if file.Threshold == nil || !(*file.Threshold >= 0 && *file.Threshold <= 1) {
		return nil, &FitError{"threshold must be from 0 to 1"}
	}
	fit := &Fit{Threshold: *file.Threshold, Codes: file.Codes, Temperature: map[features.Window]float64{}}
	for _, w := range []features.Window{features.FirstHour, features.FirstDay} {
		t := file.Temperature[fmt.Sprint(w.Hours())]
		if !(t >= 0.01 && t <= 100) {
			return nil, &FitError{fmt.Sprintf("temperature.%d must be from 0.01 to 100", w.Hours())}
		}
		fit.Temperature[w] = t
	}
	if err := fit.checkCodes(); err != nil {
		return nil, err
	}
	return fit, nil
}

// Entry is what the table of terms knows of an ICD-10-CM code, or of its category; nil where it knows neither.
func Entry(code string) *terms.Entry {
	e, _ := terms.Find("diagnosis", record.Concept{Codings: []record.Coding{{System: record.SystemICD10CM, Code: code}}})
	return e
}

func (f *Fit) checkCodes() error {
	if len(f.Codes) < 2 || len(f.Codes) > MaxCandidates {
		return &FitError{fmt.Sprintf("codes must be from 2 to %d", MaxCandidates)}
	}
	for i, code := range f.Codes {
		if Entry(code) == nil {
			return &FitError{fmt.Sprintf("codes[%d] is not in the table of diagnoses", i)}
		}
		if slices.Contains(f.Codes[:i], code) {
			return &FitError{fmt.Sprintf("codes[%d] is there twice", i)}
		}
	}
	return nil
}
