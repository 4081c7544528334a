package prepare

import (
	"math"
	"slices"
	"sort"
	"time"
)

const (
	// minMatched readings of one source must lie among those of another before their clocks are
	// compared; each measure has minOfMeasure of them.
	minMatched   = 10
	minOfMeasure = 3
	// minOffset is less than what a charted minute says.
	minOffset = 90 * time.Second
	// fewProbes tell an offset no finer than coarse.
	fewProbes = 100
	coarse    = 150 * time.Second
	// dense is how far apart the readings of a series may be for a value between two of them to be
	// told to a minute or two.
	dense = 12 * time.Minute
	// maxProbes bounds the readings with which lags are tried; all of them would say no more.
	maxProbes = 240
	// nearby lags are tried minute by minute on either side, beyond them by half hours.
	nearby = 90 * time.Minute
	// elsewhere is how far a lag lies from another that it is compared with: neighbours in time
	// are alike in any series.
	elsewhere = 15 * time.Minute
	// A lag is believed where the two series then differ by this share of what they differ by as
	// filed, where so many standard deviations more of the readings come nearer than go farther
	// (sign test), and where they differ by so many times more at every lag elsewhere.
	improves = 0.75
	signs    = 3.0
	unique   = 1.2
	// trimmed is the share of the differences that counts, the least ones: artefacts differ at every lag.
	trimmed = 0.8
	// snap is how near a lag must be to a quarter of an hour to be taken for it, where the series
	// then differ by no more than this share.
	snap     = 2 * time.Minute
	snapLoss = 1.15
)

// lag is how far one source's clock is ahead of another's.
type lag struct {
	known bool
	by    time.Duration
	// doubtful says that the series agree better at another lag than as filed, and that it is not
	// certain which: readings of one moment may then be of two.
	doubtful bool
}

// probe is a reading of one source that is looked for in the other.
type probe struct {
	at    time.Time
	value float64
	in    []reading     // the other source's series of the measure
	reach time.Duration // between two readings of that series, at most
}

// lagBetween compares two sources over all measures that both have: how far b is ahead of a.
// Readings of the one with fewer are looked for in the other.
func (w *work) lagBetween(a, b *source) lag {
	if common(a, b) < common(b, a) {
		l := w.lagBetween(b, a)
		return lag{known: l.known, by: -l.by, doubtful: l.doubtful}
	}
	probes := probesOf(a, b)
	if len(probes) < minMatched {
		return w.lagOfCopies(a, b)
	}
	scores, least := w.scores(probes)
	best, score := time.Duration(0), math.Inf(1)
	for _, s := range scores {
		if s.value < score || s.value == score && s.by.Abs() < best.Abs() {
			best, score = s.by, s.value
		}
	}
	if len(scores) < 2 {
		return w.lagOfCopies(a, b)
	}
	if best.Abs() < minOffset || len(probes) < fewProbes && best.Abs() < coarse {
		return lag{known: distinct(scores, best, score)}
	}
	filed, n := disagreement(probes, 0)
	better := n < least || score <= improves*filed
	if !better || !distinct(scores, best, score) || n >= least && nearer(probes, best) < signs {
		return lag{doubtful: better && n >= least}
	}
	return lag{known: true, by: refine(probes, best, least)}
}

// distinct says whether the series differ by clearly more at every lag elsewhere.
func distinct(scores []lagScore, best time.Duration, score float64) bool {
	return !slices.ContainsFunc(scores, func(s lagScore) bool { return (s.by-best).Abs() > elsewhere && s.value < unique*score })
}

type lagScore struct {
	by    time.Duration
	value float64
	n     int
}

// scores tries all lags. Those count at which enough readings of one source lie in the other:
// at least minMatched, and a third of the most that do at any lag.
func (w *work) scores(probes []probe) (scores []lagScore, least int) {
	most := 0
	for _, d := range w.candidates() {
		v, n := disagreement(probes, d)
		scores = append(scores, lagScore{d, v, n})
		most = max(most, n)
	}
	least = max(minMatched, most/3)
	return slices.DeleteFunc(scores, func(s lagScore) bool { return s.n < least }), least
}

// candidates are the lags that are tried.
func (w *work) candidates() []time.Duration {
	var out []time.Duration
	for d := -nearby; d <= nearby; d += time.Minute {
		out = append(out, d)
	}
	for d := 30 * time.Minute; d <= w.opt.MaxClockOffset; d += 30 * time.Minute {
		if d > nearby {
			out = append(out, d, -d)
		}
	}
	return out
}

// refine looks for the best lag within a minute and a half, by 5 s, and takes the middle of those
// that do as well. Clocks are set wrong by whole hours and quarters more than by anything else.
func refine(probes []probe, around time.Duration, least int) time.Duration {
	const reach, step = 90 * time.Second, 5 * time.Second
	score := math.Inf(1)
	var as []time.Duration
	for d := around - reach; d <= around+reach; d += step {
		v, n := disagreement(probes, d)
		switch {
		case n < least:
		case v < score:
			score, as = v, append(as[:0], d)
		case v == score:
			as = append(as, d)
		}
	}
	if len(as) == 0 {
		return around
	}
	best := as[len(as)/2]
	if whole := best.Round(15 * time.Minute); (best - whole).Abs() <= snap {
		if v, n := disagreement(probes, whole); n >= least && v <= snapLoss*score {
			return whole
		}
	}
	return best
}

// nearer is by how many standard deviations more probes come nearer at a lag than go farther.
func nearer(probes []probe, d time.Duration) float64 {
	up, down := 0.0, 0.0
	for i := range probes {
		p := &probes[i]
		filed, ok := p.differs(0)
		moved, also := p.differs(d)
		switch {
		case !ok || !also:
		case moved < filed:
			up++
		case moved > filed:
			down++
		}
	}
	return (up - down) / math.Sqrt(max(1, up+down))
}

// common is how many of a's readings are of measures that b has, too.
func common(a, b *source) int {
	n := 0
	for key, rs := range a.byKey {
		if len(rs) >= minOfMeasure && len(b.byKey[key]) >= minOfMeasure {
			n += len(rs)
		}
	}
	return n
}

// probesOf takes readings of b, spread evenly, that are to be found in a, where a is dense
// enough for a value between two readings to mean something.
func probesOf(a, b *source) []probe {
	var out []probe
	keys := make([]string, 0, len(b.byKey))
	total := 0
	for key, of := range b.byKey {
		if in := a.byKey[key]; len(in) >= minMatched && len(of) >= minOfMeasure && medianInterval(in) <= dense {
			keys = append(keys, key)
			total += len(of)
		}
	}
	slices.Sort(keys)
	step := max(1, total/maxProbes)
	for _, key := range keys {
		in, of := a.byKey[key], b.byKey[key]
		reach := 2 * medianInterval(in)
		for i := 0; i < len(of); i += step {
			out = append(out, probe{at: of[i].at, value: of[i].value / of[i].lim.scale, in: in, reach: reach})
		}
	}
	return out
}

func medianInterval(rs []reading) time.Duration {
	if len(rs) < 2 {
		return 0
	}
	steps := make([]time.Duration, len(rs)-1)
	for i := range steps {
		steps[i] = rs[i+1].at.Sub(rs[i].at)
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}

// disagreement is the trimmed mean difference, in the measures' scales, between the probes moved
// back by d and the series that they are looked for in, and how many of them lie in it.
func disagreement(probes []probe, d time.Duration) (score float64, matched int) {
	diffs := make([]float64, 0, len(probes))
	for i := range probes {
		if v, ok := probes[i].differs(d); ok {
			diffs = append(diffs, v)
		}
	}
	if len(diffs) == 0 {
		return math.Inf(1), 0
	}
	return trimmedMean(diffs), len(diffs)
}

// trimmedMean sorts values and returns the mean of the least of them.
func trimmedMean(values []float64) (mean float64) {
	slices.Sort(values)
	kept := values[:max(1, int(trimmed*float64(len(values))))]
	for _, v := range kept {
		mean += v / float64(len(kept))
	}
	return mean
}

// differs is by how much a probe moved back by d differs from the series it is looked for in.
func (p *probe) differs(d time.Duration) (float64, bool) {
	v, ok := valueAt(p.in, p.at.Add(-d), p.reach)
	return math.Abs(v/p.in[0].lim.scale - p.value), ok
}

// valueAt is a series' value at a moment, on the line between its neighbours in time, which
// may be apart by reach.
func valueAt(rs []reading, t time.Time, reach time.Duration) (float64, bool) {
	i := sort.Search(len(rs), func(i int) bool { return !rs[i].at.Before(t) })
	if i < len(rs) && rs[i].at.Equal(t) {
		return rs[i].value, true
	}
	if i == 0 || i == len(rs) || rs[i].at.Sub(rs[i-1].at) > reach {
		return 0, false
	}
	before, after := &rs[i-1], &rs[i]
	share := float64(t.Sub(before.at)) / float64(after.at.Sub(before.at))
	return before.value + share*(after.value-before.value), true
}
