package hl7v2

import (
	"regexp"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/measure"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// observationStatus are those of HL7 table 0085 as FHIR's; "" is a result that is taken back.
var observationStatus = map[string]string{
	"F": "final", "P": "preliminary", "C": "corrected", "A": "amended", "R": "preliminary", "S": "preliminary", "I": "registered", "O": "registered",
	"U": "final", "B": "final", "V": "final", "X": "cancelled", "N": "cancelled", "D": "", "W": "", "": "final",
}

// observation reads OBX.
func (r *reader) observation() {
	s := r.seg
	if r.obr == nil {
		r.violate(0, "stands before any OBR")
		return
	}
	r.obr.count++
	status, known := observationStatus[strings.ToUpper(s.field(11).component(1))]
	if !known {
		r.violate(11, "not an observation status of table 0085")
		return
	}
	code := concept(s.field(3))
	if code.IsZero() {
		r.violate(3, "required: what was observed")
		return
	}
	device := r.device(code)
	r.lastOBX = &lastOBX{tree: r.tree(), filed: -1}
	if r.seg.field(5).empty() {
		r.lastOBX.kind = code
	}
	if status == "" {
		r.notice(0, record.NoticeEnteredInError, "deleted or entered in error, left out")
		return
	}
	o := record.Observation{
		Status: status, Code: code, Start: r.time(14), DeviceID: device, EncounterID: r.encounter, Category: categoryOf(code),
	}
	if o.Start.IsZero() {
		o.Start = r.obr.at
	}
	if !r.value(&o) {
		return
	}
	for _, f := range s.field(8).repetitions() {
		if flag := f.component(1); flag != "" {
			o.Interpretation = append(o.Interpretation, flag)
		}
	}
	o.Reference = r.referenceRange(o.Value.Quantity)
	o.ID = r.id(".%d.%d", r.obr.number, r.obr.count)
	r.lastOBX.filed = len(r.rec.Observations)
	r.groups[r.lastOBX.filed] = r.obr.number
	r.rec.Observations = append(r.rec.Observations, o)
	if r.obr.report >= 0 {
		report := &r.rec.Reports[r.obr.report]
		report.Results = append(report.Results, o.ID)
	}
}

func categoryOf(c record.Concept) string {
	e, _ := terms.Find("measure", c)
	switch {
	case e == nil:
		return ""
	case e.Group == "vital":
		return "vital-signs"
	case e.Group == "lab" || e.Group == "gas":
		return "laboratory"
	}
	return ""
}

// value reads OBX-5 by the type of OBX-2. It says whether there is something to file.
func (r *reader) value(o *record.Observation) bool {
	v := r.seg.field(5)
	reps := v.repetitions()
	if len(reps) > r.lim.Repetitions {
		r.limit = &record.LimitError{Path: r.path(5), What: "repetitions", Limit: int64(r.lim.Repetitions)}
		return false
	}
	if v.empty() || v.isNull() {
		if v.empty() && r.node() {
			return false
		}
		o.Value.AbsentReason = "unknown"
		return true
	}
	typ := r.seg.field(2).component(1)
	if len(reps) > 1 && typ != "TX" && typ != "FT" {
		r.notice(5, record.NoticeMore, "%d more values are not read", len(reps)-1)
	}
	switch first := reps[0]; typ {
	case "NM":
		if m := bounded.FindStringSubmatch(first.component(1)); m != nil { // "<5" belongs into an SN, and is sent all the same
			return r.quantity(o, m[1], m[2], 1)
		}
		return r.quantity(o, "", first.component(1), 1)
	case "SN":
		return r.structured(o, first)
	case "ST", "TX", "FT", "IS", "ID", "":
		return r.text(o, v, reps)
	case "CE", "CWE", "CNE", "CF":
		c := concept(first)
		if c.IsZero() {
			r.violate(5, "expected a code or a text")
			return false
		}
		o.Value.Concept = &c
		return true
	case "DT", "TM", "TS", "DTM":
		o.Value.Text = first.component(1)
		return o.Value.Text != ""
	}
	if !dataType.MatchString(typ) {
		typ = "of an unknown type"
	}
	r.rec.Skipped["OBX "+typ]++
	r.notice(2, record.NoticeUnknownResource, "values of this type are not read")
	return false
}

// dataType are the names of HL7's data types: what else stands in OBX-2 is told to nobody.
var dataType = regexp.MustCompile(`^(AD|CK|CN|CP|CX|DR|ED|EI|JCC|MA|MO|NA|NR|PN|PPN|RP|SNM|TN|XAD|XCN|XON|XPN|XTN)$`)

// node says whether the OBX stands for a part of a device, not for something measured: by PCD-01
// a metric has a fourth number that is not 0 in OBX-4.
func (r *reader) node() bool {
	parts := strings.Split(r.seg.field(4).component(1), ".")
	return len(parts) >= 4 && strings.Trim(parts[3], "0") == ""
}

// quantity files a number with the unit of OBX-6.
func (r *reader) quantity(o *record.Observation, comparator, text string, component int) bool {
	d, ok := decimal(text)
	if !ok {
		r.violations = append(r.violations, record.Violation{Path: r.path(5) + "." + string(rune('0'+component)), Message: "expected a number of at most 32 characters"})
		return false
	}
	q := &record.Quantity{Value: d, Comparator: comparator}
	q.Unit, q.Code = units(r.seg.field(6))
	for _, f := range []*measure.Finding{measure.CheckUnit(q), measure.Check(o.Code, q)} {
		field := map[string]int{"value": 5, "unit": 6, "code": 6}
		switch {
		case f == nil:
		case f.Notice != "":
			r.notice(field[f.Field], f.Notice, "%s", f.Message)
		default:
			r.violate(field[f.Field], "%s", f.Message)
			return false
		}
	}
	o.Value.Quantity = q
	return true
}

var comparators = map[string]string{"<": "<", "<=": "<=", ">": ">", ">=": ">=", "=": "", "": ""}

// structured reads an SN: comparator, number, separator, number.
func (r *reader) structured(o *record.Observation, v value) bool {
	comparator, known := comparators[v.component(1)]
	if !known {
		r.violate(5, "expected a comparator <, <=, >, >= or = in the first component")
		return false
	}
	if v.component(3) == "" {
		return r.quantity(o, comparator, v.component(2), 2)
	}
	o.Value.Text = strings.TrimSpace(comparator + v.component(2) + v.component(3) + v.component(4)) // a ratio or a range
	return true
}

var bounded = regexp.MustCompile(`^\s*(<=|>=|<|>)?\s*([+-]?\d+(?:\.\d+)?)\s*$`)

// text files words; a number in a text field with a unit beside it is a quantity, as many
// laboratories send what lies beyond a limit ("<5").
func (r *reader) text(o *record.Observation, v value, reps []value) bool {
	lines := make([]string, len(reps))
	for i, rep := range reps {
		lines[i] = rep.text()
	}
	text := strings.Join(lines, "\n")
	if m := bounded.FindStringSubmatch(v.text()); m != nil && !r.seg.field(6).empty() {
		return r.quantity(o, m[1], m[2], 1)
	}
	o.Value.Text = strings.TrimSpace(text)
	if o.Value.Text == "" {
		o.Value.AbsentReason = "unknown"
	}
	return true
}

var span = regexp.MustCompile(`^\s*([+-]?\d+(?:\.\d+)?)\s*(?:-|–|—|～|~|to|至)\s*([+-]?\d+(?:\.\d+)?)\s*$`)
var half = regexp.MustCompile(`^\s*(<=?|>=?)\s*([+-]?\d+(?:\.\d+)?)\s*$`)

// referenceRange reads OBX-7: "3.5-5.0", "<8", ">59", else its words.
func (r *reader) referenceRange(q *record.Quantity) *record.Range {
	text := strings.TrimSpace(r.seg.field(7).text())
	if text == "" {
		return nil
	}
	end := func(s string) *record.Quantity {
		d, ok := decimal(s)
		if !ok || q == nil {
			return nil
		}
		return &record.Quantity{Value: d, Unit: q.Unit, Code: q.Code}
	}
	out := &record.Range{}
	if m := span.FindStringSubmatch(text); m != nil {
		out.Low, out.High = end(m[1]), end(m[2])
	} else if m := half.FindStringSubmatch(text); m != nil {
		if m[1][0] == '<' {
			out.High = end(m[2])
		} else {
			out.Low = end(m[2])
		}
	}
	if out.Low == nil && out.High == nil {
		out.Text = text[:min(len(text), 256)]
		out.Text = strings.ToValidUTF8(out.Text, "")
	}
	return out
}
