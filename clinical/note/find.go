// Package note reads short clinical notes: which names of the table of terms stand where in a text, which numbers a
// measure may have, and the lines in which a model says what the text states of them.
package note

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// Span is a piece of a text: bytes from Start up to End.
type Span struct{ Start, End int }

// Of is the piece of the text.
func (s Span) Of(text string) string { return text[s.Start:s.End] }

func (s Span) shift(by int) Span { return Span{s.Start + by, s.End + by} }

// Mention is a name of the table of terms in a text.
type Mention struct {
	Span
	Entries []*terms.Entry // what it may stand for; none for a name that the table does not have
	Values  []Span         // of a measure: the numbers behind it, with their units
}

// Bounds on what is read of one note.
const (
	MaxText     = 16 << 10 // bytes
	MaxMentions = 64
	maxValues   = 4  // numbers that one measure may have
	reach       = 60 // bytes behind a measure in which its value stands
)

// kinds are the sets of the table whose names are looked for.
var kinds = []string{"measure", "diagnosis", "drug", "allergen", "procedure"}

// node is a letter of the names, folded.
type node struct {
	next  map[rune]*node
	names []name
}

type name struct {
	text  string // folded, but for the case
	exact bool   // short capitals such as "PT" count only as they are written
	entry *terms.Entry
}

// names is made once, of a table that is part of the binary.
var names = sync.OnceValue(func() *node {
	root := &node{}
	for _, e := range terms.Entries() {
		if !slices.Contains(kinds, e.Kind) {
			continue
		}
		for _, lang := range []terms.Lang{terms.English, terms.Chinese} {
			for _, n := range e.Names[lang] {
				root.add(n, e)
			}
		}
	}
	return root
})

func (root *node) add(text string, e *terms.Entry) {
	folded := strings.Map(terms.Plain, text)
	at := root
	for _, r := range folded {
		r = unicode.ToLower(r)
		if at.next == nil {
			at.next = map[rune]*node{}
		}
		if at.next[r] == nil {
			at.next[r] = &node{}
		}
		at = at.next[r]
	}
	n := name{text: folded, exact: len(folded) <= 4 && folded != strings.ToLower(folded), entry: e}
	if !slices.Contains(at.names, n) {
		at.names = append(at.names, n)
	}
}

// Find gives the names in a text, the longest from left to right. A measure without a number behind it says nothing and
// is left out. What is longer than a note may be gives none.
func Find(text string) []Mention {
	if len(text) > MaxText {
		return nil
	}
	numbers := findNumbers(text)
	var out []Mention
	for i := 0; i < len(text) && len(out) < MaxMentions; {
		end, entries := longest(text, i)
		if end == i {
			_, size := utf8.DecodeRuneInString(text[i:])
			i += size
			continue
		}
		m := Mention{Span: Span{i, end}, Entries: entries}
		if m.is("measure") {
			m.Values = valuesOf(text, m.Span, numbers)
			if m.Values == nil {
				m.Entries = slices.DeleteFunc(m.Entries, func(e *terms.Entry) bool { return e.Kind == "measure" })
			}
		}
		if len(m.Entries) > 0 {
			out = append(out, m)
		}
		i = end
	}
	return out
}

// longest is the end of the longest name that begins at byte i, and what it stands for; i where there is none.
func longest(text string, i int) (end int, entries []*terms.Entry) {
	end = i
	if before, _ := utf8.DecodeLastRuneInString(text[:i]); i > 0 && wordRune(before) && wordRune(runeAt(text, i)) {
		return i, nil
	}
	at := names()
	for j, r := range text[i:] {
		r = terms.Plain(r)
		if at = at.next[unicode.ToLower(r)]; at == nil {
			break
		}
		after := i + j + utf8.RuneLen(runeAt(text, i+j))
		if at.names == nil || !ends(text, after) {
			continue
		}
		if found := at.matching(text[i:after]); found != nil {
			end, entries = after, found
		}
	}
	// A plural "s" belongs to the name.
	if end > i && end < len(text) && text[end] == 's' && wordRune(runeAt(text, end-1)) && ends(text, end+1) {
		end++
	}
	return end, entries
}

func runeAt(text string, i int) rune {
	r, _ := utf8.DecodeRuneInString(text[i:])
	return r
}

// ends says whether a name may end before byte i: not within a word, a plural apart.
func ends(text string, i int) bool {
	last, _ := utf8.DecodeLastRuneInString(text[:i])
	if i >= len(text) || !wordRune(last) {
		return true
	}
	rest := text[i:]
	if rest[0] == 's' && (len(rest) == 1 || !wordRune(runeAt(rest, 1))) {
		return true
	}
	// Digits may follow letters: "CRP64.3".
	next := runeAt(text, i)
	return !wordRune(next) || next >= '0' && next <= '9' && (last < '0' || last > '9')
}

// wordRune says whether a character makes words with its neighbours. Chinese ones do not.
func wordRune(r rune) bool {
	return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// matching are the entries of names that the text is, in its own case where that counts.
func (root *node) matching(text string) []*terms.Entry {
	folded := strings.Map(terms.Plain, text)
	var out []*terms.Entry
	for _, n := range root.names {
		if (!n.exact || n.text == folded) && !slices.Contains(out, n.entry) {
			out = append(out, n.entry)
		}
	}
	return out
}

func (m *Mention) is(kind string) bool {
	return slices.ContainsFunc(m.Entries, func(e *terms.Entry) bool { return e.Kind == kind })
}
