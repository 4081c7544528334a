package render

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/record"
)

// maxLabel bounds words taken from the record, in characters: longer ones are cut.
const maxLabel = 120

// prefixes are the letters that stand for a code system in the table of terms.
var prefixes = map[string]string{
	record.SystemLOINC: "L", record.SystemIEEE11073: "M", record.SystemRxNorm: "R",
	record.SystemICD10: "I", record.SystemICD10CM: "I", record.SystemCVX: "X",
}

// find looks a concept up by its codes, then by the words filed with it. exact is
// false where only the ICD-10 category is known.
func (t *table) find(kind string, c record.Concept) (e *Entry, exact bool) {
	for _, k := range c.Codings {
		if p := prefixes[k.System]; p != "" {
			if e := t.byCode[kind+" "+p+k.Code]; e != nil {
				return e, true
			}
		}
	}
	if e := t.findName(kind, c); e != nil {
		return e, true
	}
	for _, k := range c.Codings {
		if prefixes[k.System] != "I" {
			continue
		}
		for n := len(k.Code) - 1; n >= 3; n-- {
			code := strings.TrimSuffix(k.Code[:n], ".")
			if e := t.byCode[kind+" I"+code]; e != nil {
				return e, false
			}
		}
	}
	return nil, false
}

func (t *table) findName(kind string, c record.Concept) *Entry {
	if e := t.byName[kind+" "+strings.ToLower(c.Text)]; e != nil {
		return e
	}
	for _, k := range c.Codings {
		if e := t.byName[kind+" "+strings.ToLower(k.Display)]; e != nil {
			return e
		}
	}
	return nil
}

// word returns the words for a FHIR or v3 code, else the code itself, cleaned.
func (t *table) word(kind, code string, lang Lang) string {
	if e := t.byCode[kind+" V"+code]; e != nil {
		return e.Name(lang)
	}
	return clean(code)
}

// unitOf finds the unit of a quantity. UCUM annotations ("{beats}/min") carry no
// meaning of their own, so a code is tried without them too.
func (t *table) unitOf(q record.Quantity) (*Unit, bool) {
	for _, s := range []string{q.Code, q.Unit} {
		if s == "" {
			continue
		}
		if u := t.byUnit[s]; u != nil {
			return u, true
		}
		if u := t.byUnit[dropAnnotations(s)]; u != nil {
			return u, true
		}
	}
	return nil, q.Code == "" && q.Unit == "" || q.Code == "1"
}

func dropAnnotations(s string) string {
	for {
		i := strings.IndexByte(s, '{')
		j := strings.IndexByte(s, '}')
		if i < 0 || j < i {
			return s
		}
		s = s[:i] + s[j+1:]
	}
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
