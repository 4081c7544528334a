package render_test

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// ward draws records as wards have them: what they name is in the table of terms, so that
// every word of their texts can be read back.
type ward struct {
	t     *rapid.T
	admit time.Time
	n     int
}

func (w *ward) pick(label string, n int) int { return rapid.IntRange(0, n).Draw(w.t, label) }

// chance is true once in n times.
func (w *ward) chance(label string, n int) bool { return w.pick(label, n-1) == 0 }

func (w *ward) id() string { w.n++; return "r" + strconv.Itoa(w.n) }

// when is a time around the stay, mostly to the minute.
func (w *ward) when(label string) record.DateTime {
	t := w.admit.Add(time.Duration(w.pick(label, 9*24*60)-3*24*60) * time.Minute)
	switch w.pick(label+"p", 9) {
	case 0:
		return record.DateTime{}
	case 1:
		y, m, d := t.Date()
		return record.DateTime{Time: time.Date(y, m, d, 0, 0, 0, 0, time.UTC), Precision: record.PrecisionDay}
	}
	return record.DateTime{Time: t, Precision: record.PrecisionSecond}
}

var codeSystems = map[byte]string{
	'L': record.SystemLOINC, 'R': record.SystemRxNorm, 'I': record.SystemICD10CM, 'X': record.SystemCVX,
	'M': record.SystemIEEE11073, 'V': "other",
}

func conceptOf(e *terms.Entry) record.Concept {
	if len(e.Codes) == 0 || e.Codes[0][0] == 'V' {
		return record.Concept{Text: e.Name(terms.English)}
	}
	return record.Concept{Codings: []record.Coding{{System: codeSystems[e.Codes[0][0]], Code: e.Codes[0][1:]}}}
}

func (w *ward) concept(kind string) record.Concept {
	var of []*terms.Entry
	for _, e := range terms.Entries() {
		if e.Kind == kind {
			of = append(of, e)
		}
	}
	return conceptOf(rapid.SampledFrom(of).Draw(w.t, kind))
}

func (w *ward) decimal(label string, most int) record.Decimal {
	text := strconv.Itoa(w.pick(label, most))
	if places := w.pick(label+"p", 2); places > 0 {
		text += "." + fmt.Sprintf("%0*d", places, w.pick(label+"f", 9))
	}
	d, err := record.ParseDecimal(text)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *ward) quantity(label, unit string) *record.Quantity {
	q := &record.Quantity{Value: w.decimal(label, 200), Unit: unit, Code: unit}
	if w.chance(label+"c", 12) {
		q.Comparator = rapid.SampledFrom([]string{"<", ">"}).Draw(w.t, label+"c")
	}
	return q
}

// series are readings of one measure, with marks as preparation leaves them.
func (w *ward) series() []record.Observation {
	var numeric []*terms.Entry
	for _, e := range terms.Entries() {
		if e.Kind == "measure" && e.Unit != "" && e.Group != "wave" {
			numeric = append(numeric, e)
		}
	}
	often := []*terms.Entry{terms.Measure("8867-4"), terms.Measure("9279-1"), terms.Measure("2708-6"), terms.Measure("8310-5"), terms.Measure("2160-0")}
	e := rapid.SampledFrom(slices.Concat(numeric, slices.Repeat(often, 40))).Draw(w.t, "measure")
	step := w.pick("step", 300) + 1
	at := w.admit.Add(time.Duration(w.pick("start", 2000)-500) * time.Minute)
	var out []record.Observation
	for range w.pick("readings", 9) + 1 {
		o := record.Observation{
			ID: w.id(), Status: "final", Category: "vital-signs", Code: conceptOf(e),
			Start: record.DateTime{Time: at, Precision: record.PrecisionSecond},
			Value: record.Value{Quantity: w.quantity("value", e.Unit)}, Marks: w.marks(),
		}
		if w.chance("flagged", 8) {
			o.Interpretation = []string{rapid.SampledFrom([]string{"H", "L", "N", "A"}).Draw(w.t, "flag")}
		}
		if w.chance("range", 8) {
			o.Reference = &record.Range{Low: &record.Quantity{Value: w.decimal("low", 60)}, High: &record.Quantity{Value: w.decimal("high", 100)}}
		}
		out = append(out, o)
		at = at.Add(time.Duration(step+w.pick("jitter", 30)) * time.Minute)
	}
	return out
}

func (w *ward) marks() []record.Mark {
	if !w.chance("marked", 4) {
		return nil
	}
	return []record.Mark{rapid.SampledFrom(allMarks).Draw(w.t, "mark")}
}

func (w *ward) pressures() []record.Observation {
	var out []record.Observation
	for i := range w.pick("pressures", 8) {
		o := record.Observation{ID: w.id(), Status: "final", Code: loinc("85354-9"), Start: w.when("bp"), Marks: w.marks()}
		for _, code := range []string{"8480-6", "8462-4"} {
			o.Components = append(o.Components, record.Component{Code: loinc(code), Value: record.Value{Quantity: w.quantity(code+strconv.Itoa(i), "mm[Hg]")}})
		}
		out = append(out, o)
	}
	return out
}

// wardRecord draws a record of one stay.
func wardRecord(t *rapid.T) *record.PatientRecord {
	w := &ward{t: t, admit: time.Date(2026, 3, 14, 6, 0, 0, 0, time.FixedZone("", 8*3600))}
	rec := &record.PatientRecord{Patient: record.Patient{
		ID: "p", Sex: rapid.SampledFrom([]string{"male", "female", ""}).Draw(t, "sex"), BirthDate: moment("1961-02-03"), Deceased: w.chance("deceased", 9),
	}}
	if !w.chance("no stay", 5) {
		start := record.DateTime{Time: w.admit, Precision: record.PrecisionSecond}
		if w.chance("day", 5) {
			start = moment("2026-03-14")
		}
		rec.Encounters = append(rec.Encounters, record.Encounter{ID: "e", Class: "IMP", Status: "in-progress", Start: start, Service: w.concept("service"), Reasons: []record.Concept{w.concept("diagnosis")}})
	}
	for range w.pick("series", 4) {
		rec.Observations = append(rec.Observations, w.series()...)
	}
	rec.Observations = append(rec.Observations, w.pressures()...)
	for range w.pick("others", 2) {
		drug := w.concept("drug")
		route := w.concept("route")
		rec.Conditions = append(rec.Conditions, record.Condition{
			ID: w.id(), Code: w.concept("diagnosis"), Clinical: rapid.SampledFrom([]string{"active", "resolved"}).Draw(t, "clinical"),
			Verification: rapid.SampledFrom([]string{"confirmed", "provisional", "refuted"}).Draw(t, "verification"), Onset: w.when("onset"),
		})
		for range w.pick("doses", 3) {
			rec.Medications = append(rec.Medications, record.Medication{
				ID: w.id(), Administered: !w.chance("ordered", 3), Status: rapid.SampledFrom([]string{"completed", "active", "not-done"}).Draw(t, "status"),
				Code: drug, Dose: &record.Quantity{Value: w.decimal("dose", 500), Unit: "mg", Code: "mg"}, Route: route, Start: w.when("given"),
			})
		}
		rec.Allergies = append(rec.Allergies, record.Allergy{ID: w.id(), Code: w.concept("allergen"), Criticality: "high", Clinical: "active", Reactions: []record.Concept{w.concept("diagnosis")}})
		rec.Reports = append(rec.Reports, record.Report{ID: w.id(), Status: rapid.SampledFrom([]string{"final", "preliminary"}).Draw(t, "report"), Code: w.concept("measure"), Issued: w.when("issued"), Conclusion: "no change"})
		rec.Procedures = append(rec.Procedures, record.Procedure{ID: w.id(), Status: "completed", Code: w.concept("procedure"), Start: w.when("from"), End: record.DateTime{}})
		rec.Immunizations = append(rec.Immunizations, record.Immunization{ID: w.id(), Status: "completed", Code: w.concept("vaccine"), When: moment(rapid.SampledFrom([]string{"2024", "2023-10", "2025-11-02"}).Draw(t, "vaccinated"))})
		rec.Devices = append(rec.Devices, record.Device{ID: w.id(), Type: w.concept("device")})
	}
	return rec
}
