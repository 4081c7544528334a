package scan

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// highest is what Highest says, one value after another.
func highest(values []float32) (int32, error) {
	best, at := float32(math.Inf(-1)), -1
	for i, v := range values {
		if v != v || v > math.MaxFloat32 {
			return 0, ErrNotNumbers
		}
		if v > best {
			best, at = v, i
		}
	}
	if at < 0 {
		return 0, ErrNone
	}
	return int32(at), nil
}

func check(t interface{ Fatalf(string, ...any) }, values []float32) {
	got, err := Highest(values)
	want, wantErr := highest(values)
	if got != want || !errors.Is(err, wantErr) {
		t.Fatalf("%d values: got %d, %v; want %d, %v", len(values), got, err, want, wantErr)
	}
}

func TestHighest(t *testing.T) {
	inf, negative := float32(math.Inf(1)), math.Float32frombits(0xffc00000)
	odd := []float32{0, float32(math.Copysign(0, -1)), 1, -1, math.MaxFloat32, -math.MaxFloat32, -inf, -inf, inf, float32(math.NaN()), negative}
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		values := make([]float32, rapid.IntRange(0, 5000).Draw(t, "length"))
		steps := rapid.SampledFrom([]int{1, 2, 10, 1 << 20}).Draw(t, "values apart") // few: many equals
		for i := range values {
			values[i] = float32(r.IntN(steps)) - float32(steps)*0.7
		}
		for range rapid.IntRange(0, 3).Draw(t, "odd ones") {
			if len(values) > 0 {
				values[r.IntN(len(values))] = odd[r.IntN(len(odd))]
			}
		}
		check(t, values)
	})
}

// Every place of a row is looked at, wherever the row begins.
func TestHighestAtEveryPlace(t *testing.T) {
	row := make([]float32, 2*1024+37)
	for from := range 5 {
		values := row[from:]
		for i := range values {
			for _, v := range []float32{1, float32(math.NaN()), float32(math.Inf(1))} {
				values[i] = v
				check(t, values)
			}
			values[i] = 0
		}
		for i := range values {
			values[i] = float32(math.Inf(-1))
		}
		check(t, values)
		clear(values)
	}
}

func TestHighestAllocatesNothing(t *testing.T) {
	values := make([]float32, 4096)
	if got := testing.AllocsPerRun(50, func() { _, _ = Highest(values) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkHighest(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	values := make([]float32, 49152)
	for i := range values {
		values[i] = float32(r.NormFloat64())
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = Highest(values)
	}
}
