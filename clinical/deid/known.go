package deid

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxKnown bounds what is searched for.
const maxKnown = 4096

// Known is what a record's own fields say of its people: their names, numbers and addresses, which are then searched for in
// its free text.
type Known struct {
	byFirst map[rune][]knownValue
	have    map[string]bool
}

type knownValue struct {
	text  string
	typ   Type
	exact bool // in these letters' case alone
}

// NewKnown has nothing in it.
func NewKnown() *Known { return &Known{byFirst: map[rune][]knownValue{}, have: map[string]bool{}} }

// AddName takes a person's name, whole or a part of one.
func (k *Known) AddName(name string) {
	name = strings.TrimSpace(name)
	k.add(name, Name)
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == '·' || r == '^' }) {
		k.addPart(strings.Trim(part, "."))
	}
}

// addPart takes one word of a name. In Chinese, a single character is too little to search for.
func (k *Known) addPart(part string) {
	n := utf8.RuneCountInString(part)
	han := strings.IndexFunc(part, func(r rune) bool { return unicode.Is(unicode.Han, r) }) >= 0
	if n < 2 || !han && n < 3 || vocab().titles.has(fold(part)) || vocab().credentials.has(fold(part)) || particles.has(fold(part)) {
		return
	}
	if han {
		k.add(part, Name)
		return
	}
	_, size := utf8.DecodeRuneInString(part)
	for _, form := range []string{part, strings.ToUpper(part), strings.ToUpper(part[:size]) + strings.ToLower(part[size:])} {
		k.put(knownValue{form, Name, true})
	}
}

// AddValue takes a number, an address or the like.
func (k *Known) AddValue(value string, t Type) {
	value = strings.TrimSpace(value)
	if utf8.RuneCountInString(value) < 4 || countDigits(value) == len(value) && len(value) < 5 {
		return // too short to be searched for
	}
	k.add(value, t)
}

func (k *Known) add(value string, t Type) {
	if utf8.RuneCountInString(value) >= 2 {
		k.put(knownValue{value, t, false})
	}
}

func (k *Known) put(v knownValue) {
	if len(k.have) >= maxKnown || k.have[v.text] || len(v.text) > 512 {
		return
	}
	k.have[v.text] = true
	first, _ := utf8.DecodeRuneInString(v.text)
	first = unicode.ToLower(first)
	k.byFirst[first] = append(k.byFirst[first], v)
}

// empty says whether there is nothing to search for.
func (k *Known) empty() bool { return k == nil || len(k.have) == 0 }

// search calls found for each place where a value stands, not as part of a longer word.
func (k *Known) search(text string, found func(t Type, start, end int)) {
	prev := rune(0)
	for i, r := range text {
		inside := wordRune(prev) && wordRune(r)
		prev = r
		if inside {
			continue
		}
		for _, v := range k.byFirst[unicode.ToLower(r)] {
			end := i + len(v.text)
			if end > len(text) {
				continue
			}
			piece := text[i:end]
			if piece != v.text && (v.exact || !strings.EqualFold(piece, v.text)) {
				continue
			}
			last, _ := utf8.DecodeLastRuneInString(piece)
			if !wordRune(last) || !wordRune(after(text, end)) {
				found(v.typ, i, end)
			}
		}
	}
}

// known takes what the record's own fields say. An eponym stays one, even where a patient is called so.
func (s *scanner) known(k *Known) {
	k.search(s.text, func(t Type, start, end int) {
		if t == Name && s.eponymAt(end) {
			return
		}
		s.add(t, start, end, scoreKnown)
	})
}

// eponymAt says whether a noun follows that makes an eponym of the word before it.
func (s *scanner) eponymAt(end int) bool {
	rest := strings.TrimPrefix(strings.TrimPrefix(head(s.text, end, 32), "'s"), "’s")
	if !strings.HasPrefix(rest, " ") {
		return false
	}
	noun, _, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	return vocab().noteNouns.has(strings.Trim(fold(noun), ".,;:)"))
}
