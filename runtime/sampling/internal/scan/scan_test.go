package scan

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/sys/cpu"
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

// Weights are the same bits with and without AVX2, and close to what math.Exp gives.
func TestWeights(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, n := range []int{0, 1, 2, 3, 4, 5, 1000, 1003} {
		scores := make([]float32, n)
		for i := range scores {
			scores[i] = 7 - float32(r.ExpFloat64()*20)
			if i%50 == 1 {
				scores[i] = float32(math.Inf(-1))
			}
		}
		w := Weighing{Peak: 7, Temperature: 0.8, Negligible: -52, BucketsPerUnit: 8}
		weights, masses := make([]float64, n), make([]float64, 52*8+1)
		sum := w.weights(false, scores, weights, masses)
		want, all := make([]float64, len(masses)), 0.0
		for i, score := range scores {
			exact, depth := 0.0, float64(score-7)/0.8
			if depth >= -52 {
				exact = math.Exp(depth)
				want[int(-depth*8)] += weights[i]
			}
			if math.Abs(weights[i]-exact) > 1e-10*exact {
				t.Fatalf("e to the %v is %v, want %v", depth, weights[i], exact)
			}
			all += weights[i]
		}
		if sum != all || !slices.Equal(masses, want) {
			t.Fatalf("%d scores: sums are wrong", n)
		}
		if cpu.X86.HasAVX2 {
			others, otherMasses := make([]float64, n), make([]float64, len(masses))
			if w.weights(true, scores, others, otherMasses) != sum || !slices.Equal(others, weights) || !slices.Equal(otherMasses, masses) {
				t.Fatalf("%d scores: other bits with AVX2", n)
			}
		}
		likely := AtLeast(weights, 0.5, make([]int32, n))
		for i, weight := range weights {
			if (weight >= 0.5) != slices.Contains(likely, int32(i)) {
				t.Fatalf("%d: %v of a weight of %v", i, likely, weight)
			}
		}
		if !slices.IsSorted(likely) {
			t.Fatal(likely)
		}
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
