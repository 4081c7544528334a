// Package prompt writes what the device language models read: a record in one line, each measure
// with its latest value and its extremes, in steps or in numbers.
//
//	F67 24h HR⑰⑫⑳ SBP③②⑦ lactate⑲ WBC⑱⑳
//	F67 24h HR118↑(96-132) SBP88↓(86-104) lactate5.4↑↑↑ WBC18.6↑(20.1)
//
// It is as short as it can be, since small models read a token at a time: no units (values are in
// the unit of the table of terms), no times but the window's. Steps say in which twentieth of the
// training patients' readings a value lies: one token, and as good for telling diseases apart as
// the numbers, from which a small model would first have to learn what is much. Numbers are for what must be
// said again, in summaries and triples; arrows show how far they lie beyond the reference range.
//
// The numbers are those of package features, so that models which read text and models which read
// numbers are told the same.
package prompt

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/prepare/features"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Item is what is told of one measure within the window, in the unit of its entry.
type Item struct {
	Entry          *terms.Entry
	Last, Min, Max float64
	// Readings is how many there were.
	Readings int
	// Grade is how far Last lies beyond the reference range, from -3 to 3; 0 within it or
	// where there is none.
	Grade int
}

// Sheet is what is told of a patient.
type Sheet struct {
	Window features.Window
	Age    float64 // in years, NaN where it is not known
	Female float64 // 1, 0 or NaN
	Items  []Item
}

// Read takes what is told from a row of features. It tells of the measures with these LOINC codes
// that were measured, in their order; nil stands for all of features.Measures.
func Read(row []float64, w features.Window, measures []string) Sheet {
	s := Sheet{Window: w}
	s.Age, s.Female = features.Who(row)
	if measures == nil {
		measures = features.Measures()
	}
	for _, code := range measures {
		first, ok := features.Place(code, w, features.Last)
		if !ok || math.IsNaN(row[first]) {
			continue
		}
		it := Item{Entry: terms.Measure(code), Last: row[first], Min: row[first+int(features.Min)], Max: row[first+int(features.Max)]}
		it.Readings = int(row[first+int(features.Count)])
		it.Grade = Grade(it.Entry, it.Last, s.Female == 1)
		s.Items = append(s.Items, it)
	}
	return s
}

// Steps of a grade: a value is beyond the reference range by this share of the range's width, of
// its upper end where it has no lower one, or of a quarter of its lower end where it has no upper one.
var gradeSteps = []float64{0, 0.25, 1}

// MaxGrade is the furthest that Grade says a value is beyond its range, on either side.
const MaxGrade = 3

var degrees = map[terms.Lang]map[int]string{
	terms.English: {-3: "far too low", -2: "too low", -1: "slightly low", 1: "slightly high", 2: "too high", 3: "far too high"},
	terms.Chinese: {-3: "显著偏低", -2: "偏低", -1: "轻度偏低", 1: "轻度偏高", 2: "偏高", 3: "显著偏高"},
}

// Degree puts a grade into words; "" for what is within its range.
func Degree(grade int, lang terms.Lang) string { return degrees[lang][grade] }

// Grade says how far a value lies beyond the reference range: -3 far below to 3 far above, 0 for
// a value within it or a measure without one.
func Grade(e *terms.Entry, v float64, female bool) int {
	bounds := e.Male
	if female {
		bounds = e.Female
	}
	if bounds == nil {
		return 0
	}
	low, high := bounds.Low, bounds.High
	scale := 0.0
	switch {
	case low != nil && high != nil:
		scale = *high - *low
	case high != nil:
		scale = *high
	case low != nil:
		scale = *low / 4
	}
	switch {
	case high != nil && v > *high:
		return steps((v - *high) / scale)
	case low != nil && v < *low:
		return -steps((*low - v) / scale)
	}
	return 0
}

func steps(beyond float64) int {
	n := 0
	for _, s := range gradeSteps {
		if beyond > s {
			n++
		}
	}
	return n
}

// Style is how a sheet is written. Models are asked in two: for diagnoses and treatment with Steps,
// for what repeats the readings without; no other field is set then. The others are for training, so
// that models learn the readings and not one layout.
type Style struct {
	Lang terms.Lang
	// Steps writes the steps of values instead of values, marks and units, where there are any.
	Steps bool
	// Long writes full names instead of abbreviations.
	Long bool
	// Units writes each value's unit.
	Units bool
	// NoMarks leaves the marks of values beyond the reference range out.
	NoMarks bool
	// NoExtremes leaves the least and greatest value out.
	NoExtremes bool
	// Separator stands between measures; a space by default.
	Separator string
}

// Write puts a sheet into one line.
func Write(s Sheet, style Style) string {
	var b strings.Builder
	b.WriteString(who(s, style.Lang))
	b.WriteString(" " + strconv.Itoa(s.Window.Hours()) + "h")
	sep := style.Separator
	if sep == "" {
		sep = " "
	}
	for i := range s.Items {
		if i == 0 {
			b.WriteByte(' ')
		} else {
			b.WriteString(sep)
		}
		writeItem(&b, &s.Items[i], style)
	}
	return b.String()
}

// Question is what a model is asked: a sheet as Write puts it, under the sign of a language and a task ("diagnosis"). The
// answer follows it. Special tokens are written out.
func Question(lang terms.Lang, task, text string) string {
	return "<|bos|><|" + string(lang) + "|><|" + task + "|>" + text + "<|answer|>"
}

var sexes = map[terms.Lang][3]string{terms.English: {"M", "F", "U"}, terms.Chinese: {"男", "女", "性别未知"}}

func who(s Sheet, lang terms.Lang) string {
	text := sexes[lang][2]
	switch s.Female {
	case 0:
		text = sexes[lang][0]
	case 1:
		text = sexes[lang][1]
	}
	if !math.IsNaN(s.Age) {
		text += strconv.Itoa(int(s.Age))
	}
	return text
}

func writeItem(b *strings.Builder, it *Item, style Style) {
	name := Name(it.Entry, style.Lang)
	if style.Long {
		name = it.Entry.Name(style.Lang)
	}
	b.WriteString(name)
	if style.Steps && Step(it.Entry, it.Last) > 0 {
		b.WriteString(stepsOf(it, style))
		return
	}
	if last := name[len(name)-1]; style.Long && style.Lang == terms.English || last >= '0' && last <= '9' {
		b.WriteByte(':')
	}
	b.WriteString(Number(it.Last))
	if style.Units {
		if u := terms.UnitByCode(it.Entry.Unit); u != nil && it.Entry.Unit != "1" {
			b.WriteString(u.Display[style.Lang])
		}
	}
	if !style.NoMarks {
		b.WriteString(Mark(it.Grade))
	}
	if !style.NoExtremes {
		b.WriteString(extremes(it))
	}
}

// stepsOf are the steps of the latest value; of two readings the other one's, of more those of the
// least and the greatest.
func stepsOf(it *Item, style Style) string {
	step := func(v float64) string { return stepMark(Step(it.Entry, v)) }
	switch {
	case style.NoExtremes || it.Readings < 2:
		return step(it.Last)
	case it.Readings == 2 && it.Last == it.Min:
		return step(it.Last) + step(it.Max)
	case it.Readings == 2:
		return step(it.Last) + step(it.Min)
	}
	return step(it.Last) + step(it.Min) + step(it.Max)
}

// extremes are in brackets: one where the latest value is the other, none where it is both.
func extremes(it *Item) string {
	last, low, high := Number(it.Last), Number(it.Min), Number(it.Max)
	switch {
	case low == high:
		return ""
	case low == last:
		return "(" + high + ")"
	case high == last:
		return "(" + low + ")"
	}
	return "(" + low + "-" + high + ")"
}

// Name is the shortest name of a measure.
func Name(e *terms.Entry, lang terms.Lang) string {
	if short := e.Abbr[lang]; short != "" {
		return short
	}
	return e.Name(lang)
}

// Number writes a value with the digits that tell something: three, but never a fraction of
// hundreds nor more than two behind the point.
func Number(v float64) string {
	digits := 2
	switch a := math.Abs(v); {
	case a >= 99.95:
		digits = 0
	case a >= 9.995:
		digits = 1
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// Mark shows a grade by arrows.
func Mark(grade int) string {
	if grade < 0 {
		return strings.Repeat("↓", -grade)
	}
	return strings.Repeat("↑", grade)
}

// ByGrade puts what is furthest from its reference range first; equals keep their order.
func ByGrade(items []Item) []Item {
	out := slices.Clone(items)
	slices.SortStableFunc(out, func(a, b Item) int { return abs(b.Grade) - abs(a.Grade) })
	return out
}

func abs(n int) int { return max(n, -n) }
