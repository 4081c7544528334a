package deid

import "strings"

const (
	capital   = `[A-Z][A-Za-zÀ-ÿ'’.\-]*`
	door      = `(?:\s*,?\s*(?:(?i:apt|apartment|suite|ste|unit|floor|fl|room|rm|bldg|building|lot|trlr|no)\b\.?\s*#?\s*|#\s*)[A-Za-z0-9-]{1,6})?`
	town      = `(?:(?:St|Ft|Mt|Pt)\.[ ])?[A-Z][A-Za-zÀ-ÿ'’\-]+(?:[ ][A-Z][A-Za-zÀ-ÿ'’\-]+){0,2}`
	direction = `(?:(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West|Northeast|Northwest|Southeast|Southwest)\.?\s+)?`
)

var (
	streetLine = re(`\b\d{1,6}[A-Za-z]?(?:-\d{1,4})?\s+` + direction + `(?:(?:` + capital + `|\d{1,3}(?:st|nd|rd|th))\s+){1,4}?(` + capital + `)(?:\s+(?:N|S|E|W|NE|NW|SE|SW)\b)?` + door)
	cityLine   = re(`^\s*,\s*(` + town + `)`)
	stateZip   = re(`^\s*,?\s*((?:(?:New|North|South|West|Rhode)[ ])?[A-Z][A-Za-z]+)\.?\s*,?\s+(\d{5}(?:-\d{4})?)\b`)
	cityState  = re(`\b(` + town + `),[ ]*([A-Z]{2}|[A-Z][a-z]+(?:\s[A-Z][a-z]+)?)\b\.?(?:\s+(\d{5}(?:-\d{4})?)\b)?`)
	postBox    = re(`\b(?i:p\.?\s?o\.?\s*box)\s*#?\s*\d+|\b(?:PSC|Unit|USNS|USS|USCGC|USNV)\s+[A-Za-z0-9]+(?:,?\s+Box\s+\d+)?,?\s+(?:APO|FPO|DPO)\b`)
	livesIn    = re(`\b(?i:lives? in|living in|resident of|resides? in|residing in|born in|moved (?:to|from)|native of|hometown(?: of| is)?|home in)\s+((?:` + capital + `\s){0,2}` + capital + `)`)
)

// letters are abbreviations of states that stand behind names as well.
var letters = words(`MD PA MS ND DC AE AS`)

// addressesEN finds addresses down to the door. A state stays, as Safe Harbor allows.
func (s *scanner) addressesEN() {
	v := vocab()
	s.each(streetLine, func(m []int) {
		suffix := strings.ToLower(strings.Trim(s.text[m[2]:m[3]], ".,"))
		if !v.suffixes.has(suffix) && !v.suffixes.has(strings.TrimSuffix(suffix, "s")) {
			return
		}
		end := m[1]
		if c := cityLine.FindStringSubmatchIndex(s.text[end:]); c != nil && !v.states.has(s.text[end+c[2]:end+c[3]]) {
			end += c[3]
		}
		s.add(Address, m[0], end, scoreAddress)
		if z := stateZip.FindStringSubmatchIndex(s.text[end:]); z != nil && v.aState(s.text[end+z[2]:end+z[3]]) {
			s.add(Zip, end+z[4], end+z[5], scoreAddress)
		}
	})
	s.each(cityState, func(m []int) {
		if !v.aState(s.text[m[4]:m[5]]) || m[6] < 0 && (letters.has(s.text[m[4]:m[5]]) || !s.place(m[2], m[3])) {
			return
		}
		s.add(Address, m[2], m[3], scoreAddress)
		if m[6] >= 0 {
			s.add(Zip, m[6], m[7], scoreAddress)
		}
	})
	s.each(postBox, func(m []int) { s.add(Address, m[0], m[1], scoreAddress) })
	s.each(livesIn, func(m []int) {
		if s.place(m[2], m[3]) && !v.states.has(s.text[m[2]:m[3]]) {
			s.add(Address, m[2], m[3], scoreAddress)
		}
	})
}

// aState says whether words name a state of the United States, or its abbreviation.
func (v *vocabulary) aState(name string) bool {
	return v.states.has(name) || twoWordStates.has(strings.ReplaceAll(name, " ", ""))
}

var twoWordStates = words(`NewYork NewJersey NewMexico NewHampshire NorthCarolina NorthDakota SouthCarolina SouthDakota WestVirginia RhodeIsland`)

// place says whether words may name a town: none is of the clinic alone.
func (s *scanner) place(start, end int) bool {
	ws := tokenize(s.text[start:end])
	for i := range ws {
		if w := &ws[i]; w.kind == initial || w.clinical && !w.surname || w.kind == upper && len(ws) == 1 || len(ws) == 1 && w.common && !w.surname {
			return false
		}
	}
	return len(ws) > 0
}
