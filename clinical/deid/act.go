package deid

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// job is what is done to one document.
type job struct {
	policy  Policy
	keys    *Keys
	lang    Lang
	known   *Known
	patient string // whose dates are shifted
	edits   []edit
}

// edit is a piece of the original and what stands in its place.
type edit struct {
	typ        Type
	action     Action
	start, end int
	text       string
	path       string
}

// replaced is what stands in a text for a value.
func (j *job) replaced(t Type, value string) (string, Action) {
	a := j.policy.action(t)
	switch a {
	case Keep:
		return value, a
	case Generalize:
		return generalized(t, value), a
	case Shift:
		return j.shifted(value), a
	case Pseudonym:
		if t == Name {
			return j.keys.pseudonym(value), a
		}
		return j.tagged(t, value), a
	case Hash:
		return j.tagged(t, value), a
	case Redact:
	}
	return "[" + string(t) + "]", Redact
}

func (j *job) tagged(t Type, value string) string {
	return "[" + string(t) + "-" + j.keys.hash(value) + "]"
}

var yearIn = regexp.MustCompile(`(?:^|\D)((?:18|19|20)\d{2})(?:\D|$)|^((?:18|19|20)\d{2})(?:\d{4}|\d{10}|\d{8})(?:\D|$)`)

// sparseZips are the first three digits of ZIP codes where fewer than 20,001 people live, by the census of 2000, as the guidance
// on 45 CFR 164.514(b)(2)(i)(B) lists them.
var sparseZips = words(`036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893`)

func generalized(t Type, value string) string {
	switch t {
	case Date:
		if m := yearIn.FindStringSubmatch(value); m != nil {
			return m[1] + m[2]
		}
	case Age:
		return "90+"
	case Zip:
		if digits := digitsOf(value); (len(digits) == 5 || len(digits) == 9) && digits == strings.ReplaceAll(value, "-", "") {
			if sparseZips.has(digits[:3]) {
				return "000**"
			}
			return digits[:3] + "**"
		}
	default: // nothing more general stands for the others
	}
	return "[" + string(t) + "]"
}

var monthNames = strings.Fields(`January February March April May June July August September October November December`)

func monthNumber(name string) int {
	for i, m := range monthNames {
		if len(name) >= 3 && strings.EqualFold(m[:3], name[:3]) {
			return i + 1
		}
	}
	return 0
}

var monthName = regexp.MustCompile(month)

// shifted moves a date, and writes it as it was written. What is not understood is redacted.
func (j *job) shifted(value string) string {
	for i := range datePatterns {
		p := &datePatterns[i]
		m := p.re.FindStringSubmatchIndex(value)
		if m == nil || p.y == 0 && p.d == 0 {
			continue
		}
		if out, ok := j.moved(value, p, m); ok {
			return out
		}
	}
	return "[DATE]"
}

// part is where a number of a date stands.
type part struct{ start, end, value int }

func (j *job) moved(value string, p *datePattern, m []int) (string, bool) {
	of := func(group int) part {
		if group == 0 || m[2*group] < 0 {
			return part{-1, -1, 0}
		}
		return part{m[2*group], m[2*group+1], atoi(value[m[2*group]:m[2*group+1]])}
	}
	y, mo, d := of(p.y), of(p.m), of(p.d)
	if p.m == 0 {
		at := monthName.FindStringIndex(value)
		if at == nil {
			return "", false
		}
		mo = part{at[0], at[1], monthNumber(value[at[0]:at[1]])}
	}
	if p.numeric && mo.value > 12 { // the day comes first
		mo, d = d, mo
	}
	if mo.value < 1 || mo.value > 12 || y.start >= 0 && y.value == 0 || d.start >= 0 && d.value == 0 {
		return "", false
	}
	year, day := y.value, d.value
	switch {
	case y.start < 0:
		year = 2001 // a year without a 29 February
	case year < 100:
		year += 2000
	}
	if d.start < 0 {
		day = 15
	}
	t := time.Date(year, time.Month(mo.value), day, 0, 0, 0, 0, time.UTC).AddDate(0, 0, j.keys.days(j.patient))
	type piece struct {
		part
		now int
	}
	pieces := []piece{{y, t.Year()}, {mo, int(t.Month())}, {d, t.Day()}}
	slices.SortFunc(pieces, func(a, b piece) int { return b.start - a.start })
	for _, x := range pieces {
		if x.start >= 0 {
			value = value[:x.start] + like(value[x.start:x.end], x.now) + value[x.end:]
		}
	}
	return value, true
}

// like writes a number as another one was written: as wide, or as a month's name.
func like(old string, n int) string {
	if c := old[0]; c >= '0' && c <= '9' {
		s := strconv.Itoa(n)
		if len(old) == 2 && len(s) == 4 {
			return s[2:]
		}
		if old[0] == '0' && len(s) < len(old) || len(old) == 2 && len(s) == 1 && old[0] == '0' {
			return "0" + s
		}
		return s
	}
	name := monthNames[n-1]
	stop := strings.HasSuffix(old, ".")
	if len(strings.TrimSuffix(old, ".")) <= 4 && !strings.EqualFold(old, "June") && !strings.EqualFold(old, "July") {
		name = name[:3]
	}
	if strings.ToUpper(old) == old {
		name = strings.ToUpper(name)
	}
	if stop {
		name += "."
	}
	return name
}

// pseudonym gives a name another one: each word of it its own, so that "Adams, John", "John Adams" and "Mr. Adams" stay the same
// person. Different people may get the same pseudonym: it is no key.
func (k *Keys) pseudonym(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return unicode.Is(unicode.Han, r) }) >= 0 {
		return k.pseudonymZH(name)
	}
	var out strings.Builder
	at := 0
	for _, w := range tokenize(name) {
		out.WriteString(name[at:w.start])
		out.WriteString(k.pseudonymWord(&w, name[w.start:w.stop]))
		at = w.stop
	}
	out.WriteString(name[at:])
	if at == 0 { // in no script that is known here
		return "[NAME]"
	}
	return out.String()
}

func (k *Keys) pseudonymWord(w *word, old string) string {
	switch {
	case particles.has(w.key) || vocab().titles.has(w.key) || vocab().credentials.has(w.key):
		return old
	case w.kind == initial:
		return string(rune('A' + number(k.names, 26, "initial", w.key)))
	}
	from := stockOf().surnames
	if vocab().given.has(w.key) {
		from = stockOf().given
	}
	fake := from[number(k.names, len(from), "word", w.key)]
	if fake == w.key {
		fake = from[number(k.names, len(from)-1, "word again", w.key)]
	}
	if w.kind == upper {
		return strings.ToUpper(fake)
	}
	return strings.ToUpper(fake[:1]) + fake[1:]
}

func (k *Keys) pseudonymZH(name string) string {
	runes := []rune(name)
	surname := 1
	if len(runes) > 2 && vocab().surnamesZH.has(string(runes[:2])) {
		surname = 2
	}
	if len(runes) == 2 && vocab().surnamesZH.has(name) {
		surname = 2
	}
	surname = min(surname, len(runes))
	stock := stockOf()
	out := stock.surnamesZH[number(k.names, len(stock.surnamesZH), "surname", string(runes[:surname]))]
	given := string(runes[surname:])
	for i, r := range runes[surname:] {
		if !unicode.Is(unicode.Han, r) {
			out += string(r)
			continue
		}
		out += string(stock.givenZH[number(k.names, len(stock.givenZH), "given", given, strconv.Itoa(i))])
	}
	if out == name {
		out = stock.surnamesZH[0] + string(stock.givenZH[0])
	}
	return out
}

// text finds and replaces in one piece of free text, which begins at offset from of the document. raw turns an offset within the
// text into one of the document, and quote writes what is put in as the document needs it.
func (j *job) text(text, path string, raw func(int) int, quote func(string) string) {
	for _, f := range Find(text, j.lang, j.known) {
		instead, action := j.replaced(f.Type, text[f.Start:f.End])
		if action != Keep {
			j.edits = append(j.edits, edit{f.Type, action, raw(f.Start), raw(f.End), quote(instead), path})
		}
	}
}

// done applies the edits.
func (j *job) done(doc string, seal bool) (*Result, error) {
	slices.SortStableFunc(j.edits, func(a, b edit) int { return a.start - b.start })
	out := &Result{}
	var b strings.Builder
	var values []original
	at := 0
	for i := range j.edits {
		e := &j.edits[i]
		if e.start < at { // two rules took the same piece: what is left of the second goes, too
			if e.end > at {
				at = e.end
			}
			continue
		}
		b.WriteString(doc[at:e.start])
		s := Span{Type: e.typ, Action: e.action, Start: e.start, End: e.end, OutStart: b.Len(), Path: e.path}
		b.WriteString(e.text)
		s.OutEnd = b.Len()
		out.Spans = append(out.Spans, s)
		if seal {
			values = append(values, original{s.OutStart, s.OutEnd, doc[e.start:e.end]})
		}
		at = e.end
	}
	b.WriteString(doc[at:])
	out.Text = b.String()
	if !seal {
		return out, nil
	}
	var err error
	out.Sealed, err = j.keys.seal(out.Text, values)
	return out, err
}
