// Package dsp holds what the analysis of waveforms is made of: filters that move no peak,
// robust statistics, resampling, peaks, spectra and runs without dropouts. Fourier transforms,
// splines and moments come from gonum.
//
// Functions take evenly spaced samples, change none of them, and return new slices. Samples
// are finite unless a function says that it takes NaN.
package dsp

import "math"

// Span is a run of samples, from Start to before End.
type Span struct{ Start, End int }

// Len is the number of samples.
func (s Span) Len() int { return s.End - s.Start }

// Runs returns the runs of finite samples that are at least shortest long, in order.
func Runs(x []float64, shortest int) []Span {
	var out []Span
	start := -1
	for i := 0; i <= len(x); i++ {
		if i < len(x) && !math.IsNaN(x[i]) && !math.IsInf(x[i], 0) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 && i-start >= shortest {
			out = append(out, Span{start, i})
		}
		start = -1
	}
	return out
}

// Bridge returns x with its gaps of at most longest samples filled by straight lines; x may
// hold NaN and infinities, which both count as missing. Longer gaps, and those at the ends,
// become NaN.
func Bridge(x []float64, longest int) []float64 {
	out := make([]float64, len(x))
	last := -1
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			out[i] = math.NaN()
			continue
		}
		out[i] = v
		if gap := i - last - 1; last >= 0 && gap > 0 && gap <= longest {
			for k := 1; k <= gap; k++ {
				out[last+k] = x[last] + (v-x[last])*float64(k)/float64(gap+1)
			}
		}
		last = i
	}
	return out
}

// Missing is the share of samples, 0 to 1, that are NaN or infinite; 1 where there are none.
func Missing(x []float64) float64 {
	if len(x) == 0 {
		return 1
	}
	n := 0
	for _, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			n++
		}
	}
	return float64(n) / float64(len(x))
}
