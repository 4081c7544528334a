// Package features turns a prepared record into numbers of a fixed schema, for models that
// read numbers instead of text.
package features

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/unit"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// SchemaName changes whenever a column changes its place, name or meaning.
const SchemaName = "bedside.features.v1"

// Column is one number of the schema.
type Column struct {
	Name       string // such as "heart_rate.24h.mean"
	Unit       string // UCUM code, "" for a plain number
	Definition string
}

// measures are the LOINC codes of what the schema has columns for.
var measures = []string{
	"8867-4", "8480-6", "8462-4", "8478-0", "9279-1", "2708-6", "8310-5", "29463-7", "8302-2", "3151-8", "19994-3", "20077-4",
	"20112-9", "20139-2", "60985-9", "19891-1", "9187-6", "72514-3", "9269-2",
	"2744-1", "2019-8", "2703-7", "1960-4", "1925-7", "50984-4", "2524-7",
	"6690-2", "789-8", "718-7", "4544-3", "787-2", "777-3", "770-8", "751-8", "731-0", "1988-5", "33959-8", "4537-7", "2276-4",
	"2160-0", "3094-0", "33914-3", "33037-3", "2951-2", "2823-3", "2075-0", "2028-9", "17861-6", "1994-3", "19123-9", "2777-1",
	"2345-7", "4548-4", "6873-4", "2692-2", "1742-6", "1920-8", "6768-6", "2324-2", "1975-2", "1968-7", "1751-7", "2885-2", "2532-0", "2157-6",
	"10839-9", "6598-7", "30934-4", "33762-6", "6301-6", "5902-2", "3173-2", "3255-7", "48065-7", "1798-8", "3040-3", "1841-6", "3016-3",
}

// windows begin at admission.
var windows = []struct {
	name  string
	until time.Duration
}{{"1h", time.Hour}, {"24h", 24 * time.Hour}}

var statistics = []struct{ name, definition string }{
	{"last", "latest reading"}, {"min", "least reading"}, {"max", "greatest reading"}, {"mean", "mean of the readings"},
	{"slope", "least-squares slope of the readings, per hour; of two at least"}, {"count", "number of readings; 0 where none was made"},
}

type schema struct {
	columns []Column
	of      map[string]int // a measure's key to its first column
	units   map[string]unit.Unit
}

var theSchema = sync.OnceValue(func() *schema {
	s := &schema{of: map[string]int{}, units: map[string]unit.Unit{}}
	s.columns = append(s.columns,
		Column{"age", "a", "whole years at admission; 90 stands for all ages above 89"},
		Column{"female", "", "1 for female, 0 for male, else not a number"},
	)
	for _, code := range measures {
		e := terms.Measure(code)
		if e == nil {
			panic("features: no measure " + code) // the tables are part of the binary; the tests find it
		}
		s.of[e.Key], s.units[e.Key] = len(s.columns), unit.Must(e.Unit)
		name := strings.NewReplacer(" ", "_", "-", "_", "/", "_per_").Replace(strings.ToLower(e.Name(terms.English)))
		for _, w := range windows {
			for _, st := range statistics {
				c := Column{Name: name + "." + w.name + "." + st.name, Unit: e.Unit, Definition: st.definition + " within " + w.name + " of admission"}
				switch st.name {
				case "slope":
					c.Unit += "/h"
				case "count":
					c.Unit = ""
				}
				s.columns = append(s.columns, c)
			}
		}
	}
	return s
})

// Schema lists the columns, in their order. It must not be changed.
func Schema() []Column { return theSchema().columns }

// Extract gives the record's numbers in the order of Schema, NaN where nothing was measured.
// Admission is the start of the first encounter that has one, else the first reading. Readings
// that were imputed, or marked as artefact, implausible or of a suspect unit, do not count: what
// was measured and what was made up to fill a gap stay apart.
func Extract(rec *record.PatientRecord) []float64 {
	s := theSchema()
	out := make([]float64, len(s.columns))
	for i := range out {
		out[i] = math.NaN()
	}
	start, ok := admission(rec)
	if !ok {
		zeroCounts(s, out)
		return out
	}
	out[0], out[1] = age(rec.Patient.BirthDate, start), female(rec.Patient.Sex)
	readings := collect(rec, s, start)
	for key, first := range s.of {
		for w, window := range windows {
			fill(out[first+w*len(statistics):][:len(statistics)], readings[key], window.until)
		}
	}
	return out
}

func zeroCounts(s *schema, out []float64) {
	for i, c := range s.columns {
		if strings.HasSuffix(c.Name, ".count") {
			out[i] = 0
		}
	}
}

func admission(rec *record.PatientRecord) (time.Time, bool) {
	var first time.Time
	for _, e := range rec.Encounters {
		if e.Start.Precision == record.PrecisionSecond && (first.IsZero() || e.Start.Time.Before(first)) {
			first = e.Start.Time
		}
	}
	if !first.IsZero() {
		return first, true
	}
	for i := range rec.Observations {
		if t := rec.Observations[i].Start; t.Precision == record.PrecisionSecond && (first.IsZero() || t.Time.Before(first)) {
			first = t.Time
		}
	}
	return first, !first.IsZero()
}

func age(birth record.DateTime, at time.Time) float64 {
	if birth.IsZero() {
		return math.NaN()
	}
	years := at.Year() - birth.Time.Year()
	if birth.Precision >= record.PrecisionDay && at.YearDay() < birth.Time.YearDay() {
		years--
	}
	return float64(min(max(years, 0), 90))
}

func female(sex string) float64 {
	switch sex {
	case "female":
		return 1
	case "male":
		return 0
	}
	return math.NaN()
}

// point is one reading in its measure's usual unit.
type point struct {
	hours float64 // since admission
	value float64
	index int // in the record, for readings of one moment
}

func collect(rec *record.PatientRecord, s *schema, start time.Time) map[string][]point {
	out := map[string][]point{}
	longest := windows[len(windows)-1].until
	known := map[string]*terms.Entry{}
	for i := range rec.Observations {
		o := &rec.Observations[i]
		if o.Start.Precision != record.PrecisionSecond || !usable(o) {
			continue
		}
		since := o.Start.Time.Sub(start)
		if since < 0 || since > longest {
			continue
		}
		add := func(c record.Concept, q *record.Quantity) {
			if q == nil || q.Comparator != "" {
				return
			}
			e := entryOf(known, c)
			if e == nil {
				return
			}
			if u, ok := s.units[e.Key]; ok {
				if v, ok := inUnit(q, u); ok {
					out[e.Key] = append(out[e.Key], point{hours: since.Hours(), value: v, index: i})
				}
			}
		}
		add(o.Code, o.Value.Quantity)
		for c := range o.Components {
			add(o.Components[c].Code, o.Components[c].Value.Quantity)
		}
	}
	return out
}

func entryOf(known map[string]*terms.Entry, c record.Concept) *terms.Entry {
	key := c.Text
	for _, k := range c.Codings {
		key += "|" + k.System + "|" + k.Code
	}
	e, seen := known[key]
	if !seen {
		e, _ = terms.Find("measure", c)
		known[key] = e
	}
	return e
}

func usable(o *record.Observation) bool {
	if o.Status == "entered-in-error" || o.Status == "cancelled" {
		return false
	}
	return !o.Has(record.MarkImputed) && !o.Has(record.MarkArtefact) && !o.Has(record.MarkImplausible) && !o.Has(record.MarkUnitSuspect)
}

func inUnit(q *record.Quantity, to unit.Unit) (float64, bool) {
	u, err := unit.Parse(q.Code)
	if q.Code == "" {
		u, err = unit.Text(q.Unit)
	}
	if err != nil {
		return 0, false
	}
	return u.Convert(q.Value.Float, to)
}

// fill writes the statistics of the readings within one window.
func fill(out []float64, ps []point, until time.Duration) {
	n, sum, sumT, sumTT, sumTV := 0, 0.0, 0.0, 0.0, 0.0
	var last point
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range ps {
		if p.hours > until.Hours() {
			continue
		}
		if n == 0 || p.hours > last.hours || p.hours == last.hours && p.index > last.index {
			last = p
		}
		n++
		low, high = min(low, p.value), max(high, p.value)
		sum, sumT, sumTT, sumTV = sum+p.value, sumT+p.hours, sumTT+p.hours*p.hours, sumTV+p.hours*p.value
	}
	out[5] = float64(n)
	if n == 0 {
		return
	}
	count := float64(n)
	out[0], out[1], out[2], out[3] = last.value, low, high, sum/count
	if spread := sumTT - sumT*sumT/count; n > 1 && spread > 1e-9 {
		out[4] = (sumTV - sumT*sum/count) / spread
	}
}

// Describe is the schema as text, a line a column, for the manifest of a cohort.
func Describe() string {
	var b strings.Builder
	for _, c := range Schema() {
		fmt.Fprintf(&b, "%s\t%s\t%s\n", c.Name, c.Unit, c.Definition)
	}
	return b.String()
}
