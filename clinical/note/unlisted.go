package note

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// plain.txt has the ordinary words of notes.
//
//go:embed data/plain.txt
var plainFile string

// ordinary words are cut out of a text before names that the table lacks are looked for in what is left.
var ordinary = sync.OnceValue(func() (words struct {
	english map[string]bool
	chinese *regexp.Regexp
}) {
	lines := strings.Split(plainFile, "\n")
	words.english = map[string]bool{}
	for _, w := range strings.Fields(lines[1]) {
		words.english[w] = true
	}
	chinese := strings.Fields(lines[2]) // the longest first
	for i := range chinese {
		chinese[i] = regexp.QuoteMeta(chinese[i])
	}
	words.chinese = regexp.MustCompile(strings.Join(chinese, "|"))
	return words
})

// Bounds on names that the table does not have.
const (
	maxUnlisted = 16 // of a piece
	maxWords    = 4  // of an English one
	maxRunes    = 12 // of a Chinese one
)

var (
	englishWord = regexp.MustCompile(`[A-Za-z]+(?:['-][A-Za-z]+)*`)
	chineseRun  = regexp.MustCompile(`[\p{Han}A-Za-z]+`)
	joining     = regexp.MustCompile(`^ (?:of (?:the )?)?$`) // between the words of one name
)

// Unlisted gives pieces of a text that may be names which the table does not have: what is left between the names found,
// marks, numbers and ordinary words. Whether one is a name, and what is stated of it, is for a model to say.
func Unlisted(text string, found []Mention) []Mention {
	var out []Mention
	from := 0
	for i := 0; i <= len(found) && len(out) < maxUnlisted; i++ {
		to := len(text)
		if i < len(found) {
			to = found[i].Start
		}
		for _, s := range loose(text, from, to) {
			if len(out) < maxUnlisted {
				out = append(out, Mention{Span: s})
			}
		}
		if i < len(found) {
			from = found[i].End
		}
	}
	return out
}

// loose are the names that may stand between two bytes of a text.
func loose(text string, from, to int) []Span {
	var out []Span
	if strings.IndexFunc(text, han) >= 0 {
		for _, run := range chineseRun.FindAllStringIndex(text[from:to], -1) {
			out = append(out, uncommon(text, from+run[0], from+run[1])...)
		}
		return out
	}
	words := 0
	for _, w := range englishWord.FindAllStringIndex(text[from:to], -1) {
		s := Span{from + w[0], from + w[1]}
		if before, _ := utf8.DecodeLastRuneInString(text[:s.Start]); ordinary().english[strings.ToLower(s.Of(text))] || s.Start > 0 && wordRune(before) {
			continue
		}
		if n := len(out); n > 0 && words < maxWords && joining.MatchString(text[out[n-1].End:s.Start]) {
			out[n-1].End = s.End
			words++
			continue
		}
		out, words = append(out, s), 1
	}
	return slices.DeleteFunc(out, func(s Span) bool { return s.End-s.Start < 3 })
}

// uncommon cuts a run of Chinese at its ordinary words.
func uncommon(text string, from, to int) []Span {
	var out []Span
	add := func(s Span) {
		if n := utf8.RuneCountInString(s.Of(text)); n > 1 && n <= maxRunes && strings.IndexFunc(s.Of(text), han) >= 0 {
			out = append(out, s)
		}
	}
	at := from
	for _, w := range ordinary().chinese.FindAllStringIndex(text[from:to], -1) {
		add(Span{at, from + w[0]})
		at = from + w[1]
	}
	add(Span{at, to})
	return out
}

func han(r rune) bool { return unicode.Is(unicode.Han, r) }
