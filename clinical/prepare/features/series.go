package features

import (
	"cmp"
	"slices"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Reading is one number of a measure, in the measure's unit.
type Reading struct {
	Hours float64 // since the start
	Value float64
}

// Series gives the readings that Extract counts, by the LOINC code of their measure and in the order of
// time: those of the longest window from start on.
func Series(rec *record.PatientRecord, start time.Time) map[string][]Reading {
	s := theSchema()
	points := collect(rec, s, start)
	slices.SortFunc(points, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.column, b.column), cmp.Compare(a.hours, b.hours), cmp.Compare(a.value, b.value))
	})
	out := map[string][]Reading{}
	for _, p := range points {
		code := s.codeAt(p.column)
		out[code] = append(out[code], Reading{p.hours, p.value})
	}
	return out
}

// Sources gives the observations that the readings of Series come from within a window, as references such as
// "Observation/hr-0800", by the LOINC code of their measure and in the record's order.
func Sources(rec *record.PatientRecord, start time.Time, w Window) map[string][]string {
	s, end := theSchema(), start.Add(windows[w].length)
	out := map[string][]string{}
	for i := range rec.Observations {
		o := &rec.Observations[i]
		if o.Start.Time.After(end) {
			continue
		}
		one := *rec
		one.Observations = rec.Observations[i : i+1]
		for _, p := range collect(&one, s, start) {
			code, ref := s.codeAt(p.column), "Observation/"+o.ID
			if n := len(out[code]); n == 0 || out[code][n-1] != ref {
				out[code] = append(out[code], ref)
			}
		}
	}
	return out
}

// codeAt is the LOINC code of the measure whose columns begin there.
func (s *schema) codeAt(column int) string {
	first := columnScores + len(windows)*(len(scoreParts)+1)
	return measures[(column-first)/(len(windows)*statistics)]
}
