package render

import (
	"strings"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/record"
)

func (p *phrases) paren(s string) string {
	if p.compact {
		return "(" + s + ")"
	}
	if p.lang == Chinese {
		return "（" + s + "）"
	}
	return " (" + s + ")"
}

func (p *phrases) quote(s string) string {
	if p.lang == Chinese {
		return "“" + strings.NewReplacer("“", "'", "”", "'").Replace(s) + "”"
	}
	return `"` + strings.ReplaceAll(s, `"`, "'") + `"`
}

// joinUnit puts a unit behind a number: "128/min", "38.9 °C", "128次/分", "38.9℃".
func (p *phrases) joinUnit(label string) string {
	r, _ := utf8.DecodeRuneInString(label)
	switch {
	case label == "":
		return ""
	case r == '/' || r == '%' || r == '℃' || r == '℉' || r >= 0x4E00 && r <= 0x9FFF:
		return label
	}
	return " " + label
}

func (p *phrases) at(t string, precision record.Precision) string {
	switch {
	case p.lang == Chinese || p.compact:
		return t
	case precision == record.PrecisionSecond:
		return "at " + t
	case precision == record.PrecisionDay:
		return "on " + t
	}
	return "in " + t
}

func (p *phrases) until(t string) string {
	if p.lang == Chinese {
		return "至 " + t
	}
	return "until " + t
}

func (p *phrases) fromTo(a, b string) string {
	switch {
	case p.lang == Chinese:
		return a + " 至 " + b
	case p.compact:
		return a + " to " + b
	}
	return "from " + a + " to " + b
}

func (p *phrases) since(t string) string {
	if p.lang == Chinese {
		return "自 " + t + " 起"
	}
	return "since " + t
}

// valueAt joins a value and its time in the language's order.
func (p *phrases) valueAt(value, at string) string {
	switch {
	case at == "":
		return value
	case p.compact:
		return value + " @" + at
	case p.lang == Chinese:
		return at + " 为" + value
	}
	return value + " " + at
}

func (p *phrases) latest(name, flag, value, at string) string {
	if p.compact {
		return name + " " + flag + p.colon + p.valueAt(value, at)
	}
	if p.lang == Chinese {
		return "最近一次" + name + flag + "：" + p.valueAt(value, at)
	}
	return "Latest " + name + " is " + flag + ": " + p.valueAt(value, at)
}

func (p *phrases) refRange(low, high string) string {
	if p.compact {
		return p.compactRange(low, high)
	}
	switch {
	case p.lang == Chinese && high == "":
		return p.reference + "不低于" + low
	case p.lang == Chinese && low == "":
		return p.reference + "不高于" + high
	case p.lang == Chinese:
		return p.reference + low + "至" + high
	case high == "":
		return p.reference + " at least " + low
	case low == "":
		return p.reference + " at most " + high
	}
	return p.reference + " " + low + " to " + high
}

func (p *phrases) readings(n, span string) string {
	switch {
	case span == "":
		return n
	case p.compact:
		return n + "/" + span
	case p.lang == Chinese:
		return span + "内" + n
	}
	return n + " in " + span
}

// gap is the space between a word and a number: none in Chinese.
func (p *phrases) gap() string {
	if p.lang == Chinese {
		return ""
	}
	return " "
}

// follow puts an amount behind a name; a name that ends in a digit or a letter must
// not run into it.
func (p *phrases) follow(name, amount string) string {
	last := name[len(name)-1]
	if p.lang == Chinese && (last >= utf8.RuneSelf || last == ')') {
		return name + amount
	}
	return name + " " + amount
}

// words joins the parts of a label, one of which may be empty.
func (p *phrases) words(a, b string) string {
	if a == "" {
		return b
	}
	return a + p.gap() + b
}

// then stands between the first and the last value of a series.
func (p *phrases) then() string {
	if p.compact {
		return " → "
	}
	return p.comma
}

// lowHigh says the extremes of a series, before what follows.
func (p *phrases) lowHigh(low, high string) string {
	if p.compact {
		return low + ".." + high + p.semi
	}
	return p.lowest + p.gap() + low + p.comma + p.highest + p.gap() + high + p.comma
}

// slope puts a rate of change behind the word for its direction.
func (p *phrases) slope(direction, amount string) string {
	switch {
	case p.lang == Chinese:
		return p.perHour + direction + amount
	case p.compact:
		return direction + " " + amount + p.perHour
	}
	return direction + " by " + amount + p.perHour
}

// subject puts what a measure does behind its name.
func (p *phrases) subject(name, does string) string {
	if p.lang == Chinese {
		return name + does
	}
	return name + " " + does
}

func (p *phrases) between(low, high string) string {
	switch {
	case p.compact:
		return low + ".." + high
	case p.lang == Chinese:
		return low + p.to + high
	}
	return low + " " + p.to + " " + high
}

// heldAgainst puts what a measure is held against behind its name.
func (p *phrases) heldAgainst(name, limits string) string {
	if p.lang == Chinese && !p.compact {
		return name + p.paren(limits) + p.colon
	}
	return name + p.against + limits + p.semi
}

// limitRange writes limits as refRange does, under another name.
func (p *phrases) limitRange(name, low, high string) string {
	q := *p
	q.reference = name
	return q.refRange(low, high)
}

func (p *phrases) readingsBeyond(n, word string) string {
	if p.lang == Chinese {
		return n + word
	}
	return n + " " + word
}

func (p *phrases) shareOfTime(percent string) string {
	if p.lang == Chinese {
		return p.ofTime + percent
	}
	return percent + p.ofTime
}

// atLeast says that an amount is the least that something can be.
func (p *phrases) atLeast(amount string, least bool) string {
	switch {
	case !least:
		return amount
	case p.compact:
		return ">=" + amount
	case p.lang == Chinese:
		return "至少" + amount
	}
	return "at least " + amount
}
