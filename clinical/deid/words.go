package deid

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is a word in Latin letters.
type word struct {
	start, end int
	key        string // folded, without a possessive's s
	stop       int    // its end without a possessive's s
	kind       wordKind
	gap        string // what stands between it and the next one; "" at the end
	// What the lists know of it.
	given, surname, common, clinical, eponym, frequent bool
}

type wordKind byte

const (
	lower   wordKind = iota
	title            // Begins with a capital
	upper            // ALL CAPITALS
	initial          // a single capital
)

// known says whether a list of names has a word that means nothing else.
func (w *word) known() bool { return (w.given || w.surname) && !w.common && !w.clinical && !w.eponym }

// strange says whether a word is in no list at all: most of those are names, too.
func (w *word) strange() bool {
	return w.listless() && w.kind == title
}

func (w *word) listless() bool {
	return !w.given && !w.surname && !w.common && !w.clinical && !w.eponym && w.end-w.start >= 3
}

func (w *word) capital() bool { return w.kind != lower }

// nameish says whether a word may be part of a name.
func (w *word) nameish() bool {
	return w.kind == title && (w.given || w.surname || w.strange()) || w.kind == upper && (w.given || w.surname)
}

// particles stand within names, in small letters or not.
var particles = words(`de del della der den di da dos das do la le van von zu zum ten ter bin ibn al el y e san saint st mac mc af av o 't`)

func latin(r rune) bool {
	return r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') || r >= 0x80 && (unicode.Is(unicode.Latin, r) || unicode.Is(unicode.Mn, r))
}

// tokenize splits a text into words. Apostrophes and hyphens within one belong to it.
func tokenize(text string) []word {
	var out []word
	v := vocab()
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if !latin(r) {
			i += size
			continue
		}
		start := i
		for i < len(text) {
			r, size = utf8.DecodeRuneInString(text[i:])
			if !latin(r) && !joins(text, i, r, size) {
				break
			}
			i += size
		}
		if digitAt(text, start-1) || digitAt(text, i) { // part of a code
			continue
		}
		if n := len(out); n > 0 {
			out[n-1].gap = text[out[n-1].end:start]
		}
		out = append(out, v.word(text, start, i))
	}
	return out
}

func digitAt(text string, i int) bool {
	return i >= 0 && i < len(text) && text[i] >= '0' && text[i] <= '9'
}

// joins says whether an apostrophe or hyphen stands between two letters.
func joins(text string, i int, r rune, size int) bool {
	if r != '\'' && r != '’' && r != '-' && r != 'ʼ' {
		return false
	}
	next := after(text, i+size)
	return latin(next)
}

func (v *vocabulary) word(text string, start, end int) word {
	w := word{start: start, end: end, stop: end}
	s := text[start:end]
	for _, suffix := range []string{"'s", "’s", "'S", "’S"} {
		if strings.HasSuffix(s, suffix) {
			w.stop = end - len(suffix)
			s = text[start:w.stop]
		}
	}
	w.kind = kindOf(s)
	w.key = fold(s)
	v.classify(&w)
	return w
}

func kindOf(s string) wordKind {
	first, size := utf8.DecodeRuneInString(s)
	switch {
	case !unicode.IsUpper(first):
		return lower
	case len(s) == size:
		return initial
	case strings.IndexFunc(s, unicode.IsLower) < 0:
		return upper
	}
	return title
}

// classify looks a word up. A name with a hyphen is as good as the better known of its parts.
func (v *vocabulary) classify(w *word) {
	w.given, w.surname, w.common, w.clinical = v.given.has(w.key), v.surnames.has(w.key), v.words.has(w.key), v.clinical.has(w.key) || v.noteNouns.has(w.key) || v.capitals.has(w.key)
	w.eponym, w.frequent = v.eponyms.has(w.key), v.frequent.has(w.key)
	if v.titles.has(w.key) || v.roles.has(w.key) || v.months.has(w.key) && w.key != "may" && w.key != "april" && w.key != "june" && w.key != "august" {
		w.common = true
	}
	if !strings.Contains(w.key, "-") || w.clinical {
		return
	}
	all := true
	for part := range strings.SplitSeq(w.key, "-") {
		w.given = w.given || v.given.has(part)
		w.surname = w.surname || v.surnames.has(part)
		all = all && (v.words.has(part) || v.clinical.has(part))
		w.clinical = w.clinical || v.clinical.has(part)
		w.eponym = w.eponym || v.eponyms.has(part)
	}
	w.common = w.common || all
	w.clinical = w.clinical && all
}
