package ecg

import (
	"math"

	"gonum.org/v1/gonum/stat"

	"github.com/bedside-lm/bedside/clinical/signal/dsp"
)

// Quality is how far a lead is to be trusted: the indices of Li, Mark and Clifford 2008
// (doi:10.1088/0967-3334/29/1/002) and Clifford et al. 2012 (doi:10.1088/0967-3334/33/9/1419), each
// averaged over windows of ten seconds.
type Quality struct {
	// Score is 0 to 1: in each window the lowest of the four indices, brought to 0 to 1; averaged
	// over the time of the lead, of which dropouts count as 0. Wander alone halves it at most,
	// since it can be filtered out.
	Score float64
	// Agreement is the share of beats that two detectors both find (bSQI).
	Agreement float64
	// Kurtosis of the samples (kSQI): 3 for noise, above 5 for a clean lead.
	Kurtosis float64
	// Power between 5 and 15 Hz, of that between 5 and 40 (pSQI).
	Power float64
	// Baseline is the share of the power to 40 Hz that is not below 1 Hz (basSQI).
	Baseline float64
}

const window = 10 // seconds

// quality judges the lead window by window.
func (l *lead) quality() Quality {
	var q Quality
	weight := 0.0
	for i, r := range l.runs {
		parts := max(1, r.Len()/samples(window))
		for k := range parts {
			lo, hi := r.Start+k*r.Len()/parts, r.Start+(k+1)*r.Len()/parts
			w := l.judge(i, dsp.Span{Start: lo, End: hi})
			share := float64(hi - lo)
			weight += share
			q.Score += share * w.Score
			q.Agreement += share * w.Agreement
			q.Kurtosis += share * w.Kurtosis
			q.Power += share * w.Power
			q.Baseline += share * w.Baseline
		}
	}
	if weight == 0 {
		return q
	}
	q.Score /= float64(len(l.raw))
	q.Agreement /= weight
	q.Kurtosis /= weight
	q.Power /= weight
	q.Baseline /= weight
	return q
}

func (l *lead) judge(run int, s dsp.Span) Quality {
	raw, fine := l.raw[s.Start:s.End], l.fine[s.Start:s.End]
	spectrum := dsp.Welch(raw, samples(window), Rate)
	q := Quality{
		Agreement: l.agreement(run, s),
		Kurtosis:  stat.ExKurtosis(fine, nil) + 3,
		Power:     spectrum.Ratio(5, 15, 5, 40),
		Baseline:  1 - spectrum.Ratio(0, 1, 0, 40),
	}
	if math.IsNaN(q.Kurtosis) { // nothing moves
		q.Kurtosis = 0
	}
	q.Score = min(unit((q.Agreement-0.3)/0.6), unit((q.Kurtosis-3.2)/2), unit((q.Power-0.15)/0.3), 0.5+unit(q.Baseline))
	return q
}

func unit(v float64) float64 { return min(1, max(0, v)) }

// agreement is twice the beats that both find, over those that each does.
func (l *lead) agreement(run int, s dsp.Span) float64 {
	start := l.runs[run].Start
	both, all := 0, 0
	count := func(a, b []int) {
		for _, q := range a {
			if at := start + q; at >= s.Start && at < s.End {
				all++
				if within(b, q) {
					both++
				}
			}
		}
	}
	count(l.slope[run], l.energy[run])
	count(l.energy[run], l.slope[run])
	if all == 0 {
		return 0
	}
	return float64(both) / float64(all)
}
