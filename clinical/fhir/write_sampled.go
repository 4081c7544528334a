package fhir

import (
	"math"
	"strconv"

	"github.com/bedside-lm/bedside/clinical/record"
)

// sampled gives a waveform.
func (w *writer) sampled(s *record.SampledData) *outSampled {
	const field = "Value.Sampled"
	out := &outSampled{
		Origin: w.simple(field+".Origin", &s.Origin), Period: w.float(field+".PeriodMS", s.PeriodMS), Dimensions: s.Dimensions,
	}
	if s.Factor != 1 {
		out.Factor = w.float(field+".Factor", s.Factor)
	}
	if s.PeriodMS <= 0 {
		w.refuse(field+".PeriodMS", "expected a number of milliseconds above 0")
	}
	switch {
	case s.Dimensions < 1 || s.Dimensions > math.MaxInt32:
		w.refuse(field+".Dimensions", "expected a number above 0")
	case len(s.Samples)%s.Dimensions != 0:
		w.refuse(field+".Samples", "%d samples do not fill %d dimensions", len(s.Samples), s.Dimensions)
	}
	data := make([]byte, 0, 6*len(s.Samples))
	for _, v := range s.Samples {
		if len(data) > 0 {
			data = append(data, ' ')
		}
		switch {
		case math.IsNaN(v):
			data = append(data, 'E')
		case math.IsInf(v, -1):
			data = append(data, 'L')
		case math.IsInf(v, 1):
			data = append(data, 'U')
		default:
			data = strconv.AppendFloat(data, v, 'g', -1, 64)
		}
	}
	out.Data = string(data)
	return out
}
