package features_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/prepare/features"
	"github.com/bedside-lm/bedside/clinical/record"
)

var admission = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func moment(minutes int) record.DateTime {
	return record.DateTime{Time: admission.Add(time.Duration(minutes) * time.Minute), Precision: record.PrecisionSecond}
}

func reading(code string, v float64, unit string, minutes int) record.Observation {
	return record.Observation{
		ID: fmt.Sprint(code, minutes), Status: "final", Code: record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Code: code}}},
		Start: record.DateTime{Time: admission.Add(time.Duration(minutes) * time.Minute), Precision: record.PrecisionSecond},
		Value: record.Value{Quantity: &record.Quantity{Value: record.NewDecimal(v), Code: unit}},
	}
}

func value(t *testing.T, row []float64, name string) float64 {
	t.Helper()
	for i, c := range features.Schema() {
		if c.Name == name {
			return row[i]
		}
	}
	t.Fatalf("no column %s", name)
	return 0
}

// The schema is a promise to whoever trained on it: what changes it changes its name too.
func TestTheSchemaStays(t *testing.T) {
	digest := sha256.Sum256([]byte(features.SchemaName + "\n" + features.Describe()))
	require.Equal(t, "2e84c348ea87d590", hex.EncodeToString(digest[:8]))
	seen := map[string]bool{}
	for _, c := range features.Schema() {
		require.False(t, seen[c.Name], c.Name)
		require.NotEmpty(t, c.Definition)
		seen[c.Name] = true
	}
}

func TestExtract(t *testing.T) {
	artefact := reading("8867-4", 250, "/min", 45)
	artefact.Marks = []record.Mark{record.MarkArtefact}
	imputed := reading("2708-6", 97, "%", 30)
	imputed.Marks = []record.Mark{record.MarkImputed}
	pressure := reading("85354-9", 0, "", 10)
	pressure.Value = record.Value{}
	pressure.Components = []record.Component{{Code: record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Code: "8480-6"}}}, Value: reading("x", 16, "kPa", 0).Value}}
	birth, _ := record.ParseDateTime("1958-09")
	row := features.Extract(&record.PatientRecord{
		Patient:    record.Patient{Sex: "female", BirthDate: birth},
		Encounters: []record.Encounter{{Start: moment(0)}},
		Observations: []record.Observation{
			reading("8867-4", 80, "/min", 0), reading("8867-4", 90, "/min", 30), reading("8867-4", 100, "/min", 60), reading("8867-4", 60, "/min", 120),
			reading("8867-4", 200, "/min", -5), reading("8867-4", 200, "/min", 25*60), artefact, imputed, pressure,
		},
	})
	require.Len(t, row, len(features.Schema()))
	for name, want := range map[string]float64{
		"age": 67, "female": 1,
		"heart_rate.1h.last": 100, "heart_rate.1h.min": 80, "heart_rate.1h.max": 100, "heart_rate.1h.mean": 90, "heart_rate.1h.slope": 20, "heart_rate.1h.count": 3,
		"heart_rate.24h.last": 60, "heart_rate.24h.count": 4, "oxygen_saturation.24h.count": 0, "lactate.24h.count": 0,
	} {
		require.InDelta(t, want, value(t, row, name), 1e-9, name)
	}
	require.InDelta(t, 120, value(t, row, "systolic_blood_pressure.1h.last"), 0.1)
	for _, name := range []string{"oxygen_saturation.24h.last", "lactate.1h.mean", "systolic_blood_pressure.1h.slope"} {
		require.True(t, math.IsNaN(value(t, row, name)), name)
	}
}

func TestARecordWithoutTimes(t *testing.T) {
	row := features.Extract(&record.PatientRecord{})
	require.Zero(t, value(t, row, "heart_rate.1h.count"))
	require.True(t, math.IsNaN(value(t, row, "age")))
}

func of(obs ...record.Observation) *record.PatientRecord {
	return &record.PatientRecord{Encounters: []record.Encounter{{Class: "IMP", Start: moment(0)}}, Observations: obs}
}

func TestReadings(t *testing.T) {
	cancelled := reading("8867-4", 70, "/min", 10)
	cancelled.Status = "cancelled"
	day := reading("8867-4", 70, "/min", 10)
	day.Start.Precision = record.PrecisionDay
	bound := reading("10839-9", 0.01, "ng/mL", 10)
	bound.Value.Quantity.Comparator = "<"
	n := int64(13)
	coma := reading("9269-2", 0, "", 10)
	coma.Value = record.Value{Integer: &n}
	for name, c := range map[string]struct {
		obs    []record.Observation
		column string
		want   float64
	}{
		"none":                       {nil, "heart_rate.1h.count", 0},
		"cancelled":                  {[]record.Observation{cancelled}, "heart_rate.1h.count", 0},
		"a day alone":                {[]record.Observation{day}, "heart_rate.1h.count", 0},
		"another dimension":          {[]record.Observation{reading("8867-4", 70, "mmol/L", 10)}, "heart_rate.1h.count", 0},
		"a rate without a unit":      {[]record.Observation{reading("8867-4", 70, "", 10)}, "heart_rate.1h.count", 0},
		"not of the schema":          {[]record.Observation{reading("39156-5", 22, "kg/m2", 10)}, "heart_rate.1h.count", 0},
		"by an equal code":           {[]record.Observation{reading("8889-8", 70, "/min", 10)}, "heart_rate.1h.last", 70},
		"by an unknown code":         {[]record.Observation{reading("0-0", 70, "/min", 10)}, "heart_rate.1h.count", 0},
		"in another unit":            {[]record.Observation{reading("8310-5", 98.6, "[degF]", 10)}, "body_temperature.1h.last", 37},
		"a bound":                    {[]record.Observation{bound}, "troponin_i.1h.last", 0.01},
		"a count":                    {[]record.Observation{coma}, "glasgow_coma_scale.1h.last", 13},
		"several at the last moment": {[]record.Observation{reading("8867-4", 70, "/min", 10), reading("8867-4", 80, "/min", 20), reading("8867-4", 90, "/min", 20)}, "heart_rate.1h.last", 85},
	} {
		require.InDelta(t, c.want, value(t, features.Extract(of(c.obs...)), c.column), 1e-9, name)
	}
	twice := features.Extract(of(reading("8867-4", 70, "/min", 10), reading("8867-4", 80, "/min", 10)))
	require.True(t, math.IsNaN(value(t, twice, "heart_rate.1h.slope")), "no slope from one moment")
	words := reading("", 70, "/min", 10)
	words.Code = record.Concept{Text: "心率"}
	require.InDelta(t, 70, value(t, features.Extract(of(words)), "heart_rate.1h.last"), 0, "by name")
}

func TestScores(t *testing.T) {
	well := []record.Observation{
		reading("9279-1", 22, "/min", 5), reading("2708-6", 97, "%", 5), reading("3151-8", 2, "L/min", 5), reading("8480-6", 105, "mm[Hg]", 5),
		reading("8867-4", 80, "/min", 5), reading("9269-2", 15, "{score}", 5), reading("8310-5", 37, "Cel", 5),
	}
	row := features.Extract(of(well...))
	for name, want := range map[string]float64{"respiratory_rate": 2, "oxygen_saturation": 0, "supplemental_oxygen": 2, "systolic_pressure": 1, "pulse": 0, "consciousness": 0, "temperature": 0, "total": 5} {
		require.InDelta(t, want, value(t, row, "news2.1h."+name), 0, name)
		require.True(t, math.IsNaN(value(t, row, "news2.24h."+name)), "readings do not stand for a day: %s", name)
	}
	row = features.Extract(of(well[1:]...))
	require.True(t, math.IsNaN(value(t, row, "news2.1h.total")), "a part is missing")
	require.InDelta(t, 2, value(t, row, "news2.1h.supplemental_oxygen"), 0)
	before := reading("9279-1", 30, "/min", -10)
	require.True(t, math.IsNaN(value(t, features.Extract(of(before)), "news2.1h.respiratory_rate")), "before admission")
}

func TestAge(t *testing.T) {
	for birth, want := range map[string]float64{
		"": math.NaN(), "2026-03-03": math.NaN(), "1850": math.NaN(), "1996": 30, "1996-04": 29, "1996-03": 30, "1996-03-02": 30, "1996-03-03": 29,
		"2025-03-02": 1, "1936-03-02": 90, "1930-01-01": 90, "1936-03-03": 89,
	} {
		rec := of()
		rec.Patient.BirthDate, _ = record.ParseDateTime(birth)
		got := value(t, features.Extract(rec), "age")
		require.Equal(t, math.IsNaN(want), math.IsNaN(got), birth)
		if !math.IsNaN(want) {
			require.InDelta(t, want, got, 0, birth)
		}
	}
}

func TestAdmission(t *testing.T) {
	_, ok := features.Admission(&record.PatientRecord{})
	require.False(t, ok)
	rec := &record.PatientRecord{Observations: []record.Observation{reading("8867-4", 70, "/min", 9), reading("8867-4", 70, "/min", 7)}}
	check := func(minutes int) {
		t.Helper()
		got, ok := features.Admission(rec)
		require.True(t, ok)
		require.Equal(t, moment(minutes).Time, got)
	}
	check(7)
	rec.Encounters = append(rec.Encounters, record.Encounter{Class: "AMB", Start: moment(-60)})
	check(-60)
	rec.Encounters = append(rec.Encounters, record.Encounter{Class: "EMER", Start: moment(60)}, record.Encounter{Class: "AMB"})
	check(60)
	rec.Encounters = append(rec.Encounters, record.Encounter{Class: "IMP", Start: moment(5)}, record.Encounter{Class: "IMP", Start: moment(-500)},
		record.Encounter{Class: "IMP", Status: "cancelled", Start: moment(90)}, record.Encounter{Class: "AMB", Start: moment(900)})
	check(5)
	row := features.ExtractFrom(rec, moment(8).Time)
	require.InDelta(t, 1, value(t, row, "heart_rate.1h.count"), 0)
}

// TestLaws: the order and the ids of the observations play no part; no imputed reading counts;
// of every measure and window either all numbers are there or none, but for the slope.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []record.Observation
		for range rapid.IntRange(0, 40).Draw(t, "n") {
			code := rapid.SampledFrom([]string{"8867-4", "8480-6", "2345-7", "9279-1"}).Draw(t, "code")
			unit := map[string]string{"8867-4": "/min", "8480-6": "mm[Hg]", "2345-7": "mg/dL", "9279-1": "/min"}[code]
			o := reading(code, float64(rapid.IntRange(300, 3000).Draw(t, "value"))/10, unit, rapid.IntRange(-10, 1500).Draw(t, "minute"))
			if rapid.Bool().Draw(t, "imputed") {
				o.Marks = []record.Mark{record.MarkImputed}
			}
			all = append(all, o)
		}
		row := features.Extract(of(all...))
		shuffled := rapid.Permutation(all).Draw(t, "order")
		var measured []record.Observation
		for i := range shuffled {
			shuffled[i].ID = fmt.Sprint("o", i)
			if len(shuffled[i].Marks) == 0 {
				measured = append(measured, shuffled[i])
			}
		}
		for _, other := range [][]record.Observation{shuffled, measured} {
			again := features.Extract(of(other...))
			for i := range row {
				if math.Float64bits(row[i]) != math.Float64bits(again[i]) {
					t.Fatalf("%s depends on order, ids or imputed readings", features.Schema()[i].Name)
				}
			}
		}
		for i, c := range features.Schema() {
			if !c.Presence {
				continue
			}
			last, least, most, mean := row[i-5], row[i-4], row[i-3], row[i-2]
			for _, v := range []float64{last, least, most, mean} {
				if math.IsNaN(v) != (row[i] == 0) {
					t.Fatalf("%s: %g readings, statistics %g", c.Name, row[i], v)
				}
			}
			if row[i] > 0 && (last < least || last > most || mean < least-1e-9 || mean > most+1e-9) {
				t.Fatalf("%s: last and mean lie between min and max", c.Name)
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	var all []record.Observation
	for i := range 2000 {
		all = append(all, reading("8867-4", 60+float64(i%40), "/min", i), reading("8480-6", 100+float64(i%40), "mm[Hg]", i), reading("2708-6", 95, "%", i))
	}
	rec := of(all...)
	b.ReportAllocs()
	for b.Loop() {
		features.Extract(rec)
	}
	b.ReportMetric(float64(len(all)*b.N)/b.Elapsed().Seconds(), "readings/s")
}

// Series are what the statistics are of.
func TestSeriesAreWhatTheStatisticsAreOf(t *testing.T) {
	rec := &record.PatientRecord{Encounters: []record.Encounter{{ID: "e", Class: "IMP", Status: "in-progress", Start: moment(0)}}}
	for _, r := range []struct {
		code, unit string
		value      float64
		minutes    int
	}{{"8867-4", "/min", 90, 200}, {"8867-4", "/min", 80, 10}, {"2823-3", "mmol/L", 4.1, 30}, {"8310-5", "[degF]", 100.4, 40}, {"8867-4", "/min", 70, 2000}} {
		rec.Observations = append(rec.Observations, reading(r.code, r.value, r.unit, r.minutes))
	}
	series := features.Series(rec, admission)
	require.Len(t, series, 3)
	require.InDelta(t, 38, series["8310-5"][0].Value, 1e-9, "in the measure's unit")
	require.Equal(t, []features.Reading{{Hours: 1.0 / 6, Value: 80}, {Hours: 200.0 / 60, Value: 90}}, series["8867-4"], "in order, within a day")
	row := features.Extract(rec)
	for code, of := range series {
		at, ok := features.Place(code, features.FirstDay, features.Count)
		require.True(t, ok)
		require.Len(t, of, int(row[at]))
		last, _ := features.Place(code, features.FirstDay, features.Last)
		require.Equal(t, of[len(of)-1].Value, row[last])
	}
}
