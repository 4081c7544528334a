package summary

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// name is one way to write a term.
type name struct {
	text  string // ASCII letters in lower case, unless exact
	key   string
	kind  string
	exact bool // short capitals such as "PT" or "Na" count only as they are written
}

// dictionary finds names by their first character, longest first.
type dictionary map[rune][]name

// checkedKinds are the sets of the table whose names may stand in a sentence only
// where the record has them. Status words, severities and the like are ordinary words.
var checkedKinds = []string{
	"measure", "diagnosis", "drug", "allergen", "device", "procedure", "vaccine",
	"sex", "class", "route", "service", "value",
}

var tableNames = map[render.Lang]func() dictionary{
	render.English: sync.OnceValue(func() dictionary { return fromTable(render.English) }),
	render.Chinese: sync.OnceValue(func() dictionary { return fromTable(render.Chinese) }),
}

func fromTable(lang render.Lang) dictionary {
	d := dictionary{}
	for _, e := range terms.Entries() {
		if !slices.Contains(checkedKinds, e.Kind) {
			continue
		}
		for _, n := range e.Names[lang] {
			d.add(n, e.Key, e.Kind)
		}
	}
	d.sort()
	return d
}

// fromDocument holds the names that a document's own facts use, which may be words
// that only this record has.
func fromDocument(doc *render.Document) dictionary {
	d := dictionary{}
	for _, s := range doc.Sections {
		for _, f := range s.Facts {
			for _, t := range f.Terms {
				for _, n := range t.Names {
					d.add(n, t.Key, string(t.Kind))
				}
			}
		}
	}
	d.sort()
	return d
}

func (d dictionary) add(text, key, kind string) {
	text = fold(text)
	if text == "" {
		return
	}
	n := name{text: text, key: key, kind: kind}
	n.exact = len(text) <= 4 && text != lower(text)
	if !n.exact {
		n.text = lower(text)
	}
	first, _ := utf8.DecodeRuneInString(lower(text))
	if !slices.Contains(d[first], n) {
		d[first] = append(d[first], n)
	}
}

func (d dictionary) sort() {
	for r := range d {
		slices.SortStableFunc(d[r], func(a, b name) int { return len(b.text) - len(a.text) })
	}
}

// mention is a name found in a sentence, with everything it may stand for.
type mention struct {
	start, end int
	names      []name
}

func (m mention) has(key string) bool {
	return slices.ContainsFunc(m.names, func(n name) bool { return n.key == key })
}

func (m mention) is(kinds ...string) bool {
	return slices.ContainsFunc(m.names, func(n name) bool { return slices.Contains(kinds, n.kind) })
}

// mentions finds the longest names from left to right.
func mentions(s string, dicts ...dictionary) []mention {
	var out []mention
	low := lower(s)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(low[i:])
		m := mention{start: i, end: i}
		for _, d := range dicts {
			for _, n := range d[r] {
				if end, ok := n.at(s, low, i); ok && end >= m.end {
					if end > m.end {
						m.end, m.names = end, nil
					}
					m.names = append(m.names, n)
				}
			}
		}
		if m.end > i {
			out = append(out, m)
			i = m.end
			continue
		}
		i += size
	}
	return out
}

// at says whether the name stands at byte i, and where it ends. A plural "s" belongs to it.
func (n name) at(s, low string, i int) (int, bool) {
	text := low
	if n.exact {
		text = s
	}
	if !strings.HasPrefix(text[i:], n.text) {
		return 0, false
	}
	end := i + len(n.text)
	if isWord(n.text[0]) && i > 0 && isWord(s[i-1]) {
		return 0, false
	}
	if isWord(n.text[len(n.text)-1]) {
		if !n.exact && end < len(s) && low[end] == 's' && (end+1 == len(s) || !isWord(s[end+1])) {
			return end + 1, true
		}
		if end < len(s) && isWord(s[end]) {
			return 0, false
		}
	}
	return end, true
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// lower lowers ASCII letters alone, so that every offset stays where it was.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// Fold gives the many ways of writing a character one.
func Fold(s string) string { return fold(s) }

// fold gives the many ways of writing a character one: full-width forms, minus
// signs, micro signs, spaces. Full-width commas stay: they never group digits.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '，' || r == '；' || r == '！' || r == '？' {
			return r
		}
		return terms.Plain(r)
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
