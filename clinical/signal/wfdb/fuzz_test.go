package wfdb_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/signal/internal/mutate"
	"github.com/bedside-lm/bedside/clinical/signal/wfdb"
)

// small are the limits of the tests that break inputs: what breaks through them is seen.
var small = wfdb.Limits{HeaderBytes: 1 << 16, Bytes: 1 << 16, Signals: 20, Samples: 20_000, Segments: 50, Annotations: 1000, Notices: 50}

// check holds that a record keeps its limits, or that the error is a good one.
func check(t testing.TB, rec *signal.Recording, err error) {
	t.Helper()
	if err != nil {
		mutate.CheckError(t, err)
		return
	}
	total := 0
	for _, w := range rec.Waveforms {
		total += len(w.Samples)
		if !(w.Rate >= signal.MinRate && w.Rate <= signal.MaxRate) {
			t.Fatalf("a rate of %g", w.Rate)
		}
		for _, v := range w.Samples {
			if math.IsInf(v, 0) {
				t.Fatal("an infinity, which no file holds")
			}
		}
	}
	if total > small.Samples || len(rec.Annotations) > small.Annotations || len(rec.Notices) > small.Notices+2 {
		t.Fatalf("%d samples, %d annotations, %d notices", total, len(rec.Annotations), len(rec.Notices))
	}
	for _, a := range rec.Annotations {
		if a.At < 0 || a.Code == "" || a.Channel < -1 || a.Channel >= max(1, len(rec.Waveforms)) {
			t.Fatalf("annotation %+v", a)
		}
	}
}

// testdata holds all files of the folder, by name.
func testdata(t testing.TB) files {
	t.Helper()
	entries, err := os.ReadDir("testdata")
	require.NoError(t, err)
	out := files{}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext == ".hea" || ext == ".dat" || ext == ".atr" {
			out[e.Name()] = readFile(t, e.Name())
		}
	}
	return out
}

// TestTenThousandBrokenRecords breaks the header, the signal files and the annotations.
func TestTenThousandBrokenRecords(t *testing.T) {
	all := testdata(t)
	names := []string{"lead212", "icu", "fixed", "vary", "f310_13", "f311_14", "f24_12", "f8_12"}
	s := mutate.New(1)
	read := 0
	for i := range 10_000 {
		name := names[i%len(names)]
		header, marks := all[name+".hea"], all["lead212.atr"]
		broken := files{}
		for k, v := range all {
			broken[k] = v
		}
		switch s.Pick(4) {
		case 0:
			marks = s.Bytes(marks, all["icu_a.dat"])
		case 1:
			for k, v := range all {
				if strings.HasPrefix(k, name[:3]) {
					broken[k] = s.Bytes(v, marks)
				}
			}
		default:
			header = s.Bytes(header, all["vary1.hea"])
		}
		var rec *signal.Recording
		var err error
		if n := mutate.Allocated(func() { rec, err = wfdb.Read(header, broken.open, marks, small) }); n > 4<<20 {
			t.Fatalf("input %d took %d bytes", i, n)
		}
		check(t, rec, err)
		if err == nil {
			read++
		}
	}
	require.Greater(t, read, 1000, "too few are read for the test to see what reading does")
	require.Less(t, read, 9000, "too few are refused for the test to see errors")
}

// FuzzRead holds that no header, signal file and annotations make the reader panic or leave its limits.
func FuzzRead(f *testing.F) {
	all := testdata(f)
	for _, name := range []string{"lead212", "icu", "f310_13", "f311_14", "f24_12", "f8_12", "vary1"} {
		f.Add([]byte(strings.ReplaceAll(strings.ReplaceAll(string(all[name+".hea"]), "icu_b.dat", "x"), name, "x")), all[name+".dat"], all["lead212.atr"])
	}
	f.Add(all["fixed.hea"], all["part1.dat"], []byte{})
	f.Fuzz(func(t *testing.T, header, data, marks []byte) {
		open := func(name string) (io.ReadCloser, error) {
			if strings.HasSuffix(name, ".hea") {
				return io.NopCloser(bytes.NewReader(header)), nil
			}
			return io.NopCloser(bytes.NewReader(data)), nil
		}
		rec, err := wfdb.Read(header, open, marks, small)
		check(t, rec, err)
	})
}

// FuzzParseAnnotations holds the same for annotations alone.
func FuzzParseAnnotations(f *testing.F) {
	f.Add(readFile(f, "lead212.atr"))
	f.Add([]byte{250, 4, 1, 62 << 2, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		marks, notices, err := wfdb.ParseAnnotations(data, 360, small)
		check(t, &signal.Recording{Annotations: onChannel(marks), Notices: notices}, err)
	})
}

// onChannel puts marks of any channel on the one that check knows.
func onChannel(marks []signal.Annotation) []signal.Annotation {
	for i := range marks {
		marks[i].Channel = min(marks[i].Channel, 0)
	}
	return marks
}

// TestWritesWhatItReads holds that a recording comes back, within half a step of the file.
func TestWritesWhatItReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		format := rapid.SampledFrom([]int{16, 212}).Draw(t, "format")
		gain := rapid.SampledFrom([]float64{0, 1, 12.5, 100}).Draw(t, "gain")
		rate := rapid.SampledFrom([]float64{0.5, 62.4725, 125, 360}).Draw(t, "rate")
		frames := rapid.IntRange(1, 20).Draw(t, "frames")
		rec := &signal.Recording{}
		if rapid.Bool().Draw(t, "dated") {
			rec.Start = record.DateTime{Time: time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "start")).UTC(), Precision: record.PrecisionSecond}
		}
		steps := gain
		if steps == 0 {
			steps = 200
		}
		limit := map[int]float64{16: 32767, 212: 2047}[format] / steps
		for i := range rapid.IntRange(1, 3).Draw(t, "signals") {
			per := rapid.IntRange(1, 3).Draw(t, "per frame")
			if i == 0 {
				per = 1
			}
			w := signal.Waveform{
				Label: rapid.StringMatching(`[A-Za-z][A-Za-z0-9 ]{0,8}[a-z]`).Draw(t, "label"), Unit: rapid.SampledFrom([]string{"mV", "mm[Hg]"}).Draw(t, "unit"),
				Rate: rate * float64(per), Start: rec.Start,
			}
			w.Label = strings.Join(strings.Fields(w.Label), " ")
			w.Kind = signal.KindOf(w.Label, record.Concept{}, w.Unit)
			sample := rapid.OneOf(rapid.Float64Range(-limit, limit), rapid.Just(math.NaN()))
			w.Samples = rapid.SliceOfN(sample, frames*per, frames*per).Draw(t, "samples")
			rec.Waveforms = append(rec.Waveforms, w)
		}
		at := 0
		for range rapid.IntRange(0, 5).Draw(t, "marks") {
			at += rapid.IntRange(0, 5000).Draw(t, "interval")
			rec.Annotations = append(rec.Annotations, signal.Annotation{
				At:      time.Duration(math.Round(float64(at) / rate * 1e9)),
				Channel: rapid.IntRange(0, len(rec.Waveforms)-1).Draw(t, "channel"),
				Code:    rapid.SampledFrom([]string{"N", "V", "+", "~", "/"}).Draw(t, "code"),
				Text:    rapid.SampledFrom([]string{"", "(N", "(AFIB", "odd"}).Draw(t, "text"),
			})
		}
		out, err := wfdb.Write(rec, wfdb.WriteOptions{Name: "r", Format: format, Gain: gain})
		require.NoError(t, err)
		got, err := wfdb.Read(out.Header, files{"r.dat": out.Data}.open, out.Annotations, wfdb.Limits{})
		require.NoError(t, err)
		for _, n := range got.Notices {
			require.Equal(t, signal.NoticeTimeZone, n.Kind)
		}
		requireSame(t, rec, got, 0.5/steps+1e-9)
	})
}

func requireSame(t require.TestingT, want, got *signal.Recording, tolerance float64) {
	require.Equal(t, want.Start.String(), got.Start.String())
	require.Equal(t, want.Annotations, got.Annotations)
	require.Len(t, got.Waveforms, len(want.Waveforms))
	for i, w := range want.Waveforms {
		g := got.Waveforms[i]
		require.InEpsilon(t, w.Rate, g.Rate, 1e-9)
		require.Equal(t, []string{w.Label, w.Unit, string(w.Kind)}, []string{g.Label, g.Unit, string(g.Kind)})
		require.Len(t, g.Samples, len(w.Samples))
		for n, v := range w.Samples {
			if math.IsNaN(v) {
				require.True(t, math.IsNaN(g.Samples[n]))
			} else {
				require.InDelta(t, v, g.Samples[n], tolerance)
			}
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	good := func() *signal.Recording {
		return &signal.Recording{Waveforms: []signal.Waveform{{Rate: 100, Samples: []float64{1, 2}}, {Rate: 100, Samples: []float64{1, 2}}}}
	}
	for name, c := range map[string]struct {
		opt    wfdb.WriteOptions
		change func(*signal.Recording)
		path   string
	}{
		"name":     {wfdb.WriteOptions{Name: "../r", Format: 16}, func(*signal.Recording) {}, "name"},
		"format":   {wfdb.WriteOptions{Name: "r", Format: 8}, func(*signal.Recording) {}, "format"},
		"gain":     {wfdb.WriteOptions{Name: "r", Format: 16, Gain: math.NaN()}, func(*signal.Recording) {}, "gain"},
		"range":    {wfdb.WriteOptions{Name: "r", Format: 212}, func(r *signal.Recording) { r.Waveforms[0].Samples[1] = 11 }, "waveforms[0].samples[1]"},
		"rate":     {wfdb.WriteOptions{Name: "r", Format: 212}, func(r *signal.Recording) { r.Waveforms[0].Rate = 0 }, "waveforms[0].rate"},
		"multiple": {wfdb.WriteOptions{Name: "r", Format: 212}, func(r *signal.Recording) { r.Waveforms[0].Rate = 150 }, "waveforms[0].rate"},
		"length":   {wfdb.WriteOptions{Name: "r", Format: 212}, func(r *signal.Recording) { r.Waveforms[1].Samples = nil }, "waveforms[1].samples"},
		"code": {wfdb.WriteOptions{Name: "r", Format: 212}, func(r *signal.Recording) {
			r.Annotations = []signal.Annotation{{Code: "no such"}}
		}, "annotations[0].code"},
	} {
		rec := good()
		c.change(rec)
		_, err := wfdb.Write(rec, c.opt)
		var invalid *record.InvalidError
		require.ErrorAs(t, err, &invalid, name)
		require.Equal(t, c.path, invalid.Violations[0].Path, name)
	}
}

// BenchmarkRead reads ten minutes of two leads.
func BenchmarkRead(b *testing.B) {
	for _, format := range []int{16, 212} {
		rec := &signal.Recording{}
		for range 2 {
			w := signal.Waveform{Rate: 360, Unit: "mV", Samples: make([]float64, 600*360)}
			for i := range w.Samples {
				w.Samples[i] = math.Sin(float64(i) / 20)
			}
			rec.Waveforms = append(rec.Waveforms, w)
		}
		out, err := wfdb.Write(rec, wfdb.WriteOptions{Name: "r", Format: format})
		require.NoError(b, err)
		b.Run(fmt.Sprint(format), func(b *testing.B) {
			b.SetBytes(int64(len(out.Data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := wfdb.Read(out.Header, files{"r.dat": out.Data}.open, nil, wfdb.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
