package note

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/record/unit"
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

// Quantity is a value of a measure, in the unit of its entry.
type Quantity struct {
	Entry *terms.Entry
	Value float64
	Bare  bool // no unit stood by it; it is taken to be the entry's
}

// The measures of a blood pressure that is written as two numbers.
const pressure, systolic, diastolic = "85354-9", "8480-6", "8462-4"

// Quantities are the values of a statement of one, two for a blood pressure; none where the unit is not the measure's.
func (s *Statement) Quantities(text string) []Quantity {
	e := s.Entry()
	written := s.Value.Of(text)
	numbers := strings.TrimSpace(number.FindString(written))
	rest := strings.TrimSpace(strings.TrimPrefix(written, numbers))
	first, second, two := strings.Cut(numbers, "/")
	switch {
	case e == nil:
		return nil
	case two && e == terms.Measure(pressure):
		return append(quantity(terms.Measure(systolic), first, rest), quantity(terms.Measure(diastolic), second, rest)...)
	case two || e == terms.Measure(pressure):
		return nil
	}
	return quantity(e, first, rest)
}

func quantity(e *terms.Entry, digits, written string) []Quantity {
	v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if err != nil {
		return nil
	}
	q := Quantity{Entry: e, Value: v, Bare: written == "" && hasUnit(e)}
	if written == "" {
		return []Quantity{q}
	}
	u := terms.UnitByCode(written)
	if u == nil {
		return nil
	}
	if u.Code == e.Unit {
		return []Quantity{q}
	}
	have, errHave := unit.Parse(u.Code)
	want, errWant := unit.Parse(e.Unit)
	if errHave != nil || errWant != nil {
		return nil
	}
	converted, ok := have.Convert(v, want)
	if !ok {
		return nil
	}
	q.Value = math.Round(converted*1e6) / 1e6
	return []Quantity{q}
}

// hasUnit says whether values of a measure have a unit.
func hasUnit(e *terms.Entry) bool {
	return e.Unit != "1" && !strings.HasPrefix(e.Unit, "{") && !strings.HasPrefix(e.Unit, "[p")
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
