package note

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// number is a number, or two of a pressure, as it is written.
var number = regexp.MustCompile(`\d+(?:\.\d+)?(?:\s?/\s?\d+)?`)

// units are all ways to write a unit, the longest first.
var units = sync.OnceValue(func() []string {
	var out []string
	for _, u := range terms.Units() {
		for _, s := range append([]string{u.Code, u.Display[terms.English], u.Display[terms.Chinese]}, u.Aliases...) {
			if s != "" {
				out = append(out, s)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(out)
})

// findNumbers gives the numbers of a text with their units.
func findNumbers(text string) []Span {
	var out []Span
	for _, at := range number.FindAllStringIndex(text, -1) {
		s := Span{at[0], at[1]}
		rest := text[s.End:]
		trimmed := strings.TrimPrefix(rest, " ")
		s.End += unitLength(trimmed, len(rest)-len(trimmed))
		out = append(out, s)
	}
	return out
}

// unitLength is the bytes of the unit that text begins with, and of the space before it; 0 where there is none.
func unitLength(text string, space int) int {
	for _, u := range units() {
		if !strings.HasPrefix(text, u) {
			continue
		}
		last, _ := utf8.DecodeLastRuneInString(u)
		if len(text) > len(u) && wordRune(last) && wordRune(runeAt(text, len(u))) {
			continue
		}
		return space + len(u)
	}
	return 0
}

// valuesOf are the numbers that may be a measure's value: behind it, in its sentence, near. One within a word ("T2DM")
// is none, unless the measure's own name stands right before it.
func valuesOf(text string, m Span, numbers []Span) []Span {
	var out []Span
	for _, n := range numbers {
		if n.Start < m.End || n.Start > m.End+reach || len(out) == maxValues {
			continue
		}
		if sentenceEnds(text[m.End:n.Start]) {
			break
		}
		before, _ := utf8.DecodeLastRuneInString(text[:n.Start])
		if n.Start > m.End && wordRune(before) {
			continue
		}
		out = append(out, n)
	}
	return out
}

func sentenceEnds(between string) bool {
	return strings.ContainsAny(between, "。！？\n") || strings.Contains(between, ". ")
}
