package summary

import (
	"regexp"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/render"
)

// sides are words for a side of the body and what they go with: in English the word behind them, or before them
// ("shoulder, left"), in Chinese the character behind them.
var sides = map[render.Lang]*regexp.Regexp{
	render.English: re(`\b(left|right|bilateral(?:ly)?|both sides|unilateral(?:ly)?|(?:left|right)[- ]sided)\b`),
	render.Chinese: regexp.MustCompile(`(左|右|双侧|两侧|单侧|对侧|同侧)`),
}

var (
	wordAfter  = regexp.MustCompile(`^[ -]+([A-Za-z]+)`)
	wordBefore = regexp.MustCompile(`([A-Za-z]+)\s*,?\s*$`)
)

// checkSides holds each side against the facts that the sentence rests on: it must stand there with the same word beside
// it. A side within a name that was filed stands with that name.
func (a *analysis) checkSides() {
	for lang, p := range sides {
		for _, at := range a.find(p) {
			side, beside := lower(a.s[at[0]:at[1]]), besideSide(lang, a.s, at)
			stands := false
			for i := range a.facts {
				stands = stands || a.used[i] && sideStands(lang, p, side, beside, fold(a.facts[i].Text))
			}
			if !stands {
				a.fail(FailSide)
			}
		}
	}
}

func sideStands(lang render.Lang, p *regexp.Regexp, side, beside, fact string) bool {
	for _, at := range p.FindAllStringIndex(fact, -1) {
		if lower(fact[at[0]:at[1]]) == side && besideSide(lang, fact, at) == beside {
			return true
		}
	}
	return false
}

// besideSide is what a side is of: "left shoulder" and "shoulder, left" say the same.
func besideSide(lang render.Lang, s string, at []int) string {
	if lang == render.Chinese {
		r, _ := utf8.DecodeRuneInString(s[at[1]:])
		return string(r)
	}
	for _, m := range [][]string{wordAfter.FindStringSubmatch(s[at[1]:]), wordBefore.FindStringSubmatch(s[:at[0]])} {
		if m != nil {
			return lower(m[1])
		}
	}
	return ""
}
