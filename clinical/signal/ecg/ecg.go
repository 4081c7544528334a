// Package ecg measures one lead of an electrocardiogram: beats, rate, the spread of RR
// intervals, premature and broad beats, QRS duration, and how far the lead is to be trusted. The
// rhythm is named only as far as one lead's intervals and P waves carry a name.
//
// It works at 250 samples a second; leads of 100 to 1000 Hz are brought to that. What stands
// here was set on simulated strips (scripts/corpus/signals.py) and measured on others.
package ecg

import (
	"math"

	"github.com/bedside-lm/bedside/clinical/signal/dsp"
)

// Sampling rates in Hz that a lead is assessed at: below, a QRS complex is a few samples; above
// 1000 Hz nothing is gained.
const (
	MinRate = 100
	MaxRate = 10_000
)

// Rhythm is what the intervals and P waves of one lead amount to.
type Rhythm string

// The rhythms.
const (
	NotAssessable      Rhythm = ""
	Sinus              Rhythm = "sinus-rhythm"
	SinusTachycardia   Rhythm = "sinus-tachycardia"
	SinusBradycardia   Rhythm = "sinus-bradycardia"
	SinusArrhythmia    Rhythm = "sinus-arrhythmia"
	AtrialFibrillation Rhythm = "atrial-fibrillation" // irregular without order, no P waves
	Ectopy             Rhythm = "premature-beats"     // a regular rhythm with premature beats
	Bigeminy           Rhythm = "bigeminy"
	Trigeminy          Rhythm = "trigeminy"
	Regular            Rhythm = "regular-uncertain"   // regular, and no P waves that could be told
	Irregular          Rhythm = "irregular-uncertain" // irregular, and none of the above
)

// Reason says why a lead is not assessable.
type Reason string

// The reasons.
const (
	Assessable  Reason = ""
	BadRate     Reason = "sampling-rate" // outside MinRate to MaxRate
	TooShort    Reason = "too-short"     // less than five seconds of signal
	Flat        Reason = "flat"          // a flat line: no lead, or no heart beat; one lead cannot tell
	TooNoisy    Reason = "too-noisy"     // beats cannot be told from noise
	TooFewBeats Reason = "too-few-beats"
)

// Beat is one heart beat.
type Beat struct {
	At float64 // R peak, in seconds from the start of the lead
	// Premature says that it comes early, before a longer interval.
	Premature bool
	// Broad says that its shape is another than the dominant one's and its QRS 120 ms or more.
	Broad bool
}

// Result is what was measured. Lengths of time are in seconds, unless a name says otherwise.
type Result struct {
	Reason  Reason
	Quality Quality
	Beats   []Beat
	// Intervals are the RR intervals that are certain: neither end and nothing between is in doubt.
	Intervals int
	HeartRate float64 // per minute, of the mean of those intervals
	MeanRR    float64
	SDNN      float64 // of the intervals between beats that are neither premature nor broad, without pauses
	RMSSD     float64 // of successive ones
	PNN50     float64 // per cent of successive ones that differ by more than 50 ms
	Rhythm    Rhythm
	// PWaves says whether P waves before the QRS were seen, or could not be looked for.
	PWaves Sight
	// Premature beats by the breadth of their QRS, unclear where too few look alike to measure it;
	// not counted in atrial fibrillation.
	PrematureNarrow, PrematureBroad, PrematureUnclear int
	// Broad counts broad beats of another shape than the dominant one, premature or not.
	Broad int
	// Pauses are intervals of at least PauseLength; LongestPause is 0 where there are none.
	Pauses       int
	LongestPause float64
	// QRS is the dominant beats' QRS duration in milliseconds, or 0 where it could not be measured.
	QRS float64
	// Features are what the rhythm was judged by.
	Features Features
}

// Sight says whether something was seen.
type Sight int

// What can be said of it.
const (
	Unclear Sight = iota
	Seen
	Unseen
)

// PauseLength is the shortest interval that is called a pause: 2 s, the least that guidelines on
// bradycardia count (2018 ACC/AHA/HRS, doi:10.1161/CIR.0000000000000628, speaks of 3 s for sinus arrest).
const PauseLength = 2.0

const (
	shortest = 5   // seconds of signal below which nothing is said
	leastRR  = 4   // intervals
	leastOK  = 0.3 // quality
)

// QRSError is how far off the QRS duration was at most on nine in ten simulated strips that its
// settings were not chosen on, in ms; a test holds it.
const QRSError = 9.0

// Analyse measures a lead. x may hold NaN and infinities, which are dropouts. millivolt is one
// unit of x in mV, or 0 where that is not known.
func Analyse(x []float64, rate, millivolt float64) Result {
	var out Result
	if !(rate >= MinRate && rate <= MaxRate) {
		out.Reason = BadRate
		return out
	}
	l := prepare(x, rate)
	if l.present() < shortest {
		out.Reason = TooShort
		if float64(len(x))*(1-dsp.Missing(x)) >= shortest*rate { // there is signal, and it hangs
			out.Reason = Flat
		}
		return out
	}
	if l.isFlat(millivolt) {
		out.Reason = Flat
		return out
	}
	l.find()
	out.Quality = l.quality()
	if out.Quality.Score < leastOK {
		out.Reason = TooNoisy
		return out
	}
	l.sortShapes()
	rr := l.intervals()
	if len(rr) < leastRR {
		out.Reason = TooFewBeats
		return out
	}
	l.measure(&out, rr)
	return out
}

// measure fills in what is said of an assessable lead.
func (l *lead) measure(out *Result, rr []interval) {
	out.Intervals = len(rr)
	out.MeanRR = meanOf(rr)
	out.HeartRate = 60 / out.MeanRR
	for _, r := range rr {
		if r.length >= PauseLength {
			out.Pauses++
			out.LongestPause = max(out.LongestPause, r.length)
		}
	}
	l.markPremature(rr)
	l.settleDominant()
	out.QRS = l.qrs(l.dominant)
	out.PWaves = l.pWaves(rr)
	out.Features = l.features(rr)
	out.Rhythm = l.rhythm(out, rr)
	if out.Rhythm == AtrialFibrillation { // early and late mean nothing there
		for i := range l.beats {
			l.beats[i].premature = false
		}
	}
	l.variability(out, rr)
	for _, b := range l.beats {
		broad := b.shape != l.dominant && l.isBroad(b.shape)
		out.Beats = append(out.Beats, Beat{At: float64(b.at) / Rate, Premature: b.premature, Broad: broad})
		switch {
		case b.premature && broad:
			out.PrematureBroad++
		case b.premature && (b.shape < 0 || l.qrs(b.shape) == 0):
			out.PrematureUnclear++
		case b.premature:
			out.PrematureNarrow++
		}
		if broad {
			out.Broad++
		}
	}
}

// variability takes the intervals between two beats neither of which is premature or broad, and
// no pauses.
func (l *lead) variability(out *Result, rr []interval) {
	longest := max(PauseLength, 1.6*medianOf(rr))
	normal := func(r interval) bool { return !l.ectopic(r.from) && !l.ectopic(r.to) && r.length < longest }
	sum, n := 0.0, 0.0
	for _, r := range rr {
		if normal(r) {
			sum, n = sum+r.length, n+1
		}
	}
	if n < 2 {
		return
	}
	mean, squares := sum/n, 0.0
	successive, over, pairs := 0.0, 0.0, 0.0
	for i, r := range rr {
		if !normal(r) {
			continue
		}
		squares += (r.length - mean) * (r.length - mean)
		if i+1 < len(rr) && rr[i+1].from == r.to && normal(rr[i+1]) {
			d := rr[i+1].length - r.length
			successive, pairs = successive+d*d, pairs+1
			if math.Abs(d) > 0.050 {
				over++
			}
		}
	}
	out.SDNN = math.Sqrt(squares / (n - 1))
	if pairs > 0 {
		out.RMSSD = math.Sqrt(successive / pairs)
		out.PNN50 = 100 * over / pairs
	}
}

func meanOf(rr []interval) float64 {
	sum := 0.0
	for _, r := range rr {
		sum += r.length
	}
	return sum / float64(len(rr))
}

func lengths(rr []interval) []float64 {
	out := make([]float64, len(rr))
	for i, r := range rr {
		out[i] = r.length
	}
	return out
}

func medianOf(rr []interval) float64 { return dsp.Median(lengths(rr)) }
