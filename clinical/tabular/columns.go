package tabular

import (
	"fmt"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/measure"
	"github.com/bedside-lm/bedside/clinical/record/unit"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// wideColumn is one measure's column, made ready.
type wideColumn struct {
	number int // in the mapping, from 1
	cell   int
	column string
	what   *what
	unit   filedUnit
	words  bool
}

// what a reading is of.
type what struct {
	code     record.Concept
	entry    *terms.Entry // nil where the table of terms has none
	category string
}

// systems are the code systems that a mapping can name.
var systems = map[string]string{"loinc": record.SystemLOINC, "mdc": record.SystemIEEE11073}

// pressures is the key of a measure whose values are two numbers, "120/80".
const pressures = "measure:blood pressure"

// describe finds out what a code, a name, or both stand for.
func describe(system, code, name string) *what {
	w := &what{}
	if code != "" {
		w.code.Codings = []record.Coding{{System: systems[system], Code: code, Display: name}}
	}
	w.code.Text = name
	if w.entry, _ = terms.Find("measure", w.code); w.entry == nil {
		return w
	}
	if code == "" {
		if loinc := loincOf(w.entry); loinc != "" {
			w.code.Codings = []record.Coding{{System: record.SystemLOINC, Code: loinc, Display: w.entry.Name(terms.English)}}
		}
	} else if name == "" {
		w.code.Codings[0].Display = w.entry.Name(terms.English)
	}
	switch w.entry.Group {
	case "vital":
		w.category = "vital-signs"
	case "lab", "gas":
		w.category = "laboratory"
	}
	return w
}

// loincOf is a measure's first LOINC code, or "".
func loincOf(e *terms.Entry) string {
	for _, c := range e.Codes {
		if code, ok := strings.CutPrefix(c, "L"); ok {
			return code
		}
	}
	return ""
}

// filedUnit is a unit as it was written, and the UCUM code that it stands for.
type filedUnit struct{ text, code string }

// unitOf reads a unit. People's ways of writing come first: in UCUM "C" is the coulomb, on a
// ward it is Celsius.
func unitOf(text string) filedUnit {
	text = strings.TrimSpace(text)
	u := filedUnit{text: text}
	if text == "" {
		return u
	}
	if known := terms.UnitByCode(text); known != nil {
		u.code = known.Code
		return u
	}
	code, err := unit.Parse(text)
	if err != nil {
		return u
	}
	if written, err := unit.Text(text); err == nil && written.Equal(code) {
		u.code = text
	}
	return u
}

func (c *compiler) long(l *longSpec) {
	for _, name := range []string{l.Code, l.Name, l.Value, l.Unit, l.Range, l.Flag} {
		c.column(name)
	}
	c.choice("long.system", &l.System, "loinc", "mdc")
	if l.Code == "" && l.Name == "" {
		c.fail("long.code", "expected a column of codes (code), of names (name), or both")
	}
	if l.Value == "" {
		c.fail("long.value", "required: the column of values")
	}
}

func (c *compiler) wide(path string, w *wideSpec) {
	c.choice(path+".system", &w.System, "loinc", "mdc")
	if w.Column == "" {
		c.fail(path+".column", "required")
		return
	}
	for _, other := range c.m.wide {
		if other.column == w.Column {
			c.fail(path+".column", "stands twice")
		}
	}
	name := w.Name
	if w.Code == "" && name == "" {
		name = w.Column // many tables call their columns what they are
	}
	c.column(w.Column)
	col := wideColumn{
		number: len(c.m.wide) + 1, cell: c.m.at[w.Column], column: w.Column, what: describe(w.System, w.Code, name), unit: unitOf(w.Unit), words: w.Words,
	}
	c.m.wide = append(c.m.wide, col)
	if w.Code == "" && col.what.entry == nil {
		c.fail(path+".name", "not a measure in the table of terms, in English or Chinese; give a code")
	}
	c.unit(path+".unit", &col)
}

// unit checks a column's unit. One that is left out would leave every number without its
// meaning, so where the measure has a unit the column must name its own.
func (c *compiler) unit(path string, col *wideColumn) {
	q := &record.Quantity{Unit: col.unit.text, Code: col.unit.code}
	switch e := col.what.entry; {
	case col.words:
	case col.unit.text == "" && e != nil && e.Unit != "":
		c.fail(path, "required: what unit the column is in, such as %q", e.Unit)
	case measure.CheckUnit(q) != nil:
		c.fail(path, "not a known unit")
	default:
		if f := measure.Check(col.what.code, q); f != nil && f.Field != "value" {
			c.fail(path, "%s", f.Message)
		}
	}
}

// place names a cell.
func place(row *Row, column string) string {
	if column == "" {
		return row.String()
	}
	return fmt.Sprintf("%s, column %q", row, column)
}
