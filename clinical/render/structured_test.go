package render_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// structured are the items that a fact must have in its text, from its lists alone.
func structured(v variant, f render.Fact) []item {
	var out []item
	for _, n := range f.Numbers {
		if slices.Contains([]render.Role{render.RoleReading, render.RoleLabel, render.RoleOffset}, n.Role) {
			continue // behind the text, in words as filed, part of a time
		}
		unit := n.Unit
		if unit == "{score}" || terms.UnitByCode(unit) == nil {
			unit = ""
		}
		if n.Role == render.RoleAge && n.Value.Text == "90" && v.lang == render.English {
			continue // "90 or older" is one word there
		}
		out = append(out, item{kind: "number", value: n.Comparator + n.Value.Text, unit: unit, maybe: n.Role == render.RoleReference})
	}
	slices.SortStableFunc(out, func(a, b item) int { return maybe(a) - maybe(b) }) // what must be there is placed first
	for _, m := range f.Marks {
		out = append(out, markOf(m))
	}
	if f.Trend != render.TrendNone {
		out = append(out, item{kind: "trend", value: string(f.Trend)})
	}
	for _, n := range f.Numbers {
		shown := slices.Contains([]render.Role{render.RoleValue, render.RoleFirst, render.RoleLast, render.RoleLowest, render.RoleHighest}, n.Role)
		systolic := n.Of != keyDiastolic || !names(f, keyPressure) // a pair shows that one's flag alone
		if shown && systolic && n.Flag != "" && n.Flag != render.FlagNormal {
			out = append(out, item{kind: "flag", value: n.Flag})
		}
	}
	return out
}

// compareStructured holds a line against its fact: numbers with units, flags, trend and marks
// one to one; every term and every time that the line names must stand in the fact's lists.
func compareStructured(t failer, v variant, f render.Fact, line []item, anchor record.DateTime) {
	var told, named, times []item
	for _, it := range line {
		switch it.kind {
		case "number", "flag", "trend", "mark":
			told = append(told, it)
		case "term":
			named = append(named, it)
		case "time":
			times = append(times, it)
		}
	}
	only, more := pairOff(structured(v, f), told)
	if len(more) == 0 {
		only = slices.DeleteFunc(only, func(x item) bool { return x.maybe })
	}
	if len(only)+len(more) > 0 {
		t.Fatalf("%s %s: the fact has %v more, its text %v: %s", v, f.ID, only, more, f.Text)
	}
	for _, it := range named {
		if !slices.ContainsFunc(it.keys, func(k string) bool { return ordinary(k) || names(f, k) }) {
			t.Fatalf("%s %s: the text names %v, the fact does not: %s", v, f.ID, it.keys, f.Text)
		}
	}
	for _, it := range times {
		if !slices.ContainsFunc(f.Dates, func(d record.DateTime) bool { return timeForm(v, d, anchor, f) == it.value }) {
			t.Fatalf("%s %s: the text has a time %q that the fact has not: %s", v, f.ID, it.value, f.Text)
		}
	}
}

func maybe(x item) int {
	if x.maybe {
		return 1
	}
	return 0
}

// ordinary are words of the table that facts carry in other fields than Terms.
func ordinary(key string) bool {
	kind, _, _ := strings.Cut(key, ":")
	return slices.Contains([]string{"status", "clinical", "criticality", "severity", "absent"}, kind)
}

func names(f render.Fact, key string) bool {
	return slices.ContainsFunc(f.Terms, func(t render.Term) bool { return t.Key == key || strings.HasPrefix(t.Key, "diagnosis:"+key) })
}

// timeForm writes a time as the reader of texts does.
func timeForm(v variant, d, anchor record.DateTime, f render.Fact) string {
	stay := f.Critical && strings.HasPrefix(f.ID, "who.") // the one that times are relative to
	relative := v.opt.RelativeTimes && !anchor.IsZero() && d.Precision >= record.PrecisionDay && !stay
	if !relative {
		if d.Precision == record.PrecisionSecond {
			return d.Time.Format("2006-01-02 15:04")
		}
		return d.String()
	}
	if d.Precision == record.PrecisionDay || anchor.Precision == record.PrecisionDay {
		day := func(d record.DateTime) int64 {
			y, m, n := d.Time.Date()
			return time.Date(y, m, n, 0, 0, 0, 0, time.UTC).Unix() / 86400
		}
		n := day(d) - day(anchor)
		if n >= 0 {
			n++
		}
		text := fmt.Sprintf("day %d", n)
		if d.Precision == record.PrecisionSecond {
			text += d.Time.Format(" 15:04")
		}
		return text
	}
	return fmt.Sprint(d.Time.Unix()/60 - anchor.Time.Unix()/60)
}
