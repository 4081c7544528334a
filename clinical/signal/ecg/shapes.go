package ecg

import (
	"gonum.org/v1/gonum/floats"

	"github.com/bedside-lm/bedside/clinical/signal/dsp"
)

// shape is what beats of one kind look like.
type shape struct {
	mean    []float64 // of the fine signal, around the R peak
	members int
	width   float64 // QRS duration in ms, 0 where not measured
	known   bool    // width was looked for
}

// Beats are compared from 120 ms before to 180 ms after the R peak. Those that correlate by
// alike are of one kind; more kinds than maxShapes are noise.
const (
	before    = 0.12
	after     = 0.18
	alike     = 0.85
	maxShapes = 12
)

// sortShapes puts each beat to the shape that it resembles most, and finds the dominant one.
// A shape that fewer than three beats or 3% have is none.
func (l *lead) sortShapes() {
	for i := range l.beats {
		b := &l.beats[i]
		cut := l.cut(b, b.at)
		if cut == nil {
			continue
		}
		best, r := -1, alike
		for k := range l.shapes {
			for shift := -2; shift <= 2; shift++ {
				if c := l.cut(b, b.at+shift); c != nil {
					if v := dsp.Correlation(c, l.shapes[k].mean); v > r {
						best, r, cut, b.shift = k, v, c, shift
					}
				}
			}
		}
		if best < 0 {
			if len(l.shapes) < maxShapes {
				l.shapes = append(l.shapes, shape{mean: append([]float64(nil), cut...), members: 1})
				b.shape = len(l.shapes) - 1
			}
			continue
		}
		s := &l.shapes[best]
		s.members++
		weight := max(1/float64(s.members), 0.05)
		floats.Scale(1-weight, s.mean)
		floats.AddScaled(s.mean, weight, cut)
		b.shape = best
	}
	least := max(3, len(l.beats)*3/100)
	for i := range l.beats {
		if k := l.beats[i].shape; k >= 0 && l.shapes[k].members < least {
			l.beats[i].shape = -1
		}
	}
	l.dominant = -1
	for k, s := range l.shapes {
		if s.members >= least && (l.dominant < 0 || s.members > l.shapes[l.dominant].members) {
			l.dominant = k
		}
	}
}

// settleDominant takes another shape as the dominant one where most beats of the commonest are
// premature, as may be in bigeminy.
func (l *lead) settleDominant() {
	timely := make([]int, len(l.shapes))
	for _, b := range l.beats {
		if b.shape >= 0 && !b.premature {
			timely[b.shape]++
		}
	}
	if l.dominant < 0 || 2*timely[l.dominant] >= l.shapes[l.dominant].members {
		return
	}
	for k := range timely {
		if timely[k] > timely[l.dominant] {
			l.dominant = k
		}
	}
}

// cut is a beat's part of the fine signal around a sample, or nil where its run has no room.
func (l *lead) cut(b *beat, at int) []float64 {
	r := l.runs[b.run]
	lo, hi := at-samples(before), at+samples(after)
	if lo < r.Start || hi > r.End {
		return nil
	}
	return l.fine[lo:hi]
}

// ectopic says whether a beat is premature, or of another shape than the dominant one.
func (l *lead) ectopic(i int) bool {
	b := l.beats[i]
	return b.premature || b.shape != l.dominant && b.shape >= 0
}

// isBroad says whether the beats of a shape have a QRS of 120 ms or more, and one that is 20 ms
// broader than the dominant beats'.
func (l *lead) isBroad(k int) bool {
	if k < 0 {
		return false
	}
	w := l.qrs(k)
	return w >= 120 && w >= l.qrs(l.dominant)+20
}
