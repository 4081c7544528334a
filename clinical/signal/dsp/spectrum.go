package dsp

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
	"gonum.org/v1/gonum/dsp/window"
	"gonum.org/v1/gonum/stat"
)

// Spectrum is power by frequency.
type Spectrum struct {
	Step  float64 // Hz between bins, the first being 0 Hz
	Power []float64
}

// Welch averages the spectra of half-overlapping stretches of width samples under a Hann window,
// each without its mean (Welch 1967, doi:10.1109/TAU.1967.1161901). A shorter x is one stretch.
func Welch(x []float64, width int, rate float64) Spectrum {
	width = min(width, len(x))
	if width < 8 {
		return Spectrum{}
	}
	fft := fourier.NewFFT(width)
	s := Spectrum{Step: rate / float64(width), Power: make([]float64, width/2+1)}
	part, coeff := make([]float64, width), make([]complex128, width/2+1)
	for at := 0; at+width <= len(x); at += max(1, width/2) {
		copy(part, x[at:at+width])
		mean := stat.Mean(part, nil)
		for i := range part {
			part[i] -= mean
		}
		window.Hann(part)
		for i, c := range fft.Coefficients(coeff, part) {
			s.Power[i] += real(c)*real(c) + imag(c)*imag(c)
		}
	}
	return s
}

// Band is the power from low to high Hz, both ends included.
func (s Spectrum) Band(low, high float64) float64 {
	sum := 0.0
	for i, p := range s.Power {
		if f := float64(i) * s.Step; f >= low && f <= high {
			sum += p
		}
	}
	return sum
}

// Ratio is the share of the power of one band in that of another, 0 where the other has none.
func (s Spectrum) Ratio(low, high, ofLow, ofHigh float64) float64 {
	if all := s.Band(ofLow, ofHigh); all > 0 {
		return s.Band(low, high) / all
	}
	return 0
}

// Correlation is Pearson's, 0 where one of the two does not vary.
func Correlation(x, y []float64) float64 {
	if r := stat.Correlation(x, y, nil); !math.IsNaN(r) {
		return r
	}
	return 0
}
