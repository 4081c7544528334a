package engine

import (
	"slices"
	"time"
)

// drafts guesses the next tokens of a text: where its last tokens stood before, what followed them there (prompt lookup, Saxena
// 2023; the model verifies guesses as in Leviathan et al. 2023). Summaries repeat their facts, so guesses are often right. The
// text never depends on them: a guess counts only where it is what would have been sampled.
type drafts struct {
	tokens         []int32 // the latest guess
	run            []int32 // memory of the row that runs it
	tried, correct int
}

const (
	longestMatch  = 3  // tokens that must have stood before, if so many can be found; then fewer
	shortestMatch = 2  //
	patience      = 24 // wrong guesses that are forgiven; beyond, one in four must be right
)

// guess looks for what may follow, at most so many tokens, and returns how many there are.
func (d *drafts) guess(tokens []int32, most int) int {
	d.tokens = nil
	if 4*d.correct+patience < d.tried {
		return 0
	}
	for n := longestMatch; n >= shortestMatch; n-- {
		if len(tokens) <= n {
			continue
		}
		last := tokens[len(tokens)-n:]
		for at := len(tokens) - n - 1; at >= 0; at-- { // the latest place is the likeliest
			if slices.Equal(tokens[at:at+n], last) {
				d.tokens = tokens[at+n : min(at+n+most, len(tokens))]
				return len(d.tokens)
			}
		}
	}
	return 0
}

// behind puts the first `count` guessed tokens behind others.
func (d *drafts) behind(tokens []int32, count int) []int32 {
	d.run = append(append(d.run[:0], tokens...), d.tokens[:count]...)
	return d.run
}

// sampleAll samples from the logits of a row's last token, and on from those of the guessed tokens, as long as the guesses were
// right; it returns how many were, and how many tokens were appended after the last.
func (s *sequence) sampleAll(drafted int, logits []float32, now time.Time, eos map[int32]bool) (accepted, appended int) {
	vocabulary := len(logits) / (1 + drafted)
	for {
		appended = s.sample(logits[accepted*vocabulary:(accepted+1)*vocabulary], now, eos)
		if accepted == drafted || s.finish != 0 || s.failure != nil || s.tokens[len(s.tokens)-1] != s.write.drafts.tokens[accepted] {
			break
		}
		accepted++
	}
	if drafted > 0 {
		s.write.drafts.tried += drafted
		s.write.drafts.correct += accepted
	}
	return accepted, appended
}
