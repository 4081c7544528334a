package summary

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// number is a number found in a sentence.
type number struct {
	start, end int // end is behind the unit
	digitsEnd  int
	value      float64
	text       string
	unit       string // UCUM code, or unitUnknown
	compare    string // comparator that stands before it
	pair       int    // index of the diastolic number that follows "/", -1
	governor   int    // index of the mention it belongs to, -1
	moment     int    // index of the moment it is said to be of, -1
}

const unitUnknown = "?"

// unitName is one way to write a unit.
type unitName struct{ text, code string }

var tableUnits = sync.OnceValue(func() []unitName {
	var out []unitName
	for _, u := range terms.Units() {
		names := append([]string{u.Display[render.English], u.Display[render.Chinese]}, u.Aliases...)
		if len(u.Code) > 1 {
			names = append(names, u.Code)
		}
		for _, n := range names {
			if n != "" {
				out = append(out, unitName{fold(n), u.Code})
			}
		}
	}
	return sortUnits(out)
})

func sortUnits(us []unitName) []unitName {
	slices.SortStableFunc(us, func(a, b unitName) int { return len(b.text) - len(a.text) })
	return us
}

// documentUnits are units that only this record has.
func documentUnits(doc *render.Document) []unitName {
	var out []unitName
	for _, s := range doc.Sections {
		for _, f := range s.Facts {
			for _, n := range f.Numbers {
				u := unitName{fold(n.Label), n.Unit}
				if n.Label != "" && !slices.Contains(out, u) && !slices.Contains(tableUnits(), u) {
					out = append(out, u)
				}
			}
		}
	}
	return sortUnits(out)
}

var (
	digits    = regexp.MustCompile(`(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+`)
	wordsEN   = regexp.MustCompile(`(?i)\b(zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty)\b`)
	wordsZH   = regexp.MustCompile(`([一二两三四五六七八九十]+)(?:次|个|项|天|小时|种|岁|度|年|月|日|周|分|例|毫|片|倍)`)
	rangeWord = regexp.MustCompile(`^\s*(?:to|至|到)\s*$`)
	noCount   = regexp.MustCompile(`(?:最近|上|首|末|每|第)$`)
	oddUnit   = regexp.MustCompile(`^\s?[A-Za-zµ]+[/^*]`)
	compareRE = regexp.MustCompile(`(?i)(<=|>=|[<>≤≥]|\b(?:at least|at most|more than|less than|greater than|above|below|over|under|exceeding)|不低于|不高于|高于|低于|超过|大于|小于|至少|至多)\s*$`)
)

var comparators = map[string]string{
	"<": "<", ">": ">", "<=": "<=", ">=": ">=", "≤": "<=", "≥": ">=", "at least": ">=", "at most": "<=",
	"more than": ">", "less than": "<", "greater than": ">", "above": ">", "below": "<", "over": ">", "under": "<",
	"exceeding": ">", "不低于": ">=", "不高于": "<=", "高于": ">", "低于": "<", "超过": ">", "大于": ">", "小于": "<", "至少": ">=", "至多": "<=",
}

var englishNumbers = []string{
	"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
	"thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
}

// findNumbers reads every number of a sentence that is no part of a name or a date.
func findNumbers(s string, taken []span, extra []unitName) []number {
	var out []number
	for _, at := range digits.FindAllStringIndex(s, -1) {
		if covered(taken, at[0]) {
			continue
		}
		n := number{start: at[0], digitsEnd: at[1], end: at[1], text: strings.ReplaceAll(s[at[0]:at[1]], ",", ""), pair: -1, governor: -1, moment: -1}
		if len(out) > 0 && at[0] < out[len(out)-1].end {
			continue // digits inside the unit before: "×10^9/L"
		}
		n.value, _ = strconv.ParseFloat(n.text, 64)
		if negative(s, n.start) {
			n.start--
			n.value, n.text = -n.value, "-"+n.text
		}
		n.readUnit(s, extra)
		out = append(out, n)
	}
	out = append(out, numberWords(s, taken, extra)...)
	slices.SortFunc(out, func(a, b number) int { return a.start - b.start })
	for i := range out {
		if m := compareRE.FindStringSubmatch(s[max(0, out[i].start-24):out[i].start]); m != nil {
			out[i].compare = comparators[lower(m[1])]
		}
		if i > 0 && s[out[i-1].digitsEnd:out[i].start] == "/" {
			out[i-1].pair, out[i-1].unit, out[i-1].end = i, out[i].unit, out[i].end
		}
		if i > 0 && out[i-1].unit == "" && out[i-1].end <= out[i].start && rangeWord.MatchString(s[out[i-1].end:out[i].start]) {
			out[i-1].unit = out[i].unit // "54 to 55 years": the unit is said once
		}
	}
	return out
}

func numberWords(s string, taken []span, extra []unitName) []number {
	var out []number
	add := func(start, end int, v float64) {
		if covered(taken, start) {
			return
		}
		n := number{start: start, digitsEnd: end, end: end, value: v, text: strconv.FormatFloat(v, 'f', -1, 64), pair: -1, governor: -1, moment: -1}
		n.readUnit(s, extra)
		out = append(out, n)
	}
	for _, at := range wordsEN.FindAllStringIndex(s, -1) {
		add(at[0], at[1], float64(slices.Index(englishNumbers, lower(s[at[0]:at[1]]))))
	}
	for _, at := range wordsZH.FindAllStringSubmatchIndex(s, -1) {
		if noCount.MatchString(s[:at[2]]) {
			continue // "the latest one" counts nothing
		}
		add(at[2], at[3], float64(chineseNumber(s[at[2]:at[3]])))
	}
	return out
}

// chineseNumber reads 一 to 九十九; -1 is no number.
func chineseNumber(s string) int {
	digit := func(r string) int {
		switch i := slices.Index([]string{"一", "二", "三", "四", "五", "六", "七", "八", "九"}, r); {
		case r == "两":
			return 2
		default:
			return i + 1
		}
	}
	tens, ones, ok := strings.Cut(s, "十")
	switch {
	case !ok && utf8.RuneCountInString(s) == 1:
		return digit(s)
	case !ok || utf8.RuneCountInString(tens) > 1 || utf8.RuneCountInString(ones) > 1:
		return -1
	}
	t := 1
	if tens != "" {
		t = digit(tens)
	}
	return t*10 + digit(ones)
}

func negative(s string, i int) bool {
	if i == 0 || s[i-1] != '-' {
		return false
	}
	if i == 1 {
		return true
	}
	c := s[i-2]
	return c == ' ' || c == '(' || c == ':' || c == '/'
}

// readUnit finds the longest unit behind the number.
func (n *number) readUnit(s string, extra []unitName) {
	rest := s[n.digitsEnd:]
	gap := len(rest) - len(strings.TrimLeft(rest, " "))
	if gap > 1 {
		gap = 0
	}
	best := 0
	for _, list := range [][]unitName{extra, tableUnits()} {
		for _, u := range list {
			if len(u.text) > best && unitAt(rest[gap:], u.text) {
				best, n.unit = len(u.text), u.code
			}
		}
	}
	if best > 0 {
		n.end = n.digitsEnd + gap + best
		return
	}
	if rest != "" && (isWord(rest[0]) || rest[0] == '%' || rest[0] == '^' || rest[0] == '*') || oddUnit.MatchString(rest) {
		n.unit = unitUnknown
	}
}

func unitAt(rest, unit string) bool {
	if len(rest) < len(unit) {
		return false
	}
	have := rest[:len(unit)]
	if have != unit && (len(unit) < 4 || !strings.EqualFold(have, unit)) {
		return false
	}
	last := unit[len(unit)-1]
	if len(rest) == len(unit) || last >= utf8.RuneSelf {
		return true
	}
	next := rest[len(unit)]
	return (!isWord(last) || !isWord(next)) && next != '/' && next != '^' && next != '*'
}

type span struct{ start, end int }

func covered(spans []span, i int) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return i >= s.start && i < s.end })
}
