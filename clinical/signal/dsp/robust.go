package dsp

import (
	"math"
	"slices"
)

// Consistent makes the median absolute deviation of normal noise its standard deviation.
const Consistent = 1.4826

// Quantile returns the value below which a share q of the values lies, between order statistics
// by a straight line; NaN where there are none. It ignores NaN.
func Quantile(x []float64, q float64) float64 {
	s := make([]float64, 0, len(x))
	for _, v := range x {
		if !math.IsNaN(v) {
			s = append(s, v)
		}
	}
	if len(s) == 0 {
		return math.NaN()
	}
	slices.Sort(s)
	at := q * float64(len(s)-1)
	i := int(at)
	if i+1 >= len(s) {
		return s[len(s)-1]
	}
	return s[i] + (at-float64(i))*(s[i+1]-s[i])
}

// Median returns the middle value; NaN where there are none. It ignores NaN.
func Median(x []float64) float64 { return Quantile(x, 0.5) }

// MAD returns the median distance from the median, times Consistent.
func MAD(x []float64) float64 {
	m := Median(x)
	d := make([]float64, len(x))
	for i, v := range x {
		d[i] = math.Abs(v - m)
	}
	return Consistent * Median(d)
}

// MovingAverage returns the mean of the width samples around each one, fewer at the ends.
func MovingAverage(x []float64, width int) []float64 {
	width = max(1, width)
	out := make([]float64, len(x))
	before, after := width/2, (width-1)/2
	sum, lo, hi := 0.0, 0, 0 // of x[lo:hi]
	for i := range x {
		for ; hi < len(x) && hi <= i+after; hi++ {
			sum += x[hi]
		}
		for ; lo < i-before; lo++ {
			sum -= x[lo]
		}
		out[i] = sum / float64(hi-lo)
	}
	return out
}

// MedianFilter returns the median of the width samples around each one, fewer at the ends.
func MedianFilter(x []float64, width int) []float64 {
	out := make([]float64, len(x))
	rolling(x, width, func(i int, sorted []float64) { out[i] = middle(sorted) })
	return out
}

// Hampel replaces by the local median each sample that is farther from it than limit times the
// local deviation by MAD, and says which they were (Hampel 1974,
// doi:10.1080/01621459.1974.10482962; limit is usually 3).
func Hampel(x []float64, width int, limit float64) (out []float64, replaced []int) {
	out = slices.Clone(x)
	var away []float64
	rolling(x, width, func(i int, sorted []float64) {
		m := middle(sorted)
		away = away[:0]
		for _, v := range sorted {
			away = append(away, math.Abs(v-m))
		}
		slices.Sort(away)
		if math.Abs(x[i]-m) > limit*Consistent*middle(away) {
			out[i] = m
			replaced = append(replaced, i)
		}
	})
	return out, replaced
}

// rolling calls visit with the sorted window around each sample. The window is kept sorted by
// insertion, which is fast for the widths in use: up to a few hundred.
func rolling(x []float64, width int, visit func(i int, sorted []float64)) {
	before, after := max(1, width)/2, (max(1, width)-1)/2
	window := make([]float64, 0, before+after+1)
	for hi := 0; hi < min(after, len(x)); hi++ {
		window = insert(window, x[hi])
	}
	for i := range x {
		if i+after < len(x) {
			window = insert(window, x[i+after])
		}
		if old := i - before - 1; old >= 0 {
			at, _ := slices.BinarySearch(window, x[old])
			window = slices.Delete(window, at, at+1)
		}
		visit(i, window)
	}
}

func insert(sorted []float64, v float64) []float64 {
	at, _ := slices.BinarySearch(sorted, v)
	return slices.Insert(sorted, at, v)
}

func middle(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}
