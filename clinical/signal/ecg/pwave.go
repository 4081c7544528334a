package ecg

import (
	"math"

	"github.com/bedside-lm/bedside/clinical/signal/dsp"
)

// P waves are looked for from 280 ms before the R peak, or after the T wave of the beat before,
// to 60 ms before it, in the average of beats that are not ectopic.
const (
	pFrom = 0.28
	pTo   = 0.06
)

// pWaves says whether the average beat has a P wave: a wave before the QRS, of either direction,
// that is at least 3% of the beat's height and six standard errors high. Fibrillatory waves
// do not keep step with the QRS, so the average loses them.
func (l *lead) pWaves(rr []interval) Sight {
	from := min(pFrom, medianOf(rr)-tEnd(medianOf(rr)))
	if l.dominant < 0 || from < pTo+0.08 {
		return Unclear
	}
	long := map[int]bool{} // beats whose forerunner's T wave is over
	for _, r := range rr {
		if r.length-tEnd(r.length) >= from-0.02 && !l.beats[r.to].premature {
			long[r.to] = true
		}
	}
	mean, spread, n := l.average(l.dominant, from, 0.1, func(i int) bool { return long[i] })
	if n < 6 {
		return Unclear
	}
	r := samples(from)
	height := math.Abs(mean[r] - dsp.Median(mean[:r]))
	wave := mean[:r-samples(pTo)+1]
	err := dsp.Median(spread[:len(wave)])
	size := bump(dsp.MovingAverage(wave, samples(0.02)))
	switch {
	case size >= max(0.03*height, 6*err):
		return Seen
	case 6*err > 0.06*height:
		return Unclear
	}
	return Unseen
}

// tEnd is when the T wave of a beat is over, in seconds after its R peak: the QT interval by
// Fridericia's formula at 0.39 s, less what of it lies before the R peak.
func tEnd(rr float64) float64 { return 0.39*math.Cbrt(min(rr, 1.2)) - 0.04 }

// bump is the height of the highest wave, of either direction, over the higher of its two feet.
func bump(x []float64) float64 {
	most := 0.0
	for i := 2; i+2 < len(x); i++ {
		left, right := x[:i], x[i+1:]
		up := x[i] - max(lowest(left), lowest(right))
		down := min(highest(left), highest(right)) - x[i]
		most = max(most, up, down)
	}
	return most
}

func lowest(x []float64) float64 {
	out := math.Inf(1)
	for _, v := range x {
		out = min(out, v)
	}
	return out
}

func highest(x []float64) float64 {
	out := math.Inf(-1)
	for _, v := range x {
		out = max(out, v)
	}
	return out
}
