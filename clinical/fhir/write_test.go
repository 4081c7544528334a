package fhir_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
)

// same compares what a record holds; what a reader told about its source is left out.
var same = cmp.Options{
	cmpopts.EquateEmpty(), cmpopts.EquateNaNs(), cmpopts.IgnoreFields(record.PatientRecord{}, "Skipped", "Notices"),
}

func empty(rec *record.PatientRecord) bool {
	return cmp.Equal(rec, &record.PatientRecord{}, same)
}

// again writes a record and reads it back, as a Bundle and as a line of a bulk export.
func again(t require.TestingT, rec *record.PatientRecord) *record.PatientRecord {
	text, err := fhir.AppendBundle(nil, rec)
	require.NoError(t, err)
	require.NotContains(t, string(text), "\n", "one line")
	got, err := fhir.Parse(text, fhir.Limits{})
	require.NoError(t, err, "%s", text)
	line := fhir.Line{Name: "x.ndjson", Number: 1, Text: text}
	res, err := fhir.Glance(line, fhir.Limits{})
	require.NoError(t, err)
	require.Equal(t, fhir.Resource{Type: "Bundle", Patient: rec.Patient.ID}, res)
	bulk, err := fhir.ParseResources([]fhir.Line{line}, nil, fhir.Limits{})
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(got, bulk, same), "as a line")
	return got
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyRecord.Draw(t, "record")
		if empty(want) {
			return
		}
		if diff := cmp.Diff(want, again(t, want), same); diff != "" {
			t.Fatalf("-written +read:\n%s", diff)
		}
	})
}

func TestSamplesAreWrittenAndReadBack(t *testing.T) {
	for _, path := range sampleNames(t, "*.fhir.json") {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		want, err := fhir.Parse(data, fhir.Limits{})
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(want, again(t, want), same), filepath.Base(path))
	}
}

// TestAWrittenBundle holds the form of what is written, on a record with a bit of everything.
func TestAWrittenBundle(t *testing.T) {
	at, err := record.ParseDateTime("2026-01-02T03:04:05.25+08:00")
	require.NoError(t, err)
	q := record.Quantity{Value: record.Decimal{Float: 7.4, Text: "7.40"}, Comparator: "<", Unit: "mmHg", Code: "mm[Hg]"}
	rec := &record.PatientRecord{
		Patient:    record.Patient{ID: "p", Sex: "female"},
		Encounters: []record.Encounter{{ID: "e", Class: "IMP", Start: at}},
		Observations: []record.Observation{
			{
				ID: "o", Status: "final", Category: "vital-signs", Code: record.Concept{Text: "a < b & c"}, Start: at, EncounterID: "e",
				Value: record.Value{Quantity: &q}, Interpretation: []string{"H"}, DerivedFrom: []string{"raw"}, Marks: []record.Mark{record.MarkMerged},
			},
			{ID: "w", Value: record.Value{Sampled: &record.SampledData{
				PeriodMS: 1e-7, Factor: 0.5, Dimensions: 1, Samples: []float64{1, -2.5, math.NaN(), math.Inf(-1), math.Inf(1), 1e21},
			}}},
			{ID: "a", Value: record.Value{AbsentReason: "error"}, Start: at},
			{ID: "b", Value: record.Value{AbsentReason: "error"}, Start: at},
		},
		Medications:   []record.Medication{{ID: "m", Code: record.Concept{Text: "heparin"}, Start: at, End: at}},
		Immunizations: []record.Immunization{{ID: "i", Status: "completed"}},
	}
	var b bytes.Buffer
	require.NoError(t, fhir.Write(&b, rec))
	golden(t, "written.golden", strings.ReplaceAll(b.String(), `{"resource"`, "\n"+`{"resource"`)+"\n")
}

func TestWhatFHIRCannotSayIsRefused(t *testing.T) {
	second := record.DateTime{Time: time.Unix(0, 0).UTC(), Precision: record.PrecisionSecond}
	quantity := func(unit, code string) *record.Quantity {
		return &record.Quantity{Value: record.NewDecimal(1), Unit: unit, Code: code}
	}
	big, yes := int64(1)<<40, true
	loinc := record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Code: "8867-4"}}}
	obs := func(o record.Observation) record.PatientRecord {
		return record.PatientRecord{Observations: []record.Observation{{ID: "x"}, o}}
	}
	value := func(v record.Value) record.PatientRecord { return obs(record.Observation{Value: v}) }
	wave := func(s record.SampledData) record.PatientRecord { return value(record.Value{Sampled: &s}) }
	for path, rec := range map[string]record.PatientRecord{
		"PatientRecord":                                {},
		"Patient.ID":                                   {Patient: record.Patient{Sex: "male"}},
		"Patient.Sex":                                  {Patient: record.Patient{ID: "p", Sex: "M"}},
		"Patient.BirthDate":                            {Patient: record.Patient{ID: "p", BirthDate: second}},
		"Encounters[0].End":                            {Encounters: []record.Encounter{{Start: second, End: record.DateTime{Time: second.Time.Add(-1), Precision: second.Precision}}}},
		"Encounters[0].Status":                         {Encounters: []record.Encounter{{Status: "John Smith"}}},
		"Observations[1].ID":                           obs(record.Observation{ID: "John Smith"}),
		"Observations[1].Code.Text":                    obs(record.Observation{Code: record.Concept{Text: " \n"}}),
		"Observations[1].Code.Codings":                 obs(record.Observation{Code: record.Concept{Codings: []record.Coding{{Code: " x"}}}}),
		"Observations[1].Category":                     obs(record.Observation{Category: "a\x01"}),
		"Observations[1].EncounterID":                  obs(record.Observation{EncounterID: "a/b"}),
		"Observations[1].Members":                      obs(record.Observation{Members: []string{"a b"}}),
		"Observations[1].Marks":                        obs(record.Observation{Marks: []record.Mark{""}}),
		"Observations[1].Reference":                    obs(record.Observation{Reference: &record.Range{Low: &record.Quantity{Value: record.NewDecimal(2)}, High: quantity("", "")}}),
		"Observations[1].Reference.Low.Comparator":     obs(record.Observation{Reference: &record.Range{Low: &record.Quantity{Comparator: "<"}}}),
		"Observations[1].Value":                        value(record.Value{Text: "x", Bool: &yes}),
		"Observations[1].Value.Text":                   value(record.Value{Text: "\xff"}),
		"Observations[1].Value.Integer":                value(record.Value{Integer: &big}),
		"Observations[1].Value.Quantity":               value(record.Value{Quantity: quantity("mg/dL", "mmol/L")}),
		"Observations[1].Value.Quantity.Value":         value(record.Value{Quantity: &record.Quantity{Value: record.NewDecimal(math.NaN())}}),
		"Observations[1].Components[0].Value.Quantity": obs(record.Observation{Components: []record.Component{{Code: loinc, Value: record.Value{Quantity: quantity("mmol/L", "")}}}}),
		"Observations[1].Value.Sampled.PeriodMS":       wave(record.SampledData{Dimensions: 1}),
		"Observations[1].Value.Sampled.Dimensions":     wave(record.SampledData{PeriodMS: 1}),
		"Observations[1].Value.Sampled.Samples":        wave(record.SampledData{PeriodMS: 1, Dimensions: 2, Samples: []float64{1}}),
		"Observations[1].Start":                        obs(record.Observation{Start: record.DateTime{Time: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC), Precision: record.PrecisionDay}}),
		"Medications[0].Dose.Comparator":               {Medications: []record.Medication{{Administered: true, Dose: &record.Quantity{Comparator: "<"}}}},
		"Reports[0].Issued":                            {Reports: []record.Report{{Issued: record.DateTime{Time: second.Time, Precision: record.PrecisionDay}}}},
		"Immunizations[0].Status":                      {Immunizations: []record.Immunization{{}}},
	} {
		got, err := fhir.AppendBundle([]byte("before"), &rec)
		var invalid *record.InvalidError
		require.ErrorAs(t, err, &invalid, path)
		require.Equal(t, "before", string(got), "nothing is written")
		require.Equal(t, path, invalid.Violations[0].Path, "%v", err)
		require.NotContains(t, err.Error(), "John", "patient text in a message")
	}
	twice := &record.PatientRecord{Observations: []record.Observation{{ID: "x"}, {ID: "x"}}}
	_, err := fhir.AppendBundle(nil, twice)
	require.EqualError(t, err, "Observations[1].ID: the id of another Observation")
	many := &record.PatientRecord{Immunizations: make([]record.Immunization, 50)}
	var invalid *record.InvalidError
	require.ErrorAs(t, fhir.Write(&bytes.Buffer{}, many), &invalid)
	require.Len(t, invalid.Violations, 20)
}

// TestNumbersWithoutATextAreWritten as prepared readings have them, whose numbers were computed.
func TestNumbersWithoutATextAreWritten(t *testing.T) {
	for _, f := range []float64{0, 1.0 / 3, 1e300, -1e-300} {
		for _, d := range []record.Decimal{{Float: f}, record.NewDecimal(f), {Float: f, Text: "17"}} {
			rec := &record.PatientRecord{Observations: []record.Observation{{ID: "o", Value: record.Value{Quantity: &record.Quantity{Value: d}}}}}
			require.Equal(t, f, again(t, rec).Observations[0].Value.Quantity.Value.Float)
		}
	}
}

func TestTimesInZonesThatFHIRLacksAreWritten(t *testing.T) {
	for _, zone := range []int{5*3600 + 43*60 + 24, 20 * 3600} {
		at := record.DateTime{Time: time.Date(1900, 1, 2, 3, 4, 5, 0, time.FixedZone("", zone)), Precision: record.PrecisionSecond}
		rec := &record.PatientRecord{Observations: []record.Observation{{ID: "o", Start: at}}}
		require.True(t, again(t, rec).Observations[0].Start.Time.Equal(at.Time))
	}
}

func TestAWriterThatFailsIsNamed(t *testing.T) {
	full := errors.New("disk is full")
	err := fhir.Write(failingWriter{full}, &record.PatientRecord{Patient: record.Patient{ID: "p"}})
	require.ErrorIs(t, err, full)
}

type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }
