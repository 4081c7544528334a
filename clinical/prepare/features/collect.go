package features

import (
	"math"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/unit"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// point is one reading in its measure's unit of the schema.
type point struct {
	column int // the measure's first
	hours  float64
	value  float64
}

type coding struct{ system, code string }

// codes are all codings of measures in the table of terms, of the schema or not.
func codes() map[coding]*terms.Entry {
	systems := map[byte]string{'L': record.SystemLOINC, 'M': record.SystemIEEE11073}
	out := map[coding]*terms.Entry{}
	for _, e := range terms.Entries() {
		if e.Kind != "measure" {
			continue
		}
		for _, c := range e.Codes {
			if system := systems[c[0]]; system != "" {
				out[coding{system, c[1:]}] = e
			}
		}
	}
	return out
}

// find is terms.Find for measures, which takes no memory where a code is known.
func (s *schema) find(c *record.Concept) *measure {
	for _, k := range c.Codings {
		if e := s.byCode[coding{k.System, k.Code}]; e != nil {
			return s.byEntry[e]
		}
	}
	e, _ := terms.Find("measure", *c)
	return s.byEntry[e]
}

// collect gives the readings within the longest window, in no order.
func collect(rec *record.PatientRecord, s *schema, start time.Time) []point {
	out := make([]point, 0, len(rec.Observations))
	end := start.Add(windows[len(windows)-1].length)
	for i := range rec.Observations {
		o := &rec.Observations[i]
		if o.Start.Precision != record.PrecisionSecond || o.Start.Time.Before(start) || o.Start.Time.After(end) || !usable(o) {
			continue
		}
		hours := o.Start.Time.Sub(start).Hours()
		out = s.add(out, hours, &o.Code, &o.Value)
		for c := range o.Components {
			out = s.add(out, hours, &o.Components[c].Code, &o.Components[c].Value)
		}
	}
	return out
}

func (s *schema) add(out []point, hours float64, c *record.Concept, v *record.Value) []point {
	if v.Quantity == nil && v.Integer == nil {
		return out
	}
	m := s.find(c)
	if m == nil {
		return out
	}
	n, ok := m.number(v)
	if !ok || math.IsNaN(n) || math.IsInf(n, 0) {
		return out
	}
	return append(out, point{column: m.first, hours: hours, value: n})
}

// number is a value in the measure's unit. A score may be filed as a bare number.
func (m *measure) number(v *record.Value) (float64, bool) {
	none := unit.Unit{Factor: 1}
	if v.Integer != nil {
		return float64(*v.Integer), m.unit == none
	}
	q := v.Quantity
	if q.Code == m.code {
		return q.Value.Float, true
	}
	u, err := unit.Parse(q.Code)
	switch {
	case q.Code == "" && q.Unit == "":
		return q.Value.Float, m.unit == none
	case q.Code == "":
		u, err = unit.Text(q.Unit)
	}
	if err != nil {
		return 0, false
	}
	return u.Convert(q.Value.Float, m.unit)
}

func usable(o *record.Observation) bool {
	if o.Status == "entered-in-error" || o.Status == "cancelled" {
		return false
	}
	return !o.Has(record.MarkImputed) && !o.Has(record.MarkArtefact) && !o.Has(record.MarkImplausible) && !o.Has(record.MarkUnitSuspect)
}
