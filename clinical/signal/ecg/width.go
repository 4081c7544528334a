package ecg

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/bedside-lm/bedside/clinical/signal/dsp"
)

// averaged is how many beats an average takes: more sharpen nothing.
const averaged = 200

// average returns the mean of the beats of a shape from seconds before to seconds after the R
// peak, each less its own mean, and the samples' standard error; ok says which beats count.
func (l *lead) average(k int, before, after float64, ok func(i int) bool) (mean, spread []float64, n int) {
	lo, hi := samples(before), samples(after)
	mean, spread = make([]float64, lo+hi), make([]float64, lo+hi)
	for i, b := range l.beats {
		at := b.at + b.shift
		r := l.runs[b.run]
		if b.shape != k || at-lo < r.Start || at+hi > r.End || !ok(i) {
			continue
		}
		part := l.raw[at-lo : at+hi]
		base := floats.Sum(part) / float64(len(part))
		n++
		for j, v := range part { // Welford 1962, doi:10.1080/00401706.1962.10490022
			d := v - base - mean[j]
			mean[j] += d / float64(n)
			spread[j] += d * (v - base - mean[j])
		}
		if n == averaged {
			break
		}
	}
	for j := range spread {
		spread[j] = math.Sqrt(spread[j] / max(1, float64(n-1)) / max(1, float64(n)))
	}
	return mean, spread, n
}

// Bounds of the QRS are looked for within these times of the R peak, in seconds.
const (
	qrsBefore = 0.14
	qrsAfter  = 0.16
)

// qrs returns the QRS duration of a shape's average beat in ms, or 0. It lasts as long as the
// slope stays above a share of its greatest value, which was set on simulated beats of known
// duration; see docs/preparation.md for the error that was measured.
func (l *lead) qrs(k int) float64 {
	if k < 0 || l.shapes[k].known {
		if k < 0 {
			return 0
		}
		return l.shapes[k].width
	}
	s := &l.shapes[k]
	s.known = true
	mean, spread, n := l.average(k, qrsBefore+0.1, qrsAfter+0.1, func(int) bool { return true })
	if n < 3 {
		return 0
	}
	slope := make([]float64, len(mean))
	for i := 2; i+2 < len(mean); i++ {
		slope[i] = math.Abs(2*mean[i+2]+mean[i+1]-mean[i-1]-2*mean[i-2]) / 10
	}
	r := samples(qrsBefore + 0.1)
	steepest := floats.Max(slope[r-samples(0.08) : r+samples(0.08)])
	noise := dsp.Median(spread) * math.Sqrt(10) / 10
	limit := max(qrsSlope*steepest, 3*noise)
	if limit > 0.25*steepest { // too noisy to see where it begins
		return 0
	}
	on := edge(slope, r, -1, samples(qrsBefore), limit)
	off := edge(slope, r, 1, samples(qrsAfter), limit)
	if on < 0 || off < 0 {
		return 0
	}
	if w := 1000*(on+off)/Rate + qrsBias; w >= 40 && w <= 300 {
		s.width = w
	}
	return s.width
}

const (
	qrsSlope = 0.07
	qrsBias  = 0.0 // ms
)

// edge returns how many samples from r, in direction step, the slope falls below limit for good:
// for 20 ms. It is -1 where that is not within most samples.
func edge(slope []float64, r, step, most int, limit float64) float64 {
	quiet := samples(0.02)
	for d := samples(0.012); d <= most; d++ {
		still := true
		for j := 0; j < quiet && still; j++ {
			at := r + step*(d+j)
			still = at >= 0 && at < len(slope) && slope[at] <= limit
		}
		if still {
			a, b := slope[r+step*(d-1)], slope[r+step*d]
			if a > b {
				return float64(d) - min(1, max(0, (limit-b)/(a-b)))
			}
			return float64(d)
		}
	}
	return -1
}
