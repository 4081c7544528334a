package prompt

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// telling is what people are told of a measure with, in a language.
type telling struct{ comma, open, end, lowest, highest string }

var tellings = map[terms.Lang]telling{
	terms.English: {", ", " (", ")", "lowest ", "highest "},
	terms.Chinese: {"，", "（", "）", "最低", "最高"},
}

// Tell puts one measure into words for people: its latest value with the unit, how far that is beyond its range, and the
// other extremes of the window. Models are told in other words (Write).
func Tell(it Item, lang terms.Lang) string {
	t := tellings[lang]
	var b strings.Builder
	b.WriteString(it.Entry.Name(lang) + " " + figure(it.Last))
	if u := terms.UnitByCode(it.Entry.Unit); u != nil && it.Entry.Unit != "1" {
		b.WriteString(spaced(u.Display[lang]))
	}
	if word := Degree(it.Grade, lang); word != "" {
		b.WriteString(t.comma + word)
	}
	var others []string
	if low := figure(it.Min); low != figure(it.Last) {
		others = append(others, t.lowest+low)
	}
	if high := figure(it.Max); high != figure(it.Last) {
		others = append(others, t.highest+high)
	}
	if others != nil {
		b.WriteString(t.open + strings.Join(others, t.comma) + t.end)
	}
	return b.String()
}

// figure is a number as models are told it, but for what is so small that they are told of nothing.
func figure(v float64) string {
	if text := Number(v); v == 0 || text != "0" {
		return text
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// spaced is a unit behind its number: "%", "/min" and Chinese ones without a space.
func spaced(unit string) string {
	if r, _ := utf8.DecodeRuneInString(unit); unit == "" || strings.ContainsRune("%/℃", r) || unicode.Is(unicode.Han, r) {
		return unit
	}
	return " " + unit
}
