package edf_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/signal/edf"
	"github.com/bedside-lm/bedside/clinical/signal/internal/mutate"
)

// small are the limits of the tests that break inputs: what breaks through them is seen.
var small = edf.Limits{Bytes: 1 << 16, Signals: 20, Samples: 20_000, Records: 1000, Annotations: 1000, TextBytes: 200, Notices: 20}

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
	if total > small.Samples || len(rec.Annotations) > small.Annotations || len(rec.Notices) > small.Notices+1 {
		t.Fatalf("%d samples, %d annotations, %d notices", total, len(rec.Annotations), len(rec.Notices))
	}
	for _, a := range rec.Annotations {
		if a.Channel != -1 || a.Text == "" || len(a.Text) > 3*small.TextBytes || a.Duration < 0 {
			t.Fatalf("annotation %+v", a)
		}
	}
}

// short are the files cut to a size at which breaks hit what matters.
func short(t testing.TB) [][]byte {
	t.Helper()
	first, second := []byte{50, 0, 0xce, 0xff}, []byte{1, 0, 2, 0}
	marks := func(tal string) []byte { return []byte(tal + strings.Repeat("\x00", 22-len(tal))) }
	body := slices.Concat(first, marks("+0\x14\x14\x00+0.5\x151\x14one\x14"))
	two := slices.Concat(body, second, marks("+3\x14\x14"))
	fields := []field{{label: "ECG", unit: "mV"}, {label: "EDF Annotations", samples: "11"}}
	return [][]byte{
		file{fields: one, body: first}.build(),
		file{reserved: "EDF+C", fields: fields, body: body}.build(),
		file{reserved: "EDF+D", fields: fields, records: "2", body: two}.build(),
		file{version: "\xffBIOSEMI", fields: []field{{label: "ECG"}}, body: make([]byte, 6)}.build(),
		readFile(t, "gap.edf"), readFile(t, "plus.bdf"),
	}
}

// TestTenThousandBrokenFiles breaks headers and data records.
func TestTenThousandBrokenFiles(t *testing.T) {
	inputs := short(t)
	for i, in := range inputs {
		_, err := edf.Parse(in, small)
		require.NoError(t, err, "input %d", i)
	}
	s := mutate.New(2)
	read := 0
	for i := range 10_000 {
		data := s.Bytes(inputs[i%len(inputs)], inputs[s.Pick(len(inputs))])
		var rec *signal.Recording
		var err error
		if n := mutate.Allocated(func() { rec, err = edf.Parse(data, small) }); n > 2<<20 {
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

// FuzzParse holds that no file makes the reader panic or leave its limits.
func FuzzParse(f *testing.F) {
	for _, in := range short(f) {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := edf.Parse(data, small)
		check(t, rec, err)
	})
}

// BenchmarkParse reads ten minutes of eight channels.
func BenchmarkParse(b *testing.B) {
	var fields []field
	for range 8 {
		fields = append(fields, field{label: "ECG", unit: "mV", samples: "250"})
	}
	data := file{records: "600", fields: fields, body: make([]byte, 600*8*250*2)}.build()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := edf.Parse(data, edf.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
