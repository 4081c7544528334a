package render

import (
	"math"
	"slices"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// A whole series counts as stable within this share of its reference range's width,
// or of its median where no range with two ends is known: 0.1 is much for a pH and
// nothing for a heart rate.
const (
	stableOfRange  = 0.2
	stableOfMedian = 0.02
)

// mannKendallLimit is the standard normal quantile for a two-sided test at 10 %.
const mannKendallLimit = 1.645

// maxTrend bounds the quadratic test; longer series are thinned evenly.
const maxTrend = 400

// trendOf says how a series in time order moves: stable where all of it lies within
// a small part of the range's width (0 if unknown) or of its median, rising or falling where the Mann-Kendall test (Mann 1945,
// Kendall 1975) says so at 10 % and the last value agrees, else fluctuating. Up to
// three values must agree in every pair.
func trendOf(values []float64, width float64) Trend {
	if len(values) < 2 || slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
		return TrendNone
	}
	sorted := slices.Sorted(slices.Values(values))
	limit := stableOfRange * width
	if width <= 0 {
		limit = stableOfMedian * math.Abs(sorted[len(sorted)/2])
	}
	if sorted[len(sorted)-1]-sorted[0] <= limit {
		return TrendStable
	}
	change := values[len(values)-1] - values[0]
	if len(values) > maxTrend {
		thin := make([]float64, maxTrend)
		for i := range thin {
			thin[i] = values[i*(len(values)-1)/(maxTrend-1)]
		}
		values = thin
	}
	s := 0
	for i := range values {
		for j := i + 1; j < len(values); j++ {
			if values[j] > values[i] {
				s++
			} else if values[j] < values[i] {
				s--
			}
		}
	}
	n := float64(len(values))
	certain := math.Abs(float64(s)) == n*(n-1)/2
	if len(values) > 3 {
		z := (math.Abs(float64(s)) - 1) / math.Sqrt(n*(n-1)*(2*n+5)/18)
		certain = z >= mannKendallLimit
	}
	switch {
	case certain && s > 0 && change > 0:
		return TrendRising
	case certain && s < 0 && change < 0:
		return TrendFalling
	}
	return TrendFluctuating
}

// span is the time from a to b as a number and a unit: whole minutes below two
// hours, tenths of an hour below two days, else tenths of a day.
func span(a, b record.DateTime) (v record.Decimal, unit string, ok bool) {
	if a.Precision != record.PrecisionSecond || b.Precision != record.PrecisionSecond {
		return record.Decimal{}, "", false
	}
	return stretchOf(b.Time.Sub(a.Time))
}

func stretchOf(d time.Duration) (v record.Decimal, unit string, ok bool) {
	switch {
	case d < time.Minute:
		return record.Decimal{}, "", false
	case d < 2*time.Hour:
		return record.NewDecimal(math.Floor(d.Minutes())), "min", true
	case d < 48*time.Hour:
		return record.NewDecimal(math.Round(d.Hours()*10) / 10), "h", true
	}
	return record.NewDecimal(math.Round(d.Hours()/2.4) / 10), "d", true
}

// ageYears returns the least and the most whole years that the birth date, as
// coarse as it was filed, allows at the moment ref.
func ageYears(birth, ref record.DateTime) (low, high int, ok bool) {
	if birth.IsZero() || ref.IsZero() {
		return 0, 0, false
	}
	y, m, d := birth.Time.Date()
	lastM, lastD := m, d
	switch birth.Precision {
	case record.PrecisionYear:
		lastM, lastD = time.December, 31
	case record.PrecisionMonth:
		lastD = time.Date(y, m+1, 0, 0, 0, 0, 0, time.UTC).Day()
	case record.PrecisionNone, record.PrecisionDay, record.PrecisionSecond:
	}
	ry, rm, rd := ref.Time.Date()
	years := func(m time.Month, d int) int {
		n := ry - y
		if rm < m || rm == m && rd < d {
			n--
		}
		return n
	}
	low, high = years(lastM, lastD), years(m, d)
	return max(low, 0), high, high >= 0 && high < 130
}
