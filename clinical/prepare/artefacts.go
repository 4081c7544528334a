package prepare

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

const (
	neighbours    = 10 // on either side, at most
	minNeighbours = 4  // in all, at least; one of them on either side
	// A neighbour may be this far away in time, or this many of the series' usual intervals.
	window          = 45 * time.Minute
	windowIntervals = 16
	maxWindow       = 7 * 24 * time.Hour
	// madScale makes the median absolute deviation a standard deviation where noise is normal.
	madScale = 1.4826
	// minSeries readings are needed for a series' own noise to be known.
	minSeries = 6
	// maxBurst is how long readings beyond the limit on one side of the others may follow each
	// other and still be an artefact, such as of motion. Several that last longer are an event:
	// a desaturation of three minutes is real.
	maxBurst = 30 * time.Second
	// Two readings in a row are one where both are farther than so many limits, and no more than
	// maxJolt apart.
	maxJolt = 2 * time.Minute
	farther = 2
	// returns is the share of the limit by which an artefact stands apart from what was just
	// before it and from what came just after it, in the same direction.
	returns = 0.6
)

// artefacts marks readings that stand apart from their neighbours in time and are gone at
// once: the Hampel identifier, within each device's series of a measure. Its window holds as
// much of what follows as of what came before, so a step to another level, as when shock sets
// in, has neighbours of its own and is no artefact; nor is the first or the last reading of a
// series, where nobody knows.
func (w *work) artefacts() {
	w.waveforms()
	series(w.readings(), func(rs []reading) {
		if rs[0].lim.group == "score" || rs[0].lim.kind != "" {
			return
		}
		byDevice := map[string][]reading{}
		var devices []string
		for _, r := range rs {
			if byDevice[r.device] == nil {
				devices = append(devices, r.device)
			}
			byDevice[r.device] = append(byDevice[r.device], r)
		}
		for _, d := range devices {
			w.hampel(byDevice[d])
		}
	})
}

// saturation is the key of oxygen saturation in the table of terms.
const saturation = "measure:oxygen saturation"

// outlier is a reading beyond the limit of its window.
type outlier struct {
	i     int // index into the series
	above bool
	n     int // readings in the window
	limit float64
	far   bool
}

// hampel marks the readings of one series that differ from the median of their window by more
// than opt.Hampel deviations. A deviation is halfway between the window's scaled median absolute
// deviation and what successive readings of the whole series differ by, since a window is small
// and may happen to be quiet; and at least the measure's scale.
func (w *work) hampel(rs []reading) {
	w.report.Checked += len(rs)
	if len(rs) <= minNeighbours {
		return
	}
	reach := min(max(window, windowIntervals*medianInterval(rs)), maxWindow)
	usual := noise(rs)
	var found []outlier
	buf := make([]float64, 0, 2*neighbours+1)
	for i := range rs {
		low, high := i, i
		for low > 0 && i-low < neighbours && rs[i].at.Sub(rs[low-1].at) <= reach {
			low--
		}
		for high < len(rs)-1 && high-i < neighbours && rs[high+1].at.Sub(rs[i].at) <= reach {
			high++
		}
		if low == i || high == i || high-low < minNeighbours {
			continue
		}
		var center, deviation float64
		center, deviation, buf = spread(rs[low:high+1], buf)
		limit := w.opt.Hampel * max((madScale*deviation+usual)/2, rs[i].lim.scale)
		off := rs[i].value - center
		if math.Abs(off) <= limit {
			continue
		}
		if o := (outlier{i: i, above: off > 0, n: high - low + 1, limit: limit, far: math.Abs(off) > farther*limit}); o.alone(rs[low:i], rs[i].value) && o.alone(rs[i+1:high+1], rs[i].value) {
			found = append(found, o)
		}
	}
	for len(found) > 0 {
		n := 1
		for n < len(found) && found[n].i == found[n-1].i+1 && found[n].above == found[0].above {
			n++
		}
		if n == 1 || rs[found[n-1].i].at.Sub(rs[found[0].i].at) <= maxBurst || n == 2 && jolt(rs, found[0], found[1]) {
			w.markArtefacts(rs, found[:n])
		}
		found = found[n:]
	}
}

// jolt says whether two readings in a row are of a disturbance: far beyond the limit, and over
// within two minutes. A saturation may fall so far and so briefly in earnest.
func jolt(rs []reading, a, b outlier) bool {
	if rs[a.i].lim.key == saturation && !a.above {
		return false
	}
	return a.far && b.far && rs[b.i].at.Sub(rs[a.i].at) <= maxJolt
}

// spread is the median of a window's values and of their distances from it. It works in buf.
func spread(rs []reading, buf []float64) (center, deviation float64, _ []float64) {
	buf = buf[:0]
	for i := range rs {
		buf = append(buf, rs[i].value)
	}
	center = median(buf)
	for i, v := range buf {
		buf[i] = math.Abs(v - center)
	}
	return center, median(buf), buf
}

// alone says whether a value stands apart from the readings on one side of it, too.
func (o *outlier) alone(side []reading, v float64) bool {
	values := make([]float64, len(side))
	for i := range side {
		values[i] = side[i].value
	}
	off := v - median(values)
	if !o.above {
		off = -off
	}
	return off > returns*o.limit
}

func (w *work) markArtefacts(rs []reading, found []outlier) {
	for _, o := range found {
		r := &rs[o.i]
		if w.mark(r.obs, record.MarkArtefact, false) {
			w.note(Change{
				Kind: ChangeArtefact, Reading: r.name(), Component: r.component, Before: text(*quantity(&w.obs[r.obs], r.component)),
				Reason: fmt.Sprintf("differs from the median of %d readings around it by more than %.3g %s, and so from those on either side", o.n, o.limit, r.lim.code),
			})
		}
	}
}

// noise is what two readings of a series that follow each other usually differ by, as the
// standard deviation of one of them. A trend adds little to it.
func noise(rs []reading) float64 {
	if len(rs) < minSeries {
		return 0
	}
	steps := make([]float64, len(rs)-1)
	for i := range steps {
		steps[i] = math.Abs(rs[i+1].value - rs[i].value)
	}
	return madScale * median(steps) / math.Sqrt2
}

// median sorts values and returns their middle.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	if n%2 == 1 {
		return values[n/2]
	}
	return (values[n/2-1] + values[n/2]) / 2
}

// waveforms reports those that say little. Their samples are never touched.
func (w *work) waveforms() {
	if w.opt.AssessWaveform == nil {
		return
	}
	for i := range w.obs {
		o := &w.obs[i]
		if w.gone[i] || !counts(o) {
			continue
		}
		w.assess(o, -1, &o.Code, o.Value.Sampled)
		for c := range o.Components {
			w.assess(o, c, &o.Components[c].Code, o.Components[c].Value.Sampled)
		}
	}
}

func (w *work) assess(o *record.Observation, component int, code *record.Concept, s *record.SampledData) {
	if s == nil {
		return
	}
	w.report.Checked++
	if quality, ok := w.opt.AssessWaveform(*code, s); ok && quality < w.opt.MinQuality {
		w.note(Change{
			Kind: ChangePoorSignal, Reading: "Observation/" + o.ID, Component: component,
			Reason: fmt.Sprintf("signal quality %.2f of 1, below %.2f", quality, w.opt.MinQuality),
		})
	}
}
