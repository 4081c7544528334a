package prepare

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

const (
	// minCopied readings of one source must stand in the other with the same value, and this share
	// of those whose measure the other has, for the two to be the same readings filed twice.
	minCopied = 6
	copied    = 0.8
	// minKinds measures must be among them: one alone may repeat itself by chance.
	minKinds = 2
	// sameLag is how far apart the differences in time of such readings may be.
	sameLag = 2 * time.Minute
	// rival is the share of the matches that another lag may have at most.
	rival = 0.5
	// maxPairs bounds the comparisons of two sources.
	maxPairs = 200_000
)

// match is a reading of one source that has the value of a reading of another, which it was
// filed later than by a lag.
type match struct {
	by  time.Duration
	key string
	of  int // index of the reading in the source's series of the measure
}

// lagOfCopies finds the one lag at which the source b repeats values of a. It is how laboratory
// results look that came by two ways, one of them with its clock or its time zone off.
func (w *work) lagOfCopies(a, b *source) lag {
	var matches []match
	common := 0
	pairs := 0
	for _, key := range slices.Sorted(maps.Keys(b.byKey)) {
		in, of := a.byKey[key], b.byKey[key]
		if len(in) == 0 || pairs+len(in)*len(of) > maxPairs {
			continue
		}
		pairs += len(in) * len(of)
		common += min(len(of), len(in))
		for i := range of {
			for j := range in {
				if d := of[i].at.Sub(in[j].at); of[i].value == in[j].value && d.Abs() <= w.opt.MaxClockOffset {
					matches = append(matches, match{d, key, i})
				}
			}
		}
	}
	slices.SortFunc(matches, func(x, y match) int {
		return cmp.Or(cmp.Compare(x.by, y.by), cmp.Compare(x.key, y.key), cmp.Compare(x.of, y.of))
	})
	best, n := mostMatched(matches)
	if n < minCopied || float64(n) < copied*float64(common) || kinds(best) < minKinds {
		return lag{}
	}
	by := best[len(best)/2].by
	var others []match
	for _, m := range matches {
		if (m.by - by).Abs() > 2*sameLag {
			others = append(others, m)
		}
	}
	if _, second := mostMatched(others); float64(second) > rival*float64(n) {
		return lag{}
	}
	if by.Abs() < minOffset {
		by = 0
	}
	return lag{known: true, by: by}
}

// mostMatched is the run of lags close to each other that matches most readings, each once.
func mostMatched(matches []match) (best []match, n int) {
	type reading struct {
		key string
		of  int
	}
	inside := map[reading]int{}
	low := 0
	for high := range matches {
		inside[reading{matches[high].key, matches[high].of}]++
		for matches[high].by-matches[low].by > sameLag {
			r := reading{matches[low].key, matches[low].of}
			if inside[r]--; inside[r] == 0 {
				delete(inside, r)
			}
			low++
		}
		if len(inside) > n {
			best, n = matches[low:high+1], len(inside)
		}
	}
	return best, n
}

func kinds(matches []match) int {
	seen := map[string]bool{}
	for _, m := range matches {
		seen[m.key] = true
	}
	return len(seen)
}
