package dicom_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/signal/dicom"
	"github.com/bedside-lm/bedside/clinical/signal/internal/mutate"
	"github.com/bedside-lm/bedside/clinical/terms"
)

var names = []string{"explicit.dcm", "implicit.dcm", "jpeg.dcm", "big.dcm", "report.dcm"}

var small = dicom.Describer{Limits: dicom.Limits{Bytes: 1 << 16, Elements: 1000, Depth: 8}}

func check(t testing.TB, d *signal.Description, err error) {
	t.Helper()
	if err != nil {
		mutate.CheckError(t, err)
		return
	}
	if d.Kind != signal.KindImage && d.Kind != signal.KindUnknown || len(d.Limits) == 0 || d.Quality != nil {
		t.Fatalf("%+v", d)
	}
	for _, f := range d.Findings {
		if f.Name == "" || f.Number == nil && f.Text == "" || len(f.Text) > 300 {
			t.Fatalf("%+v", f)
		}
	}
}

// TestTenThousandBrokenFiles breaks the tags; pixels are few.
func TestTenThousandBrokenFiles(t *testing.T) {
	var inputs [][]byte
	for _, n := range names {
		inputs = append(inputs, readFile(t, n))
	}
	s := mutate.New(3)
	read := 0
	for i := range 10_000 {
		in := inputs[i%len(inputs)]
		data := slices.Concat(in[:132], s.Bytes(in[132:], inputs[s.Pick(len(inputs))][132:]))
		if s.Pick(20) == 0 {
			data = s.Bytes(in, nil)
		}
		var d *signal.Description
		var err error
		if n := mutate.Allocated(func() { d, err = small.Describe(data, terms.English) }); n > 1<<18 {
			t.Fatalf("input %d took %d bytes", i, n)
		}
		check(t, d, err)
		if err == nil {
			read++
		}
	}
	require.Greater(t, read, 1000, "too few are read for the test to see what reading does")
	require.Less(t, read, 9000, "too few are refused for the test to see errors")
}

// FuzzDescribe holds that no file makes the reader panic or leave its limits, and that the
// language changes words alone.
func FuzzDescribe(f *testing.F) {
	for _, n := range names {
		f.Add(readFile(f, n)[132:])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		data := append(append(make([]byte, 128), "DICM"...), body...)
		d, err := small.Describe(data, terms.English)
		check(t, d, err)
		zh, errZH := small.Describe(data, terms.Chinese)
		if fmt.Sprint(err) != fmt.Sprint(errZH) {
			t.Fatal("the language changes the error")
		}
		if err == nil && (len(d.Findings) != len(zh.Findings) || len(d.Sentences) != len(zh.Sentences) || len(d.Limits) != len(zh.Limits)) {
			t.Fatal("the language changes what is found")
		}
	})
}

// BenchmarkDescribe reads the tags of a file whose pixels fill 32 MiB.
func BenchmarkDescribe(b *testing.B) {
	data := append(readFile(b, "explicit.dcm"), make([]byte, 32<<20)...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (dicom.Describer{}).Describe(data, terms.English); err != nil {
			b.Fatal(err)
		}
	}
}
