package pulse

import (
	"math"

	"gonum.org/v1/gonum/stat"

	"github.com/bedside-lm/bedside/clinical/signal/dsp"
)

// PPG is what a photoplethysmogram shows.
type PPG struct {
	Reason  Reason
	Quality Quality
	Pulses  int // intervals between good pulses
	// Rate is pulses a minute, of the mean interval.
	Rate float64
	// Spread is the standard deviation of the intervals over their mean, in per cent.
	Spread float64
	// Amplitude is the median height of a pulse, in the unit of the curve; Variation is the
	// standard deviation of the heights over their mean, in per cent.
	Amplitude, Variation float64
	// Perfusion is the pulse's height in per cent of the steady part of the signal, as the perfusion
	// index is; 0 where the steady part was taken out, as most monitors do before they send the
	// curve.
	Perfusion float64
}

// AnalysePPG measures a photoplethysmogram. x may hold NaN and infinities, which are dropouts.
func AnalysePPG(x []float64, from float64) PPG {
	var out PPG
	c, why := prepare(x, from)
	if why != Assessable {
		out.Reason = why
		return out
	}
	out.Quality = c.quality()
	if out.Quality.Skewness < 0 { // upside down, or not a pulse's shape
		out.Quality.Score /= 2
	}
	gaps, why := c.measurable(out.Quality)
	if why != Assessable {
		out.Reason = why
		return out
	}
	mean := c.meanGap(gaps)
	out.Pulses, out.Rate = len(gaps), 60/mean
	var times, heights []float64
	for _, g := range gaps {
		a, b := c.pulses[g.from].at, c.pulses[g.to].at
		times = append(times, float64(b-a)/rate)
		low := c.smooth[a]
		for _, v := range c.smooth[a:b] {
			low = min(low, v)
		}
		heights = append(heights, c.smooth[b]-low)
	}
	out.Spread = 100 * stat.StdDev(times, nil) / mean
	out.Amplitude = dsp.Median(heights)
	out.Variation = 100 * stat.StdDev(heights, nil) / stat.Mean(heights, nil)
	steady := dsp.Median(c.raw)
	if lowest := dsp.Quantile(c.raw, 0.01); lowest > 0 && out.Amplitude < 0.2*steady {
		out.Perfusion = 100 * out.Amplitude / steady
	}
	if math.IsNaN(out.Variation) {
		out.Variation = 0
	}
	return out
}
