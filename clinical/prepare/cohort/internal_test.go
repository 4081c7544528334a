package cohort

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func sample() *Prepared {
	return &Prepared{
		Patient: "p", Label: "A41", Texts: []Text{{"en", "text", 3, 1}},
		Readings: []Row{{ID: "o", Code: "8867-4", Time: 5, RawTime: noTime, Value: 1.5, Component: -1, Marks: "merged"}},
		Features: []float64{1, math.Inf(1)}, Vector: []float32{0.5},
	}
}

func TestPreparedSurvivesTheDisk(t *testing.T) {
	b := appendPrepared(nil, sample())
	got, err := scanPrepared(b)
	require.NoError(t, err)
	require.Equal(t, sample(), got)
	whole := sample()
	whole.Record = []byte(`{"resourceType":"Bundle"}`)
	carried := AppendPrepared(nil, whole)
	got, err = ScanPrepared(carried)
	require.NoError(t, err)
	require.Equal(t, whole, got)
	_, err = ScanPrepared(carried[:len(carried)-1])
	require.Error(t, err)
	for n := range b {
		_, err := scanPrepared(b[:n])
		require.Error(t, err, "cut at %d", n)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 10_000 {
		damaged := bytes.Clone(b)
		for range 1 + r.IntN(4) {
			damaged[r.IntN(len(damaged))] = byte(r.Uint32())
		}
		_, _ = scanPrepared(damaged)
		_ = items(damaged, func(Item) {})
	}
}

func FuzzScan(f *testing.F) {
	f.Add(appendPrepared(nil, sample()))
	f.Add(appendItem(nil, &Item{Patient: "p", Format: FormatFHIR, Line: 3, Text: []byte("{}")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := scanPrepared(b); err == nil && len(appendPrepared(nil, p)) > 2*len(b)+100 {
			t.Fatal("more than was read")
		}
		_ = items(b, func(it Item) {
			if len(it.Text) > len(b) {
				t.Fatal("more than was read")
			}
		})
	})
}

func TestPartitionsWrittenTogether(t *testing.T) {
	for _, c := range []struct {
		sizes, want []int
	}{
		{[]int{5}, []int{0, 1}},
		{make([]int, 17), []int{0, 8, 16, 17}},
		{[]int{3000, 1000, 1, 9000, 1, 1}, []int{0, 2, 3, 4, 6}},
	} {
		require.Equal(t, c.want, together(c.sizes))
	}
}
