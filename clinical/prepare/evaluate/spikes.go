package evaluate

import (
	"math"
	"slices"

	"github.com/bedside-lm/bedside/clinical/record"
)

// The baselines of spikes.
const (
	ThreeSigma        = "3 sigma"         // of the whole series
	RollingThreeSigma = "rolling 3 sigma" // of the 31 readings around
)

const rollingHalf = 15

// spikes judges which of the devices' vital signs were marked, as artefact or as implausible.
// Readings in a wrong unit and duplicates are left out, for every method.
func (j *judged) spikes() {
	global, rolling := map[string]bool{}, map[string]bool{}
	for _, s := range j.series() {
		sigma(s, global)
		for i := range s {
			window := s[max(0, i-rollingHalf):min(len(s), i+rollingHalf+1)]
			if m, sd := meanAndDeviation(window); len(window) >= 5 && math.Abs(s[i].value-m) > 3*sd {
				rolling[s[i].id] = true
			}
		}
	}
	for _, id := range j.ids() {
		o := j.filed[id]
		if o.DeviceID == "" || o.Category != "vital-signs" || j.truth.Swaps[id].Wrong || j.original(id) != id || content(o) == "|" {
			continue
		}
		stands := j.left[j.into[id]]
		marked := stands != nil && (stands.Has(record.MarkArtefact) || stands.Has(record.MarkImplausible))
		j.spike(id, Cleaning, marked)
		j.spike(id, ThreeSigma, global[id])
		j.spike(id, RollingThreeSigma, rolling[id])
	}
}

func (j *judged) spike(id, method string, marked bool) {
	s, spiked := j.truth.Spikes[id]
	if !spiked {
		if marked {
			j.scores.add("spikes", "", method, Tally{False: 1})
		}
		j.scores.add("spikes", "undisturbed", method, share(marked))
		return
	}
	size := "large"
	if s.Small {
		size = "small"
	}
	j.scores.add("spikes", "", method, found(marked))
	j.scores.add("spikes", size, method, found(marked))
	if s.Run > 1 {
		j.scores.add("spikes", "two in a row", method, found(marked))
	}
}

// series are the numbers of each measure and device of the damaged record, in order of time.
func (j *judged) series() [][]point {
	type of struct{ measure, device string }
	byKind := map[of][]point{}
	var kinds []of
	for _, id := range j.ids() {
		o := j.filed[id]
		if o.DeviceID == "" || o.Start.Precision != record.PrecisionSecond {
			continue
		}
		numbers(o, func(measure string, q *record.Quantity) {
			v, ok := in(q, usualUnit(measure))
			if !ok {
				return
			}
			k := of{measure, o.DeviceID}
			if byKind[k] == nil {
				kinds = append(kinds, k)
			}
			byKind[k] = append(byKind[k], point{id: id, at: o.Start.Time, value: v})
		})
	}
	out := make([][]point, len(kinds))
	for i, k := range kinds {
		slices.SortFunc(byKind[k], byTime)
		out[i] = byKind[k]
	}
	return out
}

func sigma(s []point, flagged map[string]bool) {
	m, sd := meanAndDeviation(s)
	for _, p := range s {
		if math.Abs(p.value-m) > 3*sd {
			flagged[p.id] = true
		}
	}
}

func meanAndDeviation(s []point) (m, sd float64) {
	for _, p := range s {
		m += p.value
	}
	m /= float64(len(s))
	for _, p := range s {
		sd += (p.value - m) * (p.value - m)
	}
	return m, math.Sqrt(sd / float64(max(1, len(s)-1)))
}
