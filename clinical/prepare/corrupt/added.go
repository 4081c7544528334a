package corrupt

import (
	"math"
	"strconv"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// RelayID is the id of the device that files a second time where the patient has no other
// device for it: a central station that gives its own time.
const RelayID = "relay"

// resent files observations once more, as a gateway does that was not acknowledged in time.
func (in *injector) resent() {
	for i, n := 0, len(in.obs); i < n; i++ {
		o := in.obs[i]
		if o.Start.IsZero() || !in.chance(in.opt.Resent) {
			continue
		}
		again := o
		again.ID = in.newID(o.ID)
		in.truth.Duplicates[again.ID] = Duplicate{Of: o.ID}
		in.obs = append(in.obs, again)
	}
}

// newID comes before the old one in order in one half of the cases.
func (in *injector) newID(id string) string {
	n := strconv.Itoa(len(in.truth.Duplicates))
	id = id[:min(len(id), 50)] // an id has 64 characters at most
	if in.chance(0.5) {
		return "0-" + n + "-" + id
	}
	return id + "-again-" + n
}

// secondDevice files devices' vital signs through another device too.
func (in *injector) secondDevice() {
	by := map[string][]string{} // devices of a measure, in order of their first reading
	busy := map[string]map[int64]bool{}
	for i := range in.obs {
		o := &in.obs[i]
		key := in.measure(o.Code)
		if o.DeviceID == "" || key == "" || !timed(o) {
			continue
		}
		name := key + "|" + o.DeviceID
		if busy[name] == nil {
			busy[name] = map[int64]bool{}
			by[key] = append(by[key], o.DeviceID)
		}
		minute := o.Start.Time.Unix() / 60
		for d := int64(-1); d <= 1; d++ {
			busy[name][minute+d] = true
		}
	}
	for i, n := 0, len(in.obs); i < n; i++ {
		o := &in.obs[i]
		key := in.measure(o.Code)
		v, known := vitals[key]
		if !known || o.DeviceID == "" || !timed(o) || !in.chance(in.opt.SecondDevice) {
			continue
		}
		device := RelayID
		for _, d := range by[key] {
			if d != o.DeviceID && !busy[key+"|"+d][o.Start.Time.Unix()/60] {
				device = d
			}
		}
		in.fileAgain(i, device, v)
	}
}

func (in *injector) fileAgain(i int, device string, v vital) {
	in.obs = append(in.obs, in.obs[i])
	again := in.own(len(in.obs) - 1)
	again.ID = in.newID(again.ID)
	again.DeviceID = device
	again.Start.Time = again.Start.Time.Add(time.Duration(in.rng.IntN(41)-20) * time.Second)
	for _, q := range parts(again) {
		in.set(*q, clamp((*q).Value.Float+in.between(-v.jitter, v.jitter), v))
	}
	in.truth.Duplicates[again.ID] = Duplicate{Of: in.obs[i].ID, SecondDevice: true}
	if device == RelayID {
		in.addRelay()
	}
}

func (in *injector) addRelay() {
	for _, d := range in.rec.Devices {
		if d.ID == RelayID {
			return
		}
	}
	devices := make([]record.Device, 0, len(in.rec.Devices)+1)
	in.rec.Devices = append(append(devices, in.rec.Devices...), record.Device{ID: RelayID, Type: record.Concept{Text: "central monitoring station"}})
}

// set gives a number with as many decimals as the old one had.
func (in *injector) set(q *record.Quantity, v float64) { setDecimals(q, v, decimals(q)) }

func setDecimals(q *record.Quantity, v float64, digits int) {
	f := math.Pow(10, float64(digits))
	q.Value = record.NewDecimal(math.Round(v*f) / f)
}

func clamp(v float64, by vital) float64 { return min(max(v, by.min), by.max) }

// clocks sets one device's clock wrong.
func (in *injector) clocks() {
	counts := map[string]int{}
	var devices []string
	for i := range in.obs {
		d := in.obs[i].DeviceID
		if d == "" {
			continue
		}
		if counts[d]++; counts[d] == 10 { // fewer say nothing about a clock
			devices = append(devices, d)
		}
	}
	if len(devices) == 0 || !in.chance(in.opt.ClockOff) {
		return
	}
	device := devices[in.rng.IntN(len(devices))]
	offset := time.Duration(in.sign() * float64(1+in.rng.IntN(12)) * float64(time.Hour))
	if in.chance(0.5) {
		offset = time.Duration(in.sign()*math.Round(in.between(120, 3600))) * time.Second
	}
	in.truth.Offsets[device] = offset
	for i := range in.obs {
		o := &in.obs[i]
		if o.DeviceID != device || !timed(o) {
			continue
		}
		o.Start.Time = o.Start.Time.Add(offset)
		if o.End.Precision == record.PrecisionSecond {
			o.End.Time = o.End.Time.Add(offset)
		}
	}
}
