package summary

import (
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/render"
)

// checkNumbers holds each number against the facts of what it is said of.
func (a *analysis) checkNumbers() {
	for i := range a.numbers {
		n := a.numbers[i]
		if i > 0 && a.numbers[i-1].pair == i {
			continue // held together with the one before
		}
		if n.unit == unitUnknown {
			a.fail(FailUnit)
			continue
		}
		if n.unit == "a" || n.unit == "mo" || agedBefore.MatchString(a.s[max(0, n.start-16):n.start]) {
			if a.holdAge(n) {
				continue
			}
		}
		if n.governor < 0 {
			if !a.holdAge(n) {
				a.fail(FailNumber)
			}
			continue
		}
		a.hold(i)
	}
}

func (a *analysis) holdAge(n number) bool {
	for i, f := range a.facts {
		for _, x := range f.Numbers {
			if x.Of == render.KeyAge && n.equals(x) && (n.unit == x.Unit || n.unit == "" && agedBefore.MatchString(a.s[max(0, n.start-16):n.start])) && n.compare == "" && n.pair < 0 && n.moment < 0 {
				a.used[i], a.numeric[i] = true, true
				return true
			}
		}
	}
	return false
}

var agedBefore = regexp.MustCompile(`(?i)(?:\baged?|年龄)\s*$`)

func (n number) equals(x render.Number) bool {
	if x.Value.Text == n.text {
		return true
	}
	return n.value == x.Value.Float && !math.IsInf(n.value, 0)
}

// hold looks for the number in the facts of its governor.
func (a *analysis) hold(i int) {
	n := a.numbers[i]
	g := a.mentions[n.governor]
	wrongUnit, ok := false, false
	for _, k := range a.kept[n.governor] {
		f := a.facts[k]
		for _, x := range f.Numbers {
			if !n.equals(x) || !a.belongs(x, g, f) || !a.roleFits(i, f, x) || !a.timeFits(n, f, x) || !a.compareFits(n, x) {
				continue
			}
			if !unitFits(n, x) {
				wrongUnit = true
				continue
			}
			if n.pair >= 0 && !a.pairFits(n, f, x) {
				continue
			}
			ok = true
			a.used[k], a.numeric[k] = true, true
		}
	}
	switch {
	case ok:
	case wrongUnit:
		a.fail(FailUnit)
	default:
		a.fail(FailNumber)
	}
}

// belongs says whether a fact's number is one of the mentioned thing. A blood
// pressure owns its systolic value; the diastolic one needs its name or its pair. A reading
// in doubt bears nothing out: it stands in the fact's own words or not at all.
func (a *analysis) belongs(x render.Number, g mention, f render.Fact) bool {
	if x.Role == render.RoleMarked {
		return false
	}
	if x.Of == "" || g.has(x.Of) {
		return true
	}
	if s, ok := a.signOf(g); ok && s.measure == x.Of {
		return true
	}
	return x.Of == keySystolic && (g.has(keyPressure) || x.Role == render.RoleCount || x.Role == render.RoleSpan || len(f.Terms) == 3 && g.has(keyDiastolic) && x.Role == render.RoleReference)
}

const (
	keyPressure  = "measure:blood pressure"
	keySystolic  = "measure:systolic blood pressure"
	keyDiastolic = "measure:diastolic blood pressure"
)

func unitFits(n number, x render.Number) bool {
	if n.unit == "" {
		return x.Role != render.RoleDose && x.Role != render.RoleSpan && (x.Role != render.RoleCount || x.Unit == "")
	}
	return n.unit == x.Unit
}

func (a *analysis) pairFits(n number, f render.Fact, x render.Number) bool {
	second := a.numbers[n.pair]
	if x.Of != keySystolic {
		return false
	}
	return slices.ContainsFunc(f.Numbers, func(y render.Number) bool {
		return y.Of == keyDiastolic && y.Role == x.Role && y.At == x.At && second.equals(y) && (second.unit == "" || second.unit == y.Unit)
	})
}

// timeFits holds the time said with a value against the value's own; what has no
// time of its own (a dose) must have it among its fact's.
func (a *analysis) timeFits(n number, f render.Fact, x render.Number) bool {
	if n.moment < 0 {
		return true
	}
	m := a.moments[n.moment]
	if x.At.IsZero() {
		return m.fitsAny(f.Dates)
	}
	if m.relative && m.when.edge != "" && x.Role != m.when.edge && x.Role != render.RoleValue {
		return false
	}
	return m.fits(x.At)
}

func (a *analysis) compareFits(n number, x render.Number) bool {
	if n.compare == x.Comparator {
		return true
	}
	return x.Role == render.RoleReference && (n.compare == ">=" || n.compare == "<=") || x.Role == render.RoleSpan && n.compare == ">"
}

// roleFits holds words such as "lowest", "from ... to" and "reference" against what
// the number stands for.
func (a *analysis) roleFits(i int, f render.Fact, x render.Number) bool {
	n := a.numbers[i]
	before := a.s[a.windowStart(i):n.start]
	has := func(roles ...render.Role) bool {
		return slices.ContainsFunc(f.Numbers, func(y render.Number) bool {
			return y.Of == x.Of && y.Value == x.Value && slices.Contains(roles, y.Role)
		})
	}
	if a.inReference(i) != (x.Role == render.RoleReference) {
		return false
	}
	after := a.s[n.end:min(len(a.s), n.end+28)]
	if k := strings.IndexAny(after, ",;，；"); k >= 0 {
		after = after[:k]
	}
	if x.Role == render.RoleSpan && lasting.MatchString(before) {
		return false // that a value held for so long is more than its readings say
	}
	if a.lex.lowest.MatchString(before) || behindValue(a.lex.lowest, after) {
		return has(render.RoleLowest)
	}
	if a.lex.highest.MatchString(before) || behindValue(a.lex.highest, after) {
		return has(render.RoleHighest)
	}
	if seriesRole(x.Role) && a.lex.changedBy.MatchString(before) {
		return false // a change is no reading
	}
	if word := a.placeWord(i); word != "" && seriesRole(x.Role) && !has(word, render.RoleValue) {
		return false
	}
	if x.Role == render.RoleReference || x.Role == render.RoleCount || x.Role == render.RoleSpan || x.Role == render.RoleLabel {
		return true
	}
	if a.rangeStart(i) >= 0 {
		return has(render.RoleFirst, render.RoleLowest, render.RoleHighest)
	}
	if k := a.rangeEnd(i); k {
		return has(render.RoleLast, render.RoleHighest)
	}
	return true
}

var (
	lasting = regexp.MustCompile(`(?i)(?:\b(?:for|after)|持续)\s*$`)
	isThe   = regexp.MustCompile(`(?i)^\s*(?:(?:is|was|being|as)\s+)?(?:the\s+|为)?$`)
)

// behindValue says whether a word is said of the value before it: "131/min was the highest".
func behindValue(p *regexp.Regexp, after string) bool {
	at := p.FindStringIndex(after)
	return at != nil && (isThe.MatchString(after[:at[0]]) || strings.HasSuffix(after[:at[0]], "the "))
}

// placeWord is what a word right before a value says of its place in a series: the first one or the last.
func (a *analysis) placeWord(i int) render.Role {
	before := a.stripMoments(a.windowStart(i), a.numbers[i].start)
	last := func(p *regexp.Regexp) int {
		at := p.FindAllStringIndex(before, -1)
		if at == nil {
			return -1
		}
		return at[len(at)-1][0]
	}
	first, latest := last(a.lex.first), last(a.lex.latest)
	switch {
	case first > latest:
		return render.RoleFirst
	case latest > first:
		return render.RoleLast
	}
	return ""
}

func (a *analysis) windowStart(i int) int {
	if i == 0 {
		return 0
	}
	start := a.numbers[i-1].end
	if a.numbers[i-1].pair == i && i > 1 {
		start = a.numbers[i-2].end
	}
	return min(start, a.numbers[i].start)
}

// inReference says whether the number stands in the words for a reference range.
func (a *analysis) inReference(i int) bool {
	start, last := a.numbers[i].start, -1
	for _, at := range a.find(a.lex.reference) {
		if at[1] <= start {
			last = at[1]
		}
	}
	return last >= 0 && !strings.ContainsAny(a.s[last:start], ");")
}

// rangeStart says at which number "from A to B" ends if number i is its A; -1 if not.
func (a *analysis) rangeStart(i int) int {
	if !a.lex.from.MatchString(a.stripMoments(a.windowStart(i), a.numbers[i].start)) {
		return -1
	}
	j := i + 1
	if a.numbers[i].pair >= 0 {
		j = a.numbers[i].pair + 1
	}
	if j < len(a.numbers) && a.lex.to.MatchString(a.stripMoments(a.numbers[i].end, a.numbers[j].start)) {
		return j
	}
	return -1
}

func (a *analysis) rangeEnd(i int) bool {
	for k := max(0, i-2); k < i; k++ {
		if a.rangeStart(k) == i {
			return true
		}
	}
	return false
}

func (a *analysis) stripMoments(from, to int) string {
	if from >= to {
		return ""
	}
	b := []byte(a.s[from:to])
	for _, m := range a.moments {
		for k := max(m.start, from); k < min(m.end, to); k++ {
			b[k-from] = ' '
		}
	}
	s := strings.TrimSpace(string(b))
	return strings.TrimSpace(strings.TrimSuffix(strings.TrimSuffix(s, " at"), " on"))
}
