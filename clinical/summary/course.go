package summary

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
)

// outcome is where a series went, as seen from its range.
type outcome string

const (
	better outcome = "better" // nearer to its range, or into it
	worse  outcome = "worse"  // further out of it, or out of it
	normal outcome = "normal" // out of its range once, within it now
)

// reading is one value of a measure, as a fact lists it.
type reading struct {
	at    time.Time
	value float64
	flag  string
	last  bool // of its series
}

// readings are all values of a measure that count, in the order of time, and the facts that list them. It gives none
// where the record has more than a fact lists, or one that is in doubt.
func (a *analysis) readings(key string) (out []reading, facts []int) {
	for _, i := range a.byKey[key] {
		f := &a.facts[i]
		if f.Negated || !slices.ContainsFunc(f.Numbers, func(n render.Number) bool { return seriesRole(n.Role) && n.Of == key }) {
			continue
		}
		if !f.Whole() || len(f.Marks) > 0 {
			return nil, nil
		}
		facts = append(facts, i)
		for _, n := range f.Numbers {
			at := slices.IndexFunc(out, func(r reading) bool { return r.at.Equal(n.At.Time) && r.value == n.Value.Float })
			switch {
			case n.Of != key || !seriesRole(n.Role) || n.At.Precision != record.PrecisionSecond || n.Comparator != "":
			case at < 0:
				out = append(out, reading{n.At.Time, n.Value.Float, n.Flag, false})
			}
		}
	}
	slices.SortStableFunc(out, func(x, y reading) int { return x.at.Compare(y.at) })
	if len(out) > 0 {
		out[len(out)-1].last = true
	}
	return out, facts
}

func seriesRole(r render.Role) bool {
	return slices.Contains([]render.Role{render.RoleValue, render.RoleFirst, render.RoleLast, render.RoleLowest, render.RoleHighest, render.RoleReading}, r)
}

// moves says whether readings go one way: up where sign is 1, down where it is -1. No step may go the other way.
func moves(rs []reading, sign float64) bool {
	if len(rs) < 2 || (rs[len(rs)-1].value-rs[0].value)*sign <= 0 {
		return false
	}
	for i := 1; i < len(rs); i++ {
		if (rs[i].value-rs[i-1].value)*sign < 0 {
			return false
		}
	}
	return true
}

// came says whether a series had an outcome: by its first and last reading, and by where it goes where both are out of
// range on the same side.
func came(rs []reading, o outcome, trends []render.Trend) bool {
	if len(rs) < 2 {
		return false
	}
	first, last := rs[0], rs[len(rs)-1]
	falling := slices.Contains(trends, render.TrendFalling) && last.value < first.value
	rising := slices.Contains(trends, render.TrendRising) && last.value > first.value
	out := func(r reading) bool {
		return r.flag == render.FlagHigh || r.flag == render.FlagLow || r.flag == render.FlagAbnormal
	}
	switch o {
	case normal:
		return last.flag == render.FlagNormal && slices.ContainsFunc(rs, out)
	case better:
		return out(first) && last.flag == render.FlagNormal || first.flag == render.FlagHigh && last.flag == render.FlagHigh && falling ||
			first.flag == render.FlagLow && last.flag == render.FlagLow && rising
	case worse:
		return first.flag == render.FlagNormal && out(last) || first.flag == render.FlagHigh && last.flag == render.FlagHigh && rising ||
			first.flag == render.FlagLow && last.flag == render.FlagLow && falling
	}
	return false
}

// trendStands holds a word of movement against what is said with it: two values ("from 118 to 94") or the one it came to
// by their readings, a stretch of time ("since 08:00") by the readings in it, else the whole series by its trend. Where the
// sentence says one of the former, the movement is bound to it.
func (a *analysis) trendStands(class wordClass, k int, at []int) (stands, bound bool) {
	m := a.mentions[k]
	if up, down := slices.Contains(class.trends, render.TrendRising), slices.Contains(class.trends, render.TrendFalling); up != down {
		for i, n := range a.numbers {
			if j := a.rangeStart(i); n.governor == k && j >= 0 && !a.inReference(i) {
				return a.movedBetween(i, j, m, up), true
			}
		}
		if i := a.reachedBy(at); i >= 0 && a.numbers[i].governor == k {
			return a.cameTo(i, m, up), true
		}
	}
	if w, said := a.windowOf(); said {
		return a.movedWithin(class, m, w), true
	}
	return a.movedOverall(class, m), false
}

// reachedBy is the value that a movement came to: "fell to 94", "降至94"; -1 where none is told.
func (a *analysis) reachedBy(at []int) int {
	for i, n := range a.numbers {
		if n.start < at[1] {
			continue
		}
		between := a.stripMoments(at[1], n.start)
		if a.lex.reached.MatchString(between) || between == "" && strings.HasSuffix(a.s[at[0]:at[1]], "至") {
			return i
		}
		return -1
	}
	return -1
}

// cameTo says whether a value is the last of its series or its extreme on the side said, and came after one on the other side.
func (a *analysis) cameTo(i int, m mention, up bool) bool {
	n, extreme := a.numbers[i], render.RoleLowest
	if up {
		extreme = render.RoleHighest
	}
	for _, k := range a.factsOf(m) {
		f := &a.facts[k]
		for _, y := range f.Numbers {
			if !n.equals(y) || y.Role != extreme && y.Role != render.RoleLast || !a.belongs(y, m, *f) || !a.timeFits(n, *f, y) {
				continue
			}
			if slices.ContainsFunc(f.Numbers, func(x render.Number) bool {
				return x.Of == y.Of && seriesRole(x.Role) && x.At.Compare(y.At) < 0 && x.Value.Float != y.Value.Float && (y.Value.Float > x.Value.Float) == up
			}) {
				a.used[k], a.numeric[k] = true, true
				return true
			}
		}
	}
	return false
}

func (a *analysis) movedOverall(class wordClass, m mention) bool {
	stands := false
	for _, i := range a.factsOf(m) {
		f := &a.facts[i]
		ok := slices.Contains(class.trends, f.Trend)
		if class.outcome != "" {
			rs, _ := a.readings(keyOf(m, f))
			ok = isSeries(*f) && came(rs, class.outcome, []render.Trend{f.Trend})
		}
		if ok && !f.Negated {
			a.used[i], a.numeric[i] = true, true
			stands = true
		}
	}
	return stands
}

// keyOf is the measure that a fact's series is of, as a mention means it: a blood pressure goes by its systolic value.
func keyOf(m mention, f *render.Fact) string {
	for _, t := range f.Terms {
		if m.has(t.Key) && t.Key != keyPressure {
			return t.Key
		}
	}
	if m.has(keyPressure) {
		return keySystolic
	}
	return ""
}

// movedBetween says whether some reading of the first value was followed by one of the second, in the direction said.
func (a *analysis) movedBetween(i, j int, m mention, up bool) bool {
	from, to := a.numbers[i], a.numbers[j]
	for _, k := range a.factsOf(m) {
		f := &a.facts[k]
		for _, x := range f.Numbers {
			if !from.equals(x) || !seriesRole(x.Role) || !a.belongs(x, m, *f) || !a.timeFits(from, *f, x) {
				continue
			}
			for _, y := range f.Numbers {
				if to.equals(y) && y.Of == x.Of && seriesRole(y.Role) && a.timeFits(to, *f, y) &&
					y.At.Compare(x.At) > 0 && (y.Value.Float > x.Value.Float) == up && y.Value.Float != x.Value.Float {
					a.used[k], a.numeric[k] = true, true
					return true
				}
			}
		}
	}
	return false
}

// windowOf is the stretch of time that the sentence's own words bound a movement by: a relative one, or from a time on.
func (a *analysis) windowOf() (k int, said bool) {
	for k, m := range a.moments {
		if a.momentTaken(k) {
			continue
		}
		if m.relative || sinceWord.MatchString(a.s[:m.start]) || a.lang == render.Chinese && strings.HasPrefix(strings.TrimSpace(a.s[m.end:]), "起") {
			return k, true
		}
	}
	return 0, false
}

var sinceWord = regexp.MustCompile(`(?i)(?:\b(?:from|since)|自|从)\s*$`)

func (a *analysis) movedWithin(class wordClass, m mention, k int) bool {
	mom := a.moments[k]
	for _, i := range a.factsOf(m) {
		f := &a.facts[i]
		rs, _ := a.readings(keyOf(m, f))
		var within []reading
		if mom.relative {
			within = slices.DeleteFunc(slices.Clone(rs), func(r reading) bool {
				return r.at.Before(mom.when.from) || r.at.After(mom.when.to)
			})
		} else if at := slices.IndexFunc(rs, func(r reading) bool {
			return mom.fits(record.DateTime{Time: r.at, Precision: record.PrecisionSecond})
		}); at >= 0 {
			within = rs[at:]
		} else {
			continue
		}
		up, down := moves(within, 1), moves(within, -1)
		ok := up && slices.Contains(class.trends, render.TrendRising) || down && slices.Contains(class.trends, render.TrendFalling)
		if class.outcome != "" {
			var trends []render.Trend
			if up {
				trends = append(trends, render.TrendRising)
			}
			if down {
				trends = append(trends, render.TrendFalling)
			}
			ok = came(within, class.outcome, trends)
		}
		if ok && !f.Negated {
			a.used[i], a.numeric[i] = true, true
			a.held[k] = true
			return true
		}
	}
	return false
}

// alike are the measures that a claim about mention k also speaks of: those that stand right before it, joined by
// nothing but a comma or an "and".
func (a *analysis) alike(k int) []int {
	out := []int{k}
	for ; k > 0; k-- {
		between := a.s[a.mentions[k-1].end:a.mentions[k].start]
		if !a.mentions[k-1].is("measure") || !conjunction.MatchString(between) {
			break
		}
		out = append(out, k-1)
	}
	return out
}

var conjunction = regexp.MustCompile(`(?i)^(?:\s|,|，|、|\b(?:and|as well as|both|the|its|with|or)\b|和|与|及|以及|或|均)*$`)
