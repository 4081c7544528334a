// Package pulse measures the curves that each heart beat raises: the photoplethysmogram of a
// pulse oximeter, and arterial pressure.
package pulse

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/bedside-lm/bedside/clinical/signal/dsp"
)

// Sampling rates in Hz that a curve is assessed at.
const (
	MinRate = 20
	MaxRate = 10_000
	rate    = 100 // at which it is worked on
)

// Reason says why a curve is not assessable.
type Reason string

// The reasons.
const (
	Assessable   Reason = ""
	BadRate      Reason = "sampling-rate" // outside MinRate to MaxRate
	TooShort     Reason = "too-short"     // less than five seconds of signal
	Flat         Reason = "flat"          // nothing moves
	TooNoisy     Reason = "too-noisy"     // pulses cannot be told from noise
	TooFewPulses Reason = "too-few-pulses"
	NoUnit       Reason = "no-unit" // a pressure in a unit that is none of pressure
)

const (
	shortest    = 5.0  // seconds
	bridged     = 0.1  // seconds of dropout that are filled
	leastPulses = 4    // intervals
	leastOK     = 0.3  // quality
	alike       = 0.80 // correlation of a pulse with the typical one
)

// samples is a time in seconds as a number of samples at the working rate.
func samples(seconds float64) int { return int(math.Round(seconds * rate)) }

// Quality is how far a curve is to be trusted.
type Quality struct {
	// Score is 0 to 1: the share of the curve's time in pulses that resemble the typical one
	// (template matching after Li and Clifford 2012, doi:10.1088/0967-3334/33/9/1491), of which
	// dropouts are none.
	Score float64
	// Skewness over windows of five seconds, averaged: above 0 in a good photoplethysmogram
	// (Elgendi 2016, doi:10.3390/bioengineering3040021).
	Skewness float64
}

// curve is a curve on its way through the analysis, at the working rate.
type curve struct {
	raw    []float64
	smooth []float64 // 0.5 to 8 Hz: pulses
	runs   []dsp.Span
	pulses []wave
}

// wave is one pulse: its peak, the run it lies in, whether it resembles the others.
type wave struct {
	at, run int
	good    bool
}

// prepare finds the pulses; the reason is not "" where there is nothing to find them in.
func prepare(x []float64, from float64) (*curve, Reason) {
	if !(from >= MinRate && from <= MaxRate) {
		return nil, BadRate
	}
	c := &curve{}
	c.raw, c.runs = dsp.Regrid(x, from, rate, bridged, 3)
	if dsp.Seconds(c.runs, rate) < shortest {
		return nil, TooShort
	}
	c.smooth = dsp.Holes(len(c.raw))
	for i, r := range c.runs {
		y := dsp.BandPass(2, 0.5, 8, rate).ZeroPhase(c.raw[r.Start:r.End])
		copy(c.smooth[r.Start:], y)
		for _, p := range systolic(y) {
			c.pulses = append(c.pulses, wave{at: r.Start + p, run: i})
		}
	}
	if !(dsp.Quantile(c.smooth, 0.99)-dsp.Quantile(c.smooth, 0.01) > 0) {
		return nil, Flat
	}
	c.compare()
	return c, Assessable
}

// systolic finds the peaks of pulses where a moving average of a peak's length rises above one
// of a beat's, both of the squared rising part (Elgendi et al. 2013,
// doi:10.1371/journal.pone.0076585, with its window lengths).
func systolic(y []float64) []int {
	energy := make([]float64, len(y))
	for i, v := range y {
		energy[i] = math.Pow(max(0, v), 2)
	}
	peak := dsp.MovingAverage(energy, samples(0.111))
	beat := dsp.MovingAverage(energy, samples(0.667))
	offset := 0.02 * dsp.Median(beat)
	var out []int
	start := -1
	for i := 0; i <= len(y); i++ {
		if i < len(y) && peak[i] > beat[i]+offset {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 && i-start >= samples(0.08) {
			p := start + floats.MaxIdx(y[start:i])
			if n := len(out); n > 0 && p-out[n-1] < samples(0.25) {
				if y[p] > y[out[n-1]] {
					out[n-1] = p
				}
			} else {
				out = append(out, p)
			}
		}
		start = -1
	}
	return searchBack(out, y)
}

// searchBack adds the highest peak within each interval that is half as long again as those
// around it: a fast pulse's smaller beats hide behind their neighbours.
func searchBack(peaks []int, y []float64) []int {
	var out []int
	for i, p := range peaks {
		if i > 0 {
			lo, hi := max(0, i-5), min(len(peaks)-1, i+4)
			var near, heights []float64
			for k := lo + 1; k <= hi; k++ {
				near = append(near, float64(peaks[k]-peaks[k-1]))
				heights = append(heights, y[peaks[k]])
			}
			usual, last := dsp.Median(near), peaks[i-1]
			if from, to := last+int(0.6*usual), p-int(0.6*usual); float64(p-last) > 1.5*usual && from < to {
				if q := from + floats.MaxIdx(y[from:to]); q > from && q < to-1 && y[q] > 0.25*dsp.Median(heights) {
					out = append(out, q)
				}
			}
		}
		out = append(out, p)
	}
	return out
}

// compare marks the pulses that resemble the typical one: the median, sample by sample, of all,
// cut around the peak as far as the shorter intervals reach.
func (c *curve) compare() {
	var gaps []float64
	for i := 1; i < len(c.pulses); i++ {
		gaps = append(gaps, float64(c.pulses[i].at-c.pulses[i-1].at))
	}
	if len(gaps) < leastPulses {
		return
	}
	gap := dsp.Median(gaps)
	lo, hi := int(0.35*gap), int(0.55*gap)
	var cuts [][]float64
	for _, p := range c.pulses {
		if cut := c.cut(p, lo, hi); cut != nil {
			cuts = append(cuts, cut)
		}
	}
	if len(cuts) < leastPulses {
		return
	}
	cuts = cuts[:min(len(cuts), 200)]
	typical, column := make([]float64, lo+hi), make([]float64, len(cuts))
	for k := range typical {
		for i := range cuts {
			column[i] = cuts[i][k]
		}
		typical[k] = dsp.Median(column)
	}
	size := floats.Max(typical) - floats.Min(typical)
	for i := range c.pulses {
		cut := c.cut(c.pulses[i], lo, hi)
		if cut == nil {
			continue
		}
		own := floats.Max(cut) - floats.Min(cut)
		c.pulses[i].good = dsp.Correlation(cut, typical) >= alike && own > 0.2*size && own < 4*size
	}
}

func (c *curve) cut(p wave, lo, hi int) []float64 {
	r := c.runs[p.run]
	if p.at-lo < r.Start || p.at+hi > r.End {
		return nil
	}
	return c.smooth[p.at-lo : p.at+hi]
}

// gap is a certain interval between two pulses, by their indices.
type gap struct{ from, to int }

// measurable returns the intervals to measure, or why the curve is too poor to.
func (c *curve) measurable(q Quality) ([]gap, Reason) {
	gaps := c.gaps()
	switch {
	case q.Score < leastOK:
		return nil, TooNoisy
	case len(gaps) < leastPulses:
		return nil, TooFewPulses
	default:
		return gaps, Assessable
	}
}

// gaps returns the intervals between neighbouring good pulses of one run.
func (c *curve) gaps() []gap {
	var out []gap
	for i := 1; i < len(c.pulses); i++ {
		a, b := c.pulses[i-1], c.pulses[i]
		if a.good && b.good && a.run == b.run && b.at-a.at < samples(3) {
			out = append(out, gap{i - 1, i})
		}
	}
	return out
}

// meanGap is the mean of intervals in seconds.
func (c *curve) meanGap(gaps []gap) float64 {
	sum := 0
	for _, g := range gaps {
		sum += c.pulses[g.to].at - c.pulses[g.from].at
	}
	return float64(sum) / rate / float64(len(gaps))
}

func (c *curve) quality() Quality {
	covered := 0
	for _, g := range c.gaps() {
		covered += c.pulses[g.to].at - c.pulses[g.from].at
	}
	// The run's first and last pulse lack a neighbour: a mean interval a run is made good.
	q := Quality{}
	if gaps := c.gaps(); len(gaps) > 0 {
		covered += int(c.meanGap(gaps)*rate) * len(c.runs)
		q.Score = min(1, float64(covered)/float64(len(c.raw)))
	}
	sum, n := 0.0, 0.0
	for _, r := range c.runs {
		for at := r.Start; at+samples(5) <= r.End; at += samples(5) {
			if v := stat.Skew(c.smooth[at:at+samples(5)], nil); !math.IsNaN(v) {
				sum, n = sum+v, n+1
			}
		}
	}
	if n > 0 {
		q.Skewness = sum / n
	}
	return q
}
