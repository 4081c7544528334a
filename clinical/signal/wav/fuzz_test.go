package wav_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/signal/internal/mutate"
	"github.com/bedside-lm/bedside/clinical/signal/wav"
	"github.com/bedside-lm/bedside/clinical/terms"
)

var small = wav.Describer{Limits: wav.Limits{Bytes: 1 << 17, Channels: 4, Chunks: 20, Seconds: 100}}

func check(t testing.TB, d *signal.Description, err error) {
	t.Helper()
	if err != nil {
		mutate.CheckError(t, err)
		return
	}
	if d.Kind != signal.KindSound || len(d.Limits) == 0 || len(d.Sentences) == 0 {
		t.Fatalf("%+v", d)
	}
	for _, f := range d.Findings {
		if f.Name == "" || f.Number == nil && f.Text == "" || f.Number != nil && (math.IsNaN(*f.Number) || math.IsInf(*f.Number, 0)) {
			t.Fatalf("%s", f.Key)
		}
	}
	if r := d.Finding("breath-rate"); r != nil && r.Number != nil && (*r.Number < 5 || *r.Number > 95) {
		t.Fatalf("%g breaths a minute", *r.Number)
	}
}

// inputs are files in each form, one of them long enough for breaths.
func inputs() [][]byte {
	s := newSynth(1, 2000, 21).breaths(20, 0, 0.1)
	return [][]byte{
		encode16(2000, s.out),
		riff(chunk("fmt ", format(1, 2, 8000, 24)), chunk("LIST", []byte("odd")), chunk("data", make([]byte, 600))),
		riff(chunk("fmt ", format(3, 1, 8000, 32)), chunk("data", floats([]float64{0, 1, -1, 0.5, 2}, 1))),
		riff(chunk("fmt ", format(3, 1, 8000, 64)), chunk("data", make([]byte, 64))),
		riff(chunk("fmt ", format(1, 1, 8000, 8)), chunk("data", make([]byte, 64))),
	}
}

// TestTenThousandBrokenFiles breaks headers more than samples, of which none is wrong.
func TestTenThousandBrokenFiles(t *testing.T) {
	in := inputs()
	s := mutate.New(4)
	read := 0
	for i := range 10_000 {
		whole := in[1+i%(len(in)-1)]
		if i%50 == 0 {
			whole = in[0]
		}
		data := append(s.Bytes(whole[:60], in[s.Pick(len(in))][:60]), whole[60:]...)
		if s.Pick(4) == 0 {
			data = s.Bytes(whole, nil)
		}
		var d *signal.Description
		var err error
		if n := mutate.Allocated(func() { d, err = small.Describe(data, terms.Chinese) }); n > 1<<19 {
			t.Fatalf("input %d took %d bytes", i, n)
		}
		check(t, d, err)
		if err == nil {
			read++
		}
	}
	require.Greater(t, read, 500, "too few are read for the test to see what reading does")
	require.Less(t, read, 9500, "too few are refused for the test to see errors")
}

// FuzzDescribe holds that no file makes the describer panic, leave its limits or say what is no number.
func FuzzDescribe(f *testing.F) {
	for _, in := range inputs()[1:] {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := small.Describe(data, terms.English)
		check(t, d, err)
	})
}

// BenchmarkDescribe describes a minute at 16 kHz.
func BenchmarkDescribe(b *testing.B) {
	s := newSynth(1, 16_000, 60).breaths(20, 0.1, 0.1)
	data := encode16(s.rate, s.out)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (wav.Describer{}).Describe(data, terms.English); err != nil {
			b.Fatal(err)
		}
	}
}
