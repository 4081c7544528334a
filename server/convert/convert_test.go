package convert_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/convert"
)

// plain is a record with three good observations, for a test to spoil.
func plain() *bedsidev1.PatientRecord {
	p := &bedsidev1.PatientRecord{Patient: &bedsidev1.Patient{Id: "p", Sex: "female", BirthDate: "1950"}}
	for i := range 3 {
		p.Observations = append(p.Observations, &bedsidev1.Observation{
			Id: fmt.Sprintf("hr-%d", i), Code: &bedsidev1.Concept{Text: "Heart rate"}, Start: "2026-03-01T08:00:00+08:00",
			Value: quantityValue(&bedsidev1.Quantity{Value: "7.40", Unit: "beats/min", Code: "/min"}),
		})
	}
	return p
}

func quantityValue(q *bedsidev1.Quantity) *bedsidev1.Value {
	return &bedsidev1.Value{Value: &bedsidev1.Value_Quantity{Quantity: q}}
}

func sampledValue(change func(*bedsidev1.SampledData)) *bedsidev1.Value {
	s := &bedsidev1.SampledData{Origin: &bedsidev1.Quantity{Value: "0"}, PeriodMs: 8, Dimensions: 1, Samples: []float64{1, 2}}
	change(s)
	return &bedsidev1.Value{Value: &bedsidev1.Value_Sampled{Sampled: s}}
}

func TestDefaultsAndDigits(t *testing.T) {
	p := plain()
	p.Observations[1].Value = sampledValue(func(*bedsidev1.SampledData) {})
	rec, err := convert.RecordFromProto(p)
	require.NoError(t, err)
	require.Equal(t, "final", rec.Observations[0].Status)
	require.Equal(t, "7.40", rec.Observations[0].Value.Quantity.Value.String())
	require.Equal(t, record.PrecisionYear, rec.Patient.BirthDate.Precision)
	require.Equal(t, "2026-03-01T08:00:00+08:00", rec.Observations[0].Start.String())
	require.InDelta(t, 1, rec.Observations[1].Value.Sampled.Factor, 0)
	require.Empty(t, rec.Notices)
}

func TestViolations(t *testing.T) {
	for _, c := range []struct {
		path, message string
		spoil         func(p *bedsidev1.PatientRecord)
	}{
		{"record.patient", "required", func(p *bedsidev1.PatientRecord) { p.Patient = nil }},
		{"record.patient.birth_date", "not a FHIR date (YYYY,", func(p *bedsidev1.PatientRecord) { p.Patient.BirthDate = "1950-01-01T00:00:00Z" }},
		{"record.patient.birth_date", "not a FHIR dateTime", func(p *bedsidev1.PatientRecord) { p.Patient.BirthDate = "01/02/1950" }},
		{"record.observations[2].start", "not a FHIR dateTime", func(p *bedsidev1.PatientRecord) { p.Observations[2].Start = "2026-03-01T08:00" }},
		{"record.observations[2].start", "not a FHIR dateTime", func(p *bedsidev1.PatientRecord) { p.Observations[2].Start = "2026-03-01T08:00:00,5Z" }},
		{"record.observations[0].end", "is before start", func(p *bedsidev1.PatientRecord) { p.Observations[0].End = "2026-02-01T08:00:00+08:00" }},
		{"record.observations[1].id", "the id of an earlier Observation", func(p *bedsidev1.PatientRecord) { p.Observations[1].Id = "hr-0" }},
		{"record.observations[1].id", "required", func(p *bedsidev1.PatientRecord) { p.Observations[1].Id = "" }},
		{"record.observations[1].id", "expected letters", func(p *bedsidev1.PatientRecord) { p.Observations[1].Id = "Zhang Wei" }},
		{"record.observations[0].code", "needs a coding or a text", func(p *bedsidev1.PatientRecord) { p.Observations[0].Code = nil }},
		{"record.observations[0].value.quantity.value", "not a decimal", func(p *bedsidev1.PatientRecord) { p.Observations[0].GetValue().GetQuantity().Value = "07" }},
		{"record.observations[0].value.quantity.unit", "contradicts", func(p *bedsidev1.PatientRecord) { p.Observations[0].GetValue().GetQuantity().Code = "mm[Hg]" }},
		{"record.observations[0].value.quantity.code", "cannot measure", func(p *bedsidev1.PatientRecord) {
			p.Observations[0].Code = &bedsidev1.Concept{Codings: []*bedsidev1.Coding{{System: "http://loinc.org", Code: "8867-4"}}}
			q := p.Observations[0].GetValue().GetQuantity()
			q.Unit, q.Code = "mmol/L", "mmol/L"
		}},
		{"record.observations[0].value.concept", "needs a coding or a text", func(p *bedsidev1.PatientRecord) {
			p.Observations[0].Value = &bedsidev1.Value{Value: &bedsidev1.Value_Concept{}}
		}},
		{"record.observations[0].value.sampled.samples", "2 samples do not fill 3 dimensions", func(p *bedsidev1.PatientRecord) {
			p.Observations[0].Value = sampledValue(func(s *bedsidev1.SampledData) { s.Dimensions = 3 })
		}},
		{"record.observations[0].value.sampled.dimensions", "above 0", func(p *bedsidev1.PatientRecord) {
			p.Observations[0].Value = sampledValue(func(s *bedsidev1.SampledData) { s.Dimensions = 0 })
		}},
		{"record.observations[0].value.sampled.period_ms", "above 0", func(p *bedsidev1.PatientRecord) {
			p.Observations[0].Value = sampledValue(func(s *bedsidev1.SampledData) { s.PeriodMs = math.NaN() })
		}},
		{"record.observations[0].value.sampled.factor", "finite", func(p *bedsidev1.PatientRecord) {
			p.Observations[0].Value = sampledValue(func(s *bedsidev1.SampledData) { s.Factor = math.Inf(1) })
		}},
		{"record.observations[0].value.sampled.origin", "required", func(p *bedsidev1.PatientRecord) {
			p.Observations[0].Value = sampledValue(func(s *bedsidev1.SampledData) { s.Origin = nil })
		}},
		{"record.observations[0].reference.low", "is greater than high", func(p *bedsidev1.PatientRecord) {
			p.Observations[0].Reference = &bedsidev1.Range{Low: &bedsidev1.Quantity{Value: "100"}, High: &bedsidev1.Quantity{Value: "60"}}
		}},
		{"record.observations[0].components[1].reference.high.value", "not a decimal", func(p *bedsidev1.PatientRecord) {
			p.Observations[0].Components = []*bedsidev1.Component{
				{Code: &bedsidev1.Concept{Text: "a"}},
				{Code: &bedsidev1.Concept{Text: "b"}, Reference: &bedsidev1.Range{High: &bedsidev1.Quantity{}}},
			}
		}},
		{"record.medications[0].dose.value", "not a decimal", func(p *bedsidev1.PatientRecord) {
			p.Medications = []*bedsidev1.Medication{{Id: "m", Code: &bedsidev1.Concept{Text: "x"}, Dose: &bedsidev1.Quantity{Value: "1e999"}}}
		}},
		{"record.encounters[0].start", "not a FHIR dateTime", func(p *bedsidev1.PatientRecord) { p.Encounters = []*bedsidev1.Encounter{{Start: "now"}} }},
		{"record.conditions[0].onset", "not a FHIR dateTime", func(p *bedsidev1.PatientRecord) {
			p.Conditions = []*bedsidev1.Condition{{Id: "c", Code: &bedsidev1.Concept{Text: "x"}, Onset: "last week"}}
		}},
	} {
		t.Run(c.path+" "+c.message, func(t *testing.T) {
			p := plain()
			c.spoil(p)
			_, err := convert.RecordFromProto(p)
			e, ok := errors.AsType[*record.InvalidError](err)
			require.True(t, ok, "%v", err)
			require.Len(t, e.Violations, 1, "%v", err)
			require.Equal(t, c.path, e.Violations[0].Path)
			require.Contains(t, e.Violations[0].Message, c.message)
			require.NotContains(t, err.Error(), "Zhang")
		})
	}
}

func TestSameIDInTwoTypesIsFine(t *testing.T) {
	p := plain()
	code := &bedsidev1.Concept{Text: "x"}
	p.Conditions = []*bedsidev1.Condition{{Id: "hr-0", Code: code}}
	p.Medications = []*bedsidev1.Medication{{Id: "hr-0", Code: code}, {Id: "hr-0", Code: code, Administered: true}}
	_, err := convert.RecordFromProto(p)
	require.NoError(t, err)
	p.Medications[1].Administered = false
	_, err = convert.RecordFromProto(p)
	require.ErrorContains(t, err, "record.medications[1].id: the id of an earlier MedicationRequest")
}

func TestViolationsAreBounded(t *testing.T) {
	p := plain()
	for range 1000 {
		p.Observations = append(p.Observations, &bedsidev1.Observation{Start: "?", Code: &bedsidev1.Concept{Text: "x"}})
	}
	_, err := convert.RecordFromProto(p)
	e, ok := errors.AsType[*record.InvalidError](err)
	require.True(t, ok)
	require.Len(t, e.Violations, 20)
}

func TestUnknownUnitsAreNoticesAndBounded(t *testing.T) {
	p := plain()
	for i := range 1200 {
		p.Observations = append(p.Observations, &bedsidev1.Observation{
			Id: fmt.Sprint(i), Code: &bedsidev1.Concept{Text: "x"}, Value: quantityValue(&bedsidev1.Quantity{Value: "1", Unit: "Zhang Wei"}),
		})
	}
	p.Observations[0].GetValue().GetQuantity().Code = "blorp"
	rec, err := convert.RecordFromProto(p)
	require.NoError(t, err)
	require.Len(t, rec.Notices, 1001)
	require.Equal(t, record.Notice{
		Path: "record.observations[0].value.quantity.code", Kind: record.NoticeUnknownUnit, Message: "not a known UCUM code",
	}, rec.Notices[0])
	require.Equal(t, record.Notice{Path: "record", Kind: record.NoticeMore, Message: "201 more notices left out"}, rec.Notices[1000])
	warnings := convert.WarningsToProto(rec.Notices)
	require.Len(t, warnings, 1001)
	require.Equal(t, "unknown-unit", warnings[1].GetKind())
	require.Equal(t, "record.observations[3].value.quantity.unit", warnings[1].GetPath())
	require.NotContains(t, fmt.Sprint(warnings), "Zhang")
}

func TestSource(t *testing.T) {
	typed := func(p *bedsidev1.PatientRecord) *bedsidev1.RecordSource {
		return &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_Record{Record: p}}
	}
	json := func(s string) *bedsidev1.RecordSource {
		return &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: s}}
	}
	rec, err := convert.Source(typed(plain()), convert.Limits{})
	require.NoError(t, err)
	require.Len(t, rec.Observations, 3)
	rec, err = convert.Source(json(`{"resourceType":"Patient","id":"a","gender":"male"}`), convert.Limits{})
	require.NoError(t, err)
	require.Equal(t, "male", rec.Patient.Sex)

	bad := plain()
	bad.Observations[2].Start = "?"
	for source, path := range map[*bedsidev1.RecordSource]string{
		typed(bad): "source.record.observations[2].start",
		json(`{"resourceType":"Patient","gender":"m"}`): "Patient.gender",
		json(`{`): "Bundle", {}: "source", nil: "source",
	} {
		_, err := convert.Source(source, convert.Limits{})
		e, ok := errors.AsType[*record.InvalidError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, path, e.Violations[0].Path)
	}
	_, err = convert.Source(json(strings.Repeat(" ", 100)), convert.Limits{Bytes: 99})
	e, ok := errors.AsType[*record.LimitError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, int64(99), e.Limit)
}
