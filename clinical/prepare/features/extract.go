package features

import (
	"cmp"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/score"
)

// Extract gives the numbers of a prepared record in the order of Schema, NaN where nothing was
// measured. Time begins at Admission. What it gives does not depend on the order of the
// observations nor on their ids.
//
// Readings that were imputed, or marked as artefact, implausible or of a suspect unit, do not
// count. A reading that was filed as a bound ("<0.01") counts as that bound.
func Extract(rec *record.PatientRecord) []float64 {
	start, ok := Admission(rec)
	if !ok {
		return blank()
	}
	return ExtractFrom(rec, start)
}

// ExtractFrom is Extract with time that begins at a given moment.
func ExtractFrom(rec *record.PatientRecord, start time.Time) []float64 {
	s, out := theSchema(), blank()
	out[columnAge], out[columnFemale] = age(rec.Patient.BirthDate, start), female(rec.Patient.Sex)
	scores := score.Read(rec)
	for w := range windows {
		fillScore(out[columnScores+w*(len(scoreParts)+1):], scores, start, windows[w].length)
	}
	points := collect(rec, s, start)
	slices.SortFunc(points, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.column, b.column), cmp.Compare(a.hours, b.hours), cmp.Compare(a.value, b.value))
	})
	for len(points) > 0 {
		n := 1
		for n < len(points) && points[n].column == points[0].column {
			n++
		}
		for w := range windows {
			fill(out[points[0].column+w*statistics:][:statistics], points[:n], windows[w].length)
		}
		points = points[n:]
	}
	return out
}

// blank is what a record without any reading gives.
func blank() []float64 {
	out := make([]float64, len(theSchema().columns))
	for i, c := range theSchema().columns {
		if !c.Presence {
			out[i] = math.NaN()
		}
	}
	return out
}

// inpatient are the classes of encounter that admit a patient (HL7 v3 ActEncounterCode).
var inpatient = []string{"IMP", "ACUTE", "NONAC", "OBSENC", "SS"}

// Admission is the moment from which features count, which is also what texts give times
// relative to: the start of the latest inpatient encounter, else of the latest of any kind. Where
// none has a time of day it is the first reading. ok is false where there is not even that.
func Admission(rec *record.PatientRecord) (start time.Time, ok bool) {
	admits := false
	for i := range rec.Encounters {
		e := &rec.Encounters[i]
		if e.Status == "entered-in-error" || e.Status == "cancelled" || e.Start.Precision != record.PrecisionSecond {
			continue
		}
		in := slices.Contains(inpatient, e.Class)
		if !ok || in && !admits || in == admits && e.Start.Time.After(start) {
			start, ok, admits = e.Start.Time, true, in
		}
	}
	if ok {
		return start, true
	}
	for i := range rec.Observations {
		o := &rec.Observations[i]
		if o.Start.Precision == record.PrecisionSecond && usable(o) && (!ok || o.Start.Time.Before(start)) {
			start, ok = o.Start.Time, true
		}
	}
	return start, ok
}

const (
	oldestTold = 90 // 45 CFR 164.514(b)(2)(i)(C): ages above 89 are not told apart
	oldest     = 130
)

// age in whole years. A birth date of a year or month alone counts from its start.
func age(birth record.DateTime, at time.Time) float64 {
	if birth.IsZero() {
		return math.NaN()
	}
	y, m, d := birth.Time.Date()
	atY, atM, atD := at.Date()
	years := atY - y
	if atM < m || atM == m && atD < d {
		years--
	}
	if years < 0 || years >= oldest {
		return math.NaN()
	}
	return float64(min(years, oldestTold))
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

// fillScore writes the points of NEWS2's parts, and its total.
func fillScore(out []float64, scores *score.Readings, start time.Time, length time.Duration) {
	const stands = 6 * time.Hour
	res := scores.NEWS2(start.Add(length), score.Options{MaxAge: min(length, stands)})
	for i, name := range scoreParts {
		for _, p := range res.Parts {
			if p.Name == name && p.Known {
				out[i] = float64(p.Points)
			}
		}
	}
	if res.Computable {
		out[len(scoreParts)] = float64(res.Total)
	}
}

// fill writes the statistics of one measure's readings, sorted by time, within one window.
func fill(out []float64, points []point, length time.Duration) {
	var hours, values []float64
	for _, p := range points {
		if p.hours <= length.Hours() {
			hours, values = append(hours, p.hours), append(values, p.value)
		}
	}
	n := len(values)
	if n == 0 {
		return
	}
	last := n - 1
	for last > 0 && hours[last-1] == hours[n-1] {
		last--
	}
	out[statLast], out[statMean] = stat.Mean(values[last:], nil), stat.Mean(values, nil)
	out[statMin], out[statMax] = slices.Min(values), slices.Max(values)
	out[statCount] = float64(n)
	if hours[0] < hours[n-1] {
		_, out[statSlope] = stat.LinearRegression(hours, values, nil, false)
	}
}

// Age is whole years at a moment, 90 for all ages from there on; ok is false where it cannot be told.
func Age(birth record.DateTime, at time.Time) (years int, ok bool) {
	a := age(birth, at)
	return int(a), !math.IsNaN(a)
}
