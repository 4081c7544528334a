package prepare

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
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
	for j, l := range ahead(sources, lags, right) {
		if l.known && l.by.Abs() >= minOffset && sources[j].device != "" {
			w.shift(sources[j].device, -l.by)
		}
	}
}

// ahead is how far each source is ahead of the one that is right, where it can be compared with
// it, or with a source that can; those with most readings are asked first.
func ahead(sources []source, lags [][]lag, right int) []lag {
	out := make([]lag, len(sources))
	out[right].known = true
	for asked := make([]bool, len(sources)); ; {
		next := -1
		for i := range sources {
			if out[i].known && !asked[i] && (next < 0 || i == right || next != right && sources[i].n > sources[next].n) {
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
