package ecg

import (
	"github.com/bedside-lm/bedside/clinical/signal/dsp"
)

// interval is a certain RR interval.
type interval struct {
	from, to int // indices of beats
	length   float64
}

// intervals returns the certain ones: both beats are sure, they lie in one run, and nothing
// between them is as large as a beat, or nearly so and was taken for one by a detector.
func (l *lead) intervals() []interval {
	var out []interval
	height := l.height()
	for i := 1; i < len(l.beats); i++ {
		a, b := &l.beats[i-1], &l.beats[i]
		if a.run != b.run || !l.sure(a, height) || !l.sure(b, height) {
			continue
		}
		if d := first(l.doubts, a.at+samples(0.2)); d < b.at-samples(0.2) && l.size[d] > 0.4*height {
			continue
		}
		if l.loud(a.at+samples(0.2), b.at-samples(0.15), 0.6*height) {
			continue
		}
		out = append(out, interval{from: i - 1, to: i, length: float64(b.at-a.at) / Rate})
	}
	return out
}

// sure says whether a beat is one: it has a known shape, or all three detectors found it where
// the lead is quiet on both sides, as a premature beat that is the only one of its shape.
func (l *lead) sure(b *beat, height float64) bool {
	if b.shape >= 0 {
		return true
	}
	return b.votes == 3 && !l.loud(b.at-samples(0.35), b.at-samples(0.15), 0.3*height) &&
		!l.loud(b.at+samples(0.25), b.at+samples(0.4), 0.3*height)
}

// height is the usual size of an R peak.
func (l *lead) height() float64 {
	sizes := make([]float64, len(l.beats))
	for i, b := range l.beats {
		sizes[i] = l.size[b.at]
	}
	return dsp.Median(sizes)
}

func (l *lead) loud(lo, hi int, limit float64) bool {
	for i := max(0, lo); i < min(hi, len(l.size)); i++ {
		if l.size[i] > limit {
			return true
		}
	}
	return false
}

// markPremature marks beats that come at less than 0.82 of the usual interval around them,
// before one at least a fifth longer. The usual interval is the mean of the nearest ten, so that it is
// right in bigeminy too.
func (l *lead) markPremature(rr []interval) {
	for i := range rr {
		if i+1 >= len(rr) || rr[i+1].from != rr[i].to {
			continue
		}
		usual := l.usual(rr, i)
		if rr[i].length < 0.82*usual && rr[i+1].length > 1.2*rr[i].length {
			l.beats[rr[i].to].premature = true
		}
	}
}

// usual is the mean of the intervals around one, without pauses.
func (l *lead) usual(rr []interval, i int) float64 {
	near := rr[max(0, i-5):min(len(rr), i+6)]
	most := 1.8 * medianOf(near)
	sum, n := 0.0, 0.0
	for _, r := range near {
		if r.length <= most {
			sum, n = sum+r.length, n+1
		}
	}
	return sum / n
}
