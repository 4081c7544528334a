package prepare_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/record"
)

func TestUnits(t *testing.T) {
	steady := func(code, unit string, v float64) []record.Observation {
		var out []record.Observation
		for i := range 4 {
			out = append(out, vital(fmt.Sprint("own-", i), code, v, unit, float64(600+i)))
		}
		return out
	}
	for name, c := range map[string]struct {
		own   []record.Observation
		o     record.Observation
		value string
		mark  record.Mark
	}{
		"usual unit":                  {nil, vital("x", "8867-4", 80, "/min", 0), "80", ""},
		"Fahrenheit":                  {nil, vital("x", "8310-5", 98.6, "[degF]", 0), "37", record.MarkConverted},
		"glucose by amount":           {nil, vital("x", "2345-7", 5.5, "mmol/L", 0), "99.1", record.MarkConverted},
		"glucose, mass as amount":     {nil, vital("x", "2345-7", 140, "mmol/L", 0), "140", record.MarkUnitCorrected},
		"glucose, amount as mass":     {nil, vital("x", "2345-7", 6.2, "mg/dL", 0), "112", record.MarkUnitCorrected},
		"Fahrenheit as Celsius":       {nil, vital("x", "8310-5", 98.6, "Cel", 0), "37", record.MarkUnitCorrected},
		"creatinine, amount as mass":  {nil, vital("x", "2160-0", 88, "mg/dL", 0), "0.995", record.MarkUnitCorrected},
		"haemoglobin, per litre":      {nil, vital("x", "718-7", 130, "g/dL", 0), "13", record.MarkUnitCorrected},
		"saturation as a share":       {nil, vital("x", "2708-6", 0.97, "%", 0), "97", record.MarkUnitCorrected},
		"carbon dioxide in kPa":       {nil, vital("x", "2019-8", 5.3, "mm[Hg]", 0), "39.8", record.MarkUnitCorrected},
		"high, yet possible":          {nil, vital("x", "2345-7", 1250, "mg/dL", 0), "1250", ""},
		"beyond soft, no alternative": {nil, vital("x", "8867-4", 280, "/min", 0), "280", ""},
		"shock":                       {nil, vital("x", "8480-6", 42, "mm[Hg]", 0), "42", ""},
		"weight in pounds, by others": {steady("29463-7", "kg", 70), vital("x", "29463-7", 154, "kg", 0), "69.9", record.MarkUnitCorrected},
		"weight, heavy all along":     {steady("29463-7", "kg", 150), vital("x", "29463-7", 154, "kg", 0), "154", ""},
		"glucose falls in treatment":  {steady("2345-7", "mg/dL", 520), vital("x", "2345-7", 90, "mg/dL", 0), "90", ""},
	} {
		t.Run(name, func(t *testing.T) {
			rec := of(append(c.own, c.o)...)
			res := only(rec, prepare.StageUnits, prepare.Options{})
			got := find(res.Record, "x")
			require.Equal(t, c.value, got.Value.Quantity.Value.String())
			if c.mark == "" {
				require.Empty(t, got.Marks)
				require.Nil(t, res.Raw["x"])
				return
			}
			require.Equal(t, []record.Mark{c.mark}, got.Marks)
			require.Equal(t, c.o, *res.Raw["x"])
			require.Len(t, report(res, prepare.StageUnits).Changes, 1)
		})
	}
}

func TestASuspectUnitIsMarkedAndNotChanged(t *testing.T) {
	// 11 mg/dL of calcium is possible; 4.2 may be mmol/L (16.8 mg/dL, plausible) or a low mg/dL.
	res := only(of(vital("x", "17861-6", 4.2, "mg/dL", 0)), prepare.StageUnits, prepare.Options{})
	got := find(res.Record, "x")
	require.Equal(t, "4.2", got.Value.Quantity.Value.String())
	require.Equal(t, []record.Mark{record.MarkUnitSuspect}, got.Marks)
}

// walk is a series that moves as a patient's does: slowly, with a memory.
func walk(seed uint64, n int, level, step float64) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]float64, n)
	v := 0.0
	for i := range out {
		v = 0.9*v + step*r.NormFloat64()
		out[i] = math.Round(level + 3*v)
	}
	return out
}

func TestAClockThatIsOffIsFound(t *testing.T) {
	for _, offset := range []time.Duration{0, 7 * time.Minute, -25 * time.Minute, 8 * time.Hour, -5 * time.Hour} {
		t.Run(offset.String(), func(t *testing.T) {
			rec := of()
			rec.Encounters = []record.Encounter{{ID: "e", Start: at(-30), End: at(300)}}
			for i, v := range walk(3, 240, 85, 2) {
				rec.Observations = append(rec.Observations, by("monitor", vital(fmt.Sprint("m", i), "8867-4", v, "/min", float64(i))))
				if i%2 == 0 {
					o := by("oximeter", vital(fmt.Sprint("o", i), "8867-4", v+float64(i%3)-1, "/min", float64(i)))
					o.Start.Time = o.Start.Time.Add(offset)
					rec.Observations = append(rec.Observations, o)
				}
			}
			res := only(rec, prepare.StageClock, prepare.Options{})
			for i := 0; i < 240; i += 2 {
				want := at(float64(i)).Time
				got := find(res.Record, fmt.Sprint("o", i))
				require.InDelta(t, 0, got.Start.Time.Sub(want).Seconds(), 30)
				require.Equal(t, offset != 0, got.Has(record.MarkTimeCorrected))
				require.False(t, find(res.Record, fmt.Sprint("m", i)).Has(record.MarkTimeCorrected))
			}
		})
	}
}

func TestClocksOfUnlikeSeriesAreLeftAlone(t *testing.T) {
	rec := of()
	for i, v := range walk(4, 200, 85, 2) {
		rec.Observations = append(rec.Observations, by("a", vital(fmt.Sprint("a", i), "8867-4", v, "/min", float64(i))))
	}
	for i, v := range walk(5, 200, 95, 2) {
		rec.Observations = append(rec.Observations, by("b", vital(fmt.Sprint("b", i), "8867-4", v, "/min", float64(i))))
	}
	require.Empty(t, report(only(rec, prepare.StageClock, prepare.Options{}), prepare.StageClock).Changes)
}

func TestDuplicates(t *testing.T) {
	pressure := func(id, device string, sys, dia, minutes float64) record.Observation {
		return record.Observation{
			ID: id, Status: "final", DeviceID: device, Code: loinc("85354-9"), Start: at(minutes),
			Components: []record.Component{{Code: loinc("8480-6"), Value: amount(sys, "mm[Hg]")}, {Code: loinc("8462-4"), Value: amount(dia, "mm[Hg]")}},
		}
	}
	word := func(id, words string, start record.DateTime) record.Observation {
		return record.Observation{ID: id, Status: "final", Code: loinc("630-4"), Start: start, Value: record.Value{Text: words}}
	}
	for name, c := range map[string]struct {
		a, b   record.Observation
		merged bool
	}{
		"resent":                      {vital("a", "8867-4", 80, "/min", 0), vital("b", "8867-4", 80, "/min", 0), true},
		"digits more":                 {vital("a", "2823-3", 4.5, "mmol/L", 0), vital("b", "2823-3", 4.50, "mmol/L", 0), true},
		"a minute later":              {vital("a", "8867-4", 80, "/min", 0), vital("b", "8867-4", 80, "/min", 1), false},
		"another value":               {vital("a", "8867-4", 80, "/min", 0), vital("b", "8867-4", 90, "/min", 0), false},
		"two devices":                 {by("x", vital("a", "8867-4", 80, "/min", 0)), by("y", vital("b", "8867-4", 82, "/min", 0.3)), true},
		"two devices that differ":     {by("x", vital("a", "8867-4", 80, "/min", 0)), by("y", vital("b", "8867-4", 90, "/min", 0.3)), false},
		"one device, near":            {by("x", vital("a", "8867-4", 80, "/min", 0)), by("x", vital("b", "8867-4", 81, "/min", 0.3)), false},
		"pressures of two devices":    {pressure("a", "x", 120, 80, 0), pressure("b", "y", 121, 79, 0.2), true},
		"diastolic pressures differ":  {pressure("a", "x", 120, 80, 0), pressure("b", "y", 121, 60, 0.2), false},
		"words":                       {word("a", "E. coli", at(0)), word("b", "E. coli", at(0)), true},
		"words without a time":        {word("a", "E. coli", record.DateTime{}), word("b", "E. coli", record.DateTime{}), false},
		"another measure, same value": {vital("a", "8867-4", 80, "/min", 0), vital("b", "9279-1", 80, "/min", 0), false},
	} {
		t.Run(name, func(t *testing.T) {
			rec := of(c.a, c.b)
			rec.Reports = []record.Report{{ID: "r", Results: []string{"a", "b"}}}
			res := only(rec, prepare.StageDuplicates, prepare.Options{})
			require.Equal(t, []string{"a", "b"}, rec.Reports[0].Results, "what was given stays")
			if !c.merged {
				require.Len(t, res.Record.Observations, 2)
				require.Empty(t, res.Raw)
				return
			}
			require.Len(t, res.Record.Observations, 1)
			kept := res.Record.Observations[0]
			require.Equal(t, "a", kept.ID)
			require.Equal(t, []string{"b"}, kept.DerivedFrom)
			require.True(t, kept.Has(record.MarkMerged))
			require.Equal(t, []string{"a"}, res.Record.Reports[0].Results)
			require.Equal(t, c.a, *res.Raw["a"])
			require.Equal(t, c.b, *res.Raw["b"])
		})
	}
}

func TestPlausibility(t *testing.T) {
	rec := of(
		vital("ok", "8867-4", 80, "/min", 0), vital("shock", "8480-6", 45, "mm[Hg]", 0),
		vital("fast", "8867-4", 300, "/min", 1), vital("sat", "2708-6", 30, "%", 1),
		vital("s", "8480-6", 90, "mm[Hg]", 2), vital("d", "8462-4", 95, "mm[Hg]", 2),
		vital("s3", "8480-6", 120, "mm[Hg]", 3), vital("d3", "8462-4", 70, "mm[Hg]", 3), vital("m3", "8478-0", 130, "mm[Hg]", 3),
	)
	res := only(rec, prepare.StagePlausibility, prepare.Options{})
	require.Len(t, res.Record.Observations, len(rec.Observations), "nothing is dropped")
	for id, want := range map[string]bool{"ok": false, "shock": false, "fast": true, "sat": true, "s": true, "d": true, "s3": false, "d3": false, "m3": true} {
		require.Equal(t, want, find(res.Record, id).Has(record.MarkImplausible), id)
	}
}

func TestArtefacts(t *testing.T) {
	series := func(change func(i int, v float64) float64) *prepare.Result {
		rec := of()
		for i, v := range walk(7, 60, 80, 0.5) {
			rec.Observations = append(rec.Observations, vital(fmt.Sprint("h", i), "8867-4", change(i, v), "/min", float64(5*i)))
		}
		return only(rec, prepare.StageArtefacts, prepare.Options{})
	}
	flagged := func(res *prepare.Result) (ids []string) {
		for _, o := range res.Record.Observations {
			if o.Has(record.MarkArtefact) {
				ids = append(ids, o.ID)
			}
		}
		return ids
	}
	require.Empty(t, flagged(series(func(_ int, v float64) float64 { return v })))
	require.Equal(t, []string{"h30"}, flagged(series(func(i int, v float64) float64 {
		if i == 30 {
			return v + 45
		}
		return v
	})), "a spike")
	require.Empty(t, flagged(series(func(i int, v float64) float64 {
		if i >= 30 {
			return v + 45
		}
		return v
	})), "a step, as when shock sets in")
	require.Empty(t, flagged(series(func(i int, v float64) float64 { return v + float64(i) })), "a slope")
}

func TestGaps(t *testing.T) {
	rec := of(
		vital("a", "8867-4", 80, "/min", 0), vital("b", "8867-4", 90, "/min", 50),
		vital("c", "8867-4", 100, "/min", 400), vital("odd", "8867-4", 300, "/min", 20),
	)
	rec.Observations[3].Marks = []record.Mark{record.MarkImplausible}
	res := only(rec, prepare.StageGaps, prepare.Options{FillInterval: 10 * time.Minute})
	imputed := map[float64]record.Observation{}
	for _, o := range res.Record.Observations {
		if o.Has(record.MarkImputed) {
			imputed[o.Start.Time.Sub(admission).Minutes()] = o
		}
	}
	require.Equal(t, "86", imputed[10].Value.Quantity.Value.String(), "of few readings, halfway between the line and the median")
	require.Equal(t, "87", imputed[20].Value.Quantity.Value.String(), "a reading that is not believed leaves a gap")
	require.Equal(t, []string{"a", "b"}, imputed[20].DerivedFrom)
	require.Equal(t, "90", imputed[60].Value.Quantity.Value.String(), "carried forward")
	require.Equal(t, []string{"b"}, imputed[60].DerivedFrom)
	require.Contains(t, imputed, 110.0)
	require.NotContains(t, imputed, 120.0, "an hour after the last reading nothing is known")
	require.NotContains(t, imputed, 50.0)
	require.Len(t, imputed, 4+6)
}
