package deid

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWeighIsTheSumOverAllReadings holds what is weighed against every row of readings, written out.
func TestWeighIsTheSumOverAllReadings(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		size := 1 + rng.IntN(7)
		var readings []reading
		for from := range size {
			readings = append(readings, reading{from, from + 1, -rng.Float64() * 9, false}) // so that there is a way through
			for to := from + 1; to <= size; to++ {
				if rng.IntN(3) == 0 {
					readings = append(readings, reading{from, to, -rng.Float64() * 9, rng.IntN(2) == 0})
				}
			}
		}
		slices.SortStableFunc(readings, func(a, b reading) int { return a.to - b.to })
		covered, begun := weigh(size, readings)

		total, wantCovered, wantBegun := 0.0, make([]float64, size), make([]float64, size)
		var row []reading
		var walk func(at int, p float64)
		walk = func(at int, p float64) {
			if at == size {
				total += p
				for _, r := range row {
					for i := r.from; r.name && i < r.to; i++ {
						wantCovered[i] += p
					}
					if r.name {
						wantBegun[r.from] += p
					}
				}
				return
			}
			for _, r := range readings {
				if r.from == at {
					row = append(row, r)
					walk(r.to, p*math.Exp(r.likelihood))
					row = row[:len(row)-1]
				}
			}
		}
		walk(0, 1)
		for i := range size {
			require.InDelta(t, wantCovered[i]/total, covered[i], 1e-9)
			require.InDelta(t, wantBegun[i]/total, begun[i], 1e-9)
		}
	}
}
