package prepare_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/record"
)

// over is a series of one measure, step minutes apart.
func over(prefix, code, unit string, step float64, values ...float64) []record.Observation {
	out := make([]record.Observation, len(values))
	for i, v := range values {
		out[i] = vital(fmt.Sprint(prefix, i), code, v, unit, float64(i)*step)
	}
	return out
}

func marked(res *prepare.Result, m record.Mark) (ids []string) {
	for _, o := range res.Record.Observations {
		if o.Has(m) {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

func TestUnitsByTheCourse(t *testing.T) {
	const day = 24 * 60
	for name, c := range map[string]struct {
		code, unit string
		values     []float64
		corrected  []string
	}{
		// Factor 10 lies between mg/L and mg/dL, and between an infection and its end.
		"C-reactive protein falls":             {"1988-5", "mg/L", []float64{180, 110, 60, 31, 16, 8.2, 4.1, 2}, nil},
		"C-reactive protein rises":             {"1988-5", "mg/L", []float64{3, 34, 190, 260, 240, 230}, nil},
		"C-reactive protein in mg/dL":          {"1988-5", "mg/L", []float64{180, 160, 14.2, 130, 121, 115}, []string{"x2"}},
		"urea nitrogen trebles":                {"3094-0", "mg/dL", []float64{55, 166.9, 143.2, 171.5}, nil},
		"urea nitrogen in mmol/L":              {"3094-0", "mg/dL", []float64{40, 41, 14.6, 42, 43}, []string{"x2"}},
		"troponin rises":                       {"10839-9", "ng/mL", []float64{0.04, 0.05, 2.5, 14, 9}, nil},
		"several swapped":                      {"718-7", "g/dL", []float64{12.1, 121, 11.9, 12.2, 118, 12}, []string{"x1", "x4"}},
		"impossible, and unlike what was":      {"1975-2", "mg/dL", []float64{0.8, 0.9, 1.1, 119, 6.5}, []string{"x3"}},
		"potassium, no other unit of its size": {"2823-3", "mmol/L", []float64{4, 4.1, 8.3, 4.2, 4}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			res := only(of(over("x", c.code, c.unit, day, c.values...)...), prepare.StageUnits, prepare.Options{})
			require.Equal(t, c.corrected, marked(res, record.MarkUnitCorrected))
		})
	}
}

func TestADeviceDoesNotChangeItsUnitForOneReading(t *testing.T) {
	flush := over("x", "8480-6", "mm[Hg]", 1, 118, 121, 12, 120, 119, 122)
	require.Equal(t, []string{"x2"}, marked(only(of(flush...), prepare.StageUnits, prepare.Options{}), record.MarkUnitCorrected), "charted")
	for i := range flush {
		flush[i].DeviceID = "monitor"
	}
	res := only(of(flush...), prepare.StageUnits, prepare.Options{})
	require.Empty(t, marked(res, record.MarkUnitCorrected))
	require.Equal(t, []string{"x2"}, marked(res, record.MarkUnitSuspect))
	flush[2].Value = amount(15.9, "mm[Hg]")
	res = only(of(flush...), prepare.StageUnits, prepare.Options{})
	require.Equal(t, []string{"x2"}, marked(res, record.MarkUnitCorrected), "119 mmHg amid 118 to 122")
}

func TestWeightHeightAndIndexHoldEachOther(t *testing.T) {
	for name, c := range map[string]struct {
		weight, height, index float64
		want                  map[string]string
	}{
		"all right":        {70, 175, 22.9, map[string]string{"w": "70", "h": "175", "i": "22.9"}},
		"weight in pounds": {154, 175, 22.9, map[string]string{"w": "69.9", "h": "175", "i": "22.9"}},
		"height in inches": {70, 69, 22.9, map[string]string{"w": "70", "h": "175", "i": "22.9"}},
		"heavy":            {154, 175, 50.3, map[string]string{"w": "154", "h": "175", "i": "50.3"}},
		"index of its own": {70, 175, 31, map[string]string{"w": "70", "h": "175", "i": "31"}},
		"height in metres": {70, 1.75, 22.9, map[string]string{"w": "70", "h": "175", "i": "22.9"}},
	} {
		res := only(of(vital("w", "29463-7", c.weight, "kg", 0), vital("h", "8302-2", c.height, "cm", 0), vital("i", "39156-5", c.index, "kg/m2", 5)), prepare.StageUnits, prepare.Options{})
		for id, want := range c.want {
			require.Equal(t, want, find(res.Record, id).Value.Quantity.Value.String(), "%s: %s", name, id)
		}
	}
}

func TestLimitsOfAdults(t *testing.T) {
	for birth, adult := range map[string]bool{"1950": true, "2008-03-02": true, "2008": false, "2024-01-01": false, "": false} {
		rec := of(vital("h", "8302-2", 69, "cm", 0), vital("w", "29463-7", 12, "kg", 0))
		rec.Patient.BirthDate, _ = record.ParseDateTime(birth)
		res := prepare.Run(rec, prepare.Options{})
		require.Equal(t, adult, find(res.Record, "h").Has(record.MarkUnitCorrected), "born %s: 69 cm are 69 inches of an adult", birth)
		require.Equal(t, adult, find(res.Record, "w").Has(record.MarkImplausible), "born %s", birth)
	}
}

func TestMeasuresWithoutLimitsAreConvertedAlone(t *testing.T) {
	res := prepare.Run(of(over("x", "1763-2", "pg/mL", 10, 100, 100, 100, 90000, 100, 100, 100)...), prepare.Options{FillInterval: time.Minute})
	require.Len(t, res.Record.Observations, 7)
	for _, o := range res.Record.Observations {
		require.Equal(t, []record.Mark{record.MarkConverted}, o.Marks)
	}
	got := find(res.Record, "x0")
	require.Equal(t, "10", got.Value.Quantity.Value.String())
	require.Equal(t, "ng/dL", got.Value.Quantity.Code)
}

func TestResultsThatCameTwoWays(t *testing.T) {
	panel := func(prefix, device string, shift time.Duration) []record.Observation {
		var out []record.Observation
		for day, values := range [][]float64{{138, 4.1, 1.12, 13.4}, {141, 3.8, 1.31, 12.9}, {137, 4.4, 1.74, 12.2}} {
			for i, k := range []struct{ code, unit string }{{"2951-2", "mmol/L"}, {"2823-3", "mmol/L"}, {"2160-0", "mg/dL"}, {"718-7", "g/dL"}} {
				o := by(device, vital(fmt.Sprintf("%s%d%d", prefix, day, i), k.code, values[i], k.unit, float64(day)*24*60))
				o.Start.Time = o.Start.Time.Add(shift)
				out = append(out, o)
			}
		}
		return out
	}
	zone := func(charted, analyser time.Duration, devices ...string) *prepare.Result {
		rec := of(append(panel("a", devices[0], charted), panel("b", devices[1], analyser)...)...)
		rec.Encounters = []record.Encounter{{ID: "e", Start: at(-60), End: at(4 * 24 * 60)}}
		return prepare.Run(rec, prepare.Options{})
	}
	res := zone(0, 8*time.Hour, "", "analyser")
	require.Len(t, report(res, prepare.StageClock).Changes, 12, "a time zone")
	require.Len(t, res.Record.Observations, 12, "what was the same is one")
	require.Len(t, find(res.Record, "a00").DerivedFrom, 1)
	require.Empty(t, report(zone(0, 0, "", "analyser"), prepare.StageClock).Changes)
	res = zone(-6*24*time.Hour, -6*24*time.Hour+8*time.Hour, "", "analyser")
	require.NotContains(t, marked(res, record.MarkTimeCorrected), "a00", "what no device filed is not moved")
	require.Empty(t, report(zone(0, 20*time.Hour, "", "analyser"), prepare.StageClock).Changes, "no clock is off by so much")
}

func TestTheClockThatMostDevicesAgreeWithIsRight(t *testing.T) {
	values := walk(8, 300, 85, 1)
	run := func(off map[string]time.Duration) *prepare.Result {
		rec := of()
		for i, v := range values {
			for k, device := range []string{"a-monitor", "oximeter", "relay"} {
				if device != "a-monitor" && i%(2*k) != 0 {
					continue
				}
				o := by(device, vital(fmt.Sprintf("%s-%d", device, i), "8867-4", v+float64((i+k)%2), "/min", float64(i)))
				o.Start.Time = o.Start.Time.Add(off[device])
				rec.Observations = append(rec.Observations, o)
			}
		}
		return only(rec, prepare.StageClock, prepare.Options{})
	}
	for device, off := range map[string]time.Duration{"a-monitor": 54 * time.Minute, "oximeter": -10 * time.Hour, "relay": 21 * time.Minute} {
		res := run(map[string]time.Duration{device: off})
		for i := range res.Record.Observations {
			o := &res.Record.Observations[i]
			require.Equal(t, o.DeviceID == device, o.Has(record.MarkTimeCorrected), "%s off, %s", device, o.ID)
		}
		got := find(res.Record, device+"-4").Start.Time.Sub(at(4).Time)
		require.Less(t, got.Abs(), 40*time.Second, device)
	}
	require.Empty(t, report(run(nil), prepare.StageClock).Changes)
}

func TestDuplicatesOfOneDevice(t *testing.T) {
	a, b := by("x", vital("a", "8867-4", 80, "/min", 0)), by("x", vital("b", "8867-4", 80, "/min", 0))
	b.Start.Time = b.Start.Time.Add(400 * time.Millisecond)
	a.Status = "preliminary"
	res := prepare.Run(of(a, b), prepare.Options{})
	require.Len(t, res.Record.Observations, 1)
	require.Equal(t, "b", res.Record.Observations[0].ID, "the final one stays, though its time has a fraction")

	res = prepare.Run(of(vital("a", "2345-7", 99, "mg/dL", 0), vital("b", "2345-7", 5.5, "mmol/L", 0)), prepare.Options{})
	require.Len(t, res.Record.Observations, 1, "the same in another unit")
	res = prepare.Run(of(vital("a", "2345-7", 99, "mg/dL", 0), vital("b", "2345-7", 101, "mg/dL", 0)), prepare.Options{})
	require.Len(t, res.Record.Observations, 2, "two readings")
}

func TestArtefactsInSparseAndDenseSeries(t *testing.T) {
	run := func(obs []record.Observation) []string {
		return marked(only(of(obs...), prepare.StageArtefacts, prepare.Options{}), record.MarkArtefact)
	}
	pulse := []float64{82, 85, 80, 84, 83, 81, 160, 84, 82, 85, 83, 80}
	require.Equal(t, []string{"x6"}, run(over("x", "8867-4", "/min", 240, pulse...)), "every four hours")
	require.Empty(t, run(over("x", "8867-4", "/min", 240, pulse[:7]...)), "the last reading may be the first of many")
	require.Empty(t, run(over("x", "8867-4", "/min", 240, pulse[6:]...)), "the first reading")
	require.Empty(t, run(over("x", "2708-6", "%", 1, 97, 97, 98, 97, 96, 97, 86, 84, 85, 97, 98, 97, 97, 96)), "a desaturation of three minutes is real")
	require.Len(t, run(over("x", "2708-6", "%", 1.0/12, 97, 97, 98, 97, 96, 97, 86, 84, 85, 97, 98, 97, 97, 96)), 3, "one of ten seconds is motion")
	require.Empty(t, run(over("x", "19994-3", "%", 30, 40, 40, 40, 40, 40, 60, 40, 40, 40, 40, 40)), "what people set")
	require.Empty(t, run(over("x", "8867-4", "/min", 5, 80, 80, 80, 80, 80, 80, 82, 80, 80, 80, 80)), "a flat series does not make noise of its resolution")
}

func TestPoorWaveformsAreReported(t *testing.T) {
	wave := func(id string, first float64) record.Observation {
		return record.Observation{
			ID: id, Status: "final", Start: at(0), Code: record.Concept{Text: "ECG"},
			Value: record.Value{Sampled: &record.SampledData{PeriodMS: 4, Factor: 1, Dimensions: 1, Samples: []float64{first}}},
		}
	}
	assess := func(_ record.Concept, s *record.SampledData) (float64, bool) { return s.Samples[0], s.Samples[0] > 0 }
	rec := of(wave("good", 0.9), wave("poor", 0.2), wave("unknown", 0))
	res := only(rec, prepare.StageArtefacts, prepare.Options{AssessWaveform: assess})
	changes := report(res, prepare.StageArtefacts).Changes
	require.Len(t, changes, 1)
	require.Equal(t, prepare.ChangePoorSignal, changes[0].Kind)
	require.Equal(t, "Observation/poor", changes[0].Reading)
	require.Equal(t, rec.Observations, res.Record.Observations)
	require.Empty(t, report(only(rec, prepare.StageArtefacts, prepare.Options{}), prepare.StageArtefacts).Changes)
}

func TestGapsByKindOfSeries(t *testing.T) {
	fill := func(code, unit string, values ...float64) map[float64]record.Observation {
		res := only(of(over("x", code, unit, 40, values...)...), prepare.StageGaps, prepare.Options{FillInterval: 20 * time.Minute})
		out := map[float64]record.Observation{}
		for _, o := range res.Record.Observations {
			if o.Has(record.MarkImputed) {
				out[o.Start.Time.Sub(admission).Minutes()] = o
			}
		}
		return out
	}
	value := func(o record.Observation) float64 { return o.Value.Quantity.Value.Float }
	drift := fill("8867-4", "/min", 60, 70, 80, 90, 100, 110, 120, 130)
	require.InDelta(t, 95, value(drift[140]), 0.5, "the line where readings drift")
	noise := fill("8867-4", "/min", 80, 90, 78, 92, 81, 89, 79, 91, 80, 90)
	require.InDelta(t, 85, value(noise[140]), 3, "a mean where they do not")
	require.Equal(t, 60.0, value(fill("19994-3", "%", 40, 60, 30)[60]), "what people set is carried forward")
	require.Empty(t, fill("9187-6", "mL", 50, 60, 40), "sums over no known time are not made up")
	require.Empty(t, fill("9269-2", "{score}", 15, 14, 15))
}

// TestSpikesAgainstThreeSigma holds the identifier against the rule that marks what is three standard
// deviations from the mean, on stays whose level changes: there the rule sees less.
func TestSpikesAgainstThreeSigma(t *testing.T) {
	var ours, rule tally
	for seed := range uint64(12) {
		values := walk(seed, 300, 85, 1.2)
		for i := 150; i < len(values); i++ {
			values[i] += 35 // shock sets in
		}
		spiked := map[int]bool{}
		for i := int(seed) + 5; i < len(values)-5; i += 47 {
			spiked[i] = true
			values[i] += 40 * math.Pow(-1, float64(i))
		}
		res := only(of(over("x", "8867-4", "/min", 5, values...)...), prepare.StageArtefacts, prepare.Options{})
		mean, deviation := moments(values)
		for i, v := range values {
			ours.count(find(res.Record, fmt.Sprint("x", i)).Has(record.MarkArtefact), spiked[i])
			rule.count(math.Abs(v-mean) > 3*deviation, spiked[i])
		}
	}
	require.Greater(t, ours.f1(), 0.85)
	require.Greater(t, ours.f1(), rule.f1())
}

type tally struct{ hit, extra, missed float64 }

func (c *tally) count(got, want bool) {
	switch {
	case got && want:
		c.hit++
	case got:
		c.extra++
	case want:
		c.missed++
	}
}

func (c *tally) f1() float64 { return 2 * c.hit / (2*c.hit + c.extra + c.missed) }

func moments(values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		deviation += (v - mean) * (v - mean) / float64(len(values))
	}
	return mean, math.Sqrt(deviation)
}
