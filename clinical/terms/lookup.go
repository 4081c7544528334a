package terms

import (
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
)

// prefixes are the letters that stand for a code system in the table of terms.
var prefixes = map[string]string{
	record.SystemLOINC: "L", record.SystemIEEE11073: "M", record.SystemRxNorm: "R",
	record.SystemICD10: "I", record.SystemICD10CM: "I", record.SystemCVX: "X",
	record.SystemATC: "A",
}

// Find looks a concept up by its codes, then by the words filed with it. exact is
// false where only the ICD-10 category is known.
func Find(kind string, c record.Concept) (e *Entry, exact bool) {
	t := loaded()
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

// ByCode returns the entry of a kind with a code, which begins with its system's letter: L
// for LOINC, M for ISO/IEEE 11073, I for ICD-10, R for RxNorm, X for CVX, A for ATC, V for FHIR's and HL7
// v3's own codes. It returns nil where there is none.
func ByCode(kind, code string) *Entry { return loaded().byCode[kind+" "+code] }

// Measure returns the measure with a LOINC code, or nil.
func Measure(loinc string) *Entry { return ByCode("measure", "L"+loinc) }

// UnitByCode returns the unit that is written so, in any of its ways, or nil.
func UnitByCode(code string) *Unit { return loaded().byUnit[code] }

// UnitOf finds the unit of a quantity. UCUM annotations ("{beats}/min") carry no
// meaning of their own, so a code is tried without them too. known is true for a unit of the
// table, and where there is none to know.
func UnitOf(q record.Quantity) (u *Unit, known bool) {
	t := loaded()
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

// ByName returns the entry of a kind that goes by a name, in any language and any case, or nil.
func ByName(kind, name string) *Entry { return loaded().byName[kind+" "+strings.ToLower(name)] }

// Plain gives the many ways of writing a character one: full-width forms, minus signs, micro signs, spaces.
func Plain(r rune) rune {
	switch {
	case r >= 0xFF01 && r <= 0xFF5E:
		return r - 0xFEE0
	case r == 0x3000 || r == 0xA0 || r == 0x202F || r == 0x2009:
		return ' '
	case r == '−' || r == '–' || r == '—' || r == '‑':
		return '-'
	case r == 'μ':
		return 'µ'
	}
	return r
}
