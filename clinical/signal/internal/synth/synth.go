// Package synth draws waveforms of known truth for tests: beats and breaths as sums of Gaussians
// (after McSharry et al. 2003, doi:10.1109/TBME.2003.808805) at given times, with noise from a
// seed. The strips of scripts/corpus/signals.py are more, and more varied; these need no Python.
package synth

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Rand is a source of numbers that are the same for the same seed.
func Rand(seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 0x5eed)) //nolint:gosec // test data must be the same each time
}

// Gaussian is one wave of a beat: Height at At seconds from the R peak, Width its deviation.
type Gaussian struct{ At, Height, Width float64 }

// Beat is what one beat looks like.
type Beat []Gaussian

// Normal is a beat as lead II shows it, in mV, with a QRS of about 80 ms.
func Normal() Beat {
	return Beat{{-0.165, 0.12, 0.02}, {-0.024, -0.12, 0.008}, {0, 1.1, 0.011}, {0.026, -0.25, 0.009}, {0.28, 0.25, 0.045}}
}

// Ventricular is a broad beat without a P wave.
func Ventricular() Beat {
	return Beat{{-0.03, 0.35, 0.028}, {0.022, 1.35, 0.034}, {0.36, -0.4, 0.06}}
}

// Without returns the beat without its P wave.
func (b Beat) Without() Beat { return b[1:] }

// For returns the beat with its T wave where a rate a minute has it: nearer by the root of the
// interval, in seconds (Bazett).
func (b Beat) For(perMinute float64) Beat {
	out := slices.Clone(b)
	t := &out[len(out)-1]
	root := math.Sqrt(60 / perMinute)
	t.At, t.Width = t.At*root, t.Width*root
	return out
}

// Strip draws beats at times, one look a beat, the last look for all beyond.
func Strip(seconds, rate float64, times []float64, looks []Beat) []float64 {
	x := make([]float64, int(seconds*rate))
	for i, t := range times {
		look := looks[min(i, len(looks)-1)]
		for _, g := range look {
			lo, hi := int((t+g.At-5*g.Width)*rate), int((t+g.At+5*g.Width)*rate)
			for k := max(0, lo); k < min(len(x), hi); k++ {
				d := (float64(k)/rate - t - g.At) / g.Width
				x[k] += g.Height * math.Exp(-d*d/2)
			}
		}
	}
	return x
}

// Steady returns beat times of a rate a minute, each interval with a spread of its own.
func Steady(r *rand.Rand, seconds, perMinute, spread float64) []float64 {
	return until(seconds, func(int) float64 { return 60/perMinute + spread*r.NormFloat64() })
}

// Fibrillating returns beat times without order: impulses that come at random seven times a
// second pass after a refractory time (after Corino et al. 2011, doi:10.1109/TBME.2011.2166262).
func Fibrillating(r *rand.Rand, seconds float64) []float64 {
	return until(seconds, func(int) float64 {
		refractory := 0.4 + 0.2*r.Float64()
		if r.Float64() < 0.4 {
			refractory += 0.15
		}
		return refractory + r.ExpFloat64()/7
	})
}

// Premature returns beat times of which every nth comes early, by a share of the interval, with a
// full pause after it, and says which.
func Premature(r *rand.Rand, seconds, perMinute float64, every int, share float64) (times []float64, early []bool) {
	rr := 60 / perMinute
	times = until(seconds, func(i int) float64 {
		next := rr + 0.01*r.NormFloat64()
		switch {
		case i > 0 && i%every == 0:
			return next * share
		case i > every && i%every == 1 || every == 1:
			return next * (2 - share)
		}
		return next
	})
	early = make([]bool, len(times))
	for i := every; i < len(times); i += every {
		early[i] = true
	}
	return times, early
}

// until adds up intervals; interval i leads to beat i.
func until(seconds float64, interval func(i int) float64) []float64 {
	var out []float64
	for t := 0.4; t < seconds; {
		out = append(out, t)
		t += interval(len(out))
	}
	return out
}

// Add returns x plus noise of a deviation, and a slow wave of a height.
func Add(r *rand.Rand, x []float64, rate, deviation, wander float64) []float64 {
	out := slices.Clone(x)
	for i := range out {
		out[i] += deviation*r.NormFloat64() + wander*math.Sin(2*math.Pi*0.2*float64(i)/rate)
	}
	return out
}

// Pulses draws a pulse curve from low to high at beat times: a steep rise, a decay, a notch.
func Pulses(seconds, rate float64, times []float64, low, high float64) []float64 {
	x := make([]float64, int(seconds*rate))
	for i := range x {
		x[i] = low
	}
	for i := 0; i+1 < len(times); i++ {
		span := times[i+1] - times[i]
		for k := int(math.Ceil(times[i] * rate)); k < min(len(x), int(math.Ceil(times[i+1]*rate))); k++ {
			s := (float64(k)/rate - times[i]) / span
			v := math.Exp(-2.6*(s-0.14)) - 0.107*s/0.86
			if s < 0.14 {
				v = math.Pow(math.Sin(math.Pi/2*s/0.14), 2)
			}
			v += 0.08 * math.Exp(-math.Pow((s-0.42)/0.04, 2)/2)
			x[k] = low + (high-low)*min(1, max(0, v))
		}
	}
	return x
}

// Breaths draws breathing of a rate a minute as a sine, held from one time to another.
func Breaths(seconds, rate, perMinute, from, to float64) []float64 {
	x := make([]float64, int(seconds*rate))
	phase := 0.0
	for i := range x {
		if t := float64(i) / rate; t < from || t >= to {
			phase += 2 * math.Pi * perMinute / 60 / rate
		}
		x[i] = math.Sin(phase)
	}
	return x
}

// Capnogram draws carbon dioxide of a rate a minute between two values: expiration for the
// first 55% of each breath.
func Capnogram(seconds, rate, perMinute, low, high float64) []float64 {
	x := make([]float64, int(seconds*rate))
	for i := range x {
		s := math.Mod(float64(i)/rate*perMinute/60, 1)
		switch {
		case s < 0.08:
			x[i] = low + (high-low)*0.9*s/0.08
		case s < 0.55:
			x[i] = low + (high-low)*(0.9+0.1*(s-0.08)/0.47)
		case s < 0.62:
			x[i] = high - (high-low)*(s-0.55)/0.07
		default:
			x[i] = low
		}
	}
	return x
}
