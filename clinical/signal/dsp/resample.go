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

// Regrid brings x, which may hold NaN and infinities, to another rate run by run: gaps of at
// most bridge seconds are filled, runs shorter than shortest seconds are dropped. What is in no
// run is NaN.
func Regrid(x []float64, from, to, bridge, shortest float64) (out []float64, runs []Span) {
	x = Bridge(x, int(bridge*from))
	n := int(float64(len(x)) * to / from)
	out = Holes(n)
	for _, r := range Runs(x, max(8, int(shortest*from))) {
		start := int(math.Ceil(float64(r.Start) * to / from))
		y := Resample(x[r.Start:r.End], from, to)
		y = y[:max(0, min(len(y), n-start))]
		if float64(len(y)) < 0.9*shortest*to {
			continue
		}
		copy(out[start:], y)
		runs = append(runs, Span{start, start + len(y)})
	}
	return out, runs
}

// Holes returns n dropouts.
func Holes(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	return out
}

// Seconds is the time that runs cover at a rate.
func Seconds(runs []Span, rate float64) float64 {
	n := 0
	for _, r := range runs {
		n += r.Len()
	}
	return float64(n) / rate
}
