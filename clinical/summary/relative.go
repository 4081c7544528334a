package summary

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
)

// anchors are what relative times count from. One that is not on record makes every time that needs it stand for nothing.
type anchors struct{ admission, discharge, latest record.DateTime }

// stretch is a relative time read by its anchors: from the first to the last moment of it.
type stretch struct {
	from, to time.Time
	edge     render.Role // RoleFirst: the first reading of a series alone; RoleLast: the last one
	since    bool        // what is said began then
}

// onAdmission is how far from admission a reading may be that was taken on admission, and how long before discharge one at
// discharge.
const (
	onAdmission = 6 * time.Hour
	atDischarge = 24 * time.Hour
)

// phrase is a way to give a time relative to an anchor. The groups n and u are an amount and its unit.
type phrase struct {
	pattern *regexp.Regexp
	read    func(a anchors, amount time.Duration, n int) (stretch, bool)
}

const (
	amountEN = `(?P<n>\d{1,4}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)[ -](?P<u>minute|min|hour|hr|h|day|week)s?\b`
	amountZH = `(?P<n>\d{1,4}|[一二两三四五六七八九十]{1,3})(?:个)?(?P<u>分钟|小时|天|日|周)`
)

// phrases are tried in order, the longest first.
var phrasesOf = map[render.Lang][]phrase{
	render.English: {
		{re(`\b(?:in|within|during|over|for)? ?the (?:first|initial) ` + amountEN + `(?: (?:of|after|from|following) (?:the )?(?:admission|stay|arrival))?`), afterAdmission},
		{re(`\bwithin ` + amountEN + ` (?:of|after) (?:the )?(?:admission|arrival)\b`), afterAdmission},
		{re(`\b` + amountEN + ` (?:after|following|into) (?:the )?(?:admission|arrival|stay)\b`), fromAdmission(1)},
		{re(`\b` + amountEN + ` (?:before|prior to) (?:the )?(?:admission|arrival)\b`), fromAdmission(-1)},
		{re(`\b(?:in|within|during|over|for)? ?the (?:last|past|previous|preceding) ` + amountEN), lately},
		{re(`\b` + amountEN + ` (?:ago|earlier|before now)\b`), ago},
		{re(`\b(?:on|at|upon|since) (?:hospital )?day (?P<n>\d{1,3})(?: of (?:the )?(?:stay|admission))?\b`), dayOfStay},
		{re(`\bhospital day (?P<n>\d{1,3})\b`), dayOfStay},
		{re(`\b(?:on|at|upon) (?:the )?(?:admission|arrival|presentation)\b`), admitted},
		{re(`\b(?:at|on|upon) (?:the )?discharge\b`), discharged},
		{re(`\b(?:before|prior to) (?:the )?(?:admission|arrival)\b`), beforeAdmission},
		{re(`\bsince (?:the )?(?:admission|arrival)\b`), sinceAdmission},
		{re(`\b(?:after|following) (?:the )?(?:admission|arrival)\b`), afterwards},
		{re(`\bthe day before yesterday\b`), daysAgo(2)},
		{re(`\byesterday\b`), daysAgo(1)},
		{re(`\btoday\b`), daysAgo(0)},
	},
	render.Chinese: {
		{re(`入院后?(?:最初|首个?|前|第一个)?` + amountZH + `(?:之内|以内|内)`), afterAdmission},
		{re(`(?:最初|首个?)` + amountZH + `(?:之内|以内|内)?`), afterAdmission},
		{re(`入院后第?` + amountZH + `(?:后|时)?`), fromAdmission(1)},
		{re(`入院` + amountZH + `后`), fromAdmission(1)},
		{re(`入院前` + amountZH), fromAdmission(-1)},
		{re(`(?:过去|最近|近|之前)的?` + amountZH + `(?:之内|以内|内|来|以来)?`), lately},
		{re(amountZH + `(?:之前|以前|前)`), ago},
		{re(`(?:入院|住院)第(?P<n>\d{1,3}|[一二三四五六七八九十]{1,3})[天日]`), dayOfStay},
		{re(`(?:入院|住院|就诊)(?:当天|当日)`), func(a anchors, _ time.Duration, _ int) (stretch, bool) { return dayOfStay(a, 0, 1) }},
		{re(`(?:入院|就诊)(?:时|即刻|之初)`), admitted},
		{re(`出院时`), discharged},
		{re(`(?:入院|就诊)(?:之前|以前|前)`), beforeAdmission},
		{re(`自?(?:入院|就诊)以来|自(?:入院|就诊)(?:之后|以后|后|起)?`), sinceAdmission},
		{re(`(?:入院|就诊)(?:之后|以后|后)`), afterwards},
		{re(`前[日天]`), daysAgo(2)},
		{re(`昨[日天]`), daysAgo(1)},
		{re(`今[日天]`), daysAgo(0)},
	},
}

var unitLengths = map[string]time.Duration{
	"minute": time.Minute, "min": time.Minute, "分钟": time.Minute, "hour": time.Hour, "hr": time.Hour, "h": time.Hour, "小时": time.Hour,
	"day": 24 * time.Hour, "天": 24 * time.Hour, "日": 24 * time.Hour, "week": 7 * 24 * time.Hour, "周": 7 * 24 * time.Hour,
}

func admitted(a anchors, _ time.Duration, _ int) (stretch, bool) {
	if a.admission.Precision == record.PrecisionDay {
		s, ok := dayOfStay(a, 0, 1)
		s.edge = render.RoleFirst
		return s, ok
	}
	at := a.admission.Time
	return stretch{from: at.Add(-onAdmission), to: at.Add(onAdmission), edge: render.RoleFirst}, a.admission.Precision == record.PrecisionSecond
}

func discharged(a anchors, _ time.Duration, _ int) (stretch, bool) {
	at := a.discharge.Time
	return stretch{from: at.Add(-atDischarge), to: at, edge: render.RoleLast}, a.discharge.Precision == record.PrecisionSecond
}

func beforeAdmission(a anchors, _ time.Duration, _ int) (stretch, bool) {
	return stretch{to: a.admission.Time.Add(-time.Second)}, a.admission.Precision >= record.PrecisionDay
}

func sinceAdmission(a anchors, _ time.Duration, _ int) (stretch, bool) {
	s, ok := afterwards(a, 0, 0)
	s.since = true
	return s, ok
}

func afterwards(a anchors, _ time.Duration, _ int) (stretch, bool) {
	return stretch{from: a.admission.Time, to: a.latest.Time}, a.admission.Precision >= record.PrecisionDay
}

func afterAdmission(a anchors, amount time.Duration, _ int) (stretch, bool) {
	at := a.admission.Time
	return stretch{from: at, to: at.Add(amount)}, a.admission.Precision == record.PrecisionSecond
}

func fromAdmission(sign time.Duration) func(anchors, time.Duration, int) (stretch, bool) {
	return func(a anchors, amount time.Duration, _ int) (stretch, bool) {
		return around(a.admission, sign*amount)
	}
}

func ago(a anchors, amount time.Duration, _ int) (stretch, bool) { return around(a.latest, -amount) }

// around is a moment some time away, as exact as it was said: an amount of days is a calendar day.
func around(from record.DateTime, amount time.Duration) (stretch, bool) {
	if amount.Abs() >= 48*time.Hour && amount%(24*time.Hour) == 0 {
		return calendarDay(from, int(amount/(24*time.Hour)))
	}
	slack := 5 * time.Minute
	if amount.Abs() >= time.Hour {
		slack = 30 * time.Minute
	}
	at := from.Time.Add(amount)
	return stretch{from: at.Add(-slack), to: at.Add(slack)}, from.Precision == record.PrecisionSecond
}

func lately(a anchors, amount time.Duration, _ int) (stretch, bool) {
	return stretch{from: a.latest.Time.Add(-amount), to: a.latest.Time}, a.latest.Precision == record.PrecisionSecond
}

func dayOfStay(a anchors, _ time.Duration, n int) (stretch, bool) {
	s, ok := calendarDay(a.admission, n-1)
	return s, ok && n > 0
}

func daysAgo(n int) func(anchors, time.Duration, int) (stretch, bool) {
	return func(a anchors, _ time.Duration, _ int) (stretch, bool) { return calendarDay(a.latest, -n) }
}

// calendarDay is a whole day, in the zone that its anchor was filed in.
func calendarDay(from record.DateTime, days int) (stretch, bool) {
	y, m, d := from.Time.Date()
	start := time.Date(y, m, d+days, 0, 0, 0, 0, from.Time.Location())
	return stretch{from: start, to: start.AddDate(0, 0, 1).Add(-time.Second)}, from.Precision >= record.PrecisionDay
}

// findRelative reads times that are given relative to admission, discharge or the end of the record.
func findRelative(s string, lang render.Lang, a anchors, taken []span) []moment {
	var out []moment
	for _, p := range phrasesOf[lang] {
		for _, at := range p.pattern.FindAllStringSubmatchIndex(s, -1) {
			if covered(taken, at[0]) || slices.ContainsFunc(out, func(m moment) bool { return at[0] < m.end && at[1] > m.start }) {
				continue
			}
			m := moment{start: at[0], end: at[1], year: -1, month: -1, day: -1, hour: -1, minute: -1, relative: true}
			for m.start < m.end && s[m.start] == ' ' {
				m.start++
			}
			n, amount := readAmount(s, p.pattern, at)
			if when, ok := p.read(a, amount, n); ok {
				m.when = when
			}
			out = append(out, m)
		}
	}
	return out
}

func readAmount(s string, p *regexp.Regexp, at []int) (n int, amount time.Duration) {
	for i, group := range p.SubexpNames() {
		if i == 0 || at[2*i] < 0 {
			continue
		}
		text := lower(s[at[2*i]:at[2*i+1]])
		switch group {
		case "n":
			var err error
			if n, err = strconv.Atoi(text); err != nil {
				if n = slices.Index(englishNumbers, text); n < 0 {
					n = chineseNumber(text)
				}
			}
		case "u":
			amount = time.Duration(n) * unitLengths[text]
		}
	}
	return n, amount
}

// fits says whether a time that was filed lies in the stretch. A day alone fits where all of it does.
func (s stretch) fits(d record.DateTime) bool {
	if s.to.IsZero() || d.IsZero() || d.Precision < record.PrecisionDay {
		return false
	}
	last := d.Time
	if d.Precision == record.PrecisionDay {
		last = d.Time.AddDate(0, 0, 1).Add(-time.Second)
	}
	return !d.Time.Before(s.from) && !last.After(s.to)
}

// vague are words that turn a time into an open stretch, which no reading bears out.
var vague = map[render.Lang][2]*regexp.Regexp{
	render.English: {re(`\b(?:before|after|prior to|beyond|past|following|later than|earlier than)\s*$`), re(`^\s*(?:or|and) (?:later|earlier)\b`)},
	render.Chinese: {re(`(?:早于|晚于)\s*$`), re(`^\s*(?:之前|之后|以前|以后|前|后)`)},
}

// openEnded says whether a time is told as before or after it.
func (a *analysis) openEnded(m moment) bool {
	words := vague[a.lang]
	return !m.relative && (words[0].MatchString(a.s[:m.start]) || words[1].MatchString(strings.TrimRight(a.s[m.end:], "。.")))
}
