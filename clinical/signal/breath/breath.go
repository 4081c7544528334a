// Package breath measures breathing: by the movement of the chest, by airway flow, and by the
// carbon dioxide of the breath.
package breath

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/bedside-lm/bedside/clinical/signal/dsp"
)

// Sampling rates in Hz that breathing is assessed at.
const (
	MinRate = 5
	MaxRate = 10_000
	rate    = 25 // at which it is worked on
)

// Reason says why a curve is not assessable.
type Reason string

// The reasons.
const (
	Assessable    Reason = ""
	BadRate       Reason = "sampling-rate" // outside MinRate to MaxRate
	TooShort      Reason = "too-short"     // less than 15 seconds of signal
	Flat          Reason = "flat"          // no breath is seen: none was taken, or the sensor is off
	TooNoisy      Reason = "too-noisy"     // breaths cannot be told from noise
	TooFewBreaths Reason = "too-few-breaths"
	NoUnit        Reason = "no-unit" // carbon dioxide in a unit that is none of pressure
)

// PauseLength is the shortest pause that is reported: 10 s, as the American Academy of Sleep Medicine
// scores apnoea in adults (Berry et al. 2012, doi:10.5664/jcsm.2172).
const PauseLength = 10.0

const (
	shortest    = 15.0 // seconds
	bridged     = 0.3
	leastBreath = 3 // intervals
	leastOK     = 0.3
)

func samples(seconds float64) int { return int(math.Round(seconds * rate)) }

// Movement is what a curve of chest movement or flow shows.
type Movement struct {
	Reason Reason
	// Quality is 0 to 1: how much breaths resemble the typical one, on average, lowered where most of
	// the power lies outside breathing's band, by up to half where breaths come irregularly, and by
	// the share of the time that is a dropout (after Charlton et al. 2021, doi:10.1016/j.bspc.2020.102339).
	Quality float64
	Breaths int // intervals
	// Rate is breaths a minute, of the mean interval outside pauses.
	Rate float64
	// Spread is the standard deviation of those intervals over their mean, in per cent.
	Spread float64
	// Pauses are stretches of at least PauseLength in which the curve moves by less than a fifth
	// of a usual breath; LongestPause in seconds.
	Pauses       int
	LongestPause float64
}

// regrid brings a curve to the rate that it is measured at, or says why it cannot be measured.
func regrid(x []float64, from float64) (raw []float64, runs []dsp.Span, why Reason) {
	if !(from >= MinRate && from <= MaxRate) {
		return nil, nil, BadRate
	}
	raw, runs = dsp.Regrid(x, from, rate, bridged, 5)
	if dsp.Seconds(runs, rate) < shortest {
		return nil, nil, TooShort
	}
	return raw, runs, Assessable
}

// AnalyseMovement measures a curve that rises and falls once a breath. x may hold NaN and
// infinities, which are dropouts.
func AnalyseMovement(x []float64, from float64) Movement {
	var out Movement
	raw, runs, why := regrid(x, from)
	if why != Assessable {
		out.Reason = why
		return out
	}
	m := &movement{raw: raw, runs: runs}
	if !m.find() {
		out.Reason = Flat
		return out
	}
	times := m.intervals()
	out.Quality = m.quality() * m.inBand() * steadiness(times)
	out.Pauses, out.LongestPause = len(m.pauses), m.longest()
	switch {
	case out.Quality < leastOK:
		out.Reason = TooNoisy
	case len(times) < leastBreath:
		out.Reason = TooFewBreaths
	}
	if out.Reason != Assessable {
		return out
	}
	mean := stat.Mean(times, nil)
	out.Breaths, out.Rate, out.Spread = len(times), 60/mean, 100*stat.StdDev(times, nil)/mean
	return out
}

// movement is a curve on its way, at the working rate.
type movement struct {
	raw    []float64
	runs   []dsp.Span
	smooth []float64
	size   float64 // of a usual breath, trough to peak
	peaks  []peak
	pauses []dsp.Span
}

type peak struct{ at, run int }

// find looks for breaths between 3 and 60 a minute. It returns false where nothing moves.
func (m *movement) find() bool {
	m.smooth = dsp.Holes(len(m.raw))
	var sizes []float64
	for _, r := range m.runs {
		y := dsp.BandPass(2, 0.05, 1.2, rate).ZeroPhase(m.raw[r.Start:r.End])
		copy(m.smooth[r.Start:], y)
	}
	span := dsp.Quantile(m.smooth, 0.95) - dsp.Quantile(m.smooth, 0.05)
	if !(span > 0) {
		return false
	}
	for _, r := range m.runs {
		y := m.smooth[r.Start:r.End]
		found := dsp.Peaks(y, samples(0.7), 0.2*span)
		for i := 1; i < len(found); i++ {
			sizes = append(sizes, y[found[i]]-floats.Min(y[found[i-1]:found[i]]))
		}
	}
	m.size = dsp.Median(sizes)
	if !(m.size > 0) {
		m.size = span
	}
	for i, r := range m.runs {
		y := m.smooth[r.Start:r.End]
		for _, p := range dsp.Peaks(y, samples(0.7), 0.35*m.size) {
			m.peaks = append(m.peaks, peak{r.Start + p, i})
		}
		m.still(r)
	}
	return true
}

// still adds a run's pauses. What is seen within three seconds tells a held breath from a slow
// one, which moves on.
func (m *movement) still(r dsp.Span) {
	const look = 3.0
	y := dsp.LowPass(2, 0.8, rate).ZeroPhase(m.raw[r.Start:r.End])
	width := samples(look)
	start := -1
	for i := 0; i+width <= len(y)+1; i++ {
		quiet := i+width <= len(y)
		if quiet {
			low, high := y[i], y[i]
			for _, v := range y[i : i+width] {
				low, high = min(low, v), max(high, v)
			}
			quiet = high-low < 0.2*m.size
		}
		if quiet {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 && i-1+width-start >= samples(PauseLength) {
			m.pauses = append(m.pauses, dsp.Span{Start: r.Start + start, End: r.Start + i - 1 + width})
		}
		start = -1
	}
}

func (m *movement) longest() float64 {
	most := 0
	for _, p := range m.pauses {
		most = max(most, p.Len())
	}
	return float64(most) / rate
}

// intervals are the times between breaths of one run with no pause between them.
func (m *movement) intervals() []float64 {
	var out []float64
	for i := 1; i < len(m.peaks); i++ {
		a, b := m.peaks[i-1], m.peaks[i]
		if a.run != b.run || m.paused(a.at, b.at) {
			continue
		}
		out = append(out, float64(b.at-a.at)/rate)
	}
	return out
}

// paused says whether more than a third of a pause lies between two samples.
func (m *movement) paused(lo, hi int) bool {
	for _, p := range m.pauses {
		if 3*(min(hi, p.End)-max(lo, p.Start)) > p.Len() {
			return true
		}
	}
	return false
}

// quality is the mean correlation of breaths with the typical one, each stretched to the same
// length.
func (m *movement) quality() float64 {
	const points = 40
	var cuts [][]float64
	for i := 1; i < len(m.peaks); i++ {
		a, b := m.peaks[i-1], m.peaks[i]
		if a.run != b.run || m.paused(a.at, b.at) {
			continue
		}
		cut := make([]float64, points)
		for k := range cut {
			cut[k] = m.smooth[a.at+k*(b.at-a.at)/(points-1)]
		}
		cuts = append(cuts, cut)
	}
	if len(cuts) == 0 {
		return 0
	}
	typical, column := make([]float64, points), make([]float64, len(cuts))
	for k := range typical {
		for i := range cuts {
			column[i] = cuts[i][k]
		}
		typical[k] = dsp.Median(column)
	}
	sum := 0.0
	for _, cut := range cuts {
		sum += max(0, dsp.Correlation(cut, typical))
	}
	return sum / float64(len(cuts)) * dsp.Seconds(m.runs, rate) * rate / float64(len(m.raw))
}

// inBand is 1 where at least half of the power above 0.05 Hz is below 1.2 Hz, and 0 where it is a
// fifth: white noise has less.
func (m *movement) inBand() float64 {
	share, n := 0.0, 0.0
	for _, r := range m.runs {
		s := dsp.Welch(m.raw[r.Start:r.End], samples(40), rate)
		share += float64(r.Len()) * s.Ratio(0.05, 1.2, 0.05, rate/2)
		n += float64(r.Len())
	}
	return min(1, max(0, (share/n-0.2)/0.3))
}

// steadiness is 1 for intervals that deviate by up to 30%, and a half from 60%.
func steadiness(times []float64) float64 {
	if len(times) < leastBreath {
		return 1
	}
	spread := stat.StdDev(times, nil) / stat.Mean(times, nil)
	return 0.5 + 0.5*min(1, max(0, (0.6-spread)/0.3))
}
