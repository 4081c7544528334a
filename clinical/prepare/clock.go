package prepare

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// maxSources bounds how many sources are compared, each with each; those with most readings are.
const maxSources = 12

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
			if l.doubtful {
				w.doubtful[devices{sources[i].device, sources[j].device}] = true
			}
		}
	}
	for left := indexes(len(sources)); len(left) > 0; {
		l := ahead(sources, lags, slices.MaxFunc(left, func(i, j int) int { return cmp.Compare(sources[i].n, sources[j].n) }))
		linked := slices.DeleteFunc(slices.Clone(left), func(i int) bool { return !l[i].known })
		left = slices.DeleteFunc(left, func(i int) bool { return l[i].known })
		right := l[reference(sources, l, linked)].by
		for _, i := range linked {
			if off := l[i].by - right; off.Abs() >= sources[i].told() && sources[i].device != "" {
				w.shift(sources[i].device, -off)
			}
		}
	}
}

func indexes(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// ahead is how far each source is ahead of one of them, where it can be compared with that, or
// with a source that can; those with most readings are asked first.
func ahead(sources []source, lags [][]lag, first int) []lag {
	out := make([]lag, len(sources))
	out[first].known = true
	for asked := make([]bool, len(sources)); ; {
		next := -1
		for i := range sources {
			if out[i].known && !asked[i] && (next < 0 || sources[i].n > sources[next].n) {
				next = i
			}
		}
		if next < 0 {
			return out
		}
		asked[next] = true
		for j, l := range lags[next] {
			if l.known && !out[j].known {
				out[j] = lag{known: true, by: out[next].by + l.by}
			}
		}
	}
}

// told is the least offset that a source's readings can tell.
func (s *source) told() time.Duration {
	if s.n < fewProbes {
		return coarse
	}
	return minOffset
}

// devices are two of them, in order.
type devices [2]string

func devicesOf(a, b string) devices {
	if a > b {
		a, b = b, a
	}
	return devices{a, b}
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
	slices.SortFunc(out, func(a, b source) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.device, b.device)) })
	out = out[:min(len(out), maxSources)]
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

// reference is the source of those linked that is taken to be right.
func reference(sources []source, ahead []lag, linked []int) int {
	agreeing := func(i int) int {
		n := 0
		for _, j := range linked {
			if (ahead[i].by - ahead[j].by).Abs() < coarse {
				n++
			}
		}
		return n
	}
	charted := func(s *source) int {
		if s.device == "" {
			return 1
		}
		return 0
	}
	best := linked[0]
	for _, i := range linked[1:] {
		a, b := &sources[i], &sources[best]
		if cmp.Or(
			cmp.Compare(agreeing(i), agreeing(best)), cmp.Compare(math.Round(a.inside*20), math.Round(b.inside*20)),
			cmp.Compare(charted(a), charted(b)), likelier(sources, ahead, linked, i, best), cmp.Compare(a.n, b.n),
		) > 0 {
			best = i
		}
	}
	return best
}

const (
	// minCharted charted readings must lie among a device's for them to tell which clock is right,
	// and differ by this share of what they do if the other were.
	minCharted = 5
	clearly    = 0.8
)

// likelier compares two sources by what was charted: 1 where that agrees with the devices if the
// clock of i is right, -1 if that of j is, 0 where it does not tell.
func likelier(sources []source, ahead []lag, linked []int, i, j int) int {
	charted := slices.IndexFunc(sources, func(s source) bool { return s.device == "" })
	if charted < 0 || slices.Contains(linked, charted) || (ahead[i].by-ahead[j].by).Abs() < coarse {
		return 0
	}
	differs := func(right int) float64 {
		var all []float64
		for _, k := range linked {
			probes := probesOf(&sources[k], &sources[charted])
			for p := range probes {
				if v, ok := probes[p].differs(ahead[right].by - ahead[k].by); ok {
					all = append(all, v)
				}
			}
		}
		if len(all) < minCharted {
			return math.NaN()
		}
		return trimmedMean(all)
	}
	a, b := differs(i), differs(j)
	switch {
	case a < clearly*b:
		return 1
	case b < clearly*a:
		return -1
	}
	return 0
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
