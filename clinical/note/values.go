package note

import (
	"math"
	"regexp"
)

// What stands before a number that is a measure's value now, and before one that is another: an earlier one, a limit, a
// time. What stands behind a number that is a time.
var (
	nowValue   = regexp.MustCompile(`(?i)(?:\b(?:to|now|today|currently|latest)|->|→|至|到|升为|降为|变为|今日|今晨|目前|当前|现|现为)[\s:：]*$`)
	otherValue = regexp.MustCompile(`(?i)(?:\b(?:from|prev\.?|previous|previously|prior|yesterday|earlier|before|against|baseline|ref\.?|reference|normal|range|target|goal|limit|in|after|day|every|q)|\((?:was|were)|, was|由|从|较|比|前|前次|上次|前值|昨日|昨|此前|早前|原为?|前为|入院时|参考范围|参考值?|正常值?|目标|明日|次日|[<>≤≥])[\s:：]*$`)
	isTime     = regexp.MustCompile(`(?i)^\s?(?:a\.?m\b|p\.?m\b|h\b|hrs?\b|hours?\b|mins?\b|minutes?\b|days?\b|weeks?\b|months?\b|years?\b|o'clock\b|:\d|st\b|nd\b|rd\b|th\b|个?小时|分钟|时|点|天|日|周|个?月|年|次日)`)
	course     = regexp.MustCompile(`(?i)(?:\bfrom|由|从|较|较前)\s*$`)
	rangeEnd   = regexp.MustCompile(`^\s?(?:-|–|~|～|to|至)\s?$`)
)

// measured is the number that a text gives as a measure's value now, of those behind its name up to the next measure's;
// none where they are all earlier ones, limits, times, or in units that it cannot have.
func measured(text string, m *Mention, next int) Span {
	from, limit, toward := m.End, false, false
	var first Span
	for _, v := range m.Values {
		if v.Start >= next {
			break
		}
		if v.Start < from {
			continue // within the unit of the number before it
		}
		gap := text[from:v.Start]
		end := from
		from = v.End
		s := Statement{Mention: *m, Relation: Value, Value: v}
		if digits := number.FindString(v.Of(text)); isTime.MatchString(text[v.Start+len(digits):]) || s.Quantities(text) == nil {
			continue
		}
		between := limit && !toward && end > m.End && rangeEnd.MatchString(gap)
		if nowValue.MatchString(gap) && !between {
			return v
		}
		if limit = between || otherValue.MatchString(gap); limit {
			toward = course.MatchString(gap)
			continue
		}
		if first == (Span{}) {
			first = v
		}
	}
	return first
}

// nextMeasure is where the first measure behind a name begins, of the names of a text in their order.
func nextMeasure(names []Mention, of *Mention) int {
	for i := range names {
		if names[i].Start > of.Start && names[i].is("measure") {
			return names[i].Start
		}
	}
	return math.MaxInt
}
