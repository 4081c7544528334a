package wav

import (
	"math"
	"math/cmplx"
	"slices"

	"gonum.org/v1/gonum/dsp/fourier"
)

// What is taken for breathing. The thresholds were chosen on synthesised breaths, heart sounds,
// speech and noise; the package's tests count, on others, what they tell apart.
const (
	slowest = 0.1 // Hz: 6 breaths a minute
	fastest = 1.5 // Hz: 90 breaths a minute

	// The lags of the envelope at which breaths may repeat.
	firstLag = envelopeRate * 2 / 3
	lastLag  = envelopeRate * 10
	fastLag  = envelopeRate / 4 // of faster rhythms, such as the heart's

	window    = 60 * envelopeRate // values judged at once
	leastTime = 20 * envelopeRate
	cycles    = 3 // that a window must hold of the slowest rate that is looked for

	leastDepth = 0.15 // of the swelling, against loudness; steady noise stays below
	leastSlow  = 0.6  // share of the swelling that is slower than slowEnd
	slowEnd    = 3.0  // Hz; heart beats and syllables have most of theirs above it

	// How alike the envelope must be to itself one breath later; more where a window holds few
	// breaths, which may look regular by chance; and two breaths later.
	leastRepeat    = 0.4
	leastRepeatFew = 0.55
	fewCycles      = 8
	leastAgain     = 0.1

	leastShare = 0.5  // of the windows that must agree
	agreement  = 0.15 // of a window's rate with the median one
)

// breath is the rate at which a sound swells and fades.
type breath struct {
	assessed   bool // the recording is long enough, and holds the frequencies
	found      bool
	perMinute  float64
	confidence float64 // 0 to 1: how alike one swell is to the next, times the share of the windows that agree
	slowest    float64 // breaths a minute that the recording is long enough for
}

// breathe looks for the rate in windows of a minute that overlap by half.
func breathe(envelope []float64) breath {
	if len(envelope) < leastTime {
		return breath{}
	}
	size := min(len(envelope), window)
	b := breath{assessed: true, slowest: 60 * max(slowest, cycles*envelopeRate/float64(size))}
	var rates, repeats []float64
	count := 0
	for at := 0; at+size <= len(envelope); at += max(1, size/2) {
		count++
		if rate, repeat, ok := breathWindow(envelope[at : at+size]); ok {
			rates, repeats = append(rates, rate), append(repeats, repeat)
		}
	}
	if len(rates) == 0 {
		return b
	}
	middle := percentile(rates, 0.5)
	agree, sum := 0, 0.0
	for i, r := range rates {
		if math.Abs(r-middle) <= agreement*middle {
			agree++
			sum += repeats[i]
		}
	}
	share := float64(agree) / float64(count)
	if share < leastShare {
		return b
	}
	b.found, b.perMinute, b.confidence = true, 60*middle, min(1, sum/float64(agree))*share
	return b
}

// breathWindow returns a window's rate in Hz, and how alike one swell is to the next.
func breathWindow(e []float64) (rate, repeat float64, ok bool) {
	low, high := percentile(e, 0.1), percentile(e, 0.9)
	if high+low == 0 || (high-low)/(high+low) < leastDepth {
		return 0, 0, false
	}
	x := make([]float64, 2*len(e)) // the zeros keep the end from meeting the beginning
	mean, top := 0.0, percentile(e, 0.97)
	for i, v := range e {
		x[i] = min(v, top) // a knock is loud and tells nothing
		mean += x[i] / float64(len(e))
	}
	for i := range e {
		x[i] -= mean
	}
	r, slow := autocorrelate(x, len(e))
	if r == nil || slow < leastSlow {
		return 0, 0, false
	}
	lag, repeat := firstPeak(r, len(e))
	need := leastRepeat
	if lag*fewCycles > float64(len(e)) {
		need = leastRepeatFew
	}
	if lag == 0 || repeat < need {
		return 0, 0, false
	}
	if n := int(math.Round(2 * lag)); n < len(e)/2 && maxAround(r, n, int(lag/5)+1) < leastAgain {
		return 0, 0, false
	}
	return envelopeRate / lag, repeat, true
}

// autocorrelate gives the correlation of x's first n values with themselves at each lag, of
// what is within the band of breathing, and how much of their power is slower than slowEnd.
func autocorrelate(x []float64, n int) (r []float64, slow float64) {
	fft := fourier.NewFFT(len(x))
	spectrum := fft.Coefficients(nil, x)
	var all, below float64
	for i, c := range spectrum {
		power := cmplx.Abs(c) * cmplx.Abs(c)
		hz := fft.Freq(i) * envelopeRate
		if hz >= slowest/2 {
			all += power
			if hz <= slowEnd {
				below += power
			}
		}
		if hz < slowest/2 || hz > 2*fastest {
			power = 0
		}
		spectrum[i] = complex(power, 0)
	}
	if all == 0 {
		return nil, 0
	}
	r = fft.Sequence(nil, spectrum)[:n]
	whole := r[0]
	if !(whole > 0) {
		return nil, 0
	}
	for i := range r {
		r[i] *= float64(n) / float64(n-i) / whole // fewer values meet at longer lags
	}
	return r, below / all
}

// firstPeak returns the shortest lag whose peak is nearly as high as the highest: a rhythm also
// repeats after two and three of its periods. Breathing in and out sound unlike, so half a
// period stays lower. A rhythm that is faster than breathing gives 0.
func firstPeak(r []float64, n int) (lag, height float64) {
	to := min(lastLag, n/cycles)
	peak := func(i int) bool { return r[i] >= r[i-1] && r[i] > r[i+1] }
	best := 0.0
	for i := firstLag; i < to; i++ {
		if peak(i) {
			best = max(best, r[i])
		}
	}
	for i := fastLag; i < to; i++ {
		if !peak(i) || r[i] < 0.85*best {
			continue
		}
		if i < firstLag {
			return 0, 0
		}
		a, b, c := r[i-1], r[i], r[i+1]
		shift := 0.0
		if d := a - 2*b + c; d < 0 {
			shift = (a - c) / (2 * d) // the top of the parabola through three values
		}
		return float64(i) + shift, b
	}
	return 0, 0
}

func maxAround(r []float64, at, by int) float64 {
	return slices.Max(r[max(0, at-by):min(len(r), at+by+1)])
}

func percentile(x []float64, p float64) float64 {
	s := slices.Sorted(slices.Values(x))
	return s[int(math.Round(p*float64(len(s)-1)))]
}
