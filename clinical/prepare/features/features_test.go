package features_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/prepare/features"
	"github.com/bedside-lm/bedside/clinical/record"
)

var admission = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

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
	require.Equal(t, "de146c6badb2e2b1", hex.EncodeToString(digest[:8]))
	seen := map[string]bool{}
	for _, c := range features.Schema() {
		require.False(t, seen[c.Name], c.Name)
		require.NotEmpty(t, c.Definition)
		seen[c.Name] = true
	}
}

func TestExtract(t *testing.T) {
	moment := func(minutes int) record.DateTime {
		return record.DateTime{Time: admission.Add(time.Duration(minutes) * time.Minute), Precision: record.PrecisionSecond}
	}
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
		"age": 68, "female": 1,
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
