package dsp

import (
	"math"

	"gonum.org/v1/gonum/interp"
)

// Resample returns x at another rate, over the same time. To a lower rate, what the new rate
// cannot carry is filtered out first; between samples a spline runs (Akima 1970,
// doi:10.1145/321607.321609), which overshoots little at steps.
func Resample(x []float64, from, to float64) []float64 {
	n := int(math.Floor(float64(len(x)-1)*to/from)) + 1
	if from == to || len(x) < 8 || n < 2 {
		out := make([]float64, max(0, n))
		for i := range out {
			out[i] = x[min(len(x)-1, int(math.Round(float64(i)*from/to)))]
		}
		return out
	}
	if to < from {
		x = LowPass(6, 0.42*to, from).ZeroPhase(x)
	}
	if k := from / to; k == math.Trunc(k) {
		out := make([]float64, n)
		for i := range out {
			out[i] = x[i*int(k)]
		}
		return out
	}
	at := make([]float64, len(x))
	for i := range at {
		at[i] = float64(i)
	}
	var spline interp.AkimaSpline
	if err := spline.Fit(at, x); err != nil { // at least eight places, all apart: there is none
		return nil
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = spline.Predict(min(float64(i)*from/to, float64(len(x)-1)))
	}
	return out
}
