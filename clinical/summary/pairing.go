package summary

import (
	"regexp"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/render"
)

// pairMoments gives each time of day or date the value it is said of: the one right
// before it ("118/min at 06:00"), else the one right behind it ("at 06:00 the heart
// rate was 118/min") unless a time stands there in between.
func (a *analysis) pairMoments() {
	for k, m := range a.moments {
		for i := len(a.numbers) - 1; i >= 0; i-- {
			n := &a.numbers[i]
			if n.end <= m.start {
				if a.lex.timeLink.MatchString(dropParens(a.s[n.end:m.start])) {
					n.moment = k
				}
				break
			}
		}
		if a.momentTaken(k) {
			continue
		}
		for i := range a.numbers {
			n := &a.numbers[i]
			if n.start < m.end {
				continue
			}
			between := slices.ContainsFunc(a.moments, func(o moment) bool { return o.start >= m.end && o.end <= n.start })
			if !between && n.moment < 0 && (a.lang == render.Chinese || strings.TrimSpace(a.s[:m.start]) == "" || leading.MatchString(a.s[:m.start]) || a.midway(m, n.start)) {
				n.moment = k
			}
			break
		}
	}
}

// midway says whether a time stands between a measure and its value: "the heart rate at 06:00 was 118/min".
func (a *analysis) midway(m moment, value int) bool {
	k := a.nearest(value, numberKinds...)
	return k >= 0 && a.mentions[k].end <= m.start && a.mentions[k].is("measure") && copula.MatchString(a.s[m.end:value]) && atTime.MatchString(a.s[a.mentions[k].end:m.start])
}

var (
	copula  = regexp.MustCompile(`(?i)^\s*(?:was|were|is|of|read|measured|stood at)?\s*$`)
	atTime  = regexp.MustCompile(`(?i)^(?:\s|level|value|reading|measured|taken|recorded|at|on|as of|of)*$`)
	leading = regexp.MustCompile(`(?i)^\s*(?:at|on|by|as of)\s*$`)
	parens  = regexp.MustCompile(`\([^()]*\)`)
)

func dropParens(s string) string { return parens.ReplaceAllString(s, "") }

func (a *analysis) momentTaken(k int) bool {
	return slices.ContainsFunc(a.numbers, func(n number) bool { return n.moment == k })
}
