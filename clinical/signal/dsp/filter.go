package dsp

import (
	"math"
	"math/cmplx"
)

// Section is a second-order filter: y = b0 x + b1 x[-1] + b2 x[-2] - a1 y[-1] - a2 y[-2].
type Section struct{ B0, B1, B2, A1, A2 float64 }

// Filter is a cascade of sections. The zero Filter changes nothing.
type Filter []Section

// BandPass designs a Butterworth band-pass filter, low and high being its -3 dB ends in Hz, by
// the bilinear transform with both ends prewarped. order is that of the low-pass prototype, so
// the filter has order sections. The ends are brought within (0, rate/2)
// and apart.
func BandPass(order int, low, high, rate float64) Filter {
	high = edge(high, rate)
	low = min(edge(low, rate), 0.9*high)
	l, h := warp(low, rate), warp(high, rate)
	width, centre := h-l, math.Sqrt(l*h)
	f := make(Filter, 0, order)
	for _, p := range prototype(order) {
		half := p * complex(width/2, 0)
		root := cmplx.Sqrt(half*half - complex(centre*centre, 0))
		p1, p2 := half+root, half-root
		if imag(p) == 0 { // a real prototype's two poles are each other's conjugates, or both real
			f = append(f, section(bilinear(p1), bilinear(p2), -1, 0))
			continue
		}
		z1, z2 := bilinear(p1), bilinear(p2)
		f = append(f, section(z1, cmplx.Conj(z1), -1, 0), section(z2, cmplx.Conj(z2), -1, 0))
	}
	return f.unity(2 * math.Atan(centre))
}

// LowPass designs a Butterworth low-pass filter with its -3 dB end at cut Hz.
func LowPass(order int, cut, rate float64) Filter {
	return oneSided(order, warp(edge(cut, rate), rate), 0)
}

// HighPass designs a Butterworth high-pass filter with its -3 dB end at cut Hz.
func HighPass(order int, cut, rate float64) Filter {
	return oneSided(order, warp(edge(cut, rate), rate), math.Pi)
}

// oneSided is a low pass (flat at 0) or a high pass (flat at pi).
func oneSided(order int, cut, flat float64) Filter {
	var f Filter
	zero := math.Cos(flat) // zeros at -1 for a low pass, at 1 for a high pass
	for _, p := range prototype(order) {
		s := p * complex(cut, 0)
		if flat != 0 {
			s = complex(cut, 0) / p
		}
		z := bilinear(s)
		if imag(p) == 0 {
			f = append(f, Section{B0: 1, B1: zero, A1: -real(z)})
			continue
		}
		f = append(f, section(z, cmplx.Conj(z), 1, 2*zero))
	}
	return f.unity(flat)
}

// Notch designs a filter that removes one frequency in Hz; q is that frequency over the width
// of what is removed at -3 dB. At or above rate/2 there is nothing to remove.
func Notch(at, q, rate float64) Filter {
	if at >= rate/2 {
		return nil
	}
	w := 2 * math.Pi * at / rate
	alpha, c := math.Sin(w)/(2*q), math.Cos(w)
	a0 := 1 + alpha
	return Filter{{B0: 1 / a0, B1: -2 * c / a0, B2: 1 / a0, A1: -2 * c / a0, A2: (1 - alpha) / a0}}
}

func edge(f, rate float64) float64 { return min(max(f, rate*1e-6), 0.49*rate) }

func warp(f, rate float64) float64 { return math.Tan(math.Pi * f / rate) }

func bilinear(s complex128) complex128 { return (1 + s) / (1 - s) }

// prototype returns the poles of the Butterworth low pass of cut 1, one of each conjugate pair.
func prototype(order int) []complex128 {
	var out []complex128
	for k := range (order + 1) / 2 {
		angle := math.Pi * float64(2*k+order+1) / float64(2*order)
		p := cmplx.Exp(complex(0, angle))
		if 2*k+1 == order {
			p = -1
		}
		out = append(out, p)
	}
	return out
}

// section has two poles and the numerator 1 + b1/z + b2/z², of which b2 is 1 or -1.
func section(p1, p2 complex128, b2, b1 float64) Section {
	return Section{B0: 1, B1: b1, B2: b2, A1: -real(p1 + p2), A2: real(p1 * p2)}
}

// unity scales the filter to a gain of 1 at an angle of the unit circle.
func (f Filter) unity(angle float64) Filter {
	g := math.Pow(f.gain(angle), -1/float64(len(f)))
	for i := range f {
		f[i].B0 *= g
		f[i].B1 *= g
		f[i].B2 *= g
	}
	return f
}

func (f Filter) gain(angle float64) float64 {
	z := cmplx.Exp(complex(0, -angle))
	h := complex(1, 0)
	for _, s := range f {
		h *= (complex(s.B0, 0) + complex(s.B1, 0)*z + complex(s.B2, 0)*z*z) / (1 + complex(s.A1, 0)*z + complex(s.A2, 0)*z*z)
	}
	return cmplx.Abs(h)
}

// Gain is the filter's gain at a frequency in Hz, once through.
func (f Filter) Gain(at, rate float64) float64 { return f.gain(2 * math.Pi * at / rate) }

// ZeroPhase filters forwards and backwards, so that nothing moves in time and the gain is
// squared. The ends are extended by their own reflection about the end point, as long as the
// slowest pole rings, and each section starts as if the first value had stood for ever
// (Gustafsson 1996 gives the problem, doi:10.1109/78.492552).
func (f Filter) ZeroPhase(x []float64) []float64 {
	n := len(x)
	out := make([]float64, n)
	if n < 2 || len(f) == 0 {
		copy(out, x)
		return out
	}
	pad := min(n-1, f.ringing())
	y := make([]float64, n+2*pad)
	for i := range pad {
		y[pad-1-i] = 2*x[0] - x[i+1]
		y[pad+n+i] = 2*x[n-1] - x[n-2-i]
	}
	copy(y[pad:], x)
	for range 2 {
		f.run(y)
		reverse(y)
	}
	copy(out, y[pad:pad+n])
	return out
}

// run filters in place.
func (f Filter) run(x []float64) {
	for _, s := range f {
		first := x[0]
		still := first * (s.B0 + s.B1 + s.B2) / (1 + s.A1 + s.A2)
		w2 := s.B2*first - s.A2*still
		w1 := s.B1*first - s.A1*still + w2
		for i, v := range x {
			y := s.B0*v + w1
			w1 = s.B1*v - s.A1*y + w2
			w2 = s.B2*v - s.A2*y
			x[i] = y
		}
	}
}

// ringing is how many samples the slowest pole takes to fall to 1%, and at least 16.
func (f Filter) ringing() int {
	most := 0.0
	for _, s := range f {
		root := cmplx.Sqrt(complex(s.A1*s.A1-4*s.A2, 0))
		a1 := complex(s.A1, 0)
		most = max(most, cmplx.Abs((-a1+root)/2), cmplx.Abs((-a1-root)/2))
	}
	if most <= 0 || most >= 1 {
		return 16
	}
	return max(16, int(math.Log(0.01)/math.Log(most)))
}

func reverse(x []float64) {
	for i, j := 0, len(x)-1; i < j; i, j = i+1, j-1 {
		x[i], x[j] = x[j], x[i]
	}
}
