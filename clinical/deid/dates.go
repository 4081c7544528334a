package deid

import (
	"regexp"
	"strings"
)

const (
	monthEN = `(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?`
	monthUp = `(?:JAN(?:UARY)?|FEB(?:RUARY)?|MAR(?:CH)?|APR(?:IL)?|MAY|JUNE?|JULY?|AUG(?:UST)?|SEPT?(?:EMBER)?|OCT(?:OBER)?|NOV(?:EMBER)?|DEC(?:EMBER)?)\.?`
	month   = `(?:` + monthEN + `|` + monthUp + `)`
	numZH   = `[〇零○一二三四五六七八九十廿]`
)

// datePattern is a way of writing a date; y, m and d are groups, 0 where there is none.
type datePattern struct {
	re      *regexp.Regexp
	y, m, d int
	numeric bool // m and d are digits, to be checked
}

var datePatterns = []datePattern{
	{re(`\b((?:18|19|20)\d{2})[-/.](\d{1,2})[-/.](\d{1,2})\b`), 1, 2, 3, true},
	{re(`\b(\d{1,2})[-/.](\d{1,2})[-/.]((?:18|19|20)\d{2})\b`), 3, 1, 2, true},
	{re(`\b(\d{1,2})[-/](\d{1,2})[-/](\d{2})\b`), 3, 1, 2, true},
	{re(`\b((?:18|19|20)\d{2})(\d{2})(\d{2})(?:\d{4}(?:\d{2})?)?\b`), 1, 2, 3, true},
	{re(`\b` + month + `\s*-?\s*(\d{1,2})(?:st|nd|rd|th)?\b(?:\s*(?:,|-|\s)\s*((?:18|19|20)\d{2})\b)?`), 2, 0, 1, false},
	{re(`\b(\d{1,2})(?:st|nd|rd|th)?[\s-]*(?:of\s+)?` + month + `(?:[\s,-]*((?:18|19|20)\d{2}|'\d{2})\b)?`), 2, 0, 1, false},
	{re(`\b` + month + `[\s,-]*(?:of\s+)?((?:18|19|20)\d{2})\b`), 1, 0, 0, false},
	{re(`\b((?:18|19|20)\d{2})[\s-]+` + monthEN + `[\s-]+(\d{1,2})\b`), 1, 0, 2, false},
	{re(`\b(?:in|since|until|till|by|last|of|early|late|mid|from|through|before|after|this|next)\s+(` + month + `)(?:[^a-zA-Z]|$)`), 0, 0, 0, false},
	{re(`(?i)\b(?:on|since|from|until|till|by|dated?|of|between|and|to|through|thru|starting|after|before|seen|admitted|discharged)\s+(\d{1,2})/(\d{1,2})\b`), 0, 1, 2, true},
	{re(`(?:((?:\d{4}|\d{2}|` + numZH + `{2,4}))\s*年\s*)?((?:\d{1,2}|` + numZH + `{1,3}))\s*月\s*((?:\d{1,2}|` + numZH + `{1,3}))\s*[日号]`), 1, 2, 3, false},
	{re(`(\d{4}|` + numZH + `{4})\s*年\s*((?:\d{1,2}|` + numZH + `{1,3}))\s*月`), 1, 2, 0, false},
}

func (s *scanner) dates() {
	for i := range datePatterns {
		p := &datePatterns[i]
		s.each(p.re, func(m []int) {
			start, end := m[0], m[1]
			if p.re.NumSubexp() > 0 && p.y == 0 { // a word before it is not part of the date
				start = m[2]
				if p.d > 0 {
					end = m[2*p.d+1]
				} else {
					end = m[3]
				}
			}
			if p.numeric && !s.aDay(p, m, end) {
				return
			}
			s.add(Date, start, end, scoreDate)
		})
	}
}

// aDay checks a date of digits alone.
func (s *scanner) aDay(p *datePattern, m []int, end int) bool {
	if !validParts(atoi(s.text[m[2*p.m]:m[2*p.m+1]]), atoi(s.text[m[2*p.d]:m[2*p.d+1]])) {
		return false
	}
	if next := after(s.text, end); next == '/' || next == '%' {
		return false
	}
	return before(s.text, m[2]) != '/' && before(s.text, m[2]) != '.'
}

// Ages are told above 89 alone, and only their number is taken.
var agePatterns = []*regexp.Regexp{
	re(`(?i)\b(9\d|1[0-4]\d)[\s-]*(?:years?|yrs?)\b`),
	re(`(?i)\b(9\d|1[0-4]\d)\s*-?\s*(?:y/?o\b|y\.o\.|yr old|y\b\s*/?\s*[mf]\b|[mf]\b)`),
	re(`(?i)\bage[ds]?\b(?:\s*(?:is|of|at|:|：|=|was))*\s*(9\d|1[0-4]\d)\b`),
	re(`\b(9\d|1[0-4]\d)\s*(?:多|余)?(?:周)?岁`),
	re(`(?:年龄|享年|终年|时年|年)\s*[:：为]?\s*(9\d|1[0-4]\d)(?:\D|$)`),
	re(`(九十[一二三四五六七八九]?|一百零?[一二三四五六七八九十]*)(?:多|余)?(?:周)?岁`),
	re(`(?i)\b(ninety(?:[\s-](?:one|two|three|four|five|six|seven|eight|nine))?|(?:one|a) hundred(?:(?: and)?[\s-](?:one|two|three|four|five|six|seven|eight|nine|ten))?)[\s-]*(?:years?\b|yrs?\b|y/?o\b)`),
}

func (s *scanner) ages() {
	for _, p := range agePatterns {
		s.each(p, func(m []int) {
			if !strings.HasPrefix(s.text[m[3]:], "+") {
				s.add(Age, m[2], m[3], scoreDate+1)
			}
		})
	}
}
