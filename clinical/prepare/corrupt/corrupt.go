// Package corrupt damages clean records the way devices, gateways and people do, and keeps the
// truth: what was filed twice, lost, disturbed, given in another unit or timed by a wrong clock.
// What cleaning makes of such a record can then be judged reading by reading (package evaluate).
//
// The tables here are its own on purpose: they share nothing with those of the cleaning, which
// would otherwise be judged by its own assumptions.
package corrupt

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Options are the shares of readings that are damaged, each in its own way.
type Options struct {
	// Resent is the share of observations that are filed once more under another id.
	Resent float64
	// SecondDevice is the share of the devices' vital signs that another device files too, some
	// seconds and a little of the value away.
	SecondDevice float64
	// Missing is the share of moments of each measure that are lost, whoever filed them: in dense
	// series half of them alone and half in gaps of 3 to 30 readings.
	Missing float64
	// Spikes is the share of the devices' vital signs that are disturbed.
	Spikes float64
	// WrongUnit is the share of laboratory and charted readings whose number is in another unit
	// than the code says; of devices' readings a fifth of it.
	WrongUnit float64
	// OtherUnit is the like for numbers in another unit with the right code.
	OtherUnit float64
	// AllWrong is the chance that a patient's readings of one laboratory measure are all in another
	// unit than they say, as where an analyser is set up wrongly.
	AllWrong float64
	// ClockOff is the chance that one of a patient's devices has a clock that is off, by 2 to 60
	// minutes or by 1 to 12 whole hours.
	ClockOff float64
}

// Usual are the shares that evaluations use: 5 % duplicates, 10 % missing, 2 % spikes.
func Usual() Options {
	return Options{
		Resent: 0.025, SecondDevice: 0.025, Missing: 0.10, Spikes: 0.02, WrongUnit: 0.05, OtherUnit: 0.05,
		AllWrong: 0.10, ClockOff: 0.5,
	}
}

// Truth is what was done to a record. Times are those of the clean record.
type Truth struct {
	// Duplicates name, by the id of each reading that was added, the one that it repeats.
	Duplicates map[string]Duplicate
	// Together groups readings that the clean record itself has of one moment and measure by
	// several devices: id to the group's first id. Whether they are merged is a matter of taste.
	Together map[string]string
	Missing  []Missing
	// Spikes, by the id of the reading.
	Spikes map[string]Spike
	// Swaps are numbers in another unit, by the id of the reading.
	Swaps map[string]Swap
	// Offsets say, by device, by how much its clock is ahead.
	Offsets map[string]time.Duration
}

// Duplicate is a reading that was added.
type Duplicate struct {
	Of           string
	SecondDevice bool // or else resent as it was
}

// Missing is a number that was lost.
type Missing struct {
	Measure string // LOINC code of the number's own measure
	At      time.Time
	Value   float64
	Unit    string // UCUM code
	Dense   bool   // of a series of at least a reading each ten minutes
	Gap     int    // moments of the measure that were lost in a row
}

// Spike is a disturbance.
type Spike struct {
	Measure string
	Small   bool    // in the lower half of the measure's magnitudes, on a logarithmic scale
	Change  float64 // what was added to the first number
	Run     int     // how many readings of the device it is of, 1 or 2
}

// Swap is a reading in another unit. Numbers are those of its parts, the observation's own first.
type Swap struct {
	Measure string
	Wrong   bool      // the unit's code stayed
	All     bool      // one of a patient whose readings of the measure are all wrong
	Device  bool      // filed by a device
	True    []float64 // in the unit filed before
	Unit    string    // its UCUM code
}

// injector is one record that is being damaged.
type injector struct {
	opt   Options
	rng   *rand.Rand
	rec   *record.PatientRecord
	obs   []record.Observation
	truth *Truth
	keys  map[string]string
}

// Apply gives a damaged copy of a clean record, and the truth. Same record, seed and options:
// same damage. Nothing that is changed is shared with rec.
func Apply(rec *record.PatientRecord, seed uint64, opt Options) (*record.PatientRecord, *Truth) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(rec.Patient.ID))
	damaged := *rec
	in := &injector{
		opt: opt, rec: &damaged, obs: slices.Clone(rec.Observations), keys: map[string]string{},
		rng:   rand.New(rand.NewPCG(seed, h.Sum64())), //nolint:gosec // the same damage for the same seed is wanted
		truth: &Truth{Duplicates: map[string]Duplicate{}, Spikes: map[string]Spike{}, Swaps: map[string]Swap{}, Offsets: map[string]time.Duration{}},
	}
	slices.SortStableFunc(in.obs, func(a, b record.Observation) int {
		if c := a.Start.Compare(b.Start); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	in.missing()
	in.truth.Together = in.together()
	in.secondDevice()
	in.spikes()
	in.units()
	in.resent()
	in.clocks()
	in.rng.Shuffle(len(in.obs), func(i, j int) { in.obs[i], in.obs[j] = in.obs[j], in.obs[i] })
	damaged.Observations = in.obs
	return &damaged, in.truth
}

// chance is true with probability p.
func (in *injector) chance(p float64) bool { return in.rng.Float64() < p }

// between is uniform.
func (in *injector) between(low, high float64) float64 { return low + (high-low)*in.rng.Float64() }

// sign is -1 or 1.
func (in *injector) sign() float64 { return float64(2*in.rng.IntN(2) - 1) }

// measure is the first LOINC code of what a concept means, or "".
func (in *injector) measure(c record.Concept) string {
	name := c.Text
	for _, k := range c.Codings {
		name += "|" + k.System + "|" + k.Code
	}
	key, known := in.keys[name]
	if !known {
		key = Measure(c)
		in.keys[name] = key
	}
	return key
}

// Measure is the first LOINC code of the measure that a concept means, or "".
func Measure(c record.Concept) string {
	e, _ := terms.Find("measure", c)
	if e == nil {
		return ""
	}
	for _, code := range e.Codes {
		if loinc, ok := strings.CutPrefix(code, "L"); ok {
			return loinc
		}
	}
	return ""
}

// timed says whether an observation holds for a moment of the day.
func timed(o *record.Observation) bool { return o.Start.Precision == record.PrecisionSecond }

// parts are the places of an observation's numbers: its own, then its components'.
func parts(o *record.Observation) []**record.Quantity {
	var out []**record.Quantity
	if o.Value.Quantity != nil && o.Value.Quantity.Comparator == "" {
		out = append(out, &o.Value.Quantity)
	}
	for i := range o.Components {
		if q := o.Components[i].Value.Quantity; q != nil && q.Comparator == "" {
			out = append(out, &o.Components[i].Value.Quantity)
		}
	}
	return out
}

// own gives observation i memory of its own, so that its numbers can be changed.
func (in *injector) own(i int) *record.Observation {
	o := &in.obs[i]
	o.Components = slices.Clone(o.Components)
	for _, q := range parts(o) {
		copied := **q
		*q = &copied
	}
	return o
}

// decimals is how many digits a number was filed with behind the point.
func decimals(q *record.Quantity) int {
	_, fraction, _ := strings.Cut(q.Value.Text, ".")
	return len(fraction)
}
