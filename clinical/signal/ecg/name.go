package ecg

import (
	"math"

	"github.com/bedside-lm/bedside/clinical/signal/dsp"
)

// Limits of rhythms. Rates are those of the 2009 AHA/ACCF/HRS recommendations on
// electrocardiograms, the entropy that of its authors, the rest was set on simulated strips.
const (
	slow            = 60   // per minute: below, bradycardia
	fast            = 100  // above, tachycardia
	disorderEntropy = -1.4 // Lake and Moorman 2011
	disorderSpread  = 0.10 // Dash et al. 2009
	irregular       = 0.12 // seconds between short and long intervals: sinus arrhythmia
	fewest          = 12   // intervals for a name
	fewestUnclear   = 20   // and for fibrillation, where P waves could not be looked for
)

// rhythm names the rhythm. Fibrillation is a matter of intervals; P waves decide where sinus
// arrhythmia looks alike.
func (l *lead) rhythm(out *Result, rr []interval) Rhythm {
	if len(rr) < fewest {
		return NotAssessable
	}
	if isFibrillation(out.Features, out.PWaves, len(rr)) {
		return AtrialFibrillation
	}
	if name := l.ectopicRhythm(rr); name != NotAssessable {
		return name
	}
	normal := make([]float64, 0, len(rr))
	for _, r := range rr {
		if r.length < PauseLength || out.MeanRR > 1.5 {
			normal = append(normal, r.length)
		}
	}
	wide := dsp.Quantile(normal, 0.95)-dsp.Quantile(normal, 0.05) > irregular && out.Features.Origin < 0.8
	rate := 60 / dsp.Median(normal)
	switch {
	case out.PWaves != Seen && wide && out.Features.Spread > 0.05:
		return Irregular
	case out.PWaves != Seen:
		return Regular
	case wide && rate >= slow && rate <= fast:
		return SinusArrhythmia
	case rate > fast:
		return SinusTachycardia
	case rate < slow:
		return SinusBradycardia
	}
	return Sinus
}

// isFibrillation says whether intervals are irregular without any order: no interval foretells
// the next, and neither a regular core with premature beats nor turns of long and short
// explain it. Where P waves are seen more is asked for, since breathing can make as much
// disorder in a healthy heart as a slow fibrillation does.
func isFibrillation(f Features, p Sight, intervals int) bool {
	entropy, spread, least := disorderEntropy, disorderSpread, fewest
	switch p {
	case Seen:
		entropy, spread = -1.0, 0.17
	case Unseen:
	case Unclear:
		spread, least = 0.15, fewestUnclear
	}
	return intervals >= least && f.Entropy > entropy && f.Spread > spread && f.Disorder > 0.35 && f.Origin < 0.35 &&
		math.Abs(f.Filtered) < 0.07
}

// ectopicRhythm names a rhythm with premature beats.
func (l *lead) ectopicRhythm(rr []interval) Rhythm {
	total, alternate, third := 0, 0, 0
	for i, r := range rr {
		if !l.beats[r.to].premature {
			continue
		}
		total++
		switch {
		case i >= 2 && l.beats[rr[i-2].to].premature && rr[i-2].to == r.to-2:
			alternate++
		case i >= 3 && l.beats[rr[i-3].to].premature && rr[i-3].to == r.to-3:
			third++
		}
	}
	switch {
	case total == 0:
		return NotAssessable
	case alternate >= 2 && 2*total > 2*len(rr)/3 && alternate >= third:
		return Bigeminy
	case third >= 2 && 3*total > 2*len(rr)/3:
		return Trigeminy
	}
	return Ectopy
}
