package summary

import (
	"regexp"

	"github.com/bedside-lm/bedside/clinical/render"
)

// turns are where what was denied ends.
var turns = map[render.Lang]*regexp.Regexp{
	render.English: re(`\b(but|however|although|though|except|despite|because|due to|is|has|shows?)\b|[;:]|\.\s`),
	render.Chinese: re(`但|而|不过|然而|除外|提示|示|；|;|。`),
}

// part is the stretch of the sentence between two turns that holds byte i.
func (a *analysis) part(i int) (from, to int) {
	to = len(a.s)
	for _, t := range a.find(turns[a.lang]) {
		if t[1] <= i {
			from = t[1]
		} else if t[0] >= i {
			return from, t[0]
		}
	}
	return from, to
}

// deniedMentions says which mentions the sentence denies.
func (a *analysis) deniedMentions() map[int]bool {
	out := map[int]bool{}
	for _, word := range a.find(a.lex.negation) {
		for _, k := range a.deniedBy(word) {
			out[k] = true
		}
	}
	return out
}

// deniedBy are the mentions that one word of denial speaks of.
func (a *analysis) deniedBy(word []int) []int {
	var out []int
	_, to := a.part(word[1])
	last := -1
	for k, m := range a.mentions {
		switch {
		case m.start >= word[1] && m.start < to:
			out = append(out, k)
		case m.end <= word[0]:
			last = k
		}
	}
	if len(out) == 0 && last >= 0 {
		out = append(out, last)
	}
	return out
}
