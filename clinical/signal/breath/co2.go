package breath

import (
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/bedside-lm/bedside/clinical/signal/dsp"
)

// CO2 is what a capnogram shows, in the unit of the curve.
type CO2 struct {
	Reason Reason
	// Quality is 0 to 1: the share of breaths whose end-tidal value lies within a quarter of
	// the median one, times the share of the time that is no dropout.
	Quality float64
	Breaths int
	Rate    float64 // a minute, of the mean interval outside pauses
	Spread  float64 // of the intervals, in per cent
	// EndTidal is the median over the breaths of the highest value, Low and High the 5th and 95th percentile.
	EndTidal, EndTidalLow, EndTidalHigh float64
	// Inspired is the median over the breaths of the lowest value before each.
	Inspired float64
	// Pauses are stretches of at least PauseLength without a breath; LongestPause in seconds.
	Pauses       int
	LongestPause float64
}

// expiration is one breath out.
type expiration struct {
	start, end, run int
	top             float64
}

// AnalyseCO2 measures a capnogram. least is the smallest rise, in the unit of the curve, that
// is a breath: 3 mmHg, say. x may hold NaN and infinities.
func AnalyseCO2(x []float64, from, least float64) CO2 {
	var out CO2
	raw, runs, why := regrid(x, from)
	if why != Assessable {
		out.Reason = why
		return out
	}
	smooth := dsp.Holes(len(raw))
	for _, r := range runs {
		copy(smooth[r.Start:], dsp.MedianFilter(raw[r.Start:r.End], 5))
	}
	low, high := dsp.Quantile(smooth, 0.02), dsp.Quantile(smooth, 0.98)
	if !(high-low >= least) {
		out.Reason = Flat
		return out
	}
	breaths := expirations(smooth, runs, low+0.35*(high-low), low+0.55*(high-low))
	if len(breaths) < leastBreath+1 {
		out.Reason = TooFewBreaths
		return out
	}
	out.summary(breaths, smooth, dsp.Seconds(runs, rate)*rate/float64(len(raw)))
	return out
}

// expirations are stretches that rise above the second level and end below the first, of at
// least 0.3 s.
func expirations(x []float64, runs []dsp.Span, off, on float64) []expiration {
	var out []expiration
	for k, r := range runs {
		start := -1
		for i := r.Start; i < r.End; i++ {
			switch {
			case start < 0 && x[i] > on && i > r.Start: // one that began before the run is left out
				start = i
			case start >= 0 && x[i] < off:
				if i-start >= samples(0.3) {
					top := floats.Max(dsp.MovingAverage(x[start:i], samples(0.2)))
					out = append(out, expiration{start, i, k, top})
				}
				start = -1
			}
		}
	}
	return out
}

func (out *CO2) summary(breaths []expiration, x []float64, present float64) {
	var times, lows []float64
	tops := []float64{breaths[0].top}
	for i := 1; i < len(breaths); i++ {
		a, b := breaths[i-1], breaths[i]
		tops = append(tops, b.top)
		if a.run != b.run {
			continue
		}
		lows = append(lows, dsp.Quantile(x[a.end:b.start], 0.1))
		if gap := float64(b.start-a.end) / rate; gap >= PauseLength {
			out.Pauses++
			out.LongestPause = max(out.LongestPause, gap)
			continue
		}
		times = append(times, float64(b.start-a.start)/rate)
	}
	if len(times) < leastBreath {
		out.Reason = TooFewBreaths
		return
	}
	mean := stat.Mean(times, nil)
	out.Breaths, out.Rate, out.Spread = len(breaths), 60/mean, 100*stat.StdDev(times, nil)/mean
	out.EndTidal = dsp.Median(tops)
	out.EndTidalLow, out.EndTidalHigh = dsp.Quantile(tops, 0.05), dsp.Quantile(tops, 0.95)
	out.Inspired = dsp.Median(lows)
	near := 0
	for _, v := range tops {
		if v > 0.75*out.EndTidal && v < 1.25*out.EndTidal {
			near++
		}
	}
	out.Quality = present * float64(near) / float64(len(tops))
}
