package rules

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/measure"
	"github.com/bedside-lm/bedside/clinical/record/unit"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Value is a number that a rule rests on.
type Value struct {
	Name  string // as conditions write it: "k", "egfr", "age"
	Entry *terms.Entry
	Value float64
	Unit  string    // UCUM code
	At    time.Time // of the reading, or of the newest that it was computed from
	// Evidence names the readings; computed values name all of theirs.
	Evidence []string
	// Formula is what a computed value was computed by; "" for a reading.
	Formula Formula
}

// Formula names an equation.
type Formula string

// The equations.
const (
	FormulaCKDEPI         Formula = "CKD-EPI 2021" // Inker et al. 2021, doi:10.1056/NEJMoa2102953
	FormulaCockcroftGault Formula = "Cockcroft-Gault 1976"
	// FormulaDialysis stands for no equation: on dialysis, both count as 0.
	FormulaDialysis Formula = "dialysis"
)

// Lack is something that is not known.
type Lack struct {
	// What is a number's name as in Value, or "sex", "pregnancy", "reaction".
	What  string
	Entry *terms.Entry // of a measure
	// Stale says that there are readings, all older than what still counts.
	Stale bool
}

// number says where a number of a condition comes from.
type number struct {
	loinc string
	unit  string // that conditions count in
	// molar is the molar mass in g/mol that bridges mg/dL and umol/L; 0 where units never differ so.
	molar float64
	// days that a reading counts for. How fast each can change in hospital, and for the kidneys and
	// the QT interval how often they are looked at, is a choice of this package.
	days int
}

// numbers by their names. Those without a LOINC code are computed.
var numbers = map[string]number{
	"age": {unit: "a"}, "egfr": {unit: "mL/min/{1.73_m2}"}, "crcl": {unit: "mL/min"},
	"weight":  {loinc: "29463-7", unit: "kg", days: 90},
	"cr":      {loinc: "2160-0", unit: "mg/dL", molar: 113.12, days: 7},
	"k":       {loinc: "2823-3", unit: "mmol/L", days: 3},
	"na":      {loinc: "2951-2", unit: "mmol/L", days: 3},
	"ca":      {loinc: "17861-6", unit: "mg/dL", molar: 40.078, days: 7},
	"mg":      {loinc: "19123-9", unit: "mg/dL", molar: 24.305, days: 3},
	"glucose": {loinc: "2345-7", unit: "mg/dL", molar: 180.156, days: 1},
	"inr":     {loinc: "6301-6", unit: "1", days: 3},
	"plt":     {loinc: "777-3", unit: "10*9/L", days: 3},
	"qtc":     {loinc: "8636-3", unit: "ms", days: 7},
	"hr":      {loinc: "8867-4", unit: "/min", days: 1},
	"rr":      {loinc: "9279-1", unit: "/min", days: 1},
	"sbp":     {loinc: "8480-6", unit: "mm[Hg]", days: 1},
	"spo2":    {loinc: "2708-6", unit: "%", days: 1},
	"lvef":    {loinc: "10230-1", unit: "%", days: 365},
	// What a laboratory reports itself, for where creatinine, age, sex or weight are not known.
	"filed-egfr": {loinc: "33914-3", unit: "mL/min/{1.73_m2}", days: 7},
	"filed-crcl": {loinc: "2164-2", unit: "mL/min", days: 7},
}

// reading is one value of a measure.
type reading struct {
	value float64
	at    time.Time
	name  string
}

// usable says whether a reading may carry a rule: its time is known, and nothing found it wrong or made it up.
func usable(o *record.Observation) bool {
	return o.Start.Precision >= record.PrecisionDay && o.Status != "entered-in-error" && o.Status != "cancelled" &&
		!o.Has(record.MarkImputed) && !o.Has(record.MarkArtefact) && !o.Has(record.MarkImplausible) && !o.Has(record.MarkUnitSuspect)
}

// readings are the record's usable values of the measures in numbers, oldest first.
func readings(rec *record.PatientRecord, at time.Time) map[string][]reading {
	byKey := map[string]string{}
	for name, n := range numbers {
		if n.loinc != "" {
			byKey[terms.Measure(n.loinc).Key] = name
		}
	}
	out := map[string][]reading{}
	add := func(o *record.Observation, c record.Concept, v *record.Value) {
		e, _ := terms.Find("measure", c)
		if e == nil || byKey[e.Key] == "" || v.Quantity == nil || v.Quantity.Comparator != "" || measure.Check(c, v.Quantity) != nil {
			return
		}
		name := byKey[e.Key]
		if x, ok := numbers[name].of(v.Quantity); ok && !o.Start.Time.After(at) {
			out[name] = append(out[name], reading{value: x, at: o.Start.Time, name: "Observation/" + o.ID})
		}
	}
	for i := range rec.Observations {
		o := &rec.Observations[i]
		if !usable(o) {
			continue
		}
		add(o, o.Code, &o.Value)
		for c := range o.Components {
			add(o, o.Components[c].Code, &o.Components[c].Value)
		}
	}
	for _, rs := range out {
		slices.SortFunc(rs, func(a, b reading) int {
			return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.value, b.value), strings.Compare(a.name, b.name))
		})
	}
	return out
}

// of gives a quantity in the unit that conditions count in.
func (n number) of(q *record.Quantity) (float64, bool) {
	x := q.Value.Float
	if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
		return 0, false
	}
	if q.Code == n.unit {
		return x, true
	}
	u, err := unit.Parse(q.Code)
	if q.Code == "" {
		u, err = unit.Text(q.Unit)
	}
	if q.Code == "" && q.Unit == "" || n.unit == "1" && (err != nil || u.Dim == unit.Dimension{}) {
		return x, n.unit == "1"
	}
	if err != nil {
		return 0, false
	}
	if y, ok := u.Convert(x, unit.Must(n.unit)); ok {
		return y, true
	}
	if n.molar > 0 {
		if mmol, ok := u.Convert(x, unit.Must("mmol/L")); ok {
			return mmol * n.molar / 10, true
		}
	}
	return 0, false
}

// latest is the newest reading that still counts.
func (p *patient) latest(name string) (*Value, *Lack) {
	n, rs := numbers[name], p.readings[name]
	e := terms.Measure(n.loinc)
	if len(rs) == 0 {
		return nil, &Lack{What: name, Entry: e}
	}
	r := rs[len(rs)-1]
	if p.at.Sub(r.at) > time.Duration(n.days)*24*time.Hour {
		return nil, &Lack{What: name, Entry: e, Stale: true}
	}
	return &Value{Name: name, Entry: e, Value: r.value, Unit: n.unit, At: r.at, Evidence: []string{r.name}}, nil
}
