package render_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
)

func TestReadings(t *testing.T) {
	data, err := os.ReadFile("../../testdata/records/sepsis-icu.fhir.json")
	require.NoError(t, err)
	rec, err := fhir.Parse(data, fhir.Limits{})
	require.NoError(t, err)
	rec = prepare.Run(rec, prepare.Options{}).Record
	seen := map[string]bool{}
	byName := map[string]render.Measure{}
	for _, m := range render.Readings(rec, render.Options{}) {
		byName[m.Name] = m
		for i, r := range m.Readings {
			seen[r.Reference] = true
			require.True(t, i == 0 || m.Readings[i-1].At.Compare(r.At) <= 0, "%s out of order", m.Name)
			if m.Group != "wave" {
				require.NotEmpty(t, r.Text, r.Reference)
			}
		}
	}
	for _, o := range rec.Observations {
		require.Equal(t, o.Status != "entered-in-error" && o.Status != "cancelled", seen["Observation/"+o.ID], o.ID)
	}
	pressure := byName["blood pressure"].Readings[1]
	require.Equal(t, []any{"Observation/bp-01", render.FlagLow}, []any{pressure.Reference, pressure.Flag})
	require.NotNil(t, pressure.Second)
	require.Contains(t, pressure.Text, "/")
	rate := byName["heart rate"]
	require.Equal(t, "/min", rate.Unit)
	require.Equal(t, []float64{60, 100}, []float64{*rate.Readings[0].Low, *rate.Readings[0].High})
	require.Equal(t, render.FlagHigh, rate.Readings[1].Flag)
	zh := render.Readings(rec, render.Options{Lang: render.Chinese})
	require.Len(t, zh, len(render.Readings(rec, render.Options{})))
	require.Equal(t, "心率", zh[0].Name)
}

func TestReadingsOfWhatIsBoundedOrUnknown(t *testing.T) {
	five, err := record.ParseDecimal("5")
	require.NoError(t, err)
	yes := true
	rec := &record.PatientRecord{Observations: []record.Observation{
		{ID: "a", Code: record.Concept{Text: "thing"}, Value: record.Value{Quantity: &record.Quantity{Value: five, Comparator: "<", Unit: "mg"}}},
		{ID: "b", Code: record.Concept{Text: "answer"}, Value: record.Value{Bool: &yes}},
		{ID: "c", Code: record.Concept{Text: "none"}, Value: record.Value{AbsentReason: "unknown"}},
		{ID: "d", Code: record.Concept{Text: "gone"}, Status: "entered-in-error", Value: record.Value{Text: "x"}},
	}}
	got := render.Readings(rec, render.Options{})
	require.Len(t, got, 3)
	require.Nil(t, got[0].Readings[0].Number, "<5 is no 5")
	require.Equal(t, "<5 mg", got[0].Readings[0].Text)
	require.Equal(t, "yes", got[1].Readings[0].Text)
	require.Empty(t, got[2].Readings[0].Text)
}
