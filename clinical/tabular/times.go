package tabular

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// layout is a way of writing a time.
type layout struct {
	form      string        // Go's; "" for numbers
	unit      time.Duration // of a number: since 1970, UTC
	precision record.Precision
	zoned     bool
}

// letters translate a layout as people write it into Go's. Longer ones come first.
var letters = strings.NewReplacer(
	"YYYY", "2006", "YY", "06", "MM", "01", "M", "1", "DD", "02", "D", "2", "hh", "15", "h", "15", "mm", "04", "m", "4", "ss", "05", "s", "5",
	"ZZ", "-0700", "Z", "Z07:00", "AM", "PM",
)

var twelve = strings.NewReplacer("hh", "03", "h", "3", "AM", "PM")

// parseLayout reads a layout: letters YYYY MM DD hh mm ss, Z for a zone such as +08:00 and ZZ
// for +0800, AM for a clock of twelve hours; "iso" for ISO 8601 with its zone, "unix" and
// "unix-ms" for counts since 1970.
func parseLayout(s string) (layout, bool) {
	switch s {
	case "iso":
		return layout{form: time.RFC3339, precision: record.PrecisionSecond, zoned: true}, true
	case "unix":
		return layout{unit: time.Second, precision: record.PrecisionSecond, zoned: true}, true
	case "unix-ms":
		return layout{unit: time.Millisecond, precision: record.PrecisionSecond, zoned: true}, true
	}
	form := s
	if strings.Contains(s, "AM") {
		form = strings.ReplaceAll(twelve.Replace(s), "PM", "\x00") // keeps "M" from being a month
	}
	form = strings.ReplaceAll(letters.Replace(form), "\x00", "PM")
	plain := strings.ReplaceAll(s, "AM", "")
	has := func(part string) bool { return strings.Contains(plain, part) }
	l := layout{form: form, zoned: has("Z")}
	switch year, month, day, hour := has("YY"), has("M"), has("D"), has("h"); {
	case year && month && day && hour:
		l.precision = record.PrecisionSecond
	case year && month && day && !has("m"):
		l.precision = record.PrecisionDay
	case year && month && !day && !hour:
		l.precision = record.PrecisionMonth
	case year && !month && !day && !hour:
		l.precision = record.PrecisionYear
	}
	return l, l.precision != record.PrecisionNone && !strings.ContainsAny(s, "0123456789_")
}

func (c *compiler) layouts(path string, texts []string) []layout {
	out := make([]layout, 0, len(texts))
	for i, s := range texts {
		l, ok := parseLayout(s)
		if !ok {
			c.fail(fmt.Sprintf("%s[%d]", path, i), `expected a layout such as "YYYY-MM-DD hh:mm:ss", or "iso", "unix" or "unix-ms"`)
		}
		out = append(out, l)
	}
	return out
}

func (c *compiler) times() {
	t := &c.m.spec.Time
	if len(t.Columns) == 0 {
		c.fail("time.columns", "required: the column of the time")
	}
	for i, name := range t.Columns {
		if name == "" {
			c.fail(fmt.Sprintf("time.columns[%d]", i), "empty")
		}
		c.column(name)
	}
	if len(t.Layouts) == 0 {
		t.Layouts = []string{"iso", "YYYY-M-D h:mm:ss", "YYYY-M-D h:mm", "YYYY/M/D h:mm:ss", "YYYY/M/D h:mm"}
	}
	c.m.layouts = c.layouts("time.layouts", t.Layouts)
	if t.Zone == "" {
		return
	}
	if at, err := time.Parse("-07:00", t.Zone); err == nil {
		_, offset := at.Zone()
		c.m.zone = time.FixedZone("", offset)
		return
	}
	loc, err := time.LoadLocation(t.Zone)
	if err != nil || t.Zone == "Local" { // another machine's clock would change the record
		c.fail("time.zone", `expected a zone such as "Asia/Shanghai" or "+08:00"`)
	}
	c.m.zone = loc
}

// parseTime reads a time by the first layout that fits. zoned is false where the time of day
// is in loc because nothing better is known.
func parseTime(s string, layouts []layout, loc *time.Location) (d record.DateTime, zoned, ok bool) {
	for _, l := range layouts {
		t, ok := l.parse(s, loc)
		if !ok || t.Year() < 1 || t.Year() > 9999 {
			continue
		}
		if l.precision != record.PrecisionSecond {
			y, m, day := t.Date()
			return record.DateTime{Time: time.Date(y, m, day, 0, 0, 0, 0, time.UTC), Precision: l.precision}, true, true
		}
		_, offset := t.Zone()
		if offset%60 != 0 { // local mean time of long ago; no FHIR time can say it
			t = t.UTC()
		}
		return record.DateTime{Time: t, Precision: record.PrecisionSecond}, l.zoned, true
	}
	return record.DateTime{}, false, false
}

func (l *layout) parse(s string, loc *time.Location) (time.Time, bool) {
	if l.unit == 0 {
		t, err := time.ParseInLocation(l.form, s, loc)
		return t, err == nil
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(n) || math.Abs(n) > 1e15 {
		return time.Time{}, false
	}
	whole, part := math.Modf(n)
	perSecond := int64(time.Second / l.unit)
	t := time.Unix(int64(whole)/perSecond, int64(whole)%perSecond*int64(l.unit)+int64(part*float64(l.unit)))
	return t.In(loc), true
}
