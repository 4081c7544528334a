package tabular

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/measure"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// cell is one value to be read, and what it is of.
type cell struct {
	column     string
	unitColumn string // where the unit stands; "" for one of the mapping
	what       *what
	unit       filedUnit
	words      bool
}

// long reads a row that is one reading.
func (b *builder) long(o *record.Observation) {
	l := b.m.spec.Long
	code, name, text := b.cell(l.Code), b.cell(l.Name), b.cell(l.Value)
	if code == "" && name == "" {
		b.violate(cmp.Or(l.Code, l.Name), "required: what was measured")
		return
	}
	w := b.whats[[2]string{code, name}]
	if w == nil {
		w = describe(l.System, code, name)
		b.whats[[2]string{code, name}] = w
		if w.entry == nil {
			b.notice(cmp.Or(l.Code, l.Name), record.NoticeUnknownCode, "not in the table of terms, kept as filed")
		}
	}
	c := cell{column: l.Value, unitColumn: l.Unit, what: w, unit: b.unit(b.cell(l.Unit)), words: l.Words}
	o.Code, o.Category = w.code, w.category
	o.ID = fmt.Sprintf("row-%d", b.at.Number)
	if text == "" {
		o.Value.AbsentReason = "unknown"
	} else if !b.read(&c, o, text) {
		return
	}
	if flag := b.cell(l.Flag); flag != "" {
		o.Interpretation = b.flag(flag)
	}
	if span := b.cell(l.Range); span != "" {
		o.Reference = referenceRange(span, c.unit, b.m.spec.Decimal)
	}
	b.file(o)
}

// wide reads one column of a row of many.
func (b *builder) wide(col *wideColumn, row *record.Observation) {
	text := b.at.Cells[col.cell]
	if b.m.missing[text] {
		return
	}
	o := *row
	o.Code, o.Category = col.what.code, col.what.category
	o.ID = fmt.Sprintf("row-%d.%d", b.at.Number, col.number)
	if b.read(&cell{column: col.column, what: col.what, unit: col.unit, words: col.words}, &o, text) {
		b.file(&o)
	}
}

// file adds an observation. Its codes are its own: nothing of the mapping's is shared.
func (b *builder) file(o *record.Observation) {
	o.ID = b.id(o.ID)
	o.Code.Codings = append([]record.Coding(nil), o.Code.Codings...)
	b.rec.Observations = append(b.rec.Observations, *o)
}

func (b *builder) unit(text string) filedUnit {
	u, known := b.units[text]
	if !known {
		u = unitOf(text)
		b.units[text] = u
	}
	return u
}

// read files a value. It says whether there is one.
func (b *builder) read(c *cell, o *record.Observation, text string) bool {
	if e := c.what.entry; e != nil && e.Key == pressures {
		return b.pressure(c, o, text)
	}
	comparator, d, ok := number(text, b.m.spec.Decimal)
	switch {
	case ok:
		o.Value.Quantity = b.quantity(c, c.what.code, comparator, d)
		return o.Value.Quantity != nil
	case c.words:
		o.Value.Text = text
		return true
	}
	b.violate(c.column, "expected a number, with %q as its decimal sign", b.m.spec.Decimal)
	return false
}

// quantity gives a number its unit, and holds it against what it is of. nil means that it
// cannot be.
func (b *builder) quantity(c *cell, code record.Concept, comparator string, d record.Decimal) *record.Quantity {
	q := &record.Quantity{Value: d, Comparator: comparator, Unit: c.unit.text, Code: c.unit.code}
	for _, f := range []*measure.Finding{measure.CheckUnit(q), measure.Check(code, q)} {
		if f == nil {
			continue
		}
		column := c.column
		if f.Field != "value" && c.unitColumn != "" {
			column = c.unitColumn
		}
		if f.Notice == "" {
			b.violate(column, "%s", f.Message)
			return nil
		}
		b.notice(column, f.Notice, f.Message)
	}
	return q
}

var pressurePattern = regexp.MustCompile(`^(\d{1,3})\s*/\s*(\d{1,3})$`)

// pressure reads "120/80" as FHIR's vital signs have it: one observation with two components.
func (b *builder) pressure(c *cell, o *record.Observation, text string) bool {
	parts := pressurePattern.FindStringSubmatch(text)
	if parts == nil {
		b.violate(c.column, `expected two numbers, systolic and diastolic, such as "120/80"`)
		return false
	}
	for i, loinc := range []string{"8480-6", "8462-4"} {
		_, d, ok := number(parts[i+1], ".")
		if !ok {
			b.violate(c.column, "expected numbers")
			return false
		}
		code := record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Code: loinc, Display: terms.Measure(loinc).Name(terms.English)}}}
		q := b.quantity(c, code, "", d)
		if q == nil {
			return false
		}
		o.Components = append(o.Components, record.Component{Code: code, Value: record.Value{Quantity: q}})
	}
	return true
}

var (
	signs         = strings.NewReplacer("≤", "<=", "≥", ">=", "＜", "<", "＞", ">", "−", "-")
	numberPattern = regexp.MustCompile(`^(<=|>=|<|>)?\s*([+-]?)(\d+(?:\.\d+)?|\.\d+)([eE][+-]?\d{1,3})?$`)
)

// number reads "7.40", "<0.1", "≥ 90". Signs that group thousands are not read: where "." may be
// one and may be a decimal sign, a guess would be wrong by a thousand.
func number(s, sign string) (comparator string, d record.Decimal, ok bool) {
	s = signs.Replace(s)
	if sign != "." {
		if strings.Contains(s, ".") {
			return "", d, false
		}
		s = strings.ReplaceAll(s, sign, ".")
	}
	m := numberPattern.FindStringSubmatch(s)
	if m == nil {
		return "", d, false
	}
	digits := strings.TrimLeft(m[3], "0") // FHIR decimals begin with no zero but the one before the point
	if digits == "" || digits[0] == '.' {
		digits = "0" + digits
	}
	d, err := record.ParseDecimal(strings.TrimPrefix(m[2], "+") + digits + m[4])
	return m[1], d, err == nil
}

// flags are marks of a result as laboratories write them, as v3 ObservationInterpretation codes.
var flags = map[string]string{
	"H": "H", "HIGH": "H", "↑": "H", "高": "H", "偏高": "H", "HH": "HH", "↑↑": "HH", "L": "L", "LOW": "L", "↓": "L", "低": "L", "偏低": "L", "LL": "LL",
	"↓↓": "LL", "N": "N", "NORMAL": "N", "正常": "N", "A": "A", "ABNORMAL": "A", "异常": "A", "AA": "AA",
}

func (b *builder) flag(text string) []string {
	if code := flags[strings.ToUpper(text)]; code != "" {
		return []string{code}
	}
	if !b.noted["flag"] {
		b.noted["flag"] = true
		b.notice(b.m.spec.Long.Flag, record.NoticeUnknownCode, "not a known flag of a result, left out")
	}
	return nil
}

var spanPattern = regexp.MustCompile(`^([^\s~～—–]+?)\s*(?:-{1,2}|~|～|—|–|to|至)\s*([^\s~～—–]+)$`)

// referenceRange reads "3.5-5.0", "<8", "≥59", else keeps the words.
func referenceRange(text string, u filedUnit, sign string) *record.Range {
	end := func(s string) *record.Quantity {
		if comparator, d, ok := number(s, sign); ok && comparator == "" {
			return &record.Quantity{Value: d, Unit: u.text, Code: u.code}
		}
		return nil
	}
	if m := spanPattern.FindStringSubmatch(text); m != nil {
		if low, high := end(m[1]), end(m[2]); low != nil && high != nil && low.Value.Float <= high.Value.Float {
			return &record.Range{Low: low, High: high}
		}
	}
	if comparator, d, ok := number(text, sign); ok && comparator != "" {
		q := &record.Quantity{Value: d, Unit: u.text, Code: u.code}
		if comparator[0] == '<' {
			return &record.Range{High: q}
		}
		return &record.Range{Low: q}
	}
	return &record.Range{Text: text}
}

// diagnosis is what a label names.
func diagnosis(system, text string) record.Concept {
	switch system {
	case "icd-10-cm":
		return coded(record.SystemICD10CM, text)
	case "icd-10":
		return coded(record.SystemICD10, text)
	}
	c := record.Concept{Text: text}
	if e := terms.ByName("diagnosis", text); e != nil {
		for _, code := range e.Codes {
			if icd, ok := strings.CutPrefix(code, "I"); ok {
				c.Codings = []record.Coding{{System: record.SystemICD10CM, Code: icd, Display: e.Name(terms.English)}}
				break
			}
		}
	}
	return c
}

func coded(system, code string) record.Concept {
	c := record.Concept{Codings: []record.Coding{{System: system, Code: code}}}
	if e, exact := terms.Find("diagnosis", c); exact {
		c.Codings[0].Display = e.Name(terms.English)
	}
	return c
}
