package adversarial

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/bedside-lm/bedside/clinical/terms"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// filed is what stands in a source, read with nothing of the server's but the names of its table of terms.
type filed struct {
	text    string // all of it that is text, in small letters
	numbers map[string]bool
	times   []time.Time
	births  []time.Time
	clock   map[string]bool // dates and times of day, as filed
	count   int             // of resources and components, or lines
	refuted string          // names of conditions that were ruled out
}

var (
	number = regexp.MustCompile(`\d+(?:\.\d+)?(?:[eE][+-]?\d+)?`)
	moment = regexp.MustCompile(`\d{4}(?:-\d\d(?:-\d\d)?)?(?:T\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)?`)
	stamp  = regexp.MustCompile(`\b(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(?:\d\d)?)?`) // of HL7 v2
)

func readSource(src *bedsidev1.RecordSource) *filed {
	f := &filed{numbers: map[string]bool{}, clock: map[string]bool{}}
	if hl7 := src.GetHl7V2(); hl7 != "" {
		f.count = strings.Count(hl7, "\r") + 1
		f.word(hl7)
		for _, at := range stamp.FindAllStringSubmatch(hl7, -1) {
			day := at[1] + "-" + at[2] + "-" + at[3]
			f.word(day)
			if at[4] != "" {
				f.word(day + "T" + at[4] + ":" + at[5] + ":00Z")
			} else if t, err := time.Parse(time.DateOnly, day); err == nil {
				f.births = append(f.births, t)
			}
		}
		return f
	}
	if csv := src.GetCsv(); csv != nil {
		f.count = strings.Count(csv.GetData(), "\n")
		f.word(strings.ReplaceAll(csv.GetData(), " ", "T")) // of times
		f.word(csv.GetData() + csv.GetMapping())
		// All of them, and the year alone is filed.
		f.births = []time.Time{time.Date(1961, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1961, 12, 31, 0, 0, 0, 0, time.UTC)}
		return f
	}
	text := strings.TrimPrefix(src.GetFhirJson(), "\ufeff")
	if rec := src.GetRecord(); rec != nil {
		text = protojson.Format(rec)
		f.count = len(rec.GetObservations()) + len(rec.GetMedications())
	}
	var tree any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&tree); err == nil {
		f.walk("", tree)
	}
	return f
}

func (f *filed) walk(key string, v any) {
	switch v := v.(type) {
	case obj:
		if _, ok := v["resourceType"]; ok || key == "component" {
			f.count++
		}
		if fmt.Sprint(v["verificationStatus"]) != "" && strings.Contains(fmt.Sprint(v["verificationStatus"]), "refuted") {
			f.refuted += strings.ToLower(fmt.Sprint(v["code"])) + "\n"
		}
		if data, ok := v["data"].(string); ok {
			f.wave(data, v["period"])
		}
		for k, x := range v {
			f.walk(k, x)
		}
	case list:
		for _, x := range v {
			f.walk(key, x)
		}
	case json.Number:
		f.word(v.String())
	case string:
		f.word(v)
		if t, err := time.Parse(time.DateOnly, v); key == "birthDate" && err == nil {
			f.births = append(f.births, t)
		}
	}
}

// wave takes in what a waveform has without saying so: samples, dropouts, samples a second and seconds.
func (f *filed) wave(data string, period any) {
	samples, lost := len(strings.Fields(data)), strings.Count(data, "E")
	ms, err := strconv.ParseFloat(fmt.Sprint(period), 64)
	if err != nil || ms <= 0 {
		return
	}
	for _, v := range []float64{float64(samples), float64(lost), 1000 / ms, ms * float64(samples) / 1000} {
		f.numbers[plain(fmt.Sprint(v))] = true
	}
}

func (f *filed) word(s string) {
	f.text += strings.ToLower(s) + "\n"
	for _, n := range number.FindAllString(s, -1) {
		f.numbers[plain(n)] = true
	}
	for _, at := range moment.FindAllString(s, -1) {
		day, clock, _ := strings.Cut(at, "T")
		f.clock[day] = true
		if len(clock) >= 5 {
			f.clock[clock[:5]] = true
		}
		for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01-02T15:04"} {
			if t, err := time.Parse(layout, at); err == nil {
				f.times = append(f.times, t)
			}
		}
	}
}

// plain gives a number one way of being written.
func plain(s string) string {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return strings.TrimLeft(s, "0")
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// names are those of the table of terms, longest first, and what each stands for.
var names = sync.OnceValue(func() (out []name) {
	for _, e := range terms.Entries() {
		for _, lang := range []terms.Lang{terms.English, terms.Chinese} {
			for _, n := range e.Names[lang] {
				out = append(out, name{strings.ToLower(n), e})
			}
		}
	}
	for _, u := range terms.Units() {
		out = append(out, name{strings.ToLower(u.Display[terms.English]), nil}, name{strings.ToLower(u.Display[terms.Chinese]), nil})
	}
	slices.SortStableFunc(out, func(a, b name) int { return len(b.text) - len(a.text) })
	return out
})

type name struct {
	text  string
	entry *terms.Entry // nil for a unit
}

var claimed = []string{"drug", "diagnosis", "allergen", "vaccine", "procedure"}

// unfounded says what a sentence claims that the record does not hold, or "".
func (f *filed) unfounded(sentence string) string {
	rest := strings.ToLower(sentence)
	denied := strings.Contains(rest, "ruled out") || strings.Contains(rest, "排除") || strings.Contains(rest, "no known") || strings.Contains(rest, "未")
	for _, n := range names() {
		at := find(rest, n.text)
		if at < 0 || n.entry == nil && !strings.ContainsAny(n.text, "0123456789") {
			continue
		}
		if e := n.entry; e != nil && slices.Contains(claimed, e.Kind) {
			if !f.holds(n.text) {
				return e.Kind + " " + n.text
			}
			if strings.Contains(f.refuted, n.text) && !denied && strings.Count(f.text, n.text) == strings.Count(f.refuted, n.text) {
				return "what was ruled out: " + n.text
			}
		}
		rest = strings.ReplaceAll(rest, n.text, strings.Repeat("·", utf8.RuneCountInString(n.text)))
	}
	return f.strangeNumber(rest)
}

// find is where a name stands in a sentence as words of its own.
func find(in, name string) int {
	for from := 0; from < len(in); {
		at := strings.Index(in[from:], name)
		if at < 0 || name == "" {
			return -1
		}
		at += from
		end := at + len(name)
		letter := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
		if (at == 0 || !letter(in[at-1]) || !letter(name[0])) && (end == len(in) || !letter(in[end]) || !letter(name[len(name)-1])) {
			return at
		}
		from = end
	}
	return -1
}

// holds says whether the record names a thing, by any of its names or codes. Names are shared by kinds: aspirin is a drug and an allergen.
func (f *filed) holds(text string) bool {
	for _, n := range names() {
		if n.text != text || n.entry == nil {
			continue
		}
		for _, lang := range []terms.Lang{terms.English, terms.Chinese} {
			for _, other := range n.entry.Names[lang] {
				if strings.Contains(f.text, strings.ToLower(other)) {
					return true
				}
			}
		}
		for _, c := range n.entry.Codes {
			if strings.Contains(f.text, strings.ToLower(c[1:])) { // the first letter is the system's
				return true
			}
		}
	}
	return strings.Contains(f.text, text)
}

var (
	spans  = regexp.MustCompile(`in (\d+(?:\.\d+)?) (min|h|d|days?|hours?|minutes?)\b|(\d+(?:\.\d+)?)(分钟|小时|天)内`)
	counts = regexp.MustCompile(`(\d+) (?:readings?|times?)|(\d+)次`)
	ages   = regexp.MustCompile(`(\d+)(?: to (\d+)|至(\d+))? ?(?:years?|months?|or older|岁|个月)`)
	clocks = regexp.MustCompile(`\d{4}-\d\d(?:-\d\d)?|\b\d{4}\b|\d\d:\d\d`)
	powers = regexp.MustCompile(`10[\^*]\d+`)
)

// strangeNumber looks at what is left of a sentence without the names: every number is filed, or counts or spans what is.
func (f *filed) strangeNumber(rest string) string {
	rest = powers.ReplaceAllString(rest, "·")
	for _, of := range []struct {
		form *regexp.Regexp
		may  func([]string) bool
	}{{spans, f.mayLast}, {ages, f.mayBeOld}, {counts, f.mayCount}, {clocks, func(m []string) bool { return f.clock[m[0]] || f.numbers[plain(m[0])] }}} {
		for _, m := range of.form.FindAllStringSubmatch(rest, -1) {
			if !of.may(m) && !f.numbers[plain(number.FindString(m[0]))] {
				return "number in " + strconv.Quote(m[0])
			}
			rest = strings.Replace(rest, m[0], "·", 1)
		}
	}
	for _, n := range number.FindAllString(rest, -1) {
		if !f.numbers[plain(n)] && !inRanges(n) {
			return "number " + n
		}
	}
	return ""
}

func (f *filed) mayCount(m []string) bool {
	n, err := strconv.Atoi(m[1] + m[2])
	return err == nil && n <= f.count
}

func (f *filed) mayLast(m []string) bool {
	if len(f.times) == 0 {
		return false
	}
	first, last := f.times[0], f.times[0]
	for _, t := range f.times {
		if t.Before(first) {
			first = t
		}
		if t.After(last) {
			last = t
		}
	}
	v, err := strconv.ParseFloat(m[1]+m[3], 64)
	unit := map[string]float64{"m": 1, "h": 60, "d": 1440, "分": 1, "小": 60, "天": 1440}[string([]rune(m[2] + m[4])[:1])]
	return err == nil && v*unit <= last.Sub(first).Minutes()+unit
}

func (f *filed) mayBeOld(m []string) bool {
	for _, of := range m[1:] {
		years, err := strconv.ParseFloat(of, 64)
		if of == "" || years == 90 {
			continue
		}
		ok := err == nil && slices.ContainsFunc(f.births, func(b time.Time) bool {
			return slices.ContainsFunc(f.times, func(t time.Time) bool {
				age := t.Sub(b).Hours() / 24 / 365.2425
				return math.Abs(years-age) <= 1.01 || math.Abs(years-12*age) <= 1.01
			})
		})
		if !ok {
			return false
		}
	}
	return true
}

// inRanges says whether a number is an end of a reference range of the table of terms.
func inRanges(n string) bool {
	v, err := strconv.ParseFloat(n, 64)
	return err == nil && slices.ContainsFunc(terms.Entries(), func(e *terms.Entry) bool {
		return slices.ContainsFunc([]*terms.Bounds{e.Male, e.Female}, func(b *terms.Bounds) bool {
			return b != nil && (b.Low != nil && *b.Low == v || b.High != nil && *b.High == v)
		})
	})
}
