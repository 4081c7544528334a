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

// mask fills s.masked, the logits with those of forbidden tokens at minus infinity, and returns it.
func (s *Sampler) mask(logits []float32, allowed []uint64) []float32 {
	s.masked = slices.Grow(s.masked[:0], len(logits))[:len(logits)]
	for from := 0; from < len(logits); from += wordBits {
		out, in := s.masked[from:min(from+wordBits, len(logits))], logits[from:]
		word := uint64(0)
		if from/wordBits < len(allowed) {
			word = allowed[from/wordBits]
		}
		if word == math.MaxUint64 {
			copy(out, in)
			continue
		}
		if len(out) < wordBits {
			word &= 1<<len(out) - 1
		}
		copy(out, forbidden[:])
		for ; word != 0; word &= word - 1 {
			i := bits.TrailingZeros64(word)
			out[i] = in[i]
		}
	}
	return s.masked
}
