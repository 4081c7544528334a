package corrupt

import (
	"math"

	"github.com/bedside-lm/bedside/clinical/record"
)

// twice is the share of disturbances that last for two readings.
const twice = 0.15

// spikes disturbs the devices' vital signs, other than those that another device filed too:
// those are no longer the same reading then.
func (in *injector) spikes() {
	shared := in.shared()
	last := map[string]string{} // of a series: what was just disturbed, where the next one is to be, too
	for i := range in.obs {
		o := &in.obs[i]
		key := in.measure(o.Code)
		v, known := vitals[key]
		if !known || o.DeviceID == "" || shared[o.ID] || len(parts(o)) == 0 || !usual(o) {
			continue
		}
		series := key + "|" + o.DeviceID
		hit := in.chance(in.opt.Spikes / (1 + twice))
		before := last[series]
		delete(last, series)
		if !hit && before == "" {
			continue
		}
		in.disturb(i, key, v)
		if before != "" {
			in.setRun(before, 2)
			in.setRun(o.ID, 2)
		} else if in.chance(twice) {
			last[series] = o.ID
		}
	}
}

func (in *injector) setRun(id string, n int) {
	s := in.truth.Spikes[id]
	s.Run = n
	in.truth.Spikes[id] = s
}

// usual says whether an observation's numbers are in the units of the table.
func usual(o *record.Observation) bool {
	for _, q := range parts(o) {
		switch (*q).Code {
		case "/min", "%", "mm[Hg]", "Cel":
		default:
			return false
		}
	}
	return true
}

// shared are the ids of readings that were filed through a second device, and of what they repeat.
func (in *injector) shared() map[string]bool {
	out := map[string]bool{}
	for id, d := range in.truth.Duplicates {
		out[id], out[d.Of] = true, true
	}
	return out
}

func (in *injector) disturb(i int, key string, v vital) {
	o := in.own(i)
	size := v.low * math.Pow(v.high/v.low, in.rng.Float64())
	change := size * in.sign()
	if v.down {
		change = -size
	}
	first := (*parts(o)[0]).Value.Float
	if first+change > v.max || first+change < v.min {
		change = -change
	}
	share := 1.0 // of the change in the next part: diastolic pressure moves less than systolic
	for _, q := range parts(o) {
		in.set(*q, clamp((*q).Value.Float+share*change, v))
		share = 0.7
	}
	in.truth.Spikes[o.ID] = Spike{Measure: key, Run: 1, Small: size < math.Sqrt(v.low*v.high), Change: (*parts(o)[0]).Value.Float - first}
}

// units gives numbers in other units, with the code that belongs to them and without.
func (in *injector) units() {
	avoid := in.shared()
	wrongAll := in.measureWrongThroughout()
	for i := range in.obs {
		o := &in.obs[i]
		key := in.measure(o.Code)
		cs := conversions[key]
		if _, spiked := in.truth.Spikes[o.ID]; cs == nil || spiked || avoid[o.ID] || len(parts(o)) == 0 {
			continue
		}
		share := 1.0
		if o.DeviceID != "" {
			share = 0.2
		}
		c := cs[in.rng.IntN(len(cs))]
		if key == wrongAll {
			c = cs[0] // an analyser has one setting
		}
		wrong, other := in.chance(share*in.opt.WrongUnit), in.chance(share*in.opt.OtherUnit)
		if !allIn(o, c.from) || key != wrongAll && !wrong && !other {
			continue
		}
		in.convert(i, key, c, wrong || key == wrongAll, key == wrongAll)
	}
}

func allIn(o *record.Observation, unit string) bool {
	for _, q := range parts(o) {
		if (*q).Code != unit {
			return false
		}
	}
	return true
}

// measureWrongThroughout picks one laboratory measure with several readings, or "".
func (in *injector) measureWrongThroughout() string {
	if !in.chance(in.opt.AllWrong) {
		return ""
	}
	counts := map[string]int{}
	var keys []string
	for i := range in.obs {
		key := in.measure(in.obs[i].Code)
		if cs := conversions[key]; cs == nil || vitals[key].high > 0 || !allIn(&in.obs[i], cs[0].from) {
			continue
		}
		if counts[key]++; counts[key] == 3 {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return ""
	}
	return keys[in.rng.IntN(len(keys))]
}

func (in *injector) convert(i int, key string, c conversion, wrong, all bool) {
	o := in.own(i)
	s := Swap{Measure: key, Wrong: wrong, All: all, Device: o.DeviceID != "", Unit: c.from}
	for _, q := range parts(o) {
		v := (*q).Value.Float
		s.True = append(s.True, v)
		other := v*c.factor + c.shift
		// An instrument shows three or four digits in any unit.
		setDecimals(*q, other, max(0, 2-int(math.Floor(math.Log10(max(math.Abs(other), 1e-9))))))
		if !wrong {
			(*q).Code, (*q).Unit = c.to, c.shown
		}
	}
	in.truth.Swaps[o.ID] = s
}
