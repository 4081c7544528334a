package render_test

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
)

// This reader of rendered text shares no word with the renderer but those of the table of
// terms: what it finds in a text is what a reader would find. A word that it does not know
// is an error, so that nothing is said that goes unchecked.

// item is one thing that a line says.
type item struct {
	kind  string   // term, number, time, flag, trend, mark, head, quote, ...
	value string   // a number's digits with its comparator, a time in one form, ...
	unit  string   // of a number; "" matches any
	keys  []string // of a term: all that the name can stand for
	maybe bool     // of a fact: it supports the number, and need not show it
}

func (a item) String() string {
	return strings.TrimSpace(fmt.Sprint(a.kind, " ", a.value, " ", a.unit, a.keys))
}

// same says whether two items can mean the same thing.
func same(a, b item) bool {
	if a.maybe || b.maybe { // a range's end: the text says on which side
		a.value, b.value = strings.TrimLeft(a.value, "<>="), strings.TrimLeft(b.value, "<>=")
	}
	if a.kind != b.kind || a.value != b.value {
		return false
	}
	switch a.kind {
	case "number":
		return a.unit == "" || b.unit == "" || a.unit == b.unit
	case "term":
		return slices.ContainsFunc(a.keys, func(k string) bool { return slices.Contains(b.keys, k) })
	}
	return true
}

// pairOff matches the items of two lists one to one and returns those left over.
func pairOff(as, bs []item) (onlyA, onlyB []item) {
	partner := make([]int, len(bs)) // index into as, or -1
	for i := range partner {
		partner[i] = -1
	}
	var place func(i int, tried []bool) bool
	place = func(i int, tried []bool) bool {
		for j, b := range bs {
			if tried[j] || !same(as[i], b) {
				continue
			}
			tried[j] = true
			if partner[j] < 0 || place(partner[j], tried) {
				partner[j] = i
				return true
			}
		}
		return false
	}
	for i := range as {
		if !place(i, make([]bool, len(bs))) {
			onlyA = append(onlyA, as[i])
		}
	}
	for j, i := range partner {
		if i < 0 {
			onlyB = append(onlyB, bs[j])
		}
	}
	return onlyA, onlyB
}

var (
	absolute   = regexp.MustCompile(`^(?:(\d{4})-)?(\d{2})-(\d{2})(?: (\d{2}:\d{2}))?`)
	clockAlone = regexp.MustCompile(`^\d{2}:\d{2}`)
	monthAlone = regexp.MustCompile(`^\d{4}-\d{2}\b`)
	yearAlone  = regexp.MustCompile(`^\d{4}\b`)
	relativeEN = regexp.MustCompile(`^([+-])(?:(\d+) ?d)?(?: ?(\d+) ?h)?(?: ?(\d+) ?min)?`)
	relativeZH = regexp.MustCompile(`^入院([前后])(?:(\d+)天)?(?:(\d+)小时)?(?:(\d+)分钟)?`)
	dayEN      = regexp.MustCompile(`^(?:(\d{2}:\d{2}) of )?day (-?\d+)(?: (\d{2}:\d{2}))?`)
	dayZH      = regexp.MustCompile(`^(?:入院(前))?第(\d+)天(?: (\d{2}:\d{2}))?`)
	numeral    = regexp.MustCompile(`^(?:<=|>=|<|>)?-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?`)
)

// reader is one line being read.
type reader struct {
	*language
	s     string
	i     int
	day   string // of the time read last
	items []item
}

// read takes a line apart. The error names what it does not understand by its place alone.
func (l *language) read(line string) ([]item, error) {
	r := &reader{language: l, s: line}
	for r.i < len(r.s) {
		switch {
		case r.quote() || r.time() || r.word() || r.number():
		case strings.HasPrefix(r.s[r.i:], "→"):
			r.i += len("→")
		case strings.ContainsRune(" ,;:.()/@…，；：。、（）", r.peek()):
			_, n := utf8.DecodeRuneInString(r.s[r.i:])
			r.i += n
		default:
			return nil, fmt.Errorf("not understood from byte %d: %q", r.i, r.s)
		}
	}
	return r.items, nil
}

func (r *reader) peek() rune {
	c, _ := utf8.DecodeRuneInString(r.s[r.i:])
	return c
}

func (r *reader) take(n int, it *item) bool {
	r.i += n
	if it != nil {
		r.items = append(r.items, *it)
	}
	return true
}

func (r *reader) quote() bool {
	for _, q := range [][2]string{{`"`, `"`}, {"“", "”"}} {
		if rest, ok := strings.CutPrefix(r.s[r.i:], q[0]); ok {
			if end := strings.Index(rest, q[1]); end >= 0 {
				return r.take(len(q[0])+end+len(q[1]), &item{kind: "quote", value: strings.NewReplacer(`"`, "'", "“", "'", "”", "'").Replace(rest[:end])})
			}
		}
	}
	return false
}

// time reads a time in any of its forms into one: by the clock, from admission, or by the day.
func (r *reader) time() bool {
	rest := r.s[r.i:]
	if r.i > 0 && (isDigit(r.s[r.i-1]) || r.s[r.i-1] == '.') {
		return false
	}
	said := func(n int, value string) bool { return r.take(n, &item{kind: "time", value: value}) }
	switch {
	case r.lang == render.Chinese && !r.compact && strings.HasPrefix(rest, "入院时"):
		return said(len("入院时"), "0")
	case r.lang == render.English && !r.compact && strings.HasPrefix(rest, "admission"):
		return said(len("admission"), "0")
	case strings.HasPrefix(rest, "+0h"):
		return said(3, "0")
	}
	if m := dayEN.FindStringSubmatch(rest); m != nil && r.lang == render.English {
		return said(len(m[0]), strings.TrimSpace("day "+m[2]+" "+m[1]+m[3]))
	}
	if m := dayZH.FindStringSubmatch(rest); m != nil {
		sign := ""
		if m[1] != "" {
			sign = "-"
		}
		return said(len(m[0]), strings.TrimSpace("day "+sign+m[2]+" "+m[3]))
	}
	for _, p := range []*regexp.Regexp{relativeEN, relativeZH} {
		if m := p.FindStringSubmatch(rest); m != nil && m[2]+m[3]+m[4] != "" {
			minutes := 1440*atoi(m[2]) + 60*atoi(m[3]) + atoi(m[4])
			if m[1] == "-" || m[1] == "前" {
				minutes = -minutes
			}
			return said(len(m[0]), fmt.Sprint(minutes))
		}
	}
	if m := absolute.FindStringSubmatch(rest); m != nil {
		year := cmp.Or(m[1], fmt.Sprint(r.year))
		r.day = year + "-" + m[2] + "-" + m[3]
		return said(len(m[0]), strings.TrimSpace(r.day+" "+m[4]))
	}
	if m := clockAlone.FindString(rest); m != "" && r.day != "" {
		return said(len(m), r.day+" "+m)
	}
	if m := monthAlone.FindString(rest); m != "" {
		return said(len(m), m)
	}
	before := r.s[:r.i]
	dated := strings.HasSuffix(before, " in ") || strings.HasSuffix(before, "自 ") || strings.HasSuffix(before, "since ") ||
		strings.HasSuffix(before, "from ") || strings.HasSuffix(before, "to ") || strings.HasSuffix(before, "至 ") || strings.HasSuffix(before, "until ")
	if m := yearAlone.FindString(rest); m != "" && !strings.HasPrefix(rest[len(m):], ")") && (dated || loneYear(before, rest[len(m):])) {
		return said(len(m), m)
	}
	return false
}

// loneYear says whether four digits stand where a time stands without any word: behind "@" or
// a comma, with nothing behind them.
func loneYear(before, after string) bool {
	behind := after == "" || strings.HasPrefix(after, "。") || strings.HasPrefix(after, " 为") || strings.HasPrefix(after, "，") || strings.HasPrefix(after, " 至") || strings.HasPrefix(after, "；") || strings.HasPrefix(after, " to") || strings.HasPrefix(after, ",") || strings.HasPrefix(after, ";")
	return behind && (strings.HasSuffix(before, "@") || strings.HasSuffix(before, "，") || strings.HasSuffix(before, ", ") || strings.HasSuffix(before, "：") || strings.HasSuffix(before, ": "))
}

func atoi(s string) int {
	n := 0
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return n
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func (r *reader) word() bool {
	for _, w := range r.words[r.peek()] {
		rest, ok := strings.CutPrefix(r.s[r.i:], w.text)
		if !ok {
			continue
		}
		last := w.text[len(w.text)-1]
		if isLetter(w.text[0]) && r.i > 0 && isLetter(r.s[r.i-1]) || isLetter(last) && rest != "" && (isLetter(rest[0]) || r.lang == render.English && isDigit(rest[0])) {
			continue
		}
		if isDigit(last) && rest != "" && isDigit(rest[0]) {
			continue
		}
		return r.take(len(w.text), w.item)
	}
	return false
}

func (r *reader) number() bool {
	m := numeral.FindString(r.s[r.i:])
	if m == "" {
		return false
	}
	if strings.HasPrefix(r.s[r.i+len(m):], "..") {
		m = strings.TrimSuffix(m, ".")
	}
	it := item{kind: "number", value: m}
	before := r.s[:r.i]
	switch {
	case strings.HasSuffix(before, "n="):
		it.unit = "{reading}"
	case strings.HasSuffix(before, "at least ") || strings.HasSuffix(before, "不低于") || strings.HasSuffix(before, "至少"):
		it.value = ">=" + m
	case strings.HasSuffix(before, "at most ") || strings.HasSuffix(before, "不高于"):
		it.value = "<=" + m
	}
	r.i += len(m)
	rest := r.s[r.i:]
	trimmed := strings.TrimPrefix(rest, " ")
	for _, u := range r.units {
		after, ok := strings.CutPrefix(trimmed, u.text)
		if !ok || after != "" && isLetter(u.text[len(u.text)-1]) && isLetter(after[0]) {
			continue
		}
		if it.unit == "" && u.item.value != "{score}" {
			it.unit = u.item.value
		}
		r.i += len(rest) - len(trimmed) + len(u.text)
		break
	}
	if it.unit == "a" && strings.HasPrefix(r.s[r.i:], "及以上") {
		r.i += len("及以上")
	}
	r.items = append(r.items, it)
	return true
}

// markOf gives a mark's item.
func markOf(m record.Mark) item { return item{kind: "mark", value: string(m)} }
