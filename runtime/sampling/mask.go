package sampling

import (
	"math"
	"math/bits"
	"slices"
)

// wordBits is how many tokens one word of a mask tells of.
const wordBits = 64

// forbidden are the logits of a word without an allowed token.
var forbidden = func() (out [wordBits]float32) {
	for i := range out {
		out[i] = float32(math.Inf(-1))
	}
	return out
}()

// mask fills s.masked, the logits with those of forbidden tokens at minus infinity, and returns it with its argmax. Like argmax
// it refuses what is no number, among the allowed.
func (s *Sampler) mask(logits []float32, allowed []uint64) ([]float32, int32, error) {
	s.masked = slices.Grow(s.masked[:0], len(logits))[:len(logits)]
	best, id := float32(math.Inf(-1)), -1
	for from := 0; from < len(logits); from += wordBits {
		out, in := s.masked[from:min(from+wordBits, len(logits))], logits[from:]
		word := uint64(0)
		if from/wordBits < len(allowed) {
			word = allowed[from/wordBits]
		}
		if len(out) < wordBits {
			word &= 1<<len(out) - 1
		}
		copy(out, forbidden[:])
		if word == 0 {
			continue
		}
		if word == math.MaxUint64 {
			copy(out, in)
			for i, v := range out {
				if !(v <= best) {
					best, id = v, from+i
					if v != v || v > math.MaxFloat32 {
						return nil, 0, notNumbers()
					}
				}
			}
			continue
		}
		for ; word != 0; word &= word - 1 {
			i := bits.TrailingZeros64(word)
			v := in[i]
			out[i] = v
			if !(v <= best) {
				best, id = v, from+i
				if v != v || v > math.MaxFloat32 {
					return nil, 0, notNumbers()
				}
			}
		}
	}
	if id < 0 {
		return nil, 0, &Error{Kind: KindLogits, Field: "logits", Reason: "allow no token that the mask does"}
	}
	return s.masked, int32(id), nil
}
