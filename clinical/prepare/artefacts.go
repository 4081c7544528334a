package prepare

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

const (
	neighbours    = 5 // on either side, at most
	minNeighbours = 2 // on either side, at least
	// window bounds how far in time a neighbour may be.
	window = 45 * time.Minute
	// madScale makes the median absolute deviation a standard deviation where noise is normal.
	madScale = 1.4826
)

// artefacts marks single readings that stand apart from their neighbours in time, in series
// that are dense enough to say so. The identifier's window holds as much of what follows as of
// what came before, so a step to another level, as when shock sets in, has neighbours of its
// own and is no artefact.
func (w *work) artefacts() {
	series(w.readings(), func(rs []reading) {
		if rs[0].lim.group != "vital" && rs[0].lim.group != "gas" {
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

// hampel marks the readings of one series that differ from the median of their window by more
// than opt.Hampel scaled median absolute deviations, or measure's scales where those are more.
func (w *work) hampel(rs []reading) {
	w.report.Checked += len(rs)
	around := make([]float64, 0, 2*neighbours+1)
	deviations := make([]float64, 0, 2*neighbours+1)
	for i := range rs {
		low, high := i, i
		for low > 0 && i-low < neighbours && rs[i].at.Sub(rs[low-1].at) <= window {
			low--
		}
		for high < len(rs)-1 && high-i < neighbours && rs[high+1].at.Sub(rs[i].at) <= window {
			high++
		}
		if i-low < minNeighbours || high-i < minNeighbours {
			continue
		}
		around = around[:0]
		for _, r := range rs[low : high+1] {
			around = append(around, r.value)
		}
		center := median(around)
		deviations = deviations[:0]
		for _, v := range around {
			deviations = append(deviations, math.Abs(v-center))
		}
		limit := w.opt.Hampel * max(madScale*median(deviations), rs[i].lim.scale)
		if math.Abs(rs[i].value-center) > limit && w.mark(rs[i].obs, record.MarkArtefact, false) {
			w.note(Change{
				Kind: ChangeArtefact, Reading: rs[i].name(), Component: rs[i].component,
				Before: text(*quantity(&w.obs[rs[i].obs], rs[i].component)),
				Reason: fmt.Sprintf("differs from the median of %d readings around it by more than %.3g %s", high-low+1, limit, rs[i].lim.code),
			})
		}
	}
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
