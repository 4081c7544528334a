package summary

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/render"
)

func needed(kind render.SectionKind, f render.Fact) bool {
	return f.Critical || kind == render.SectionVitals && isSeries(f)
}

// isSeries says whether a fact is several readings over time.
func isSeries(f render.Fact) bool {
	first := slices.ContainsFunc(f.Numbers, func(n render.Number) bool { return n.Role == render.RoleFirst })
	return first && slices.ContainsFunc(f.Numbers, func(n render.Number) bool { return n.Role == render.RoleLast })
}

// tellable says whether a fact is one that a model is asked to tell: something must
// stand in it that a sentence can be held against, and it must fit into a prompt. What
// a record denies or lacks is left as it stands: no list of words holds the reach of
// a negation well enough. So is what preparation marked: the mark must stay with its reading.
func tellable(f render.Fact) bool {
	return !f.Negated && len(f.Marks) == 0 && len(f.Terms)+len(f.Numbers)+len(f.Dates) > 0 && utf8.RuneCountInString(f.Text) <= maxSentence
}

// tells says whether a true sentence says of a fact what a reader would miss: all
// that it names; the latest value of a series (how a stay began is true as well, but
// alone it misleads), the value or dose with its unit, the age; that the latest value is abnormal; how
// far an order, an administration or a report has come.
func (c *Checker) tells(sentence string, f render.Fact) bool {
	a := c.analyse(fold(sentence))
	return a.tellsTerms(f) && a.tellsValue(f) && a.tellsFlag(f) && a.tellsState(f)
}

// tellsTerms looks for what the fact's own text names, each by the first of its names:
// a blood pressure is also listed as its two parts.
func (a *analysis) tellsTerms(f render.Fact) bool {
	return !slices.ContainsFunc(f.Terms, func(t render.Term) bool {
		named := slices.ContainsFunc(a.mentions, func(m mention) bool { return m.has(t.Key) })
		return !named && len(t.Names) > 0 && strings.Contains(lower(f.Text), lower(t.Names[0]))
	})
}

func (a *analysis) tellsValue(f render.Fact) bool {
	roles := []render.Role{render.RoleValue, render.RoleDose, render.RoleAge}
	if slices.ContainsFunc(f.Numbers, func(n render.Number) bool { return n.Role == render.RoleLast }) {
		roles = []render.Role{render.RoleLast}
	} else if !slices.ContainsFunc(f.Numbers, func(n render.Number) bool { return slices.Contains(roles, n.Role) }) {
		roles = []render.Role{render.RoleReading} // of the windows of a long stay
	}
	timed := roles[0] == render.RoleLast || roles[0] == render.RoleReading
	needed := slices.DeleteFunc(slices.Clone(f.Numbers), func(n render.Number) bool { return !slices.Contains(roles, n.Role) })
	told := func(n render.Number) bool {
		return slices.ContainsFunc(a.numbers, func(x number) bool {
			said := x.end > x.digitsEnd && x.unit == n.Unit // a unit of this record alone has no code
			return x.equals(n) && (said || n.Label == "" || n.Role == render.RoleAge)
		})
	}
	// One of a fact's values will do, but of several latest values that of each time.
	return len(needed) == 0 || !slices.ContainsFunc(needed, func(n render.Number) bool {
		return !slices.ContainsFunc(needed, func(o render.Number) bool { return (o.At == n.At || !timed) && told(o) })
	})
}

func (a *analysis) tellsFlag(f render.Fact) bool {
	return !abnormal(f) || slices.ContainsFunc(a.lex.flags, func(c wordClass) bool {
		return slices.Contains(c.flags, f.Flag) && a.find(c.pattern) != nil
	})
}

func (a *analysis) tellsState(f render.Fact) bool {
	word := map[render.State]*regexp.Regexp{
		render.StateOrdered: a.lex.ordered, render.StateAdministered: a.lex.given, render.StatePreliminary: a.lex.pending,
	}[f.State]
	if f.State == render.StateAdministered && a.lex.ongoing.MatchString(f.Text) && a.find(a.lex.ongoing) == nil {
		return false // a drug that still runs
	}
	return word == nil || a.find(word) != nil
}
