package ecg

import (
	"math"
	"slices"
)

// Features are what the rhythm is judged by; all come from certain RR intervals.
type Features struct {
	// Spread is RMSSD over the mean interval (Dash et al. 2009, doi:10.1007/s10439-009-9740-z).
	Spread float64
	// Entropy is the coefficient of sample entropy (Lake and Moorman 2011,
	// doi:10.1152/ajpheart.00561.2010): above -1.4 where no interval foretells the next.
	Entropy float64
	// Origin is the share of successive pairs of changes that are both below 6% of the mean
	// interval (the origin of the Lorenz plot of Sarkar et al. 2008, doi:10.1109/TBME.2007.903707).
	Origin float64
	// Disorder is the share of pairs of intervals, within eight in a row, that differ by more
	// than 6% of their mean, after a median filter of three (after Petrėnas et al. 2015,
	// doi:10.1016/j.compbiomed.2015.01.019): single premature beats do not raise it.
	Disorder float64
	// Filtered is how much the median filter changes the mean interval (same source): high
	// where long and short take turns, as in bigeminy.
	Filtered float64
}

func (l *lead) features(rr []interval) Features {
	var f Features
	mean := meanOf(rr)
	sum, pairs, origin, triples := 0.0, 0.0, 0.0, 0.0
	for i := 1; i < len(rr); i++ {
		if rr[i].from != rr[i-1].to {
			continue
		}
		d := rr[i].length - rr[i-1].length
		sum, pairs = sum+d*d, pairs+1
		if i > 1 && rr[i-1].from == rr[i-2].to {
			triples++
			if math.Abs(d) < 0.06*mean && math.Abs(rr[i-1].length-rr[i-2].length) < 0.06*mean {
				origin++
			}
		}
	}
	if pairs > 0 {
		f.Spread = math.Sqrt(sum/pairs) / mean
	}
	if triples > 0 {
		f.Origin = origin / triples
	}
	f.Entropy = entropy(rr, mean)
	f.Disorder, f.Filtered = disorder(rr, mean)
	return f
}

// entropy finds intervals that are alike and counts how many are followed by alike ones. The
// tolerance grows from 30 ms until there are enough to count, and is divided out again.
func entropy(rr []interval, mean float64) float64 {
	rr = rr[:min(len(rr), 400)] // pairs of them are compared
	for tolerance := 0.03; ; tolerance += 0.01 {
		alike, next := 0, 0
		for i := 0; i+1 < len(rr); i++ {
			for j := i + 1; j+1 < len(rr); j++ {
				if rr[i+1].from != rr[i].to || rr[j+1].from != rr[j].to || math.Abs(rr[i].length-rr[j].length) > tolerance {
					continue
				}
				alike++
				if math.Abs(rr[i+1].length-rr[j+1].length) <= tolerance {
					next++
				}
			}
		}
		if next >= 5 || tolerance > 0.2 {
			return -math.Log(max(0.5, float64(next))/max(1, float64(alike))) + math.Log(2*tolerance) - math.Log(mean)
		}
	}
}

func disorder(rr []interval, mean float64) (share, filtered float64) {
	const width = 8
	differ, all := 0.0, 0.0
	var raw, smooth float64
	for start := 0; start < len(rr); {
		end := start + 1
		for end < len(rr) && rr[end].from == rr[end-1].to {
			end++
		}
		x := lengths(rr[start:end])
		m := slices.Clone(x)
		for i := 1; i+1 < len(x); i++ {
			m[i] = max(min(x[i-1], x[i]), min(max(x[i-1], x[i]), x[i+1]))
		}
		for i := range m {
			raw, smooth = raw+x[i], smooth+m[i]
			for j := i + 1; j < len(m) && j < i+width; j++ {
				all++
				if math.Abs(m[i]-m[j]) > 0.06*mean {
					differ++
				}
			}
		}
		start = end
	}
	if all > 0 {
		share = differ / all
	}
	return share, smooth/raw - 1
}
