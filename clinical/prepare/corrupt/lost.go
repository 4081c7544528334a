package corrupt

import (
	"slices"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

const (
	// oneMoment is how far apart devices may file what is taken for one moment of the truth.
	oneMoment = 30 * time.Second
	// denseInterval is the longest usual interval of a series that is called dense.
	denseInterval = 10 * time.Minute
	shortestGap   = 3
	longestGap    = 30
)

// moments are the observations of one measure, those of the same moment together, in order of
// time. The charted reading of a moment and those of several devices are lost together, or
// what is lost would not be missing.
func (in *injector) moments() (measures []string, of map[string][][]int) {
	of = map[string][][]int{}
	for i := range in.obs {
		o := &in.obs[i]
		key := in.measure(o.Code)
		if key == "" || !timed(o) || len(parts(o)) == 0 {
			continue
		}
		all := of[key]
		if all == nil {
			measures = append(measures, key)
		}
		if n := len(all); n > 0 && o.Start.Time.Sub(in.obs[all[n-1][0]].Start.Time) <= oneMoment {
			all[n-1] = append(all[n-1], i)
			continue
		}
		of[key] = append(all, []int{i})
	}
	return measures, of
}

// missing takes readings away. The first and the last of each measure stay, so that what is
// missing lies between readings.
func (in *injector) missing() {
	gone := map[string]bool{}
	measures, of := in.moments()
	for _, key := range measures {
		ms := of[key]
		dense := in.dense(ms)
		for i := 1; i < len(ms)-1; {
			n := in.lose(dense)
			if n == 0 {
				i++
				continue
			}
			end := min(i+n, len(ms)-1)
			for _, m := range ms[i:end] {
				in.take(m, dense, end-i, gone)
			}
			i = end + 1
		}
	}
	in.obs = slices.DeleteFunc(in.obs, func(o record.Observation) bool { return gone[o.ID] })
	in.forget(gone)
}

// lose says how many moments are lost from here on.
func (in *injector) lose(dense bool) int {
	if !dense {
		if in.chance(in.opt.Missing) {
			return 1
		}
		return 0
	}
	switch mean := float64(shortestGap+longestGap) / 2; {
	case in.chance(in.opt.Missing / 2):
		return 1
	case in.chance(in.opt.Missing / 2 / mean):
		return shortestGap + in.rng.IntN(longestGap-shortestGap+1)
	}
	return 0
}

func (in *injector) dense(ms [][]int) bool {
	if len(ms) < 10 {
		return false
	}
	steps := make([]time.Duration, len(ms)-1)
	for i := range steps {
		steps[i] = in.obs[ms[i+1][0]].Start.Time.Sub(in.obs[ms[i][0]].Start.Time)
	}
	slices.Sort(steps)
	return steps[len(steps)/2] <= denseInterval
}

// take loses one moment; its first reading is the truth.
func (in *injector) take(moment []int, dense bool, gap int, gone map[string]bool) {
	for _, i := range moment {
		gone[in.obs[i].ID] = true
	}
	o := &in.obs[moment[0]]
	add := func(c record.Concept, q *record.Quantity) {
		if q != nil && q.Comparator == "" {
			in.truth.Missing = append(in.truth.Missing, Missing{
				Measure: in.measure(c), At: o.Start.Time, Value: q.Value.Float, Unit: q.Code, Dense: dense, Gap: gap,
			})
		}
	}
	add(o.Code, o.Value.Quantity)
	for i := range o.Components {
		add(o.Components[i].Code, o.Components[i].Value.Quantity)
	}
}

// forget takes the ids of what is lost out of what names them.
func (in *injector) forget(gone map[string]bool) {
	without := func(ids []string) []string {
		return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return gone[id] })
	}
	in.rec.Reports = slices.Clone(in.rec.Reports)
	for i := range in.rec.Reports {
		in.rec.Reports[i].Results = without(in.rec.Reports[i].Results)
	}
	for i := range in.obs {
		if len(in.obs[i].Members) > 0 {
			in.obs[i].Members = without(in.obs[i].Members)
		}
	}
}

// together groups readings of one measure that different devices, or a device and a person,
// filed of the same moment.
func (in *injector) together() map[string]string {
	out := map[string]string{}
	measures, of := in.moments()
	for _, key := range measures {
		for _, m := range of[key] {
			devices := map[string]bool{}
			for _, i := range m {
				o := &in.obs[i]
				if devices[o.DeviceID] {
					continue
				}
				devices[o.DeviceID] = true
				if i != m[0] {
					out[o.ID] = in.obs[m[0]].ID
				}
			}
		}
	}
	return out
}
