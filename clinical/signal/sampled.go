package signal

import (
	"fmt"
	"math"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Sampling rates that any instrument has, in Hz: one sample a day to 1 MHz. Beyond them a
// file's rate is a mistake.
const (
	MinRate = 1.0 / 86_400
	MaxRate = 1_000_000
)

// FromSampled makes a FHIR SampledData (R4 section 2.24.0.12) into waveforms, one a dimension,
// in the unit of its origin. code says what was measured, start is the moment of the first
// sample. Dropouts and limits stay what they are: NaN, -Inf and +Inf.
//
// The error is a *record.InvalidError with paths below "SampledData".
func FromSampled(code record.Concept, s *record.SampledData, start record.DateTime) ([]Waveform, error) {
	if err := checkSampled(s); err != nil {
		return nil, err
	}
	unit := UnitCode(s.Origin.Code)
	if unit == "" {
		unit = UnitCode(s.Origin.Unit)
	}
	label := code.Label()
	length := len(s.Samples) / s.Dimensions
	out := make([]Waveform, s.Dimensions)
	for d := range out {
		w := Waveform{Label: label, Unit: unit, Rate: 1000 / s.PeriodMS, Start: start, Samples: make([]float64, length)}
		if s.Dimensions > 1 {
			w.Label = fmt.Sprintf("%s %d", label, d+1)
		}
		w.Kind = KindOf(label, code, unit)
		for i := range w.Samples {
			v := s.Samples[i*s.Dimensions+d]
			if !math.IsInf(v, 0) { // a negative factor must not turn "below" into "above"
				v = s.Origin.Value.Float + v*s.Factor
			}
			w.Samples[i] = v
		}
		out[d] = w
	}
	return out, nil
}

func checkSampled(s *record.SampledData) error {
	if s == nil {
		return &record.InvalidError{Violations: []record.Violation{{Path: "SampledData", Message: "required"}}}
	}
	var out []record.Violation
	add := func(path, msg string) {
		out = append(out, record.Violation{Path: "SampledData." + path, Message: msg})
	}
	if rate := 1000 / s.PeriodMS; !(rate >= MinRate && rate <= MaxRate) {
		add("period", "expected milliseconds between samples, 0.001 to 86400000")
	}
	if s.Factor == 0 || math.IsNaN(s.Factor) || math.IsInf(s.Factor, 0) {
		add("factor", "expected a finite number other than 0")
	}
	if f := s.Origin.Value.Float; math.IsNaN(f) || math.IsInf(f, 0) {
		add("origin.value", "expected a finite number")
	}
	if s.Dimensions < 1 {
		add("dimensions", "expected a number above 0")
	} else if len(s.Samples)%s.Dimensions != 0 {
		add("data", fmt.Sprintf("%d samples do not fill %d dimensions", len(s.Samples), s.Dimensions))
	}
	if out != nil {
		return &record.InvalidError{Violations: out}
	}
	return nil
}
