package score_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/score"
)

var admission = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return admission.Add(time.Duration(minutes) * time.Minute) }

func obs(id, loinc string, v record.Value, minutes int) record.Observation {
	return record.Observation{
		ID: id, Status: "final", Code: record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Code: loinc}}},
		Start: record.DateTime{Time: at(minutes), Precision: record.PrecisionSecond}, Value: v,
	}
}

func amount(v float64, unit string) record.Value {
	return record.Value{Quantity: &record.Quantity{Value: record.NewDecimal(v), Code: unit}}
}

func words(s string) record.Value { return record.Value{Concept: &record.Concept{Text: s}} }

// well is a patient who scores 0.
func well() []record.Observation {
	return []record.Observation{
		obs("rr", "9279-1", amount(16, "/min"), 0), obs("sat", "59408-5", amount(97, "%"), 0), obs("o2", "19994-3", amount(21, "%"), 0),
		obs("sys", "8480-6", amount(120, "mm[Hg]"), 0), obs("hr", "8867-4", amount(72, "/min"), 0),
		obs("avpu", "67775-7", words("Alert"), 0), obs("temp", "8310-5", amount(36.8, "Cel"), 0),
	}
}

func of(obs ...record.Observation) *record.PatientRecord {
	return &record.PatientRecord{Patient: record.Patient{ID: "p"}, Observations: obs}
}

// with replaces one reading of a patient who is well.
func with(o record.Observation) *record.PatientRecord {
	all := well()
	for i := range all {
		if all[i].ID == o.ID {
			all[i] = o
		}
	}
	return of(all...)
}

func TestChart(t *testing.T) {
	for _, c := range []struct {
		id, loinc, unit string
		points          map[float64]int
	}{
		{"rr", "9279-1", "/min", map[float64]int{8: 3, 9: 1, 11: 1, 12: 0, 20: 0, 21: 2, 24: 2, 25: 3}},
		{"sat", "2708-6", "%", map[float64]int{91: 3, 92: 2, 93: 2, 94: 1, 95: 1, 95.4: 1, 95.6: 0, 96: 0, 100: 0}},
		{"sys", "8480-6", "mm[Hg]", map[float64]int{90: 3, 91: 2, 100: 2, 101: 1, 110: 1, 111: 0, 219: 0, 220: 3}},
		{"hr", "8867-4", "/min", map[float64]int{40: 3, 41: 1, 50: 1, 51: 0, 90: 0, 91: 1, 110: 1, 111: 2, 130: 2, 131: 3}},
		{"temp", "8310-5", "Cel", map[float64]int{35: 3, 35.1: 1, 36: 1, 36.04: 1, 36.1: 0, 38: 0, 38.1: 1, 39: 1, 39.1: 2}},
		{"temp", "8310-5", "[degF]", map[float64]int{98.6: 0, 102.5: 2}},
		{"sat", "2708-6", "1", map[float64]int{0.93: 2}},
		{"o2", "3151-8", "L/min", map[float64]int{0: 0, 2: 2}},
		{"o2", "3150-0", "%", map[float64]int{21: 0, 40: 2}},
		{"avpu", "9269-2", "{score}", map[float64]int{15: 0, 14: 3, 3: 3}},
	} {
		for v, want := range c.points {
			got := score.NEWS2(with(obs(c.id, c.loinc, amount(v, c.unit), 0)), at(5))
			require.True(t, got.Computable, "%s %g", c.id, v)
			require.Equal(t, want, got.Total, "%s %g %s", c.id, v, c.unit)
		}
	}
}

func TestConsciousness(t *testing.T) {
	for word, want := range map[string]int{"alert": 0, "A": 0, "清醒": 0, "Confused": 3, "responds to voice": 3, "U": 3, "昏迷": 3} {
		got := score.NEWS2(with(obs("avpu", "67775-7", words(word), 0)), at(5))
		require.True(t, got.Computable, word)
		require.Equal(t, want, got.Total, word)
		got = score.NEWS2(with(obs("avpu", "67775-7", record.Value{Text: word}, 0)), at(5))
		require.Equal(t, want, got.Total, word)
	}
	code := record.Value{Concept: &record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Code: "LA9342-2"}}}}
	got := score.NEWS2(with(obs("avpu", "67775-7", code, 0)), at(5))
	require.Equal(t, 3, got.Total)
	got = score.NEWS2(with(obs("avpu", "67775-7", words("as usual"), 0)), at(5))
	require.Equal(t, []score.PartName{score.PartConsciousness}, got.Missing, "what is not understood is missing")
}

func TestSecondScale(t *testing.T) {
	for _, c := range []struct {
		saturation, oxygen float64
		points             int
	}{
		{83, 21, 3}, {84, 21, 2}, {86, 21, 1}, {88, 21, 0}, {92, 21, 0}, {93, 21, 0}, {99, 21, 0},
		{83, 28, 3}, {85, 28, 2}, {87, 28, 1}, {88, 28, 0}, {92, 28, 0}, {93, 28, 1}, {94, 28, 1}, {95, 28, 2}, {96, 28, 2}, {97, 28, 3},
	} {
		rec := with(obs("sat", "2708-6", amount(c.saturation, "%"), 0))
		rec.Observations[2] = obs("o2", "19994-3", amount(c.oxygen, "%"), 0)
		got := score.Read(rec).NEWS2(at(1), score.Options{Scale2: true})
		require.Equal(t, c.points, got.Parts[1].Points, "%+v", c)
		require.True(t, got.Scale2)
	}
	rec := of(obs("sat", "2708-6", amount(95, "%"), 0))
	got := score.Read(rec).NEWS2(at(1), score.Options{Scale2: true})
	require.Contains(t, got.Missing, score.PartOxygenSaturation, "its points depend on oxygen")
}

func TestBands(t *testing.T) {
	sick := func(obs ...record.Observation) score.Band {
		all := well()
		for _, o := range obs {
			for i := range all {
				if all[i].ID == o.ID {
					all[i] = o
				}
			}
		}
		return score.NEWS2(of(all...), at(1)).Band
	}
	rr, o2, hr, sys := obs("rr", "9279-1", amount(26, "/min"), 0), obs("o2", "3151-8", amount(3, "L/min"), 0),
		obs("hr", "8867-4", amount(115, "/min"), 0), obs("sys", "8480-6", amount(95, "mm[Hg]"), 0)
	require.Equal(t, score.BandLow, sick())
	require.Equal(t, score.BandLow, sick(o2, hr))
	require.Equal(t, score.BandLowMedium, sick(rr))
	require.Equal(t, score.BandMedium, sick(rr, o2))
	require.Equal(t, score.BandHigh, sick(rr, o2, hr))
	require.Equal(t, score.BandHigh, sick(rr, o2, sys))
}

func TestWhatIsMissing(t *testing.T) {
	got := score.NEWS2(of(well()...), at(7*60))
	require.False(t, got.Computable)
	require.Len(t, got.Missing, 7, "readings that are too old no longer stand")
	require.Empty(t, got.Band)
	got = score.Read(of(well()...)).NEWS2(at(7*60), score.Options{MaxAge: 8 * time.Hour})
	require.True(t, got.Computable)
	require.Len(t, score.NEWS2(of(well()...), at(-1)).Missing, 7, "what comes later is not known yet")

	rec := of(obs("rr", "9279-1", amount(30, "/min"), 0), obs("sys", "8480-6", amount(85, "mm[Hg]"), 0))
	got = score.NEWS2(rec, at(1))
	require.Equal(t, 6, got.Total)
	require.False(t, got.Computable)
	require.Equal(t, []string{"Observation/rr", "Observation/sys"}, got.Evidence())
}

func TestReadingsThatDoNotCount(t *testing.T) {
	for name, change := range map[string]func(o *record.Observation){
		"artefact":         func(o *record.Observation) { o.Marks = []record.Mark{record.MarkArtefact} },
		"implausible":      func(o *record.Observation) { o.Marks = []record.Mark{record.MarkImplausible} },
		"suspect unit":     func(o *record.Observation) { o.Marks = []record.Mark{record.MarkUnitSuspect} },
		"imputed":          func(o *record.Observation) { o.Marks = []record.Mark{record.MarkImputed} },
		"entered in error": func(o *record.Observation) { o.Status = "entered-in-error" },
		"a day alone":      func(o *record.Observation) { o.Start.Precision = record.PrecisionDay },
		"another unit":     func(o *record.Observation) { o.Value = amount(30, "mmol/L") },
		"no unit":          func(o *record.Observation) { o.Value = amount(30, "") },
		"impossible":       func(o *record.Observation) { o.Value = amount(3000, "/min") },
		"a bound":          func(o *record.Observation) { o.Value.Quantity.Comparator = ">" },
	} {
		o := obs("late", "9279-1", amount(30, "/min"), 1)
		change(&o)
		got := score.NEWS2(of(append(well(), o)...), at(2))
		require.True(t, got.Computable, name)
		require.Zero(t, got.Total, name)
	}
}

func TestTheLatestCounts(t *testing.T) {
	rec := of(append(well(), obs("rr2", "9279-1", amount(30, "/min"), 30), obs("rr3", "9279-1", amount(22, "/min"), 30))...)
	require.Zero(t, score.NEWS2(rec, at(29)).Total)
	got := score.NEWS2(rec, at(30))
	require.Equal(t, 3, got.Total, "of one moment the worst")
	require.Equal(t, []string{"Observation/rr2"}, got.Parts[0].Readings)
	require.Equal(t, []time.Time{at(0), at(30)}, score.Read(rec).Moments(score.KindNEWS2))
}

func TestChildren(t *testing.T) {
	rec := of(well()...)
	for birth, want := range map[string]score.Exclusion{"2011": score.ExclusionChild, "2010": "", "2010-04": score.ExclusionChild, "1950-01-01": ""} {
		rec.Patient.BirthDate, _ = record.ParseDateTime(birth)
		got := score.NEWS2(rec, at(1))
		require.Equal(t, want, got.Excluded, birth)
		require.Equal(t, want == "", got.Computable, birth)
	}
}

func TestQSOFA(t *testing.T) {
	for _, c := range []struct {
		rate, systolic, coma float64
		total                int
		band                 score.Band
	}{
		{21, 101, 15, 0, score.BandNegative}, {22, 101, 15, 1, score.BandNegative}, {22, 100, 15, 2, score.BandPositive},
		{22, 100, 14, 3, score.BandPositive}, {0, 100, 14, 2, score.BandPositive}, {22, 0, 15, 1, score.BandNone}, {21, 0, 15, 0, score.BandNegative},
	} {
		rec := of(obs("gcs", "9269-2", amount(c.coma, "{score}"), 0))
		if c.rate > 0 {
			rec.Observations = append(rec.Observations, obs("rr", "9279-1", amount(c.rate, "/min"), 0))
		}
		if c.systolic > 0 {
			pressure := obs("bp", "85354-9", record.Value{}, 0)
			pressure.Components = []record.Component{{Code: obs("", "8480-6", record.Value{}, 0).Code, Value: amount(c.systolic, "mm[Hg]")}}
			rec.Observations = append(rec.Observations, pressure)
		}
		got := score.QSOFA(rec, at(1))
		require.Equal(t, c.total, got.Total, "%+v", c)
		require.Equal(t, c.band, got.Band, "%+v", c)
		require.Equal(t, c.rate > 0 && c.systolic > 0, got.Computable, "%+v", c)
	}
}

// TestLaws: the order of filing plays no part, the total is the sum of the parts, and a part that is
// not measured has no points.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kinds := []record.Observation{
			obs("", "9279-1", amount(0, "/min"), 0), obs("", "2708-6", amount(0, "%"), 0), obs("", "19994-3", amount(0, "%"), 0),
			obs("", "8480-6", amount(0, "mm[Hg]"), 0), obs("", "8310-5", amount(0, "Cel"), 0), obs("", "9269-2", amount(0, "{score}"), 0),
		}
		var all []record.Observation
		for i := range rapid.IntRange(0, 30).Draw(t, "n") {
			o := rapid.SampledFrom(kinds).Draw(t, "kind")
			o.ID, o.Start.Time = fmt.Sprint(i), at(rapid.IntRange(0, 10).Draw(t, "minute"))
			o.Value = amount(float64(rapid.IntRange(0, 120).Draw(t, "value")), o.Value.Quantity.Code)
			all = append(all, o)
		}
		opt := score.Options{Scale2: rapid.Bool().Draw(t, "scale 2")}
		a := score.Read(of(all...)).NEWS2(at(5), opt)
		b := score.Read(of(rapid.Permutation(all).Draw(t, "order")...)).NEWS2(at(5), opt)
		require.Equal(t, a.Total, b.Total)
		require.Equal(t, a.Parts, b.Parts)
		sum := 0
		for _, p := range a.Parts {
			sum += p.Points
			require.True(t, p.Known || p.Points == 0, "no points for what is not known")
			require.False(t, p.At.After(at(5)))
		}
		require.Equal(t, sum, a.Total)
	})
}

func BenchmarkRead(b *testing.B) {
	var all []record.Observation
	for i := range 2000 {
		for _, o := range well() {
			o.Start.Time = at(i)
			all = append(all, o)
		}
	}
	rec := of(all...)
	b.ReportAllocs()
	for b.Loop() {
		r := score.Read(rec)
		for _, m := range r.Moments(score.KindNEWS2) {
			r.NEWS2(m, score.Options{})
		}
	}
	b.ReportMetric(float64(len(all)*b.N)/b.Elapsed().Seconds(), "readings/s")
}
