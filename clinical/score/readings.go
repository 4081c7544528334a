package score

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/measure"
	"github.com/bedside-lm/bedside/clinical/record/unit"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Readings are a record's readings that scores are made of. They are safe for use by several
// goroutines at once.
type Readings struct {
	birth  record.DateTime
	byPart map[PartName][]reading // by time, then name
}

// reading is one value of a part.
type reading struct {
	name    string // "Observation/hr-0800"
	at      time.Time
	value   float64 // as coarse as the chart
	unit    string  // UCUM code of value
	finding Finding
}

// sources of a part: LOINC codes that stand for a measure of the table of terms with all its
// codes, and the unit that the score counts in.
var sources = []struct {
	loinc string
	part  PartName
	unit  string
}{
	{"9279-1", PartRespiratoryRate, "/min"},
	{"2708-6", PartOxygenSaturation, "%"},
	{"19994-3", PartOxygen, "%"},
	{"3151-8", PartOxygen, "L/min"},
	{"3150-0", PartOxygen, "%"},
	{"8480-6", PartSystolic, "mm[Hg]"},
	{"8867-4", PartPulse, "/min"},
	{"67775-7", PartConsciousness, ""},
	{"9269-2", PartConsciousness, "{score}"},
	{"8310-5", PartTemperature, "Cel"},
}

// airPercent is the oxygen in room air, rounded up as it is charted.
const airPercent = 21

// Read collects what scores need from a record. Observations without a moment, cancelled ones,
// those entered in error and those that preparation marked as not to be trusted are passed over.
func Read(rec *record.PatientRecord) *Readings {
	r := &Readings{birth: rec.Patient.BirthDate, byPart: map[PartName][]reading{}}
	known := map[string][]int{} // indexes into sources, by the measure's key
	for i, s := range sources {
		if e := terms.Measure(s.loinc); e != nil {
			known[e.Key] = append(known[e.Key], i)
		}
	}
	entries := map[string]*terms.Entry{}
	for i := range rec.Observations {
		o := &rec.Observations[i]
		if !usable(o) {
			continue
		}
		r.add(known, entries, o, o.Code, &o.Value)
		for c := range o.Components {
			r.add(known, entries, o, o.Components[c].Code, &o.Components[c].Value)
		}
	}
	for _, rs := range r.byPart {
		slices.SortFunc(rs, func(a, b reading) int {
			return cmp.Or(a.at.Compare(b.at), strings.Compare(a.name, b.name), cmp.Compare(a.value, b.value))
		})
	}
	return r
}

func usable(o *record.Observation) bool {
	return o.Start.Precision == record.PrecisionSecond && o.Status != "entered-in-error" && o.Status != "cancelled" &&
		!o.Has(record.MarkImputed) && !o.Has(record.MarkArtefact) && !o.Has(record.MarkImplausible) && !o.Has(record.MarkUnitSuspect)
}

func (r *Readings) add(known map[string][]int, entries map[string]*terms.Entry, o *record.Observation, c record.Concept, v *record.Value) {
	name := c.Text
	for _, k := range c.Codings {
		name += "|" + k.System + "|" + k.Code
	}
	e, found := entries[name]
	if !found {
		e, _ = terms.Find("measure", c)
		entries[name] = e
	}
	if e == nil {
		return
	}
	for _, i := range known[e.Key] {
		s := &sources[i]
		x := reading{name: "Observation/" + o.ID, at: o.Start.Time}
		if !x.read(s.part, s.unit, c, v) {
			continue
		}
		r.byPart[s.part] = append(r.byPart[s.part], x)
		return
	}
}

// read takes a value in, and says whether the part can be told from it.
func (x *reading) read(part PartName, want string, c record.Concept, v *record.Value) bool {
	switch {
	case part == PartConsciousness && want == "":
		x.finding = consciousness(v)
		return x.finding != FindingNone
	case part == PartConsciousness:
		n, ok := points(v)
		if !ok || n < 3 || n > 15 || n != math.Trunc(n) {
			return false
		}
		x.value, x.unit, x.finding = n, want, FindingAltered
		if n == 15 {
			x.finding = FindingAlert
		}
		return true
	}
	if v.Quantity == nil || v.Quantity.Comparator != "" || measure.Check(c, v.Quantity) != nil {
		return false
	}
	n, ok := in(v.Quantity, want)
	if !ok || math.IsNaN(n) || math.IsInf(n, 0) || n < 0 {
		return false
	}
	x.value, x.unit = n, want
	switch part {
	case PartOxygen:
		x.finding = oxygen(n, want)
		return x.finding != FindingNone
	case PartTemperature:
		x.value = math.Round(n*10) / 10
	default:
		x.value = math.Round(n)
	}
	return true
}

// oxygen says whether a flow or an inspired share means that oxygen is given. A share below
// what air holds cannot be meant.
func oxygen(n float64, code string) Finding {
	switch {
	case code == "L/min" && n == 0, code == "%" && math.Round(n) == airPercent:
		return FindingAir
	case code == "L/min", n > airPercent && n <= 100:
		return FindingOxygen
	}
	return FindingNone
}

// points is a count filed with or without a unit.
func points(v *record.Value) (float64, bool) {
	switch {
	case v.Integer != nil:
		return float64(*v.Integer), true
	case v.Quantity == nil || v.Quantity.Comparator != "":
		return 0, false
	case v.Quantity.Code == "" && v.Quantity.Unit == "":
		return v.Quantity.Value.Float, true
	}
	return in(v.Quantity, "1")
}

// in gives a quantity in a unit.
func in(q *record.Quantity, code string) (float64, bool) {
	if q.Code == code {
		return q.Value.Float, true
	}
	u, err := unit.Parse(q.Code)
	if q.Code == "" {
		u, err = unit.Text(q.Unit)
	}
	if err != nil || q.Code == "" && q.Unit == "" {
		return 0, false
	}
	return u.Convert(q.Value.Float, unit.Must(code))
}

// latest is the newest reading of a part that still stands at a moment; of several of one
// moment, the one with the most points, so that the order of filing plays no part.
func (r *Readings) latest(name PartName, at time.Time, opt Options, rate func(*reading) int) Part {
	p := Part{Name: name}
	rs := r.byPart[name]
	n := sort.Search(len(rs), func(i int) bool { return rs[i].at.After(at) })
	maxAge := opt.MaxAge
	if maxAge <= 0 {
		maxAge = defaultMaxAge
	}
	for i := n - 1; i >= 0 && rs[i].at.Equal(rs[n-1].at) && at.Sub(rs[i].at) <= maxAge; i-- {
		x := &rs[i]
		if points := rate(x); !p.Known || points >= p.Points {
			p.Known, p.Points, p.Value, p.Unit, p.Finding = true, points, x.value, x.unit, x.finding
			p.Readings, p.At = []string{x.name}, x.at
		}
	}
	return p
}

// Moments are the times at which a reading of one of a score's parts was made, each once, in
// order: between two of them the score changes only as readings grow too old.
func (r *Readings) Moments(kind Kind) []time.Time {
	var out []time.Time
	for name, rs := range r.byPart {
		if kind == KindQSOFA && !slices.Contains(qsofaParts, name) {
			continue
		}
		for i := range rs {
			out = append(out, rs[i].at)
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal)
}

// child says whether the patient is certainly younger than so many years.
func (r *Readings) child(at time.Time, years int) Exclusion {
	if r.birth.IsZero() {
		return ExclusionNone
	}
	// A birth date of a year or month alone stands at its start: the patient is at most this old.
	if at.Before(r.birth.Time.AddDate(years, 0, 0)) {
		return ExclusionChild
	}
	return ExclusionNone
}
