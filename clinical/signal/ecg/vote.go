package ecg

// near is how far apart two detectors may see the same beat: 100 ms.
var near = samples(0.1)

type candidate struct{ at, votes int }

// Vote returns the beats that at least two of three detectors find, each at the place that the
// first of them gives. Their errors differ: the slope's detector misses broad beats in muscle
// noise, the two that work on energy take large T waves for beats.
func Vote(x []float64) []int {
	sure, _ := vote(sharp(x), Gradient(x), PanTompkins(x), Elgendi(x))
	out := make([]int, len(sure))
	for i, q := range sure {
		out[i] = q.at
	}
	return out
}

// vote returns what at least two find, and what one alone does.
func vote(size []float64, a, b, c []int) (sure []candidate, doubts []int) {
	for _, q := range merge(merge(a, b), c) {
		votes := 0
		for _, found := range [][]int{a, b, c} {
			if within(found, q) {
				votes++
			}
		}
		if votes < 2 {
			doubts = append(doubts, q)
			continue
		}
		n := len(sure)
		switch {
		case n == 0 || q-sure[n-1].at >= samples(0.2):
			sure = append(sure, candidate{q, votes})
		case size[q] > size[sure[n-1].at]:
			sure[n-1] = candidate{q, votes}
		}
	}
	return sure, doubts
}

// within says whether a sorted list has a beat near q.
func within(beats []int, q int) bool { return first(beats, q-near) <= q+near }

// first is the first beat of a sorted list at or after q, or far beyond all.
func first(beats []int, q int) int {
	lo, hi := 0, len(beats)
	for lo < hi {
		if m := (lo + hi) / 2; beats[m] < q {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo == len(beats) {
		return 1 << 60
	}
	return beats[lo]
}

// merge is a, and what b has that is not near one of a's, in order.
func merge(a, b []int) []int {
	out := make([]int, 0, len(a)+len(b))
	i := 0
	for _, q := range b {
		if within(a, q) {
			continue
		}
		for i < len(a) && a[i] < q {
			out = append(out, a[i])
			i++
		}
		out = append(out, q)
	}
	return append(out, a[i:]...)
}
