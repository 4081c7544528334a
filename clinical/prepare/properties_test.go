package prepare_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/record"
)

// messy records hold what the stages look for: repeats, other units, spikes, several devices.
var messy = rapid.Custom(func(t *rapid.T) *record.PatientRecord {
	kinds := []struct {
		code   string
		unit   string
		values []float64
	}{
		{"8867-4", "/min", []float64{60, 80, 82, 120, 300}}, {"8480-6", "mm[Hg]", []float64{40, 110, 120, 16}},
		{"8462-4", "mm[Hg]", []float64{60, 70, 130}}, {"2345-7", "mmol/L", []float64{5.5, 6, 110}},
		{"2345-7", "mg/dL", []float64{100, 5.4, 1700}}, {"8310-5", "[degF]", []float64{98.6, 37}}, {"8310-5", "Cel", []float64{37, 99}},
		{"29463-7", "kg", []float64{70, 154}}, {"0-0", "blobs", []float64{1}},
	}
	rec := of()
	rec.Encounters = []record.Encounter{{ID: "e", Start: at(0), End: at(600)}}
	for i := range rapid.IntRange(0, 60).Draw(t, "n") {
		k := rapid.SampledFrom(kinds).Draw(t, "kind")
		o := vital(fmt.Sprintf("o%02d", i), k.code, rapid.SampledFrom(k.values).Draw(t, "value"), k.unit, float64(rapid.IntRange(0, 40).Draw(t, "minute"))/2)
		o.DeviceID = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "device")
		o.Status = rapid.SampledFrom([]string{"final", "final", "final", "entered-in-error"}).Draw(t, "status")
		rec.Observations = append(rec.Observations, o)
	}
	return rec
})

var ignoreOrder = cmpopts.SortSlices(func(a, b record.Observation) bool { return a.ID < b.ID })

func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec := messy.Draw(t, "record")
		before := slices.Clone(rec.Observations)
		res := prepare.Run(rec, prepare.Options{FillInterval: 5 * time.Minute})
		if diff := cmp.Diff(before, rec.Observations); diff != "" {
			t.Fatalf("the record given was changed:\n%s", diff)
		}
		named := map[string]bool{}
		for _, o := range res.Record.Observations {
			for _, id := range append(o.DerivedFrom, o.ID) {
				named[id] = true
			}
		}
		for i, o := range before {
			if !named[o.ID] {
				t.Fatalf("%s can no longer be reached", o.ID)
			}
			now := find(res.Record, o.ID)
			if now == nil || cmp.Diff(o.Value, now.Value, cmpopts.IgnoreFields(record.Quantity{}, "Unit")) != "" || !o.Start.Time.Equal(now.Start.Time) {
				if cmp.Diff(&before[i], res.Raw[o.ID]) != "" {
					t.Fatalf("%s was changed and is not kept as it was filed", o.ID)
				}
			}
		}
	})
}

func TestPreparingTwiceChangesNothingMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		opt := prepare.Options{FillInterval: 5 * time.Minute}
		once := prepare.Run(messy.Draw(t, "record"), opt).Record
		again := prepare.Run(once, opt)
		if diff := cmp.Diff(once.Observations, again.Record.Observations); diff != "" {
			t.Fatalf("-once +twice:\n%s", diff)
		}
	})
}

func TestTheOrderOfReadingsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		opt := prepare.Options{FillInterval: 5 * time.Minute}
		rec := messy.Draw(t, "record")
		shuffled := *rec
		shuffled.Observations = rapid.Permutation(rec.Observations).Draw(t, "order")
		a, b := prepare.Run(rec, opt), prepare.Run(&shuffled, opt)
		if diff := cmp.Diff(a.Record.Observations, b.Record.Observations, ignoreOrder); diff != "" {
			t.Fatalf("-one order +another:\n%s", diff)
		}
	})
}

// TestCrowdsTakeNoLonger holds that readings without end at one moment, or of devices without
// end, are not compared each with each: that would take minutes.
func TestCrowdsTakeNoLonger(t *testing.T) {
	rec := of()
	for i := range 20_000 {
		rec.Observations = append(rec.Observations,
			by(fmt.Sprint("d", i%3000), vital(fmt.Sprint("a", i), "8867-4", float64(60+i%90), "/min", 0)),
			vital(fmt.Sprint("b", i), "29463-7", float64(i), "kg", float64(i%7)), vital(fmt.Sprint("c", i), "39156-5", float64(i), "kg/m2", 1))
	}
	res := prepare.Run(rec, prepare.Options{FillInterval: time.Minute})
	require.LessOrEqual(t, len(res.Record.Observations), len(rec.Observations))
}

func TestSampleRecordsAreClean(t *testing.T) {
	files, err := filepath.Glob("../../testdata/records/*.fhir.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		res := prepare.Run(sample(t, file), prepare.Options{})
		for _, stage := range []prepare.StageName{prepare.StageUnits, prepare.StageClock} {
			r := report(res, stage)
			require.Zero(t, r.Counts[prepare.ChangeUnitCorrected]+r.Counts[prepare.ChangeTimeCorrected], file)
		}
	}
}

func sample(t testing.TB, file string) *record.PatientRecord {
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	rec, err := fhir.Parse(data, fhir.Limits{})
	require.NoError(t, err)
	return rec
}

func FuzzRun(f *testing.F) {
	files, _ := filepath.Glob("../../testdata/records/*.fhir.json")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil && len(data) < 20_000 {
			f.Add(data, int64(time.Minute))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, fill int64) {
		rec, err := fhir.Parse(data, fhir.Limits{Bytes: 1 << 16})
		if err != nil {
			return
		}
		res := prepare.Run(rec, prepare.Options{FillInterval: time.Duration(fill), MaxFilled: 100})
		if len(res.Record.Observations) > len(rec.Observations)+100 {
			t.Fatal("more readings than were filed and filled")
		}
	})
}

func BenchmarkRun(b *testing.B) {
	rec := of()
	for d, device := range []string{"monitor", "oximeter"} {
		for _, m := range []struct {
			code, unit string
			level      float64
		}{{"8867-4", "/min", 80}, {"2708-6", "%", 96}, {"9279-1", "/min", 16}, {"8480-6", "mm[Hg]", 120}, {"8462-4", "mm[Hg]", 70}} {
			for i, v := range walk(uint64(d), 1440, m.level, 1) {
				rec.Observations = append(rec.Observations, by(device, vital(fmt.Sprint(device, m.code, i), m.code, v, m.unit, float64(i))))
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		prepare.Run(rec, prepare.Options{FillInterval: 15 * time.Minute})
	}
	b.ReportMetric(float64(len(rec.Observations)*b.N)/b.Elapsed().Seconds(), "readings/s")
}
