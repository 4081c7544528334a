package sampling

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/bedside-lm/bedside/runtime/sampling/internal/scan"
)

// Token is one chosen token.
type Token struct {
	ID int32
	// Logprob is the natural logarithm of the token's probability in the model's own distribution: the softmax of the
	// logits as they came, before penalty and temperature. It is 0 when Params.Logprobs is 0.
	Logprob float64
	// Top holds the Params.Logprobs likeliest tokens of that distribution, the likeliest first; ID need not be
	// among them. The slice is the caller's.
	Top []TokenLogprob
}

// TokenLogprob is a token with the natural logarithm of its probability.
type TokenLogprob struct {
	ID      int32
	Logprob float64
}

// Sampler chooses the tokens of one sequence. It is for one goroutine.
type Sampler struct {
	params Params
	seed   uint64
	rng    *rand.Rand

	seenBits []uint64 // by id: was observed
	seen     []int32  // the ids observed, each once

	masked   []float32 // logits with those of forbidden tokens at minus infinity
	adjusted []float32 // logits after the penalty
	weights  []float64 // by id
	ids      []int32
	kept     []candidate
	edge     []candidate // of kept, those that top-p may cut
}

// maxID is above every vocabulary; ids beyond it are not tokens and not remembered.
const maxID = 1 << 22

// stream is PCG's second seed word. Changing it changes every seeded answer.
const stream = 0x9E3779B97F4A7C15

// New returns a Sampler, or an *Error naming the parameter that is out of bounds.
func New(p Params) (*Sampler, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	s := &Sampler{params: p}
	if p.Seed != nil {
		s.seed = *p.Seed
	} else {
		s.seed = rand.Uint64() //nolint:gosec // a seed is reported, not kept secret
	}
	s.rng = rand.New(rand.NewPCG(s.seed, stream)) //nolint:gosec // draws must be repeatable
	return s, nil
}

// Seed returns the seed in use: the request's, or the one that was drawn for it.
func (s *Sampler) Seed() uint64 { return s.seed }

// Observe tells the repetition penalty of ids that Sample did not choose itself: those of the prompt.
func (s *Sampler) Observe(ids ...int32) {
	if s.params.RepetitionPenalty == 1 {
		return
	}
	for _, id := range ids {
		if id < 0 || id >= maxID {
			continue
		}
		word, bit := int(id>>6), uint64(1)<<(id&63)
		for word >= len(s.seenBits) {
			s.seenBits = append(s.seenBits, 0)
		}
		if s.seenBits[word]&bit == 0 {
			s.seenBits[word] |= bit
			s.seen = append(s.seen, id)
		}
	}
}

// Sample chooses a token by its logits, one float for each id of the vocabulary, and observes it. The logits
// are not changed. A logit of minus infinity forbids its token; NaN, plus infinity, or nothing but forbidden tokens is an
// *Error of KindLogits. Each call with a temperature above 0 takes exactly one number from the seeded generator.
func (s *Sampler) Sample(logits []float32) (Token, error) { return s.SampleMasked(logits, nil) }

// SampleMasked is Sample among the tokens whose bit is set in allowed (id i is bit i%64 of word i/64; beyond its end, none
// is). A nil mask allows all and costs nothing. The mask comes first: penalty, temperature, top-k, top-p and min-p see
// the allowed tokens alone. Log probabilities are still those of the model's own distribution, over all tokens.
func (s *Sampler) SampleMasked(logits []float32, allowed []uint64) (Token, error) {
	choice := logits
	if allowed != nil {
		choice = s.mask(logits, allowed)
	}
	best, err := argmax(choice)
	if err != nil {
		return Token{}, err
	}
	likeliest := best // of the model's own distribution, where nothing is masked
	if s.params.RepetitionPenalty != 1 {
		if best, err = s.penalize(choice); err != nil {
			return Token{}, err
		}
	}
	id := best
	if s.params.Temperature > 0 {
		id = s.draw(s.scores(choice), best)
	}
	s.Observe(id)
	token := Token{ID: id}
	if s.params.Logprobs > 0 {
		if allowed != nil {
			likeliest, err = argmax(logits)
		}
		if err == nil {
			s.report(&token, logits, logits[likeliest])
		}
	}
	return token, err
}

// Force takes a token that was chosen otherwise: it observes it, and reports its log probability where that was asked for.
// It takes no number from the generator.
func (s *Sampler) Force(logits []float32, id int32) (Token, error) {
	if id < 0 || int(id) >= len(logits) {
		return Token{}, &Error{Kind: KindLogits, Field: "logits", Reason: "have no place for the forced token"}
	}
	s.Observe(id)
	token := Token{ID: id}
	if s.params.Logprobs > 0 {
		likeliest, err := argmax(logits)
		if err != nil {
			return Token{}, err
		}
		s.report(&token, logits, logits[likeliest])
	}
	return token, nil
}

// argmax returns the lowest id among those with the highest logit.
func argmax(logits []float32) (int32, error) {
	id, err := scan.Highest(logits)
	switch {
	case errors.Is(err, scan.ErrNotNumbers):
		return 0, &Error{Kind: KindLogits, Field: "logits", Reason: "hold NaN or plus infinity"}
	case err != nil:
		return 0, &Error{Kind: KindLogits, Field: "logits", Reason: "allow no token"}
	}
	return id, nil
}

// penalize fills s.adjusted and returns its argmax.
func (s *Sampler) penalize(logits []float32) (int32, error) {
	s.adjusted = append(s.adjusted[:0], logits...)
	penalty := float32(s.params.RepetitionPenalty)
	for _, id := range s.seen {
		if int(id) >= len(logits) {
			continue
		}
		if v := s.adjusted[id]; v < 0 {
			s.adjusted[id] = v * penalty
		} else {
			s.adjusted[id] = v / penalty
		}
	}
	return argmax(s.adjusted)
}

// scores returns the logits after the penalty.
func (s *Sampler) scores(logits []float32) []float32 {
	if s.params.RepetitionPenalty != 1 {
		return s.adjusted
	}
	return logits
}

// report adds the log probabilities, by the softmax of all logits, the highest of which is peak.
func (s *Sampler) report(token *Token, logits []float32, peak float32) {
	s.weights = slices.Grow(s.weights[:0], len(logits))[:len(logits)]
	w := scan.Weighing{Peak: peak, Temperature: 1, Negligible: negligible, BucketsPerUnit: bucketsPerUnit}
	sum := w.Weights(logits, s.weights, nil)
	norm := float64(peak) + math.Log(sum)
	token.Logprob = float64(logits[token.ID]) - norm
	s.selectTop(logits, s.params.Logprobs)
	token.Top = make([]TokenLogprob, len(s.kept))
	for i, c := range s.kept {
		token.Top[i] = TokenLogprob{ID: c.id, Logprob: float64(c.score) - norm}
	}
}
