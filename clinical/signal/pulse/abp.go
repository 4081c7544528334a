package pulse

import (
	"math"

	"github.com/bedside-lm/bedside/clinical/signal/dsp"
)

// ABP is what an arterial pressure curve shows, in mmHg.
type ABP struct {
	Reason  Reason
	Quality Quality
	Beats   int
	Rate    float64 // pulses a minute
	// Medians over the beats: peak, foot before it, mean over time from foot to foot, and peak less foot.
	Systolic, Diastolic, Mean, PulsePressure float64
	// SystolicLow and SystolicHigh are the 5th and 95th percentile of the beats' peaks.
	SystolicLow, SystolicHigh float64
	// Unlikely is the share of beats, 0 to 1, that break a rule of Sun, Reisner and Mark 2006 ("A signal
	// abnormality index for arterial blood pressure waveforms", Computers in Cardiology 33:13-16).
	// They are counted, never dropped: a patient in shock breaks rules.
	Unlikely float64
	// Damped says that the curve may be damped: a slow rise and a small pulse. Only a flush test tells.
	Damped bool
	// Flushes counts flat stretches far above the systolic pressure; Level is the time in seconds
	// that the curve lay level below them, as with a closed or zeroed line.
	Flushes int
	Level   float64
}

// AnalyseABP measures a pressure curve in mmHg. x may hold NaN and infinities.
func AnalyseABP(x []float64, from float64) ABP {
	var out ABP
	c, why := prepare(x, from)
	if why != Assessable {
		out.Reason = why
		return out
	}
	out.Quality = c.quality()
	c.level(&out)
	gaps, why := c.measurable(out.Quality)
	if why != Assessable {
		out.Reason = why
		return out
	}
	out.Rate = 60 / c.meanGap(gaps)
	out.summary(c.beats(gaps))
	return out
}

// pressures are one beat's.
type pressures struct {
	peak, foot, mean float64
	rise, length     float64 // seconds from foot to peak, and to the next foot
}

// beats measures each beat between two feet, on the curve below 16 Hz (the band of Zong et al. 2003,
// doi:10.1109/CIC.2003.1291140).
func (c *curve) beats(gaps []gap) []pressures {
	fine := dsp.Holes(len(c.raw))
	for _, r := range c.runs {
		copy(fine[r.Start:], dsp.LowPass(2, 16, rate).ZeroPhase(c.raw[r.Start:r.End]))
	}
	// A foot lies between two peaks, so a beat needs the peaks before and after its own.
	var out []pressures
	for i := 1; i < len(gaps); i++ {
		if gaps[i].from != gaps[i-1].to {
			continue
		}
		foot := lowestBetween(fine, c.pulses[gaps[i-1].from].at, c.pulses[gaps[i-1].to].at)
		next := lowestBetween(fine, c.pulses[gaps[i].from].at, c.pulses[gaps[i].to].at)
		p := pressures{foot: fine[foot], length: float64(next-foot) / rate, peak: fine[foot]}
		sum := 0.0
		for k := foot; k < next; k++ {
			sum += fine[k]
			if fine[k] > p.peak {
				p.peak, p.rise = fine[k], float64(k-foot)/rate
			}
		}
		p.mean = sum / float64(max(1, next-foot))
		out = append(out, p)
	}
	return out
}

func lowestBetween(x []float64, lo, hi int) int {
	at := lo
	for i := lo; i < hi; i++ {
		if x[i] < x[at] {
			at = i
		}
	}
	return at
}

func (out *ABP) summary(beats []pressures) {
	out.Beats = len(beats)
	if len(beats) == 0 {
		out.Reason = TooFewPulses
		return
	}
	column := func(f func(pressures) float64) []float64 {
		v := make([]float64, len(beats))
		for i, b := range beats {
			v[i] = f(b)
		}
		return v
	}
	peaks := column(func(b pressures) float64 { return b.peak })
	out.Systolic = dsp.Median(peaks)
	out.SystolicLow, out.SystolicHigh = dsp.Quantile(peaks, 0.05), dsp.Quantile(peaks, 0.95)
	out.Diastolic = dsp.Median(column(func(b pressures) float64 { return b.foot }))
	out.Mean = dsp.Median(column(func(b pressures) float64 { return b.mean }))
	out.PulsePressure = dsp.Median(column(func(b pressures) float64 { return b.peak - b.foot }))
	unlikely := 0
	for i, b := range beats {
		if b.unlikely() || i > 0 && (math.Abs(b.peak-beats[i-1].peak) > 20 || math.Abs(b.foot-beats[i-1].foot) > 20) {
			unlikely++
		}
	}
	out.Unlikely = float64(unlikely) / float64(len(beats))
	out.Quality.Score *= 1 - out.Unlikely/2
	rise := dsp.Median(column(func(b pressures) float64 { return b.rise / b.length }))
	out.Damped = out.PulsePressure < 0.25*out.Mean && rise > 0.3
}

// unlikely are the rules of Sun, Reisner and Mark for one beat.
func (b pressures) unlikely() bool {
	perMinute := 60 / b.length
	return b.peak > 300 || b.foot < 20 || b.mean < 30 || b.mean > 200 || perMinute < 20 || perMinute > 200 || b.peak-b.foot < 20
}

// level looks for stretches of half a second or more in which the pressure moves by less than
// 4 mmHg: flushes, far above the usual pressure, and others of a second or more.
func (c *curve) level(out *ABP) {
	top := dsp.Quantile(c.raw, 0.75)
	for _, r := range c.runs {
		start := r.Start
		low, high := c.raw[start], c.raw[start]
		for i := r.Start + 1; i <= r.End; i++ {
			if i < r.End && max(high, c.raw[i])-min(low, c.raw[i]) < 4 {
				low, high = min(low, c.raw[i]), max(high, c.raw[i])
				continue
			}
			switch seconds := float64(i-start) / rate; {
			case seconds >= 0.5 && low > max(200, top+60):
				out.Flushes++
			case seconds >= 1.5:
				out.Level += seconds
			}
			if i < r.End {
				start, low, high = i, c.raw[i], c.raw[i]
			}
		}
	}
}
