package wav

import "math"

const (
	envelopeRate = 20    // values a second
	envelopeFrom = 200.0 // Hz: heart sounds and rumble are below, breath sounds reach well above
	maxSample    = 1e6   // beyond it, a floating-point sample is a mistake
)

// measured is what one pass over the samples gives.
type measured struct {
	rms, peak float64 // 1 is full scale; the rms is around the mean
	clipped   float64 // share of samples at the end of the scale
	bad       int     // samples that are no numbers
	// envelope is the loudness above envelopeFrom, at envelopeRate; nil where the rate is too low.
	envelope []float64
}

// measure goes over the samples once. Of several channels, the envelope is of their mean.
func measure(f *file) *measured {
	m := &measured{}
	width, frames := f.bits/8, f.frames()
	count := frames * f.channels
	if count == 0 {
		return m
	}
	var sum, squares float64
	full := 0
	env := newEnveloper(f.rate, frames)
	for i := range frames {
		mixed := 0.0
		for c := range f.channels {
			v, end := f.sample(f.data[(i*f.channels+c)*width:])
			if !(v >= -maxSample && v <= maxSample) {
				m.bad++
				v, end = 0, false
			}
			if end {
				full++
			}
			sum += v
			squares += v * v
			m.peak = max(m.peak, math.Abs(v))
			mixed += v
		}
		env.add(i, mixed/float64(f.channels))
	}
	mean := sum / float64(count)
	m.rms = math.Sqrt(max(0, squares/float64(count)-mean*mean))
	m.clipped = float64(full) / float64(count)
	m.envelope = env.values()
	return m
}

// enveloper gathers the power of a sound above envelopeFrom in steps of time.
type enveloper struct {
	rate   int
	high   [2]biquad
	power  []float64
	counts []int
}

func newEnveloper(rate, frames int) *enveloper {
	e := &enveloper{rate: rate}
	if float64(rate) < 10*envelopeFrom {
		return e // too little is left of the sound
	}
	// The two second-order parts of a Butterworth high-pass filter of fourth order.
	for i, q := range []float64{0.54119610, 1.30656296} {
		e.high[i] = highPass(envelopeFrom/float64(rate), q)
	}
	n := frames * envelopeRate / rate // a last step that is not full is left out
	e.power, e.counts = make([]float64, n), make([]int, n)
	return e
}

func (e *enveloper) add(i int, v float64) {
	if e.power == nil {
		return
	}
	for k := range e.high {
		v = e.high[k].filter(v)
	}
	if n := i * envelopeRate / e.rate; n < len(e.power) {
		e.power[n] += v * v
		e.counts[n]++
	}
}

func (e *enveloper) values() []float64 {
	for i, n := range e.counts {
		e.power[i] = math.Sqrt(e.power[i] / float64(n))
	}
	return e.power
}

// biquad is a filter of second order in transposed direct form II.
type biquad struct{ b0, b1, b2, a1, a2, z1, z2 float64 }

// highPass is a filter for a frequency in cycles a sample (R. Bristow-Johnson, Cookbook
// formulae for audio EQ biquad filter coefficients).
func highPass(frequency, q float64) biquad {
	w := 2 * math.Pi * frequency
	alpha, c := math.Sin(w)/(2*q), math.Cos(w)
	a0 := 1 + alpha
	return biquad{b0: (1 + c) / 2 / a0, b1: -(1 + c) / a0, b2: (1 + c) / 2 / a0, a1: -2 * c / a0, a2: (1 - alpha) / a0}
}

func (f *biquad) filter(x float64) float64 {
	y := f.b0*x + f.z1
	f.z1 = f.b1*x - f.a1*y + f.z2
	f.z2 = f.b2*x - f.a2*y
	return y
}
