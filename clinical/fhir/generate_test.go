package fhir_test

import (
	"fmt"
	"math"
	"time"

	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/record"
)

// The generators below draw records with every field of every resource set now and then,
// within what FHIR can say.

var (
	words  = rapid.StringMatching(`[A-Za-zµ°长乳酸<>&"\\/.%0-9][A-Za-zµ°长乳酸 \t\n<>&"\\/.%0-9]{0,12}`)
	maybe  = rapid.OneOf(rapid.Just(""), words)
	tokens = rapid.StringMatching(`([A-Za-z0-9<>][A-Za-z0-9 -]{0,8}[a-z0-9])?`)
)

func oneOf(s ...string) *rapid.Generator[string] { return rapid.SampledFrom(s) }

var dateTimes = rapid.Custom(func(t *rapid.T) record.DateTime {
	at := time.Unix(rapid.Int64Range(-2e9, 4e9).Draw(t, "second"), rapid.SampledFrom([]int64{0, 5e8, 123456789}).Draw(t, "ns")).
		In(time.FixedZone("", rapid.IntRange(-56, 56).Draw(t, "zone")*900))
	layout := rapid.SampledFrom([]string{"", "2006", "2006-01", "2006-01-02", time.RFC3339Nano}).Draw(t, "precision")
	d, err := record.ParseDateTime(at.Format(layout))
	if err != nil {
		t.Fatal(err)
	}
	return d
})

func known(precision ...record.Precision) *rapid.Generator[record.DateTime] {
	return dateTimes.Filter(func(d record.DateTime) bool {
		for _, p := range precision {
			if d.Precision == p {
				return true
			}
		}
		return false
	})
}

// period draws an end only where it cannot lie before the start.
func period(t *rapid.T) (start, end record.DateTime) {
	start = dateTimes.Draw(t, "start")
	switch {
	case !rapid.Bool().Draw(t, "ends"):
	case start.IsZero():
		end = dateTimes.Draw(t, "end")
	case start.Precision == record.PrecisionSecond:
		end = record.DateTime{Time: start.Time.Add(time.Hour), Precision: start.Precision}
	}
	return start, end
}

var decimals = rapid.Custom(func(t *rapid.T) record.Decimal {
	d, err := record.ParseDecimal(rapid.StringMatching(`-?(0|[1-9][0-9]{0,4})(\.[0-9]{1,4})?([eE][+-]?[0-9])?`).Draw(t, "decimal"))
	if err != nil {
		t.Fatal(err)
	}
	return d
})

var simple = rapid.Custom(func(t *rapid.T) *record.Quantity {
	unit := rapid.SampledFrom([][2]string{{"", ""}, {"mmHg", "mm[Hg]"}, {"次/分", "/min"}, {"mmol/L", ""}, {"", "Cel"}, {"zorks", "zork"}}).Draw(t, "unit")
	return &record.Quantity{Value: decimals.Draw(t, "value"), Unit: unit[0], Code: unit[1]}
})

var quantities = rapid.Custom(func(t *rapid.T) *record.Quantity {
	q := simple.Draw(t, "quantity")
	q.Comparator = oneOf("", "<", "<=", ">=", ">").Draw(t, "comparator")
	return q
})

func orNil(g *rapid.Generator[*record.Quantity]) *rapid.Generator[*record.Quantity] {
	return rapid.OneOf(rapid.Just[*record.Quantity](nil), g)
}

var references = rapid.Custom(func(t *rapid.T) *record.Range {
	r := &record.Range{Low: orNil(simple).Draw(t, "low"), Text: maybe.Draw(t, "text")}
	if rapid.Bool().Draw(t, "high") {
		high := &record.Quantity{Value: record.NewDecimal(1e9), Unit: "U"}
		if r.Low != nil {
			high.Unit, high.Code = r.Low.Unit, r.Low.Code
			high.Value = record.NewDecimal(math.Max(r.Low.Value.Float, 0) + 1)
		}
		r.High = high
	}
	if *r == (record.Range{}) {
		return nil
	}
	return r
})

var codings = rapid.Custom(func(t *rapid.T) record.Coding {
	return record.Coding{
		System: oneOf("", record.SystemLOINC, record.SystemICD10CM).Draw(t, "system"), Code: tokens.Draw(t, "code"), Display: maybe.Draw(t, "display"),
	}
}).Filter(func(c record.Coding) bool { return c != record.Coding{} })

var concepts = rapid.Custom(func(t *rapid.T) record.Concept {
	return record.Concept{Codings: rapid.SliceOfN(codings, 0, 3).Draw(t, "codings"), Text: maybe.Draw(t, "text")}
})

var values = rapid.Custom(func(t *rapid.T) record.Value {
	switch rapid.IntRange(0, 7).Draw(t, "type") {
	case 1:
		return record.Value{Quantity: quantities.Draw(t, "quantity")}
	case 2:
		c := concepts.Draw(t, "concept")
		return record.Value{Concept: &c}
	case 3:
		return record.Value{Text: words.Draw(t, "text")}
	case 4:
		b := rapid.Bool().Draw(t, "bool")
		return record.Value{Bool: &b}
	case 5:
		i := int64(rapid.Int32().Draw(t, "integer"))
		return record.Value{Integer: &i}
	case 6:
		return record.Value{Sampled: sampled(t)}
	case 7:
		return record.Value{AbsentReason: rapid.OneOf(oneOf("unknown", "error"), words).Draw(t, "reason")}
	}
	return record.Value{}
})

func sampled(t *rapid.T) *record.SampledData {
	s := &record.SampledData{
		Origin: *simple.Draw(t, "origin"), PeriodMS: rapid.Float64Range(1e-9, 1e9).Draw(t, "period"),
		Factor: rapid.OneOf(rapid.Just(1.0), rapid.Float64()).Draw(t, "factor"), Dimensions: rapid.IntRange(1, 3).Draw(t, "dimensions"),
	}
	sample := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1)}))
	n := rapid.IntRange(0, 5).Draw(t, "n") * s.Dimensions
	s.Samples = rapid.SliceOfN(sample, n, n).Draw(t, "samples")
	return s
}

var components = rapid.Custom(func(t *rapid.T) record.Component {
	return record.Component{
		Code: concepts.Draw(t, "code"), Value: values.Draw(t, "value"),
		Interpretation: rapid.SliceOfN(oneOf("H", "LL", "local"), 0, 2).Draw(t, "interpretation"), Reference: references.Draw(t, "reference"),
	}
})

// many draws up to three resources, each with an id of its own.
func many[R any](t *rapid.T, name string, draw func(t *rapid.T, id string) R) []R {
	var out []R
	for i := range rapid.IntRange(0, 3).Draw(t, name) {
		out = append(out, draw(t, fmt.Sprintf("%s.%d", name, i)))
	}
	return out
}

// ids gives the ids of what was drawn, and "" for none.
func ids[R any](items []R, id func(*R) string) *rapid.Generator[string] {
	out := []string{""}
	for i := range items {
		out = append(out, id(&items[i]))
	}
	return oneOf(out...)
}

var anyRecord = rapid.Custom(func(t *rapid.T) *record.PatientRecord {
	rec := &record.PatientRecord{Patient: record.Patient{
		ID: "p", Sex: oneOf("", "male", "female").Draw(t, "sex"), Deceased: rapid.Bool().Draw(t, "deceased"),
		BirthDate: known(record.PrecisionNone, record.PrecisionYear, record.PrecisionMonth, record.PrecisionDay).Draw(t, "birth"),
	}}
	if rapid.IntRange(0, 5).Draw(t, "nobody") == 0 {
		rec.Patient = record.Patient{}
	}
	reasons := rapid.SliceOfN(concepts, 0, 2)
	rec.Encounters = many(t, "encounter", func(t *rapid.T, id string) record.Encounter {
		e := record.Encounter{
			ID: id, Status: oneOf("finished", "unknown").Draw(t, "status"), Class: oneOf("", "IMP", "local").Draw(t, "class"),
			Reasons: reasons.Draw(t, "reasons"), Service: concepts.Draw(t, "service"),
		}
		e.Start, e.End = period(t)
		return e
	})
	rec.Devices = many(t, "device", func(t *rapid.T, id string) record.Device {
		return record.Device{ID: id, Type: concepts.Draw(t, "type"), Manufacturer: maybe.Draw(t, "maker"), Model: maybe.Draw(t, "model")}
	})
	stays := ids(rec.Encounters, func(e *record.Encounter) string { return e.ID })
	rec.Observations = observations(t, stays, ids(rec.Devices, func(d *record.Device) string { return d.ID }))
	readings := rapid.SliceOfN(ids(rec.Observations, func(o *record.Observation) string { return o.ID }).
		Filter(func(id string) bool { return id != "" || len(rec.Observations) == 0 }), 0, 2)
	rec.Conditions = many(t, "condition", func(t *rapid.T, id string) record.Condition {
		return record.Condition{
			ID: id, Code: concepts.Draw(t, "code"), Category: oneOf("", "encounter-diagnosis", "local").Draw(t, "category"),
			Clinical: oneOf("", "active").Draw(t, "clinical"), Verification: oneOf("", "confirmed").Draw(t, "verification"),
			Severity: concepts.Draw(t, "severity"), Onset: dateTimes.Draw(t, "onset"), Abatement: dateTimes.Draw(t, "abatement"),
			Recorded: dateTimes.Draw(t, "recorded"), EncounterID: stays.Draw(t, "stay"),
		}
	})
	rec.Medications = many(t, "medication", func(t *rapid.T, id string) record.Medication {
		m := record.Medication{
			ID: id, Administered: rapid.Bool().Draw(t, "given"), Status: oneOf("completed", "unknown").Draw(t, "status"), Code: concepts.Draw(t, "code"),
			Dose: orNil(simple).Draw(t, "dose"), Rate: orNil(quantities).Draw(t, "rate"), Route: concepts.Draw(t, "route"),
			DosageText: maybe.Draw(t, "text"), Reasons: reasons.Draw(t, "reasons"), EncounterID: stays.Draw(t, "stay"),
		}
		m.Start, m.End = period(t)
		return m
	})
	rec.Allergies = many(t, "allergy", func(t *rapid.T, id string) record.Allergy {
		return record.Allergy{
			ID: id, Code: concepts.Draw(t, "code"), Clinical: oneOf("", "active").Draw(t, "clinical"), Verification: oneOf("", "refuted").Draw(t, "verification"),
			Criticality: oneOf("", "high").Draw(t, "criticality"), Reactions: reasons.Draw(t, "reactions"), Recorded: dateTimes.Draw(t, "recorded"),
		}
	})
	rec.Reports = many(t, "report", func(t *rapid.T, id string) record.Report {
		r := record.Report{
			ID: id, Status: "final", Category: oneOf("", "LAB", "local").Draw(t, "category"), Code: concepts.Draw(t, "code"), Start: dateTimes.Draw(t, "start"),
			Issued: known(record.PrecisionNone, record.PrecisionSecond).Draw(t, "issued"), Conclusion: maybe.Draw(t, "conclusion"),
			Codes: reasons.Draw(t, "codes"), EncounterID: stays.Draw(t, "stay"),
		}
		if len(rec.Observations) > 0 {
			r.Results = readings.Draw(t, "results")
		}
		return r
	})
	rec.Procedures = many(t, "procedure", func(t *rapid.T, id string) record.Procedure {
		p := record.Procedure{ID: id, Status: "completed", Code: concepts.Draw(t, "code"), EncounterID: stays.Draw(t, "stay")}
		p.Start, p.End = period(t)
		return p
	})
	rec.Immunizations = many(t, "immunization", func(t *rapid.T, id string) record.Immunization {
		return record.Immunization{ID: id, Status: oneOf("completed", "not-done").Draw(t, "status"), Code: concepts.Draw(t, "code"), When: dateTimes.Draw(t, "when")}
	})
	return rec
})

// observations draws readings that name each other; some are alike but for their ids.
func observations(t *rapid.T, stays, devices *rapid.Generator[string]) []record.Observation {
	out := many(t, "observation", func(t *rapid.T, id string) record.Observation {
		o := record.Observation{
			ID: id, Status: oneOf("final", "preliminary").Draw(t, "status"), Category: oneOf("", "vital-signs", "local").Draw(t, "category"),
			Code: concepts.Draw(t, "code"), EncounterID: stays.Draw(t, "stay"), DeviceID: devices.Draw(t, "device"), Value: values.Draw(t, "value"),
			Components:     rapid.SliceOfN(components, 0, 2).Draw(t, "components"),
			Interpretation: rapid.SliceOfN(oneOf("H", "L", "local"), 0, 2).Draw(t, "interpretation"), Reference: references.Draw(t, "reference"),
			Members: rapid.SliceOfN(oneOf("observation.0"), 0, 2).Draw(t, "members"), DerivedFrom: rapid.SliceOfN(oneOf("observation.0", "raw-1"), 0, 2).Draw(t, "derived"),
			Marks: rapid.SliceOfN(rapid.SampledFrom([]record.Mark{record.MarkImputed, record.MarkArtefact}), 0, 2).Draw(t, "marks"),
		}
		o.Start, o.End = period(t)
		return o
	})
	for i := range rapid.IntRange(0, len(out)).Draw(t, "twins") {
		twin := out[i]
		twin.ID = fmt.Sprintf("twin.%d", i)
		out = append(out, twin)
	}
	return out
}
