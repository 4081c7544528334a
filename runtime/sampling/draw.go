package sampling

import (
	"math"
	"slices"

	"github.com/bedside-lm/bedside/runtime/sampling/internal/scan"
)

// candidate is a token that may be drawn. weight is its probability over the likeliest's.
type candidate struct {
	id     int32
	score  float32
	weight float64
}

// above orders candidates: higher scores first, lower ids first among equals.
func above(a, b candidate) int {
	switch {
	case a.score > b.score:
		return -1
	case a.score < b.score:
		return 1
	}
	return int(a.id - b.id)
}

// negligible is the natural logarithm of a weight so small that a million tokens like it do not change a float64 sum of
// 1 or more: exp(-52) * 2^20 < 2^-54.
const negligible = -52

// exp returns e to the x for negligible <= x <= 0, with a relative error below 1e-10. It costs a third of math.Exp,
// which a vocabulary's worth of calls for each token makes worth having.
func exp(x float64) float64 {
	halves := int(x*math.Log2E - 0.5) // rounds to the nearest, for x is not positive
	f := x - float64(halves)*math.Ln2 // at most ln(2)/2 either way
	// Taylor's series: what is left out begins with f^10/10!.
	sum := 1 + f*(1+f*(1./2+f*(1./6+f*(1./24+f*(1./120+f*(1./720+f*(1./5040+f*(1./40320+f*(1./362880)))))))))
	return sum * math.Float64frombits(uint64(halves+1023)<<52)
}

// draw chooses among the tokens that top-k, top-p and min-p leave. best is the id with the highest score.
func (s *Sampler) draw(scores []float32, best int32) int32 {
	peak := scores[best]
	var masses [buckets]float64
	if s.params.TopK > 0 && s.params.TopK < len(scores) {
		s.selectTop(scores, s.params.TopK)
		mass := s.weigh(peak)
		if s.params.TopP == 1 && s.params.MinP == 0 {
			return s.drawKept(mass)
		}
		for _, c := range s.kept {
			masses[s.bucket(c, peak)] += c.weight
		}
		return s.drawCut(peak, mass, &masses)
	}
	mass := s.weighAll(scores, peak, masses[:])
	if s.params.TopP == 1 && s.params.MinP == 0 {
		return s.drawAny(mass)
	}
	s.keepLikely(scores, mass, &masses)
	return s.drawCut(peak, mass, &masses)
}

// drawAny draws among all tokens by s.weights, whose sum is mass.
func (s *Sampler) drawAny(mass float64) (id int32) {
	at := s.rng.Float64() * mass
	for i, weight := range s.weights {
		if at -= weight; at < 0 {
			return int32(i)
		}
		if weight > 0 {
			id = int32(i)
		}
	}
	return id // rounding may leave a crumb beyond the last one
}

// drawCut cuts s.kept by top-p and min-p and draws among what is left. mass is that of all tokens, masses is by bucket.
func (s *Sampler) drawCut(peak float32, mass float64, masses *[buckets]float64) int32 {
	if s.params.TopP < 1 {
		s.nucleus(peak, mass, masses)
	}
	if s.params.MinP > 0 {
		s.kept = slices.DeleteFunc(s.kept, func(c candidate) bool { return c.weight < s.params.MinP })
	}
	mass = 0
	for i := range s.kept {
		mass += s.kept[i].weight
	}
	return s.drawKept(mass)
}

// drawKept draws among s.kept, whose weights' sum is mass.
func (s *Sampler) drawKept(mass float64) int32 {
	at := s.rng.Float64() * mass
	for i := range s.kept {
		if at -= s.kept[i].weight; at < 0 {
			return s.kept[i].id
		}
	}
	// Rounding may leave a crumb beyond the last one.
	return s.kept[len(s.kept)-1].id
}

// weighAll sets s.weights, those of all tokens, by id, and returns their sum, in all and by bucket. The negligible weigh nothing.
func (s *Sampler) weighAll(scores []float32, peak float32, masses []float64) float64 {
	s.weights = slices.Grow(s.weights[:0], len(scores))[:len(scores)]
	if s.params.TopP == 1 {
		masses = nil
	}
	w := scan.Weighing{Peak: peak, Temperature: s.params.Temperature, Negligible: negligible, BucketsPerUnit: bucketsPerUnit}
	return w.Weights(scores, s.weights, masses)
}

// keepLikely fills s.kept with the tokens, by id, that top-p and min-p may leave, and perhaps some more.
func (s *Sampler) keepLikely(scores []float32, mass float64, masses *[buckets]float64) {
	floor := s.params.MinP
	if s.params.TopP < 1 {
		edge, _ := s.edgeOf(mass, masses)
		// What a bucket holds weighs no less than where the next begins, but for rounding.
		floor = 0.999 * math.Exp(-float64(edge+1)/bucketsPerUnit)
	}
	s.ids = slices.Grow(s.ids[:0], len(scores))[:len(scores)]
	s.kept = s.kept[:0]
	for _, id := range scan.AtLeast(s.weights, floor, s.ids) {
		s.kept = append(s.kept, candidate{id: id, score: scores[id], weight: s.weights[id]})
	}
}

// depth is how far a score lies below the peak, as the natural logarithm of its weight, negative.
func (s *Sampler) depth(score, peak float32) float64 {
	return float64(score-peak) / s.params.Temperature
}

// weigh sets the weights of s.kept, takes out the negligible, and returns the sum. The likeliest weighs 1.
func (s *Sampler) weigh(peak float32) (mass float64) {
	n := 0
	for _, c := range s.kept {
		x := s.depth(c.score, peak)
		// Written so that minus infinity less minus infinity, NaN, goes too.
		if !(x >= negligible) {
			continue
		}
		c.weight = exp(x)
		s.kept[n] = c
		mass += c.weight
		n++
	}
	s.kept = s.kept[:n]
	return mass
}

// buckets divide the depths from 0 to negligible, so that top-p need only sort the bucket its edge falls in.
const (
	bucketsPerUnit = 8
	buckets        = -negligible*bucketsPerUnit + 1
)

func (s *Sampler) bucket(c candidate, peak float32) int {
	return int(-s.depth(c.score, peak) * bucketsPerUnit)
}

// edgeOf finds the bucket in which the likeliest tokens reach top-p of the mass, and the mass of those before it.
func (s *Sampler) edgeOf(all float64, masses *[buckets]float64) (last int, before float64) {
	want := s.params.TopP * all
	for last < buckets-1 && before+masses[last] < want {
		before += masses[last]
		last++
	}
	return last, before
}

// nucleus cuts s.kept to the likeliest tokens that reach top-p of the mass of all, which masses has by bucket.
func (s *Sampler) nucleus(peak float32, all float64, masses *[buckets]float64) {
	want := s.params.TopP * all
	last, mass := s.edgeOf(all, masses)
	n := 0
	s.edge = s.edge[:0]
	for _, c := range s.kept {
		switch b := s.bucket(c, peak); {
		case b < last:
			s.kept[n] = c
			n++
		case b == last:
			s.edge = append(s.edge, c)
		}
	}
	s.kept = s.kept[:n]
	slices.SortFunc(s.edge, above)
	for _, c := range s.edge {
		if mass >= want && len(s.kept) > 0 {
			break
		}
		s.kept = append(s.kept, c)
		mass += c.weight
	}
}

// selectTop fills s.kept with the k highest of scores that are not minus infinity, in order. One pass with a heap whose
// root is the lowest kept, so that most tokens cost one comparison.
func (s *Sampler) selectTop(scores []float32, k int) {
	heap := s.kept[:0]
	floor := float32(math.Inf(-1))
	for id, score := range scores {
		if score <= floor {
			continue
		}
		c := candidate{id: int32(id), score: score}
		if len(heap) < k {
			heap = append(heap, c)
			if len(heap) == k {
				for i := k/2 - 1; i >= 0; i-- {
					siftDown(heap, i)
				}
				floor = heap[0].score
			}
			continue
		}
		heap[0] = c
		siftDown(heap, 0)
		floor = heap[0].score
	}
	slices.SortFunc(heap, above)
	s.kept = heap
}

func siftDown(heap []candidate, i int) {
	for {
		child := 2*i + 1
		if child >= len(heap) {
			return
		}
		if child+1 < len(heap) && above(heap[child+1], heap[child]) > 0 {
			child++
		}
		if above(heap[child], heap[i]) < 0 {
			return
		}
		heap[i], heap[child] = heap[child], heap[i]
		i = child
	}
}
