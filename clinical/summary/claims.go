package summary

import (
	"regexp"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/render"
)

// find returns where a pattern stands outside of every name, nil if nowhere. Each
// pattern is looked for once: claims of many facts ask for the same.
func (a *analysis) find(p *regexp.Regexp) [][]int {
	out, known := a.found[p]
	if known {
		return out
	}
	defer func() { a.found[p] = out }()
	for _, at := range p.FindAllStringIndex(a.s, -1) {
		inside := slices.ContainsFunc(a.mentions, func(m mention) bool { return at[0] >= m.start && at[0] < m.end })
		if !inside && !strings.HasPrefix(a.s[at[0]:], "不低于") && !strings.HasPrefix(a.s[at[0]:], "不高于") {
			out = append(out, at)
		}
	}
	return out
}

// checkTerms holds every name against the facts: it must stand in one, denied if and
// only if the sentence denies, as an allergen if and only if the sentence speaks of
// an allergy to it, and as far along as the sentence says.
func (a *analysis) checkTerms() {
	allergens := a.allergens()
	for k, m := range a.mentions {
		facts := a.factsOf(m)
		a.kept[k] = facts
		if a.byReadings(k, m) {
			continue
		}
		if m.is("allergen", "drug") && !a.allergenFits(m, allergens[k], &facts) {
			a.fail(FailTerm)
			continue
		}
		if len(facts) == 0 {
			if !a.isAgeWord(m) {
				a.fail(FailTerm)
			}
			continue
		}
		kept := slices.DeleteFunc(slices.Clone(facts), func(i int) bool { return a.facts[i].Negated != a.negated })
		if len(kept) == 0 {
			a.fail(FailNegation)
			continue
		}
		if !a.stateFits(m, &kept) {
			a.fail(FailState)
			continue
		}
		a.kept[k] = kept
		for _, i := range kept {
			a.used[i] = true
		}
	}
}

// byReadings holds what the record files no fact of, but its readings or drugs can bear out: a sign, a class of drugs.
func (a *analysis) byReadings(k int, m mention) bool {
	denied := a.denied[k] || a.negated
	if s, ok := a.signOf(m); ok {
		if m.is(kindDenial) {
			denied = !denied
		}
		if rs, _ := a.readings(s.measure); len(rs) == 0 {
			a.fail(FailTerm)
		} else if !a.signStands(k, s, denied) {
			a.fail(FailNegation)
		}
		return true
	}
	if !m.is(kindClass) || m.is("allergen", "drug") && len(a.factsOf(m)) > 0 {
		return false
	}
	if !a.classStands(k, denied) {
		a.fail(FailNegation)
	}
	return true
}

// denies says whether the sentence denies anything but signs, which readings are asked for one by one. A denial of a
// denial ("cannot be ruled out") is none, and stands for nothing.
func (a *analysis) denies() bool {
	a.denied = a.deniedMentions()
	words := a.find(a.lex.negation)
	rest := 0
	for _, word := range words {
		if !a.ofSigns(word) {
			rest++
		}
	}
	if rest > 1 {
		a.fail(FailNegation)
	}
	return rest > 0
}

// ofSigns says whether all that a word denies are signs.
func (a *analysis) ofSigns(word []int) bool {
	targets := a.deniedBy(word)
	return len(targets) > 0 && !slices.ContainsFunc(targets, func(k int) bool {
		_, ok := a.signOf(a.mentions[k])
		return !ok
	})
}

func (a *analysis) isAgeWord(m mention) bool { return m.has(render.KeyAge) }

// allergens says which mentions the sentence calls an allergy.
func (a *analysis) allergens() map[int]bool {
	out := map[int]bool{}
	to := a.find(a.lex.allergyTo)
	for _, at := range to {
		for k, m := range a.mentions {
			if m.start >= at[1] && m.is("allergen", "drug") {
				out[k] = true
				break
			}
		}
	}
	for _, at := range a.find(a.lex.allergyOf) {
		if slices.ContainsFunc(to, func(t []int) bool { return t[0] <= at[0] && at[1] <= t[1] }) {
			continue
		}
		last := -1
		for k, m := range a.mentions {
			if m.end <= at[0] && m.is("allergen", "drug") {
				last = k
			}
		}
		if last >= 0 {
			out[last] = true
		}
	}
	return out
}

func (a *analysis) allergenFits(m mention, called bool, facts *[]int) bool {
	anyAllergy := a.find(a.lex.allergyOf) != nil
	kept := slices.DeleteFunc(slices.Clone(*facts), func(i int) bool {
		allergen := slices.ContainsFunc(a.facts[i].Terms, func(t render.Term) bool { return m.has(t.Key) && t.Kind == render.TermAllergen })
		return called && !allergen || allergen && !anyAllergy
	})
	*facts = kept
	return len(kept) > 0
}

// checkClaims holds words of movement and of place against the facts.
func (a *analysis) checkClaims() {
	for _, class := range slices.Concat(a.lex.trends, a.lex.flags) {
		for _, at := range a.find(class.pattern) {
			rest := strings.TrimSpace(lower(a.s[at[1]:]))
			if strings.HasPrefix(rest, "risk") || strings.HasPrefix(rest, "range") || a.insideNumber(at[0]) {
				continue
			}
			a.claims++
			if !a.claimStands(class, at) {
				if class.trends != nil || class.outcome != "" {
					a.fail(FailTrend)
				} else {
					a.fail(FailFlag)
				}
			}
		}
	}
	for _, p := range []*regexp.Regexp{a.lex.given, a.lex.ordered, a.lex.suspected, a.lex.past, a.lex.pending} {
		a.claims += len(a.find(p))
	}
}

func (a *analysis) insideNumber(i int) bool {
	return slices.ContainsFunc(a.numbers, func(n number) bool { return i >= n.start && i < n.end })
}

// claimStands binds a claim to the value right before it ("118/min (high)"), else to
// the values of the measure nearest to it and of those joined with it, else to their facts.
func (a *analysis) claimStands(class wordClass, at []int) bool {
	k := a.nearest(at[0], "measure")
	for i, m := range a.mentions {
		if m.is("measure") && m.start >= at[1] && strings.TrimSpace(a.s[at[1]:m.start]) == "" {
			k = i // "a low sodium"
		}
	}
	if k < 0 {
		return false
	}
	if n := a.valueBefore(at[0]); n >= 0 && class.flags != nil {
		stands, _ := a.trendStands(class, k, at)
		return stands || a.numberFlag(n, class.flags)
	}
	for _, k := range a.alike(k) {
		if stands, bound := a.trendStands(class, k, at); !stands && (bound || !a.flagStands(class, k)) {
			return false
		}
	}
	return true
}

func (a *analysis) flagStands(class wordClass, k int) bool {
	if class.flags == nil {
		return false
	}
	if a.find(a.lex.always) != nil {
		return a.alwaysFlagged(class, k)
	}
	bound := false
	for i, n := range a.numbers {
		if n.governor == k {
			bound = true
			if a.numberFlag(i, class.flags) {
				return true
			}
		}
	}
	return !bound && slices.ContainsFunc(a.factsOf(a.mentions[k]), func(i int) bool { return slices.Contains(class.flags, a.facts[i].Flag) })
}

// alwaysFlagged says whether every reading of a measure bears the claim out.
func (a *analysis) alwaysFlagged(class wordClass, k int) bool {
	for _, i := range a.factsOf(a.mentions[k]) {
		rs, _ := a.readings(keyOf(a.mentions[k], &a.facts[i]))
		if len(rs) > 0 {
			return !slices.ContainsFunc(rs, func(r reading) bool { return !slices.Contains(class.flags, r.flag) })
		}
	}
	return false
}

// valueBefore is the number that an opening bracket, and nothing else, parts from a claim.
func (a *analysis) valueBefore(at int) int {
	for i := len(a.numbers) - 1; i >= 0; i-- {
		if n := a.numbers[i]; n.end <= at {
			between := a.s[n.end:at]
			if strings.HasPrefix(strings.TrimSpace(between), "(") && !strings.ContainsAny(between, ");") {
				if i > 0 && a.numbers[i-1].pair == i {
					return i - 1
				}
				return i
			}
			return -1
		}
	}
	return -1
}

func (a *analysis) numberFlag(i int, flags []string) bool {
	n := a.numbers[i]
	if n.governor < 0 {
		return false
	}
	g := a.mentions[n.governor]
	for _, k := range a.factsOf(g) {
		for _, x := range a.facts[k].Numbers {
			if n.equals(x) && a.belongs(x, g, a.facts[k]) && a.timeFits(n, a.facts[k], x) && slices.Contains(flags, x.Flag) {
				return true
			}
		}
	}
	return false
}
