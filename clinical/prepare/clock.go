package prepare

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

const (
	// minMatched readings of one device must lie among those of another before their clocks
	// are compared, and at least half of the lesser series.
	minMatched = 10
	// minOffset is less than what a charted minute says.
	minOffset = 90 * time.Second
	// maxProbes bounds the readings with which lags are tried; all of them would say no more.
	maxProbes = 240
	// nearby lags are tried minute by minute on either side, beyond them by half hours.
	nearby = 90 * time.Minute
	// A lag is believed where the series then disagree by this share of what they do as filed,
	// and no lag elsewhere does nearly as well.
	improves = 0.6
	unique   = 1.25
)

// source is one device's readings, or those filed without one.
type source struct {
	device string
	byKey  map[string][]reading
	n      int
	inside float64 // share of readings within the patient's encounters
}

// clock finds devices whose clock is off: their series of a measure is that of another source,
// shifted in time by one constant. The source that most others agree with is taken to be right;
// of two, the one whose readings lie within the encounter, else the charted one, else the
// longer. Series that are dense are held against each other as curves; sparse ones, as of an
// analyser whose results another system filed again, by values that are the same in both. What
// was filed without a device is never moved, since it may come from several.
func (w *work) clock() {
	all := w.readings()
	w.report.Checked = len(all)
	sources := w.sources(all)
	if len(sources) < 2 {
		return
	}
	lags := make([][]lag, len(sources))
	for i := range sources {
		lags[i] = make([]lag, len(sources))
	}
	for i := range sources {
		for j := i + 1; j < len(sources); j++ {
			l := w.lagBetween(&sources[i], &sources[j])
			lags[i][j], lags[j][i] = l, lag{known: l.known, by: -l.by}
		}
	}
	right := reference(sources, lags)
	for j := range sources {
		if l := lags[right][j]; j != right && l.known && l.by != 0 && sources[j].device != "" {
			w.shift(sources[j].device, -l.by)
		}
	}
}

func (w *work) sources(all []reading) []source {
	byDevice := map[string]*source{}
	for _, r := range all {
		s := byDevice[r.device]
		if s == nil {
			s = &source{device: r.device, byKey: map[string][]reading{}}
			byDevice[r.device] = s
		}
		s.byKey[r.key] = append(s.byKey[r.key], r)
		s.n++
		if w.inEncounter(r.at) {
			s.inside++
		}
	}
	out := make([]source, 0, len(byDevice))
	for _, s := range byDevice {
		if s.n >= minCopied {
			s.inside /= float64(s.n)
			out = append(out, *s)
		}
	}
	slices.SortFunc(out, func(a, b source) int { return cmp.Compare(a.device, b.device) })
	return out
}

func (w *work) inEncounter(t time.Time) bool {
	for _, e := range w.rec.Encounters {
		if !e.Start.IsZero() && !t.Before(e.Start.Time) && (e.End.IsZero() || !t.After(e.End.Time)) {
			return true
		}
	}
	return false
}

// reference is the source that is taken to be right.
func reference(sources []source, lags [][]lag) int {
	agreeing := func(i int) int {
		n := 0
		for j, l := range lags[i] {
			if i != j && l.known && l.by == 0 {
				n++
			}
		}
		return n
	}
	best := 0
	for i := 1; i < len(sources); i++ {
		a, b := &sources[i], &sources[best]
		charted := func(s *source) int {
			if s.device == "" {
				return 1
			}
			return 0
		}
		if cmp.Or(
			cmp.Compare(agreeing(i), agreeing(best)), cmp.Compare(math.Round(a.inside*20), math.Round(b.inside*20)),
			cmp.Compare(charted(a), charted(b)), cmp.Compare(a.n, b.n),
		) > 0 {
			best = i
		}
	}
	return best
}

// lag is how far one source's clock is ahead of another's.
type lag struct {
	known bool // the two could be compared
	by    time.Duration
}

// probe is a reading of one source that is looked for in the other.
type probe struct {
	at    time.Time
	value float64
	in    []reading     // the other source's series of the measure
	reach time.Duration // between two readings of that series, at most
}

// lagBetween compares two sources over all measures that both have.
func (w *work) lagBetween(a, b *source) lag {
	probes := probesOf(a, b)
	if len(probes) < minMatched {
		return w.lagOfCopies(a, b)
	}
	atZero, n := disagreement(probes, 0)
	if n < minMatched && n*2 < len(probes) {
		atZero = math.Inf(1) // no overlap as filed: any lag that fits is better
	}
	best, score := time.Duration(0), atZero
	var scores []lagScore
	for _, d := range w.candidates() {
		v, n := disagreement(probes, d)
		if n < minMatched || n*2 < len(probes) {
			continue
		}
		scores = append(scores, lagScore{d, v})
		if v < score {
			best, score = d, v
		}
	}
	if best.Abs() < minOffset || !(score < improves*atZero) || atZero <= 1 {
		return lag{known: n >= minMatched}
	}
	for _, s := range scores {
		if (s.by-best).Abs() > 15*time.Minute && s.value < unique*score {
			return lag{}
		}
	}
	return lag{known: true, by: refine(probes, best, score)}
}

type lagScore struct {
	by    time.Duration
	value float64
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

// refine looks for a better lag within a minute, by 10 s.
func refine(probes []probe, best time.Duration, score float64) time.Duration {
	around := best
	for d := around - time.Minute; d <= around+time.Minute; d += 10 * time.Second {
		if v, n := disagreement(probes, d); n*2 >= len(probes) && v < score {
			best, score = d, v
		}
	}
	return best
}

// probesOf takes readings of b, spread evenly, that are to be found in a.
func probesOf(a, b *source) []probe {
	var out []probe
	keys := make([]string, 0, len(b.byKey))
	for key := range b.byKey {
		if len(a.byKey[key]) >= minMatched && len(b.byKey[key]) >= minMatched {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		in, of := a.byKey[key], b.byKey[key]
		reach := 2 * medianInterval(in)
		step := max(1, len(of)*len(keys)/maxProbes)
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

// disagreement is the median difference, in the measures' scales, between the probes moved
// back by d and the series that they are looked for in, and how many of them lie in it.
func disagreement(probes []probe, d time.Duration) (median float64, matched int) {
	diffs := make([]float64, 0, len(probes))
	for i := range probes {
		p := &probes[i]
		if v, ok := valueAt(p.in, p.at.Add(-d), p.reach); ok {
			diffs = append(diffs, math.Abs(v/p.in[0].lim.scale-p.value))
		}
	}
	if len(diffs) == 0 {
		return math.Inf(1), 0
	}
	slices.Sort(diffs)
	return diffs[len(diffs)/2], len(diffs)
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

// shift moves all that one device filed.
func (w *work) shift(device string, by time.Duration) {
	w.kept = nil
	reason := fmt.Sprintf("the device's clock is %s %s another device's series", by.Abs(), map[bool]string{true: "behind", false: "ahead of"}[by > 0])
	for i := range w.obs {
		if w.obs[i].DeviceID != device || w.gone[i] || w.obs[i].Start.Precision != record.PrecisionSecond {
			continue
		}
		o := w.edit(i, true)
		before := o.Start.String()
		o.Start.Time = o.Start.Time.Add(by)
		if o.End.Precision == record.PrecisionSecond {
			o.End.Time = o.End.Time.Add(by)
		}
		w.mark(i, record.MarkTimeCorrected, true)
		w.note(Change{
			Kind: ChangeTimeCorrected, Reading: "Observation/" + o.ID, Component: -1, Before: before, After: o.Start.String(), Reason: reason,
		})
	}
}
