package fhir

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/measure"
)

// words checks a text, which may be missing.
func (w *writer) words(field, s string) string {
	switch {
	case s == "":
	case len(s) > defaultStringBytes:
		w.refuse(field, "more than %d bytes in a text", defaultStringBytes)
	case strings.TrimSpace(s) == "":
		w.refuse(field, "a text of white space alone cannot be filed")
	case !utf8.ValidString(s):
		w.refuse(field, "not UTF-8")
	default:
		if at := strings.IndexFunc(s, forbidden); at >= 0 {
			w.refuse(field, "control character at byte %d of the text", at)
		}
	}
	return s
}

// code checks a code, which may be missing.
func (w *writer) code(field, s string) string {
	if w.words(field, s); s != strings.TrimSpace(s) {
		w.refuse(field, "a code has no space at its ends")
	}
	return s
}

// bound checks a code from a required binding; a missing one is fallback, which may be "".
func (w *writer) bound(field, s, fallback string, from binding) string {
	switch {
	case s == "" && fallback == "":
		w.refuse(field, "required: %s", oneOf(from))
	case s == "":
		return fallback
	case !from.has(s):
		w.refuse(field, "unknown code: expected %s", oneOf(from))
	}
	return s
}

// maybeBound is bound of a code that may be missing.
func (w *writer) maybeBound(field, s string, from binding) string {
	if s == "" {
		return ""
	}
	return w.bound(field, s, "", from)
}

// when gives a time in FHIR's form.
func (w *writer) when(field string, d record.DateTime) string {
	if d.IsZero() {
		return ""
	}
	if _, offset := d.Time.Zone(); offset%60 != 0 || farZone(d) { // FHIR has no such zone
		d.Time = d.Time.UTC()
	}
	s := d.String()
	if back, err := record.ParseDateTime(s); err != nil || back.Precision != d.Precision {
		w.refuse(field, "%v", record.ErrDateTime{})
	}
	return s
}

// date gives a time that has no hour.
func (w *writer) date(field string, d record.DateTime) string {
	if d.Precision == record.PrecisionSecond {
		w.refuse(field, "expected a day, a month or a year without a time")
	}
	return w.when(field, d)
}

// instant gives a time that is known to the second.
func (w *writer) instant(field string, d record.DateTime) string {
	if !d.IsZero() && d.Precision != record.PrecisionSecond {
		w.refuse(field, "expected a time known to the second")
	}
	return w.when(field, d)
}

// period gives two times, or nil where there is none.
func (w *writer) period(start, end record.DateTime) *outPeriod {
	if start.IsZero() && end.IsZero() {
		return nil
	}
	if !start.IsZero() && !end.IsZero() && start.Precision == end.Precision && end.Compare(start) < 0 {
		w.refuse("End", "is before the start")
	}
	return &outPeriod{Start: w.when("Start", start), End: w.when("End", end)}
}

// moment gives a time as one moment or, where it has an end, as a period.
func (w *writer) moment(start, end record.DateTime) (string, *outPeriod) {
	if end.IsZero() {
		return w.when("Start", start), nil
	}
	return "", w.period(start, end)
}

// concept gives a CodeableConcept, or nil for none.
func (w *writer) concept(field string, c record.Concept) *outConcept {
	out := &outConcept{Text: w.words(field+".Text", c.Text)}
	for _, k := range c.Codings {
		if k == (record.Coding{}) {
			continue
		}
		out.Coding = append(out.Coding, outCoding{
			System: w.words(field+".Codings", k.System), Code: w.code(field+".Codings", k.Code), Display: w.words(field+".Codings", k.Display),
		})
	}
	if out.Text == "" && out.Coding == nil {
		return nil
	}
	return out
}

// needed is concept where FHIR requires one.
func (w *writer) needed(field string, c record.Concept) *outConcept {
	if out := w.concept(field, c); out != nil {
		return out
	}
	return &outConcept{Extension: notFiled()}
}

func (w *writer) concepts(field string, list []record.Concept) []*outConcept {
	var out []*outConcept
	for i, c := range list {
		out = append(out, w.needed(field+"["+strconv.Itoa(i)+"]", c))
	}
	return out
}

// oneCode gives a concept of one code, or nil for none. Its system is named only where the
// system has the code: a record does not keep which one a local code came from.
func (w *writer) oneCode(field, code string, in codeSystem) *outConcept {
	if w.code(field, code) == "" {
		return nil
	}
	return &outConcept{Coding: []outCoding{in.coding(code)}}
}

func (w *writer) listOfOne(field, code string, in codeSystem) []*outConcept {
	if c := w.oneCode(field, code, in); c != nil {
		return []*outConcept{c}
	}
	return nil
}

func (w *writer) interpretations(codes []string) []*outConcept {
	var out []*outConcept
	for _, code := range codes {
		if c := w.oneCode("Interpretation", code, interpretationCodes); c != nil {
			out = append(out, c)
		}
	}
	return out
}

// number gives a decimal as it was filed, or one without a text by its value.
func (w *writer) number(field string, d record.Decimal) json.Number {
	if parsed, err := record.ParseDecimal(d.Text); err == nil && parsed.Float == d.Float {
		return json.Number(d.Text)
	}
	return w.float(field, d.Float)
}

// float gives the shortest text of a number, with an exponent where it is far from 1.
func (w *writer) float(field string, f float64) json.Number {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		w.refuse(field, "not a finite number")
		return "0"
	}
	return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
}

func (w *writer) quantity(field string, q *record.Quantity) *outQuantity {
	if q == nil {
		return nil
	}
	out := &outQuantity{
		Value: w.number(field+".Value", q.Value), Comparator: w.maybeBound(field+".Comparator", q.Comparator, comparators),
		Unit: w.words(field+".Unit", q.Unit), Code: w.code(field+".Code", q.Code),
	}
	if q.Code != "" {
		out.System = record.SystemUCUM
	}
	w.found(field, measure.CheckUnit(q))
	return out
}

// simple is quantity where FHIR allows no comparator.
func (w *writer) simple(field string, q *record.Quantity) *outQuantity {
	if q != nil && q.Comparator != "" {
		w.refuse(field+".Comparator", "not allowed here")
	}
	return w.quantity(field, q)
}

// found refuses what the reader would.
func (w *writer) found(field string, f *measure.Finding) {
	if f != nil && f.Notice == "" {
		w.refuse(field, "%s: %s", f.Field, f.Message)
	}
}

func (w *writer) referenceRange(g *record.Range) []*outRange {
	if g == nil || *g == (record.Range{}) {
		return nil
	}
	if g.Low != nil && g.High != nil && g.Low.Unit == g.High.Unit && g.Low.Value.Float > g.High.Value.Float {
		w.refuse("Reference", "low is greater than high")
	}
	return []*outRange{{
		Low: w.simple("Reference.Low", g.Low), High: w.simple("Reference.High", g.High), Text: w.words("Reference.Text", g.Text),
	}}
}

// value gives the one value of a reading.
func (w *writer) value(v *record.Value, code record.Concept) outValue {
	out := outValue{
		Quantity: w.quantity("Value.Quantity", v.Quantity), String: w.words("Value.Text", v.Text), Boolean: v.Bool, Integer: v.Integer,
	}
	w.found("Value.Quantity", measure.Check(code, v.Quantity))
	if v.Concept != nil {
		out.Concept = w.needed("Value.Concept", *v.Concept)
	}
	if v.Integer != nil && int64(int32(*v.Integer)) != *v.Integer {
		w.refuse("Value.Integer", "expected a whole number of at most 32 bits")
	}
	if v.Sampled != nil {
		out.Sampled = w.sampled(v.Sampled)
	}
	if v.AbsentReason != "" {
		out.AbsentReason = &outConcept{Text: w.words("Value.AbsentReason", v.AbsentReason)}
		if absentReasons.has(v.AbsentReason) {
			out.AbsentReason = &outConcept{Coding: []outCoding{absentReasons.coding(v.AbsentReason)}}
		}
	}
	filed := 0
	for _, is := range []bool{
		v.Quantity != nil, v.Concept != nil, v.Text != "", v.Bool != nil, v.Integer != nil, v.Sampled != nil, v.AbsentReason != "",
	} {
		if is {
			filed++
		}
	}
	if filed > 1 {
		w.refuse("Value", "more than one value, or a value beside the reason why there is none")
	}
	return out
}
