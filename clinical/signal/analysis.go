package signal

import (
	"math"

	"github.com/bedside-lm/bedside/clinical/record/unit"
	"github.com/bedside-lm/bedside/clinical/signal/breath"
	"github.com/bedside-lm/bedside/clinical/signal/dsp"
	"github.com/bedside-lm/bedside/clinical/signal/ecg"
	"github.com/bedside-lm/bedside/clinical/signal/pulse"
)

// What is analysed of one waveform at most, from its start. It bounds the time and memory that
// a description takes; Analysis.Cut says that there was more.
const (
	MaxSeconds = 1800
	MaxSamples = 2_000_000
)

// beyond is larger than any sample of an instrument in any unit: what lies beyond it is a
// dropout, and its square would be none.
const beyond = 1e12

// Analysis is what was measured in a waveform. The field of its kind is set; none is where the
// kind is unknown.
type Analysis struct {
	Kind    Kind
	Seconds float64 // what was looked at
	Cut     bool    // there was more
	Missing float64 // share of the samples, 0 to 1, that are dropouts or beyond the device's limits

	ECG       *ecg.Result
	PPG       *pulse.PPG
	ABP       *pulse.ABP
	Breathing *breath.Movement
	CO2       *breath.CO2
}

// Quality is how far a waveform is to be trusted.
type Quality struct {
	// Score is 0 to 1; what it is made of is said at ecg.Quality, pulse.Quality, breath.Movement
	// and breath.CO2.
	Score float64
	// Assessed says whether there is a score: there is none for waveforms of unknown kind or
	// of a sampling rate that no analysis takes.
	Assessed bool
	// Usable says whether anything was measured in it.
	Usable bool
	// Reason says why it is not usable, in kebab case, such as "too-noisy"; see package ecg.
	Reason  string
	Missing float64 // share of the samples, 0 to 1
}

// Analyse measures what a waveform of its kind shows. It takes any samples and any rate.
func Analyse(w Waveform) Analysis {
	out := Analysis{Kind: w.Kind}
	x, cut := head(w)
	out.Cut, out.Missing = cut, dsp.Missing(x)
	if w.Rate > 0 {
		out.Seconds = float64(len(x)) / w.Rate
	}
	switch w.Kind {
	case KindECG:
		r := ecg.Analyse(x, w.Rate, factor(w.Unit, "mV"))
		out.ECG = &r
	case KindPPG:
		r := pulse.AnalysePPG(x, w.Rate)
		out.PPG = &r
	case KindRespiration:
		r := breath.AnalyseMovement(x, w.Rate)
		out.Breathing = &r
	case KindCO2:
		r := breath.CO2{Reason: breath.NoUnit}
		if least := smallestBreath(w.Unit); least > 0 {
			r = breath.AnalyseCO2(x, w.Rate, least)
		}
		out.CO2 = &r
	case KindABP:
		r := pulse.ABP{Reason: pulse.NoUnit}
		if f := factor(w.Unit, "mm[Hg]"); f > 0 {
			for i := range x {
				x[i] *= f
			}
			r = pulse.AnalyseABP(x, w.Rate)
		}
		out.ABP = &r
	case KindUnknown, KindImage, KindSound:
	}
	return out
}

// Assess says how far a waveform is to be trusted.
func Assess(w Waveform) Quality { return Analyse(w).Quality() }

// Quality is the analysis's own judgement of the waveform.
func (a Analysis) Quality() Quality {
	q := Quality{Missing: a.Missing}
	switch {
	case a.ECG != nil:
		q.Score, q.Reason = a.ECG.Quality.Score, string(a.ECG.Reason)
	case a.PPG != nil:
		q.Score, q.Reason = a.PPG.Quality.Score, string(a.PPG.Reason)
	case a.ABP != nil:
		q.Score, q.Reason = a.ABP.Quality.Score, string(a.ABP.Reason)
	case a.Breathing != nil:
		q.Score, q.Reason = a.Breathing.Quality, string(a.Breathing.Reason)
	case a.CO2 != nil:
		q.Score, q.Reason = a.CO2.Quality, string(a.CO2.Reason)
	default:
		q.Reason = reasonKind
		return q
	}
	q.Usable = q.Reason == ""
	q.Assessed = q.Reason != string(ecg.BadRate) && q.Reason != string(pulse.NoUnit)
	if !q.Usable { // a few good beats do not make what could not be read good
		q.Score = min(q.Score, 0.3)
	}
	return q
}

// reasonKind is why nothing is said of a waveform of unknown kind.
const reasonKind = "unknown-kind"

// head copies what is analysed, without infinities.
func head(w Waveform) (x []float64, cut bool) {
	n := min(len(w.Samples), MaxSamples)
	if w.Rate > 0 && float64(n) > MaxSeconds*w.Rate {
		n = int(MaxSeconds * w.Rate)
	}
	x = make([]float64, n)
	for i, v := range w.Samples[:n] {
		if !(math.Abs(v) < beyond) {
			v = math.NaN()
		}
		x[i] = v
	}
	return x, n < len(w.Samples)
}

// factor is how many of a unit one of another is, or 0 where they are not of one dimension.
func factor(code, of string) float64 {
	u, err := unit.Parse(code)
	if code == "" || err != nil {
		return 0
	}
	f, ok := u.Convert(1, unit.Must(of))
	if !ok || !(f > 0) {
		return 0
	}
	return f
}

// smallestBreath is the rise of carbon dioxide that is a breath: 3 mmHg, or 0.4% by volume. It
// is 0 where the unit is none of carbon dioxide.
func smallestBreath(code string) float64 {
	if code == "%" {
		return 0.4
	}
	if f := factor(code, "mm[Hg]"); f > 0 {
		return 3 / f
	}
	return 0
}
