package evaluate

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/bedside-lm/bedside/clinical/prepare/corrupt"
)

// The baselines of clocks.
const (
	AsFiled          = "as filed"
	CrossCorrelation = "cross-correlation"
)

const (
	// rightWithin is what a clock may be off by and be called right: a charted minute.
	rightWithin = 1.0
	// moved is what a clock must be shifted by to count.
	moved       = 90 * time.Second
	minReadings = 20
	maxLag      = 14 * 60 // minutes
)

// clock judges by how many minutes the devices' clocks are off after cleaning.
func (j *judged) clock() {
	shifts := map[string]time.Duration{}
	counts := map[string]int{}
	for _, id := range j.ids() {
		before := j.filed[id]
		if counts[before.DeviceID]++; before.DeviceID == "" {
			continue
		}
		if after := j.left[id]; after != nil {
			shifts[before.DeviceID] = after.Start.Time.Sub(before.Start.Time)
		}
	}
	correlated := j.correlate()
	for device, n := range counts {
		if device == "" || n < minReadings {
			continue
		}
		j.device(device, Cleaning, shifts[device])
		j.device(device, AsFiled, 0)
		j.device(device, CrossCorrelation, correlated[device])
	}
}

func (j *judged) device(device, method string, by time.Duration) {
	offset := j.truth.Offsets[device]
	wrong := (offset + by).Abs().Minutes()
	if offset == 0 {
		j.scores.add("clock", "right, moved", method, share(by.Abs() > moved))
		return
	}
	part := "off by minutes"
	if offset%time.Hour == 0 {
		part = "off by hours"
	}
	for _, p := range []string{"off", part} {
		j.scores.add("clock", p+", minutes of error", method, mean(wrong))
		j.scores.add("clock", p+", put right", method, share(wrong <= rightWithin))
	}
}

// correlate finds the lag, to the minute, at which each device's series of a measure has the
// highest Pearson correlation with that of the device with the most readings.
func (j *judged) correlate() map[string]time.Duration {
	all := map[string]map[string][]point{} // by device and measure
	total := map[string]int{}
	var devices []string
	for _, s := range j.series() {
		o := j.filed[s[0].id]
		if total[o.DeviceID] == 0 {
			devices = append(devices, o.DeviceID)
			all[o.DeviceID] = map[string][]point{}
		}
		total[o.DeviceID] += len(s)
		if o.Value.Quantity != nil {
			all[o.DeviceID][corrupt.Measure(o.Code)] = s
		}
	}
	out := map[string]time.Duration{}
	slices.SortFunc(devices, func(a, b string) int { return cmp.Or(total[b]-total[a], cmp.Compare(a, b)) })
	for _, d := range devices[min(1, len(devices)):] {
		best := 0.0
		for _, measure := range slices.Sorted(maps.Keys(all[d])) {
			mine, theirs := all[d][measure], byMinute(all[devices[0]][measure])
			if len(mine) < minReadings || len(theirs) < minReadings {
				continue
			}
			for lag := -maxLag; lag <= maxLag; lag++ {
				if r := pearson(mine, theirs, int64(lag)); r > best {
					best, out[d] = r, -time.Duration(lag)*time.Minute
				}
			}
		}
	}
	return out
}

func byMinute(s []point) map[int64]float64 {
	out := make(map[int64]float64, len(s))
	for _, p := range s {
		out[minuteOf(p.at)] = p.value
	}
	return out
}

func minuteOf(t time.Time) int64 { return t.Round(time.Minute).Unix() / 60 }

// pearson correlates two series, a taken to be ahead by lag minutes; 0 where less than half
// of a has a partner.
func pearson(a []point, b map[int64]float64, lag int64) float64 {
	var n, sx, sy, sxx, syy, sxy float64
	for i := range a {
		x := a[i].value
		y, ok := b[minuteOf(a[i].at)-lag]
		if !ok {
			continue
		}
		n++
		sx, sy, sxx, syy, sxy = sx+x, sy+y, sxx+x*x, syy+y*y, sxy+x*y
	}
	if 2*n < float64(len(a)) {
		return 0
	}
	vx, vy := n*sxx-sx*sx, n*syy-sy*sy
	if vx <= 0 || vy <= 0 {
		return 0
	}
	return (n*sxy - sx*sy) / math.Sqrt(vx*vy)
}
