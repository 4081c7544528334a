package summary

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// moment is a date or a time of day found in a sentence; a part that is not said is -1.
type moment struct {
	start, end                     int
	year, month, day, hour, minute int
	zone                           string
	relative                       bool    // to admission, discharge or the end of the record
	when                           stretch // where relative
}

const monthsEN = `jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?`

// momentPatterns are tried in order; the groups are named after the parts.
var momentPatterns = []*regexp.Regexp{
	regexp.MustCompile(`(?P<y>\d{4})-(?P<m>\d{1,2})(?:-(?P<d>\d{1,2})(?:[T ](?P<h>\d{1,2}):(?P<n>\d{2})(?::\d{2}(?:\.\d+)?)?(?P<z>[+-]\d{2}:\d{2}|Z)?)?)?`),
	regexp.MustCompile(`(?P<h>\d{1,2}):(?P<n>\d{2})(?::\d{2})?(?P<z>[+-]\d{2}:\d{2}|Z)?(?:\s*(?P<p>[aApP]\.?[mM]\b\.?))?`),
	regexp.MustCompile(`(?i)\b(?P<d>\d{1,2})(?:st|nd|rd|th)?(?: of)? (?P<M>` + monthsEN + `)\b(?:,? (?P<y>\d{4}))?`),
	regexp.MustCompile(`(?i)\b(?P<M>` + monthsEN + `)\.? (?P<d>\d{1,2})(?:st|nd|rd|th)?\b(?:,? (?P<y>\d{4}))?`),
	regexp.MustCompile(`(?i)\b(?P<M>` + monthsEN + `) (?P<y>\d{4})\b`),
	regexp.MustCompile(`(?:(?P<y>\d{4})年)?(?P<m>\d{1,2})月(?:(?P<d>\d{1,2})[日号])?(?:\s*(?P<h>\d{1,2})[时点](?:(?P<n>\d{1,2})分)?)?`),
	regexp.MustCompile(`(?P<y>\d{4})年`),
	regexp.MustCompile(`(?P<h>\d{1,2})[时点](?:(?P<n>\d{1,2})分)?`),
	regexp.MustCompile(`(?P<x>\d{1,4}/\d{1,2}/\d{1,4})`), // no one knows which part is the month
	regexp.MustCompile(`(?i)\b(?:in|since|during|from|until|of) (?P<y>(?:19|20)\d{2})\b`),
}

// findMoments reads dates and times of day from left to right, none inside another.
func findMoments(s string, taken []span) []moment {
	var out []moment
	free := func(a, b int) bool {
		return !covered(taken, a) && !slices.ContainsFunc(out, func(m moment) bool { return a < m.end && b > m.start })
	}
	for _, p := range momentPatterns {
		for _, at := range p.FindAllStringSubmatchIndex(s, -1) {
			if !free(at[0], at[1]) || at[0] > 0 && isDigit(s[at[0]]) && isDigit(s[at[0]-1]) {
				continue
			}
			out = append(out, readMoment(s, p, at))
		}
	}
	slices.SortFunc(out, func(a, b moment) int { return a.start - b.start })
	return out
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func readMoment(s string, p *regexp.Regexp, at []int) moment {
	m := moment{start: at[0], end: at[1], year: -1, month: -1, day: -1, hour: -1, minute: -1}
	for i, group := range p.SubexpNames() {
		if i == 0 || at[2*i] < 0 {
			continue
		}
		text := s[at[2*i]:at[2*i+1]]
		v, _ := strconv.Atoi(text)
		switch group {
		case "y":
			m.year = v
		case "m":
			m.month = v
		case "d":
			m.day = v
		case "h":
			m.hour = v
		case "n":
			m.minute = v
		case "z":
			m.zone = strings.Replace(text, "Z", "+00:00", 1)
		case "M":
			m.month = monthNumber(text)
		case "p":
			if pm := lower(text[:1]) == "p"; pm && m.hour < 12 {
				m.hour += 12
			} else if !pm && m.hour == 12 {
				m.hour = 0
			}
		case "x":
			m.year = 0 // matches nothing
		}
	}
	return m
}

func monthNumber(s string) int {
	for m := time.January; m <= time.December; m++ {
		if strings.HasPrefix(lower(m.String()), lower(s)[:3]) {
			return int(m)
		}
	}
	return 0
}

// fits says whether every part that is said agrees with a time that was filed.
func (m moment) fits(d record.DateTime) bool {
	if m.relative {
		return m.when.fits(d)
	}
	if d.IsZero() {
		return false
	}
	t := d.Time
	need := record.PrecisionYear
	for _, part := range []struct {
		said, have int
		precision  record.Precision
	}{
		{m.year, t.Year(), record.PrecisionYear}, {m.month, int(t.Month()), record.PrecisionMonth},
		{m.day, t.Day(), record.PrecisionDay}, {m.hour, t.Hour(), record.PrecisionSecond}, {m.minute, t.Minute(), record.PrecisionSecond},
	} {
		if part.said < 0 {
			continue
		}
		need = max(need, part.precision)
		if part.said != part.have {
			return false
		}
	}
	if m.hour >= 0 && m.minute < 0 && t.Minute() != 0 {
		return false
	}
	return d.Precision >= need && (m.zone == "" || m.zone == t.Format("-07:00"))
}

func (m moment) fitsTime(t time.Time) bool {
	return m.fits(record.DateTime{Time: t, Precision: record.PrecisionSecond})
}

func (m moment) fitsAny(ds []record.DateTime) bool { return slices.ContainsFunc(ds, m.fits) }

// checkMoments holds times that belong to no value against the facts named, and
// stretches of time as a whole.
func (a *analysis) checkMoments() {
	for k, m := range a.moments {
		if !a.edgeStands(k) && !a.held[k] || a.openEnded(m) {
			a.fail(FailDate)
		}
		if a.momentTaken(k) || a.held[k] {
			continue // held with its value
		}
		if m.when.since { // no reading, so what began then
			m.when, _ = admitted(a.times, 0, 0)
		}
		found := false
		for j := range a.mentions {
			for _, i := range a.kept[j] {
				if m.fitsAny(a.facts[i].Dates) {
					found = true
					a.used[i], a.numeric[i] = true, true
				}
			}
		}
		if !found {
			a.fail(FailDate)
		}
	}
}

// Words before a time that make it the end or the start of something.
var (
	until = regexp.MustCompile(`(?i)(?:\b(?:to|until|till|and)|-|至|到)\s*$`)
	since = regexp.MustCompile(`(?i)(?:\b(?:from|since)|自|从)\s*$`)
)

// edgeStands holds "from 06:45 to 07:45": a fact named must have both times in this
// order. An end alone must have some start before it, a start alone be the first time.
func (a *analysis) edgeStands(k int) bool {
	m, from := a.moments[k], 0
	if k > 0 {
		from = a.moments[k-1].end
	}
	before := a.s[from:m.start]
	word := until.FindString(before)
	stretch := k > 0 && word != "" && strings.TrimSpace(strings.TrimSuffix(before, word)) == ""
	switch {
	case word != "" && !stretch && strings.EqualFold(strings.TrimSpace(word), "and"):
		return true
	case word == "" && !since.MatchString(before):
		return true
	}
	for j := range a.mentions {
		for _, i := range a.kept[j] {
			dates := a.facts[i].Dates
			for d, start := range dates {
				if stretch && a.moments[k-1].fits(start) && m.fitsAny(dates[d+1:]) || word != "" && !stretch && d > 0 && m.fits(start) || word == "" && d == 0 && m.fits(start) {
					return true
				}
			}
		}
	}
	return false
}
