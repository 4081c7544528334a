package prepare

import (
	"math"
	"time"
)

// method tells a value between readings.
type method struct {
	name string
	// value tells the one at t from the readings before index before and those from index after on.
	value func(rs []reading, before, after int, t time.Time) float64
}

// The methods, the one that assumes least first. Which is best depends on how a series moves:
// the line where it drifts slowly, as a laboratory value does; a mean of several where one
// reading is mostly noise.
var (
	halfway = &method{"halfway between the line and the patient's median", func(rs []reading, before, after int, t time.Time) float64 {
		return (line(rs, before, after, t) + level(rs, before, after)) / 2
	}}
	methods = []*method{
		halfway,
		{"on the line", line},
		{"the mean of three on either side", func(rs []reading, before, after int, _ time.Time) float64 { return mean(rs, before, after, 3) }},
		{"the mean of ten on either side", func(rs []reading, before, after int, _ time.Time) float64 { return mean(rs, before, after, 10) }},
		flat,
	}
	flat = &method{"the patient's median", func(rs []reading, before, after int, _ time.Time) float64 { return level(rs, before, after) }}
	// What people set is never between two of their settings.
	carried    = &method{"carried forward", func(rs []reading, before, _ int, _ time.Time) float64 { return rs[before-1].value }}
	setMethods = []*method{carried, flat}
)

const (
	// minTold readings are left out one by one to see which method tells them best; with fewer,
	// the first method is taken.
	minTold = 6
	maxTold = 200
	// plainer favours the patient's median: what is hardly better than it is so by chance.
	plainer = 0.96
)

// methodFor picks the method with the least mean absolute error for readings that are left out
// one at a time (leave-one-out cross-validation: Stone 1974, doi:10.1111/j.2517-6161.1974.tb00994.x).
func methodFor(rs []reading) *method {
	among := methods
	if rs[0].lim.kind == kindSet {
		among = setMethods
	}
	best, least := among[0], math.Inf(1)
	if len(rs) < minTold {
		return best
	}
	step := max(1, len(rs)/maxTold)
	for _, m := range among {
		sum := 0.0
		for i := 1; i < len(rs)-1; i += step {
			sum += math.Abs(m.value(rs, i, i+1, rs[i].at) - rs[i].value)
		}
		if m == flat {
			sum *= plainer
		}
		if sum < least {
			best, least = m, sum
		}
	}
	return best
}

func line(rs []reading, before, after int, t time.Time) float64 {
	a, b := &rs[before-1], &rs[after]
	apart := b.at.Sub(a.at)
	if apart <= 0 {
		return (a.value + b.value) / 2
	}
	return a.value + float64(t.Sub(a.at))/float64(apart)*(b.value-a.value)
}

func mean(rs []reading, before, after, n int) float64 {
	sum, count := 0.0, 0
	for i := max(0, before-n); i < before; i++ {
		sum += rs[i].value
		count++
	}
	for i := after; i < min(len(rs), after+n); i++ {
		sum += rs[i].value
		count++
	}
	return sum / float64(count)
}

// maxLevel bounds the readings that a patient's median is taken of, those nearest in time.
const maxLevel = 40

func level(rs []reading, before, after int) float64 {
	values := make([]float64, 0, maxLevel)
	for i := max(0, before-maxLevel/2); i < before; i++ {
		values = append(values, rs[i].value)
	}
	for i := after; i < min(len(rs), after+maxLevel/2); i++ {
		values = append(values, rs[i].value)
	}
	return median(values)
}
