package ecg

import (
	"math"

	"github.com/bedside-lm/bedside/clinical/signal/dsp"
)

// lead is a lead on its way through the analysis, at Rate. Samples outside its runs are NaN.
type lead struct {
	raw  []float64 // without mains hum
	fine []float64 // 1 to 40 Hz: shapes
	size []float64 // size of the signal between 3 and 35 Hz: peaks
	runs []dsp.Span

	slope, energy [][]int // beats by two detectors, one list a run
	beats         []beat
	doubts        []int // what one detector alone took for a beat, in order
	shapes        []shape
	dominant      int // index of the dominant shape
}

// beat is a beat on its way.
type beat struct {
	at        int // sample
	run       int
	votes     int
	shape     int // index, or -1 where its shape is no other's
	shift     int // of the R peak, for its shape to match best
	premature bool
}

// Dropouts up to this many seconds are bridged, since no QRS complex hides in them; a line of
// equal samples of this many seconds is a lead that hangs.
const (
	bridged = 0.04
	hung    = 1.0
)

// prepare brings a lead to Rate, run by run, and takes out mains hum where there is some.
func prepare(x []float64, rate float64) *lead {
	raw, runs := dsp.Regrid(withoutHung(x, int(math.Ceil(hung*rate))), rate, Rate, bridged, 1)
	l := &lead{raw: raw, fine: dsp.Holes(len(raw)), size: dsp.Holes(len(raw)), runs: runs}
	for _, r := range runs {
		y := withoutMains(raw[r.Start:r.End])
		copy(raw[r.Start:], y)
		copy(l.fine[r.Start:], dsp.BandPass(2, 1, 40, Rate).ZeroPhase(y))
		copy(l.size[r.Start:], sharp(y))
	}
	return l
}

// withoutHung makes lines of equal samples dropouts: a lead that has come off, or an amplifier
// at its end.
func withoutHung(x []float64, longest int) []float64 {
	out := make([]float64, len(x))
	copy(out, x)
	start := 0
	for i := 1; i <= len(x); i++ {
		if i < len(x) && x[i] == x[start] {
			continue
		}
		if i-start >= longest {
			for k := start; k < i; k++ {
				out[k] = math.NaN()
			}
		}
		start = i
	}
	return out
}

// withoutMains removes 50 or 60 Hz where they stand out by a factor of five from what lies beside
// them.
func withoutMains(x []float64) []float64 {
	s := dsp.Welch(x, 4*Rate, Rate)
	for _, hz := range []float64{50, 60} {
		at, beside := s.Band(hz-0.5, hz+0.5), s.Band(hz-4, hz-2)+s.Band(hz+2, hz+4)
		if at > 5*beside/4 && at > 0 {
			x = dsp.Notch(hz, 30, Rate).ZeroPhase(x)
		}
	}
	return x
}

// present is how many seconds of signal there are.
func (l *lead) present() float64 { return dsp.Seconds(l.runs, Rate) }

// isFlat says whether the lead's deflections between 3 and 35 Hz stay below 30 uV nearly
// everywhere: no QRS complex is that small. Without a unit, only a line that does not move at all is flat.
func (l *lead) isFlat(millivolt float64) bool {
	most := dsp.Quantile(l.size, 0.995)
	if millivolt == 0 {
		return !(most > 0)
	}
	return !(most*millivolt > 0.03)
}

// find looks for beats in each run, by three detectors.
func (l *lead) find() {
	for i, r := range l.runs {
		x := l.raw[r.Start:r.End]
		a, b, c := Gradient(x), PanTompkins(x), Elgendi(x)
		shape := l.size[r.Start:r.End]
		sure, doubts := vote(shape, a, b, c)
		for _, q := range sure {
			l.beats = append(l.beats, beat{at: r.Start + q.at, run: i, votes: q.votes, shape: -1})
		}
		for _, q := range doubts {
			l.doubts = append(l.doubts, r.Start+q)
		}
		l.slope, l.energy = append(l.slope, a), append(l.energy, b)
	}
}
