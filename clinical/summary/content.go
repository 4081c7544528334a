package summary

import (
	"slices"
	"strings"
)

// checkWords allows function words and the words of the facts that the sentence rests on.
func (a *analysis) checkWords() {
	facts := ""
	for i := range a.facts {
		if a.used[i] {
			facts += lower(fold(a.facts[i].Text)) + "\n"
		}
	}
	vocabulary := map[string]bool{}
	for _, w := range asciiWord.FindAllString(facts, -1) {
		vocabulary[w] = true
	}
	rest := a.blank()
	for _, w := range asciiWord.FindAllString(lower(rest), -1) {
		w = strings.TrimSuffix(w, "'s")
		if !a.lex.glue[w] && !vocabulary[w] {
			a.fail(FailWords)
			return
		}
	}
	for _, run := range strings.FieldsFunc(rest, func(r rune) bool { return r < 0x80 || !wordRune(r) }) {
		if !a.coveredRun(run, facts) {
			a.fail(FailWords)
			return
		}
	}
}

// blank is the sentence without names, numbers and times.
func (a *analysis) blank() string {
	b := []byte(a.s)
	wipe := func(from, to int) {
		for i := from; i < to; i++ {
			b[i] = ' '
		}
	}
	for _, m := range a.mentions {
		wipe(m.start, m.end)
	}
	for _, n := range a.numbers {
		wipe(n.start, n.end)
	}
	for _, m := range a.moments {
		wipe(m.start, m.end)
	}
	return string(b)
}

// coveredRun says whether a run of characters outside ASCII is made of known words,
// or of pieces of at least two characters of the facts' text, tried longest first.
func (a *analysis) coveredRun(run, facts string) bool {
	runes := []rune(run)
	for i := 0; i < len(runes); {
		step := 0
		for j := min(len(runes), i+12); j > i && step == 0; j-- {
			piece := string(runes[i:j])
			if a.lex.glue[piece] || j-i > 1 && strings.Contains(facts, piece) {
				step = j - i
			}
		}
		if step == 0 {
			return false
		}
		i += step
	}
	return true
}

// checkContent wants something said of what is named: a measure alone says nothing.
func (a *analysis) checkContent() {
	if len(a.used) == 0 {
		a.fail(FailUnsupported)
		return
	}
	if len(a.numeric) > 0 || a.claims > 0 || a.negated {
		a.rest()
		return
	}
	for _, m := range a.mentions {
		if !m.is("measure") {
			return
		}
	}
	a.fail(FailUnsupported)
}

// rest keeps as evidence the facts that a value, time or movement was found in, where
// a measure has such; other facts that merely name the measure are let go.
func (a *analysis) rest() {
	for k, m := range a.mentions {
		facts := a.kept[k]
		if !m.is("measure", "drug") || !slices.ContainsFunc(facts, func(i int) bool { return a.numeric[i] }) {
			continue
		}
		for _, i := range facts {
			if !a.numeric[i] {
				delete(a.used, i)
			}
		}
	}
}
