package prepare

import (
	"math"

	"github.com/bedside-lm/bedside/clinical/terms"
)

const (
	// bodySpread and bodyNear say how well weight, height and body mass index of one day agree, as
	// logarithms.
	bodySpread = 0.03
	bodyNear   = 0.06
	// bodyTime is how far apart weight and index may be, in seconds; height is taken to be the same.
	bodyTime = 24 * 3600
	// maxBody bounds how many of each are held against each other; more are no patient's.
	maxBody = 500
)

// body holds a patient's weight, height and body mass index against each other: the index is
// the weight in kg over the square of the height in m.
type body struct {
	weight, height, index []filedReading
}

func bodyOf(byMeasure map[string][]filedReading) *body {
	b := &body{
		weight: byMeasure[terms.Measure("29463-7").Key], height: byMeasure[terms.Measure("8302-2").Key], index: byMeasure[terms.Measure("39156-5").Key],
	}
	if max(len(b.weight), len(b.height), len(b.index)) > maxBody {
		return &body{}
	}
	return b
}

// speaksOf says whether a reading can be held against two others.
func (b *body) speaksOf(f *filedReading) bool { return b.expect(f).known }

// expect foretells a weight or a height from the other two of the three.
func (b *body) expect(f *filedReading) expectation {
	if len(b.index) == 0 || len(b.weight) == 0 || len(b.height) == 0 {
		return expectation{}
	}
	bmi := nearest(b.index, f.at)
	if bmi == nil || abs(bmi.at-f.at) > bodyTime {
		return expectation{}
	}
	var v float64
	switch f.lim.key {
	case b.weight[0].lim.key:
		height := nearest(b.height, f.at)
		if height == nil {
			return expectation{}
		}
		v = bmi.value * math.Pow(height.value/100, 2)
	case b.height[0].lim.key:
		weight := nearest(b.weight, bmi.at)
		if weight == nil || abs(weight.at-bmi.at) > bodyTime {
			return expectation{}
		}
		v = 100 * math.Sqrt(weight.value/bmi.value)
	default:
		return expectation{}
	}
	if !f.lim.plausible(v) {
		return expectation{}
	}
	return expectation{known: true, value: v, log: math.Log(v), spread: bodySpread, near: bodyNear, by: "which weight, height and body mass index together let expect"}
}

// nearest is the plausible reading that is the least far in time; of two, the lesser.
func nearest(fs []filedReading, at int64) *filedReading {
	var best *filedReading
	for i := range fs {
		f := &fs[i]
		if !f.lim.plausible(f.value) || f.value <= 0 {
			continue
		}
		if best == nil || abs(f.at-at) < abs(best.at-at) || abs(f.at-at) == abs(best.at-at) && f.value < best.value {
			best = f
		}
	}
	return best
}

func abs(n int64) int64 { return max(n, -n) }
