package sampling

import (
	"math"
	"sort"
)

// outcome is a token with the probability that it is drawn.
type outcome struct {
	id int32
	p  float64
}

// reference returns the distribution that p asks for, the likeliest token first: each step written out plainly,
// over the whole vocabulary, in the order of the package comment.
func reference(p Params, logits []float32, observed []int32) []outcome {
	scores := make([]float64, len(logits))
	for i, v := range logits {
		scores[i] = float64(v)
	}
	done := map[int32]bool{}
	for _, id := range observed {
		if p.RepetitionPenalty == 1 || done[id] || int(id) >= len(logits) {
			continue
		}
		done[id] = true
		if logits[id] < 0 {
			scores[id] = float64(logits[id] * float32(p.RepetitionPenalty))
		} else {
			scores[id] = float64(logits[id] / float32(p.RepetitionPenalty))
		}
	}
	all := make([]outcome, 0, len(scores))
	for id, v := range scores {
		all = append(all, outcome{id: int32(id), p: v})
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].p > all[j].p })
	if p.Temperature == 0 {
		return []outcome{{id: all[0].id, p: 1}}
	}
	peak := all[0].p
	for i := range all {
		all[i].p = math.Exp((all[i].p - peak) / p.Temperature)
	}
	if p.TopK > 0 && p.TopK < len(all) {
		all = all[:p.TopK]
	}
	normalize(all)
	before := 0.0
	for i := range all {
		if i > 0 && p.TopP < 1 && before >= p.TopP {
			all = all[:i]
			break
		}
		before += all[i].p
	}
	for i := range all {
		if all[i].p < p.MinP*all[0].p {
			all = all[:i]
			break
		}
	}
	normalize(all)
	return all
}

func normalize(all []outcome) {
	sum := 0.0
	for _, o := range all {
		sum += o.p
	}
	for i := range all {
		all[i].p /= sum
	}
}

// logSoftmax is the plain form of what logprobs report.
func logSoftmax(logits []float32) []float64 {
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v))
	}
	out := make([]float64, len(logits))
	for i, v := range logits {
		out[i] = float64(v) - math.Log(sum)
	}
	return out
}
