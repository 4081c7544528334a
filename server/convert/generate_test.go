package convert_test

import (
	"fmt"
	"math"
	"time"

	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/record"
)

// The generators below draw records that the protocol's own rules allow, with every field
// of every resource set now and then.

var words = rapid.StringMatching(`[A-Za-zµ°长乳酸 /.%0-9]{0,12}`)

func oneOf(s ...string) *rapid.Generator[string] { return rapid.SampledFrom(s) }

var dateTimes = rapid.Custom(func(t *rapid.T) record.DateTime {
	at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "second"), rapid.Int64Range(0, 999).Draw(t, "ms")*1e6).
		In(time.FixedZone("", rapid.IntRange(-12, 14).Draw(t, "zone")*3600))
	text := ""
	switch rapid.IntRange(0, 4).Draw(t, "precision") {
	case 1:
		text = at.Format("2006")
	case 2:
		text = at.Format("2006-01")
	case 3:
		text = at.Format("2006-01-02")
	case 4:
		text = at.Format(time.RFC3339Nano)
	}
	d, err := record.ParseDateTime(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
})

// period draws an end only where it cannot lie before the start.
func period(t *rapid.T) (start, end record.DateTime) {
	start = dateTimes.Draw(t, "start")
	if rapid.Bool().Draw(t, "ends") && start.Precision == record.PrecisionSecond {
		end = record.DateTime{Time: start.Time.Add(time.Hour), Precision: start.Precision}
	}
	return start, end
}

var decimals = rapid.Custom(func(t *rapid.T) record.Decimal {
	d, err := record.ParseDecimal(rapid.StringMatching(`-?(0|[1-9][0-9]{0,4})(\.[0-9]{1,4})?([eE]-?[0-9])?`).Draw(t, "decimal"))
	if err != nil {
		t.Fatal(err)
	}
	return d
})

var quantities = rapid.Custom(func(t *rapid.T) *record.Quantity {
	unit := rapid.SampledFrom([][2]string{{"", ""}, {"mmHg", "mm[Hg]"}, {"次/分", "/min"}, {"mmol/L", ""}, {"", "Cel"}}).Draw(t, "unit")
	return &record.Quantity{
		Value: decimals.Draw(t, "value"), Comparator: oneOf("", "<", "<=", ">=", ">").Draw(t, "comparator"), Unit: unit[0], Code: unit[1],
	}
})

var maybeQuantity = rapid.OneOf(rapid.Just[*record.Quantity](nil), quantities)

var references = rapid.Custom(func(t *rapid.T) *record.Range {
	if rapid.Bool().Draw(t, "none") {
		return nil
	}
	r := &record.Range{Low: maybeQuantity.Draw(t, "low"), Text: words.Draw(t, "text")}
	if rapid.Bool().Draw(t, "high") {
		high := &record.Quantity{Value: record.NewDecimal(1e9), Unit: "U"}
		if r.Low != nil {
			high.Unit, high.Code = r.Low.Unit, r.Low.Code
			high.Value = record.NewDecimal(math.Max(r.Low.Value.Float, 0) + 1)
		}
		r.High = high
	}
	return r
})

var codings = rapid.Custom(func(t *rapid.T) record.Coding {
	return record.Coding{
		System: oneOf("", record.SystemLOINC, record.SystemICD10CM).Draw(t, "system"), Code: words.Draw(t, "code"), Display: words.Draw(t, "display"),
	}
})

var concepts = rapid.Custom(func(t *rapid.T) record.Concept {
	return record.Concept{Codings: rapid.SliceOfN(codings, 0, 3).Draw(t, "codings"), Text: words.Draw(t, "text")}
})

var needed = concepts.Filter(func(c record.Concept) bool { return !c.IsZero() })

var values = rapid.Custom(func(t *rapid.T) record.Value {
	switch rapid.IntRange(0, 7).Draw(t, "type") {
	case 1:
		return record.Value{Quantity: quantities.Draw(t, "quantity")}
	case 2:
		c := needed.Draw(t, "concept")
		return record.Value{Concept: &c}
	case 3:
		return record.Value{Text: words.Draw(t, "text")}
	case 4:
		b := rapid.Bool().Draw(t, "bool")
		return record.Value{Bool: &b}
	case 5:
		i := rapid.Int64().Draw(t, "integer")
		return record.Value{Integer: &i}
	case 6:
		return record.Value{Sampled: sampled(t)}
	case 7:
		return record.Value{AbsentReason: oneOf("unknown", "error").Draw(t, "reason")}
	}
	return record.Value{}
})

func sampled(t *rapid.T) *record.SampledData {
	s := &record.SampledData{
		Origin: *quantities.Draw(t, "origin"), PeriodMS: rapid.Float64Range(0.001, 1000).Draw(t, "period"),
		Factor: rapid.Float64Range(0.001, 10).Draw(t, "factor"), Dimensions: rapid.IntRange(1, 3).Draw(t, "dimensions"),
	}
	sample := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1)}))
	n := rapid.IntRange(0, 5).Draw(t, "n") * s.Dimensions
	s.Samples = rapid.SliceOfN(sample, n, n).Draw(t, "samples")
	return s
}

var components = rapid.Custom(func(t *rapid.T) record.Component {
	return record.Component{
		Code: needed.Draw(t, "code"), Value: values.Draw(t, "value"),
		Interpretation: rapid.SliceOfN(oneOf("H", "LL"), 0, 2).Draw(t, "interpretation"), Reference: references.Draw(t, "reference"),
	}
})

// many draws up to three resources, each with an id of its own.
func many[R any](t *rapid.T, name string, draw func(t *rapid.T, id string) R) []R {
	var out []R
	for i := range rapid.IntRange(0, 3).Draw(t, name) {
		out = append(out, draw(t, fmt.Sprintf("%s-%d", name, i)))
	}
	return out
}

var records = rapid.Custom(func(t *rapid.T) *record.PatientRecord {
	reasons := rapid.SliceOfN(concepts, 0, 2)
	birth := dateTimes.Filter(func(d record.DateTime) bool { return d.Precision != record.PrecisionSecond })
	return &record.PatientRecord{
		Patient: record.Patient{
			ID: "p", Sex: oneOf("", "male", "female").Draw(t, "sex"), BirthDate: birth.Draw(t, "birth"), Deceased: rapid.Bool().Draw(t, "deceased"),
		},
		Encounters: many(t, "encounter", func(t *rapid.T, id string) record.Encounter {
			e := record.Encounter{ID: id, Status: words.Draw(t, "status"), Class: "IMP", Reasons: reasons.Draw(t, "reasons"), Service: concepts.Draw(t, "service")}
			e.Start, e.End = period(t)
			return e
		}),
		Devices: many(t, "device", func(t *rapid.T, id string) record.Device {
			return record.Device{ID: id, Type: concepts.Draw(t, "type"), Manufacturer: words.Draw(t, "maker"), Model: words.Draw(t, "model")}
		}),
		Observations: many(t, "observation", func(t *rapid.T, id string) record.Observation {
			o := record.Observation{
				ID: id, Status: oneOf("final", "preliminary", "entered-in-error").Draw(t, "status"), Category: words.Draw(t, "category"),
				Code: needed.Draw(t, "code"), EncounterID: words.Draw(t, "encounter"), DeviceID: words.Draw(t, "device"), Value: values.Draw(t, "value"),
				Components:     rapid.SliceOfN(components, 0, 2).Draw(t, "components"),
				Interpretation: rapid.SliceOfN(oneOf("H", "L"), 0, 2).Draw(t, "interpretation"), Reference: references.Draw(t, "reference"),
				Members: rapid.SliceOfN(oneOf("observation-0", "b"), 0, 2).Draw(t, "members"), DerivedFrom: rapid.SliceOfN(oneOf("a", "b"), 0, 2).Draw(t, "derived"),
				Marks: rapid.SliceOfN(rapid.SampledFrom([]record.Mark{record.MarkImputed, record.MarkArtefact}), 0, 2).Draw(t, "marks"),
			}
			o.Start, o.End = period(t)
			return o
		}),
		Conditions: many(t, "condition", func(t *rapid.T, id string) record.Condition {
			return record.Condition{
				ID: id, Code: needed.Draw(t, "code"), Category: words.Draw(t, "category"), Clinical: "active", Verification: "confirmed",
				Severity: concepts.Draw(t, "severity"), Onset: dateTimes.Draw(t, "onset"), Abatement: dateTimes.Draw(t, "abatement"),
				Recorded: dateTimes.Draw(t, "recorded"), EncounterID: "e",
			}
		}),
		Medications: many(t, "medication", func(t *rapid.T, id string) record.Medication {
			m := record.Medication{
				ID: id, Administered: rapid.Bool().Draw(t, "given"), Status: words.Draw(t, "status"), Code: needed.Draw(t, "code"),
				Dose: maybeQuantity.Draw(t, "dose"), Rate: maybeQuantity.Draw(t, "rate"), Route: concepts.Draw(t, "route"),
				DosageText: words.Draw(t, "text"), Reasons: reasons.Draw(t, "reasons"), EncounterID: "e",
			}
			m.Start, m.End = period(t)
			return m
		}),
		Allergies: many(t, "allergy", func(t *rapid.T, id string) record.Allergy {
			return record.Allergy{
				ID: id, Code: needed.Draw(t, "code"), Clinical: "active", Verification: "confirmed", Criticality: oneOf("", "high").Draw(t, "criticality"),
				Reactions: reasons.Draw(t, "reactions"), Recorded: dateTimes.Draw(t, "recorded"),
			}
		}),
		Reports: many(t, "report", func(t *rapid.T, id string) record.Report {
			return record.Report{
				ID: id, Status: "final", Category: words.Draw(t, "category"), Code: needed.Draw(t, "code"), Start: dateTimes.Draw(t, "start"),
				Issued: dateTimes.Draw(t, "issued"), Conclusion: words.Draw(t, "conclusion"), Codes: reasons.Draw(t, "codes"),
				Results: rapid.SliceOfN(oneOf("a", "b"), 0, 2).Draw(t, "results"), EncounterID: "e",
			}
		}),
		Procedures: many(t, "procedure", func(t *rapid.T, id string) record.Procedure {
			p := record.Procedure{ID: id, Status: "completed", Code: needed.Draw(t, "code"), EncounterID: words.Draw(t, "encounter")}
			p.Start, p.End = period(t)
			return p
		}),
		Immunizations: many(t, "immunization", func(t *rapid.T, id string) record.Immunization {
			return record.Immunization{ID: id, Status: oneOf("completed", "not-done").Draw(t, "status"), Code: needed.Draw(t, "code"), When: dateTimes.Draw(t, "when")}
		}),
	}
})
