package deid

import (
	"slices"
	"strings"
)

// reversed takes "Adams, John".
func (n *namesEN) reversed(i int) bool {
	if i+1 >= len(n.words) || n.words[i].gap != ", " {
		return false
	}
	a, b := &n.words[i], &n.words[i+1]
	if a.kind != b.kind && b.kind != initial || a.kind != title && a.kind != upper || n.v.credentials.has(b.key) || a.clinical && !a.surname {
		return false
	}
	known := a.known() && (b.given || b.listless() || b.known()) || a.listless() && b.given && !b.common ||
		a.surname && (b.given && !b.common && !b.clinical || b.eponym && !a.common) || a.frequent && b.listless() ||
		n.startsSentence(i) && (a.listless() && b.listless() || b.known() && !a.clinical && !a.common)
	if a.kind == upper && b.kind == upper && !a.clinical && !b.clinical && (a.listless() || a.known() || a.frequent) && (b.given || b.listless() || b.known() || b.eponym) {
		known = true
	}
	if !known || n.v.states.has(n.text[b.start:b.end]) {
		return false
	}
	end := n.run(i+1, func(w *word) bool {
		return (w.nameish() || w.listless() || w.eponym) && !n.label(w) && (!w.common || w.given)
	})
	if end <= i+1 {
		return false
	}
	// A list of people reads alike: "John Adams, Mary Bell".
	if i > 0 && n.near(i-1) && n.words[i-1].nameish() && !n.words[i-1].common {
		return false
	}
	n.take(i, end, true)
	return true
}

// pair takes two names in a row, one of which the lists know, or neither of which is any word.
func (n *namesEN) pair(i int) bool {
	w := &n.words[i]
	if w.kind != title && w.kind != upper && w.kind != initial {
		return false
	}
	end := n.run(i, func(w *word) bool { return w.nameish() && !(w.clinical && !w.given && !w.surname) })
	if end-i < 2 || n.v.roles.has(w.key) || n.v.titles.has(w.key) || n.eponym(end-1) && !n.anyCertain(i, end) {
		return false
	}
	given, known, strange, common, full := 0, 0, 0, 0, 0
	for k := i; k < end; k++ {
		x := &n.words[k]
		if x.kind == initial || particles.has(x.key) && (k > i || x.kind == title || x.kind == upper) {
			continue
		}
		full++
		if x.given && !x.clinical && (!x.eponym || end-i >= 2) {
			given++
		}
		if x.known() {
			known++
		}
		if x.strange() {
			strange++
		}
		if x.common || x.clinical || x.eponym {
			common++
		}
	}
	first, last := &n.words[i], &n.words[end-1]
	switch {
	case full >= 2 && first.kind == title && last.kind == title && (first.given || first.strange()) && last.frequent && !(first.clinical && last.clinical):
	case full >= 2 && first.strange() && last.surname && last.kind == title && !last.clinical:
	case full >= 2 && first.strange() && n.goesOn(i+1, i):
	case full == 0, first.kind == upper && (known == 0 || given == 0):
		return false
	case full == 1 && first.kind == initial && known == 0 && strange == 0, full == 1 && first.kind != initial && known == 0:
		return false
	case common == full && !(first.given && !first.clinical && last.surname && !last.clinical):
		return false
	case known == 0 && strange < full && given == 0:
		return false
	}
	n.take(i, end, true)
	return true
}

// anyCertain says whether one of the words is a name and nothing else.
func (n *namesEN) anyCertain(i, j int) bool {
	for k := i; k < j; k++ {
		if n.words[k].known() {
			return true
		}
	}
	return false
}

// beforeCredential takes "Adams, MD" and "Jane Adams RN".
func (n *namesEN) beforeCredential(i int) bool {
	w := &n.words[i]
	if !w.nameish() || w.common && !w.given && !w.surname || w.clinical && !w.surname {
		return false
	}
	end := n.run(i, func(w *word) bool { return w.nameish() })
	if end == i || end >= len(n.words) || !n.v.credentials.has(n.words[end].key) || n.words[end].kind == lower || len(n.words[end].key) < 2 {
		return false
	}
	if gap := n.words[end-1].gap; gap != ", " && gap != " " {
		return false
	}
	n.take(i, end, true)
	return true
}

// afterCaller takes what follows "by", "told", "spoke with": a name that the lists know, or a word that they do not.
func (n *namesEN) afterCaller(i int) bool {
	w := &n.words[i]
	if i == 0 || w.kind != title || !n.v.callers.has(n.words[i-1].key) || strings.Trim(n.words[i-1].gap, " \t:") != "" || n.eponym(i) {
		return false
	}
	switch n.words[i-1].key {
	case "with", "of", "for", "and", "from", "to": // a drug, a place or a disease may follow as well
		if !w.known() && !(w.given && !w.common && !w.clinical) && !((w.strange() || w.given && !w.clinical) && strings.HasPrefix(w.gap, ":")) {
			return false
		}
	}
	if !w.known() && !w.strange() && !(w.given && !w.clinical) {
		return false
	}
	n.take(i, max(i+1, n.run(i, func(w *word) bool { return w.known() || w.strange() })), true)
	return true
}

// beforeVerb takes "Baker denies pain" and "Baker was seen": a surname of many people, or a word of no list, where somebody acts.
func (n *namesEN) beforeVerb(i int) bool {
	w := &n.words[i]
	if w.kind != title || w.stop < w.end || w.gap != " " || i+1 >= len(n.words) {
		return false
	}
	verb := n.words[i+1].key
	switch {
	case n.v.personVerbs.has(verb) && (w.frequent || w.strange() || w.given && (!w.common || n.startsSentence(i))):
	case w.clinical:
		return false
	case n.v.looseVerbs.has(verb) && w.frequent && (!w.common || w.eponym || n.startsSentence(i)):
	case n.v.looseVerbs.has(verb) && w.strange() && i+2 < len(n.words) && n.acts(i+2):
	case n.v.actVerbs.has(verb) && w.strange() && !medicalEnding(w):
	default:
		return false
	}
	n.take(i, i+1, true)
	return true
}

// amid takes a word of no list that has a capital amid a sentence, and one with a capital before it, unless a dose follows or it
// ends as drugs and diseases do.
func (n *namesEN) amid(i int) bool {
	if i == 0 || n.words[i-1].kind != lower || n.words[i-1].gap != " " {
		return false
	}
	w := &n.words[i]
	if first := w; !w.strange() && w.kind == title && !first.clinical && !n.v.roles.has(first.key) && !n.v.titles.has(first.key) && n.near(i) {
		w = &n.words[i+1]
	}
	if !w.strange() && !(w.known() && w != &n.words[i] && n.v.callers.has(n.words[i-1].key)) || medicalEnding(w) || n.eponym(i) || n.eponym(i+1) {
		return false
	}
	if rest := n.text[w.end:]; strings.HasPrefix(rest, " ") && digitAt(rest, 1) || strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "®") {
		return false
	}
	at := i
	for &n.words[at] != w {
		at++
	}
	n.take(i, max(at+1, n.run(at, func(w *word) bool { return w.nameish() && !w.common })), true)
	return true
}

// medicalEnding says whether a word ends as names of drugs, diseases, organisms and procedures do.
func medicalEnding(w *word) bool {
	return slices.ContainsFunc(medicalEndings, func(e string) bool { return strings.HasSuffix(w.key, e) })
}

var medicalEndings = strings.Fields(`itis osis emia aemia uria oma pathy ectomy ostomy otomy plasty scopy graphy gram algia penia philia plegia paresis pnea pnoea rrhea
	rrhoea rrhage trophy megaly sclerosis stenosis lysis iasis ism coccus bacter bacteria virus mycosis myces spora monas mab nib pril artan statin azole azine cillin
	mycin micin floxacin cycline olol dipine gliptin gliflozin glutide parin xaban grel triptan setron prazole tidine sone solone lone onide caine curium barbital
	azepam azolam pam lam idone pine apine oxetine faxine ipramine triptyline thiazide semide mide zide vir fovir vudine fungin terol tropium phylline platin taxel
	rubicin citabine trexate sartan formin insulin globulin ase amine amide arone adine azosin lukast profen oxicam coxib fentanil morphone codone dronate sterone
	estradiol gestrel cillin penem ximab zumab tinib`)

// beforeKin takes "Melissa, her niece" and "Ignacy (brother)".
func (n *namesEN) beforeKin(i int) bool {
	w := &n.words[i]
	if w.kind != title || w.clinical || i+1 >= len(n.words) || !(w.strange() || w.given || w.known()) {
		return false
	}
	switch next := n.words[i+1].key; {
	case w.gap == ", " && possessives.has(next):
		for k := i + 2; k < min(i+5, len(n.words)); k++ {
			if kinship.has(n.words[k].key) {
				n.take(i, i+1, true)
				return true
			}
		}
	case w.gap == " " && next == "and" && possessives.has(n.words[min(i+2, len(n.words)-1)].key) && (w.strange() || w.known()):
		n.take(i, i+1, true)
		return true
	case w.gap == " (" && kinship.has(next):
		n.take(i, i+1, true)
		return true
	}
	return false
}

var (
	possessives = words(`his her their the my our a an`)
	kinship     = words(`wife husband spouse partner son daughter mother father mom dad brother sister niece nephew aunt uncle cousin grandmother grandfather
		grandson granddaughter neighbor neighbour friend caregiver guardian fiance fiancee stepson stepdaughter interpreter roommate boyfriend girlfriend
		mother-in-law father-in-law son-in-law daughter-in-law nurse aide landlord colleague coworker employer boss teacher pastor priest`)
)

// acts says whether "be seen", "admitted" and the like stand there.
func (n *namesEN) acts(i int) bool {
	if n.words[i].key == "be" && i+1 < len(n.words) {
		i++
	}
	return doneToPeople.has(n.words[i].key)
}

var doneToPeople = words(`seen admitted discharged transferred told informed asked referred evaluated examined intubated extubated sedated consented counseled advised able
	unable alert oriented comfortable confused afebrile ambulatory called paged notified born discharged escorted interviewed happy upset`)

func (n *namesEN) startsSentence(i int) bool {
	return i == 0 || strings.ContainsAny(n.words[i-1].gap, ".!?\n:;")
}

// eponym says whether word i names a disease, a sign or a device.
func (n *namesEN) eponym(i int) bool {
	for k := i + 1; k <= i+2 && k < len(n.words); k++ {
		if gap := n.words[k-1].gap; gap != " " && gap != "-" && gap != "–" {
			return false
		}
		if w := &n.words[k]; n.v.noteNouns.has(w.key) {
			return k == i+1 || n.words[k-1].kind != lower || n.words[k-1].clinical
		} else if w.kind == upper {
			return false
		}
	}
	return false
}

// again takes the words of names that were found wherever else they stand.
func (n *namesEN) again() {
	for i := range n.words {
		w := &n.words[i]
		if n.taken[i] || w.kind != title && w.kind != upper || !n.seen.has(w.key) {
			continue
		}
		if w.clinical && (w.kind == upper || !w.surname) || w.common && !w.given && !w.surname || w.kind == upper && (w.common || w.end-w.start < 4) {
			continue
		}
		if n.eponym(i) {
			continue
		}
		n.take(i, i+1, false)
	}
}
