package sampling

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawPlainly draws as draw does, one token after another.
func drawPlainly(p Params, scores []float32, rng *rand.Rand) int32 {
	s := &Sampler{params: p, rng: rng}
	peak := slices.Max(scores)
	if p.TopK > 0 && p.TopK < len(scores) {
		s.selectTop(scores, p.TopK)
	} else {
		for id, score := range scores {
			s.kept = append(s.kept, candidate{id: int32(id), score: score})
		}
	}
	mass := s.weigh(peak)
	if p.TopP == 1 && p.MinP == 0 {
		return s.drawKept(mass)
	}
	var masses [buckets]float64
	for _, c := range s.kept {
		masses[s.bucket(c, peak)] += c.weight
	}
	return s.drawCut(peak, mass, &masses)
}

// A seed's tokens are the same whether weights are computed for the whole vocabulary in C or for one token after another here.
func TestDrawsAreThoseOfTheirSeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawParams(t)
		p.Temperature, p.RepetitionPenalty, p.Logprobs = max(p.Temperature, 0.3), 1, 0
		logits := gaussian(rapid.Uint64().Draw(t, "logits"), rapid.IntRange(1, 700).Draw(t, "vocabulary"))
		spread := rapid.SampledFrom([]float32{0, 1, 4, 30}).Draw(t, "spread")
		for i := range logits {
			if logits[i] *= spread; i%7 == 3 && len(logits) > 9 {
				logits[i] = float32(math.Inf(-1))
			}
		}
		s, err := New(p)
		require(t, err == nil, "%v", err)
		rng := rand.New(rand.NewPCG(*p.Seed, stream))
		for range 5 {
			token, err := s.Sample(logits)
			require(t, err == nil, "%v", err)
			want := drawPlainly(p, logits, rng)
			require(t, token.ID == want, "drew %d, want %d", token.ID, want)
		}
	})
}

// Weights are the same bits in C and in Go, where Go does not fuse products and sums.
func TestWeightsAreTheSameBits(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("Go may fuse a product and a sum on this processor")
	}
	for _, temperature := range []float64{0.3, 0.8, 1, 3} {
		s := Sampler{params: Params{Temperature: temperature, TopP: 0.9}}
		scores := gaussian(9, 5003)
		for i := range scores {
			scores[i] *= 8
		}
		peak := slices.Max(scores)
		var masses, want [buckets]float64
		mass, wantMass := s.weighAll(scores, peak, masses[:]), 0.0
		for id, score := range scores {
			weight, x := 0.0, s.depth(score, peak)
			if x >= negligible {
				weight = exp(x)
				want[s.bucket(candidate{score: score}, peak)] += weight
			}
			if wantMass += weight; s.weights[id] != weight {
				t.Fatalf("at temperature %v, %v below the peak: %v, want %v", temperature, x, s.weights[id], weight)
			}
		}
		if mass != wantMass || masses != want {
			t.Fatalf("sums differ: %v, want %v", mass, wantMass)
		}
	}
}
