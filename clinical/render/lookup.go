package render

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// maxLabel bounds words taken from the record, in characters: longer ones are cut.
const maxLabel = 120

// word returns the words for a FHIR or v3 code, else the code itself, cleaned.
func word(kind, code string, lang Lang) string {
	if e := terms.ByCode(kind, "V"+code); e != nil {
		return e.Name(lang)
	}
	return clean(code)
}

// clean makes filed words fit one line of text: no control characters, single
// spaces, bounded length.
func clean(s string) string {
	var b strings.Builder
	n, gap := 0, false
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			gap = b.Len() > 0
			continue
		}
		if n >= maxLabel {
			b.WriteRune('…')
			break
		}
		if gap {
			b.WriteByte(' ')
			gap = false
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// upperFirst makes an English sentence start with a capital, but leaves words such
// as "pH" and "aPTT" alone.
func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	next, _ := utf8.DecodeRuneInString(s[n:])
	if unicode.IsLower(r) && !unicode.IsUpper(next) {
		return string(unicode.ToUpper(r)) + s[n:]
	}
	return s
}
