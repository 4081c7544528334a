package summary

import (
	"regexp"
	"slices"

	"github.com/bedside-lm/bedside/clinical/render"
)

// stateFits keeps the facts whose state the sentence's words allow.
func (a *analysis) stateFits(m mention, facts *[]int) bool {
	given, ordered := a.find(a.lex.given), a.find(a.lex.ordered)
	kept := slices.DeleteFunc(slices.Clone(*facts), func(i int) bool {
		f := a.facts[i]
		switch {
		case f.Negated:
			return false // its state is what it denies
		case m.is("drug") && (given != nil || ordered != nil) && (f.State == render.StateOrdered || f.State == render.StateAdministered):
			return a.closer(m, given, ordered) != (f.State == render.StateAdministered)
		case m.is("diagnosis") && f.State == render.StateSuspected:
			return a.find(a.lex.suspected) == nil
		case m.is("diagnosis") && f.State == render.StatePast:
			return a.find(a.lex.past) == nil
		case m.is("diagnosis"):
			return a.wordBeside(a.lex.suspected, m) || a.wordBeside(a.lex.past, m)
		case f.State == render.StatePreliminary:
			return a.find(a.lex.final) != nil
		}
		return false
	})
	*facts = kept
	return len(kept) > 0
}

// closer says whether the word for giving belongs to the mention rather than the one for ordering: one of the same clause
// before others ("A was ordered, B given"), then one that stands before it, then the nearest.
func (a *analysis) closer(m mention, given, ordered [][]int) bool {
	distance := func(at [][]int) int {
		best := 1 << 30
		for _, x := range at {
			from, to, d := x[1], m.start, m.start-x[1]
			if x[1] > m.start {
				from, to, d = m.end, x[0], 1<<16+x[0]-m.end
			}
			if a.otherClause(from, to) {
				d += 1 << 20
			}
			best = min(best, d)
		}
		return best
	}
	return distance(given) < distance(ordered)
}

var clause = regexp.MustCompile(`(?i)[,;，；]|\band\b|但|而`)

// otherClause says whether the border of a clause parts two places.
func (a *analysis) otherClause(from, to int) bool {
	return from < to && clause.MatchString(a.s[from:to])
}

// wordBeside says whether a word stands right before a mention, or right behind it with no other name between.
func (a *analysis) wordBeside(p *regexp.Regexp, m mention) bool {
	return slices.ContainsFunc(a.find(p), func(at []int) bool {
		before := at[1] <= m.start && m.start-at[1] <= 15
		behind := at[0] >= m.end && at[0]-m.end <= 24 && !clause.MatchString(a.s[m.end:at[0]])
		return before || behind
	})
}
