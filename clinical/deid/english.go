package deid

import (
	"strings"
)

// english finds names and addresses of English text.
func (s *scanner) english() {
	s.addressesEN()
	ws := tokenize(s.text)
	n := &namesEN{scanner: s, v: vocab(), words: ws, taken: make([]bool, len(ws)), seen: set{}}
	n.find()
	n.again()
}

// namesEN finds the names in one text.
type namesEN struct {
	*scanner
	v     *vocabulary
	words []word
	taken []bool
	// seen are the words of names that were found; they are names wherever else they stand.
	seen set
}

func (n *namesEN) find() {
	for i := range n.words {
		if n.taken[i] {
			continue
		}
		switch {
		case n.afterTitle(i), n.afterRole(i), n.reversed(i), n.pair(i), n.beforeCredential(i), n.afterCaller(i), n.beforeVerb(i), n.beforeKin(i), n.amid(i):
		case n.words[i].kind == title && n.words[i].known() && !n.eponym(i):
			n.take(i, i+1, true)
		}
	}
}

// take marks words i to j as a name.
func (n *namesEN) take(i, j int, keep bool) {
	for i > 0 && n.near(i-1) && !n.taken[i-1] && len(n.words[i-1].key) >= 2 && surnameParticles.has(n.words[i-1].key) { // "van de Water"
		i--
	}
	n.add(Name, n.words[i].start, n.words[j-1].stop, scoreName)
	for k := i; k < j; k++ {
		n.taken[k] = true
		if w := &n.words[k]; keep && w.kind != initial && w.kind != lower && w.end-w.start >= 3 && !particles.has(w.key) {
			n.seen[w.key] = struct{}{}
		}
	}
}

// surnameParticles begin surnames, in small letters or not.
var surnameParticles = words(`de del della der den di da dos das van von zu zum ten ter bin ibn la`)

// near says whether words i and i+1 stand beside each other in a name: with spaces, a stop after an initial or an
// abbreviation, but on one line.
func (n *namesEN) near(i int) bool {
	if i < 0 || i+1 >= len(n.words) {
		return false
	}
	gap := n.words[i].gap
	if n.words[i].kind == initial {
		gap = strings.TrimPrefix(gap, ".")
	}
	return gap == "" && n.words[i].kind == initial || gap != "" && strings.Trim(gap, " \t\u00a0") == "" && len(gap) <= 3
}

// run is where a name that begins at i ends: at most five words, each of which ok allows; initials and particles may stand
// between them.
func (n *namesEN) run(i int, ok func(*word) bool) int {
	end := i
	for j := i; j < len(n.words) && j < i+5; j++ {
		w := &n.words[j]
		if j > i && !n.near(j-1) {
			break
		}
		if j > i && (w.eponym || w.clinical) && n.eponym(j) || j > i && n.v.suffixesOfNames.has(w.key) {
			if n.v.suffixesOfNames.has(w.key) && end == j {
				end = j + 1
			}
			return end
		}
		switch {
		case w.kind == initial, particles.has(w.key) && (j > i || w.capital() || i > 0 && n.v.titles.has(n.words[i-1].key)) && (w.kind != upper || n.words[i].kind == upper):
			if w.kind == initial && j > i {
				end = j + 1
			}
			continue
		case !w.capital() || n.v.credentials.has(w.key) && j > i || !ok(w) && !n.goesOn(j, i):
			return end
		}
		end = j + 1
		if w.stop < w.end { // a possessive ends a name
			break
		}
	}
	return end
}

// goesOn says whether a word that is no name elsewhere is one behind a given name that is nothing else: "Nicole Blot".
func (n *namesEN) goesOn(j, i int) bool {
	w := &n.words[j]
	first := &n.words[i]
	sure := first.given && first.known() || first.strange() && (n.cued(i) || n.verbs(j+1) || particles.has(n.words[j-1].key))
	return j > i && (j == i+1 || particles.has(n.words[j-1].key)) && sure && w.kind == title && first.kind == title && !w.clinical && !n.v.titles.has(w.key) && !n.v.months.has(w.key) && !n.eponym(j)
}

// cued says whether a role or a caller stands before word i.
func (n *namesEN) cued(i int) bool {
	return i > 0 && (n.v.roles.has(n.words[i-1].key) || n.v.callers.has(n.words[i-1].key))
}

// verbs says whether word i says what somebody does.
func (n *namesEN) verbs(i int) bool {
	return i < len(n.words) && (n.v.personVerbs.has(n.words[i].key) || n.v.looseVerbs.has(n.words[i].key)) && n.words[i].kind == lower
}

// afterTitle takes "Dr. Adams", whatever the lists know of Adams.
func (n *namesEN) afterTitle(i int) bool {
	if i == 0 || !n.v.titles.has(n.words[i-1].key) || !n.words[i].capital() && !n.particlesBefore(i) {
		return false
	}
	gap := strings.TrimPrefix(n.words[i-1].gap, ".")
	if strings.Trim(gap, " \t\u00a0") != "" || gap == "" && n.words[i-1].gap == "" || len(gap) > 3 {
		return false
	}
	first := true
	end := n.run(i, func(w *word) bool {
		ok := first && !n.v.roles.has(w.key) && !(w.clinical && n.words[i-1].key == "nurse" && !w.surname) || w.nameish() && (!w.common || w.given || w.surname) && !n.label(w)
		first = false
		return ok
	})
	if end == i && particles.has(n.words[i].key) && n.words[i].kind == title { // "Nurse De"
		end = i + 1
	}
	if end == i {
		return false
	}
	n.take(i, end, true)
	return true
}

// particlesBefore says whether particles in small letters begin a name at i: "de la Cruz".
func (n *namesEN) particlesBefore(i int) bool {
	for k := i; k < i+3 && n.near(k) && particles.has(n.words[k].key); k++ {
		if n.words[k+1].capital() {
			return true
		}
	}
	return false
}

// label says whether a word is one of a form ("MRN"), which follows a name without a stop.
func (n *namesEN) label(w *word) bool { return w.kind == upper && w.clinical && !w.given && !w.surname }

// afterRole takes what follows "Patient:", "his wife", "Surgeon".
func (n *namesEN) afterRole(i int) bool {
	w := &n.words[i]
	if i == 0 || !w.capital() || n.v.roles.has(w.key) || n.v.titles.has(w.key) {
		return false
	}
	gap := n.words[i-1].gap
	sure := strings.ContainsAny(gap, ":：")
	if !n.v.roles.has(n.words[i-1].key) || strings.Trim(gap, " \t\u00a0:：,(\r\n") != "" || strings.Count(gap, "\n") > 1 || len(gap) > 12 {
		return false
	}
	if strings.Contains(gap, "\n") && !strings.Contains(gap, ",") && !sure {
		return false
	}
	fits := func(w *word) bool {
		return (w.nameish() || sure && w.listless()) && !n.label(w) && (sure || !w.common || w.given || w.surname)
	}
	end := n.run(i, fits)
	if end == i || n.eponym(end-1) && !sure && end-i < 2 {
		return false
	}
	if !n.anyKnown(i, end) && !(sure && end-i >= 2) {
		return false
	}
	if n.words[i].kind == upper && !sure && end-i < 2 {
		return false
	}
	end = n.reversedEnd(end, sure, fits)
	n.take(i, end, true)
	return true
}

// reversedEnd goes on behind a comma: "Adams, John Q.".
func (n *namesEN) reversedEnd(end int, sure bool, fits func(*word) bool) int {
	if end >= len(n.words) || n.words[end-1].gap != ", " || n.words[end].kind != n.words[end-1].kind || n.v.credentials.has(n.words[end].key) || n.label(&n.words[end]) {
		return end
	}
	if w := &n.words[end]; w.given || w.listless() || sure && (w.surname || w.eponym) {
		return max(end+1, n.run(end, fits))
	}
	return end
}

// anyKnown says whether a list of names has one of the words, or one is in no list.
func (n *namesEN) anyKnown(i, j int) bool {
	for k := i; k < j; k++ {
		if w := &n.words[k]; w.known() || w.listless() || w.given && (!w.clinical && !w.eponym || j-i >= 2) {
			return true
		}
	}
	return false
}
