package ecg

import (
	"math"

	"github.com/bedside-lm/bedside/clinical/signal/dsp"
)

// Rate is the rate in Hz at which beats are looked for; other rates are brought to it.
const Rate = 250

// samples is a time in seconds as a number of samples at Rate.
func samples(seconds float64) int { return int(math.Round(seconds * Rate)) }

// Detector finds the R peaks of a run of samples at Rate without dropouts.
type Detector func(x []float64) []int

// Elgendi finds QRS complexes where a moving average of a beat's length rises above one of a
// heart cycle's, both of the squared signal between 8 and 20 Hz (Elgendi 2013,
// doi:10.1371/journal.pone.0073557, with its window lengths). The offset follows the run's
// median energy instead of its mean, which one burst of motion would carry away.
func Elgendi(x []float64) []int {
	energy := dsp.BandPass(2, 8, 20, Rate).ZeroPhase(x)
	for i, v := range energy {
		energy[i] = v * v
	}
	beat := dsp.MovingAverage(energy, samples(0.097))
	cycle := dsp.MovingAverage(energy, samples(0.611))
	offset := 0.08 * dsp.Median(cycle)
	return blocks(x, func(i int) bool { return beat[i] > cycle[i]+offset }, samples(0.08))
}

// Gradient finds QRS complexes where the slope's size, over a tenth of a second, stands out from
// its average over three quarters of a second (the method that NeuroKit2 uses by default,
// doi:10.3758/s13428-020-01516-y).
func Gradient(x []float64) []int {
	clean := dsp.BandPass(2, 1, 35, Rate).ZeroPhase(x)
	slope := make([]float64, len(x))
	for i := 1; i+1 < len(x); i++ {
		slope[i] = math.Abs(clean[i+1]-clean[i-1]) / 2
	}
	beat := dsp.MovingAverage(slope, samples(0.1))
	cycle := dsp.MovingAverage(beat, samples(0.75))
	return blocks(x, func(i int) bool { return beat[i] > 1.5*cycle[i] }, samples(0.04))
}

// blocks makes one beat of each stretch that is on for at least shortest samples: the place in
// it that is farthest from the baseline.
func blocks(x []float64, on func(int) bool, shortest int) []int {
	shape := sharp(x)
	var out []int
	start := -1
	for i := 0; i <= len(x); i++ {
		if i < len(x) && on(i) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 && i-start >= shortest {
			out = keepApart(out, farthest(shape, start, i), shape)
		}
		start = -1
	}
	return prune(out, shape)
}

// prune drops what is far smaller than the beats around it: P and T waves.
func prune(beats []int, shape []float64) []int {
	sizes := make([]float64, len(beats))
	for i, b := range beats {
		sizes[i] = shape[b]
	}
	out := beats[:0:0]
	for i, b := range beats {
		if sizes[i] >= 0.3*dsp.Quantile(sizes[max(0, i-8):min(len(sizes), i+9)], 0.75) {
			out = append(out, b)
		}
	}
	return out
}

// PanTompkins finds QRS complexes by the integrated squared slope between 5 and 15 Hz, above a
// threshold that follows the levels of beats and of noise, with a search back where a beat is
// overdue and a look at the slope where one comes so early that it may be a T wave (Pan and
// Tompkins 1985, doi:10.1109/TBME.1985.325532). The filter here moves nothing in time.
func PanTompkins(x []float64) []int {
	band := dsp.BandPass(2, 5, 15, Rate).ZeroPhase(x)
	energy := make([]float64, len(x))
	for i := 2; i+2 < len(x); i++ {
		d := (2*band[i+2] + band[i+1] - band[i-1] - 2*band[i-2]) / 8
		energy[i] = d * d
	}
	energy = dsp.MovingAverage(energy, samples(0.15))
	p := &panTompkins{energy: energy, marks: dsp.Peaks(energy, samples(0.2), 0)}
	p.learn()
	p.follow()
	shape := sharp(x)
	var out []int
	for _, q := range p.beats {
		out = keepApart(out, farthest(shape, q-samples(0.1), q+samples(0.1)+1), shape)
	}
	return prune(out, shape)
}

// panTompkins is the state of the thresholds.
type panTompkins struct {
	energy        []float64
	marks         []int // candidates
	signal, noise float64
	beats         []int
}

// learn takes the first levels from the run: what its higher and its typical values are.
func (p *panTompkins) learn() {
	heights := make([]float64, len(p.marks))
	for i, m := range p.marks {
		heights[i] = p.energy[m]
	}
	p.signal = dsp.Quantile(heights, 0.75)
	p.noise = dsp.Median(p.energy) / 2
}

func (p *panTompkins) follow() {
	for i, m := range p.marks {
		if back := p.overdue(m); back > 0 {
			p.searchBack(i, back)
		}
		v := p.energy[m]
		if v > p.threshold() && !p.isT(m) {
			p.beats = append(p.beats, m)
			// A burst of motion must not blind the detector to the beats after it.
			p.signal += 0.125 * (min(v, 3*p.signal) - p.signal)
		} else {
			p.noise += 0.125 * (v - p.noise)
		}
	}
}

func (p *panTompkins) threshold() float64 { return p.noise + 0.25*(p.signal-p.noise) }

// overdue returns how long a beat may take, where m is later than that, else 0.
func (p *panTompkins) overdue(m int) int {
	n := len(p.beats)
	if n < 3 {
		return 0
	}
	from := max(0, n-9)
	mean := float64(p.beats[n-1]-p.beats[from]) / float64(n-1-from)
	if limit := int(1.66 * mean); m-p.beats[n-1] > limit {
		return limit
	}
	return 0
}

// searchBack takes the highest candidate since the last beat that reaches half the threshold.
func (p *panTompkins) searchBack(i, _ int) {
	last, best := p.beats[len(p.beats)-1], -1
	for k := i - 1; k >= 0 && p.marks[k] > last+samples(0.2); k-- {
		if best < 0 || p.energy[p.marks[k]] > p.energy[p.marks[best]] {
			best = k
		}
	}
	if best >= 0 && p.energy[p.marks[best]] > p.threshold()/2 {
		p.beats = append(p.beats, p.marks[best])
		p.signal += 0.25 * (p.energy[p.marks[best]] - p.signal)
	}
}

// isT says whether a candidate within 360 ms of a beat is only its T wave.
func (p *panTompkins) isT(m int) bool {
	if len(p.beats) == 0 {
		return false
	}
	last := p.beats[len(p.beats)-1]
	return m-last < samples(0.36) && p.energy[m] < 0.25*p.energy[last]
}

// sharp is the size of the signal in a band that keeps the R peak where it is.
func sharp(x []float64) []float64 {
	out := dsp.BandPass(2, 3, 35, Rate).ZeroPhase(x)
	for i, v := range out {
		out[i] = math.Abs(v)
	}
	return out
}

func farthest(shape []float64, lo, hi int) int {
	lo, hi = max(0, lo), min(len(shape), hi)
	best := lo
	for i := lo; i < hi; i++ {
		if shape[i] > shape[best] {
			best = i
		}
	}
	return best
}

// keepApart adds a beat, unless it is within the refractory time of the one before: then the
// larger of the two stays.
func keepApart(beats []int, b int, shape []float64) []int {
	if n := len(beats); n > 0 && b-beats[n-1] < samples(0.2) {
		if shape[b] > shape[beats[n-1]] {
			beats[n-1] = b
		}
		return beats
	}
	return append(beats, b)
}
