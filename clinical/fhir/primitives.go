package fhir

import (
	"iter"
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
	"github.com/bedside-lm/bedside/clinical/record"
)

// Whether a field must be there (minimum cardinality 1).
const (
	required = true
	optional = false
)

// field returns n's member of the given kind, or nil, noting what is wrong.
func (r *reader) field(n *tree.Node, name string, kind tree.Kind, need bool) *tree.Node {
	c := n.Get(name)
	switch {
	case c == nil && need:
		r.missing(n, name)
	case c != nil && c.Kind != kind:
		r.wrongKind(c, kind)
		return nil
	}
	return c
}

// objects gives the objects of the array called name.
func (r *reader) objects(n *tree.Node, name string) iter.Seq[*tree.Node] {
	return func(yield func(*tree.Node) bool) {
		list := r.field(n, name, tree.Array, optional)
		if list == nil {
			return
		}
		if list.Child() == nil {
			r.violate(list, "expected at least one element")
		}
		for c := list.Child(); c != nil; c = c.Next() {
			if c.Kind != tree.Object {
				r.wrongKind(c, tree.Object)
			} else if !yield(c) {
				return
			}
		}
	}
}

// first returns the first object of the array called name, or nil. Its fellows are
// checked to be objects.
func (r *reader) first(n *tree.Node, name string) *tree.Node {
	var first *tree.Node
	for c := range r.objects(n, name) {
		if first == nil {
			first = c
		}
	}
	return first
}

// str reads a FHIR string, uri or markdown.
func (r *reader) str(n *tree.Node, name string, need bool) string {
	return r.strAt(r.field(n, name, tree.String, need))
}

// strAt reads the string c; nil is "". Texts that repeat, as most in a record do, are one
// copy.
func (r *reader) strAt(c *tree.Node) string {
	if c == nil || c.Kind != tree.String {
		return r.ownText(c)
	}
	const short, enough = 64, 10_000
	if len(c.Raw()) > short {
		return r.ownText(c)
	}
	if known, ok := r.texts[string(c.Raw())]; ok {
		return known
	}
	s := r.ownText(c)
	if s != "" && len(r.texts) < enough {
		r.texts[string(c.Raw())] = s
	}
	return s
}

// ownText is strAt for a text that hardly repeats, such as an id.
func (r *reader) ownText(c *tree.Node) string {
	if c == nil {
		return ""
	}
	if c.Kind != tree.String {
		r.wrongKind(c, tree.String)
		return ""
	}
	if len(c.Raw()) > r.lim.StringBytes {
		r.exceed(c, "bytes in a text", r.lim.StringBytes)
		return ""
	}
	s := c.Text()
	if strings.TrimSpace(s) == "" {
		r.violate(c, "expected a text, got an empty one")
		return ""
	}
	if at := strings.IndexFunc(s, forbidden); at >= 0 {
		r.violate(c, "control character at byte %d of the text", at)
		return ""
	}
	return s
}

// forbidden are the characters that a FHIR string shall not hold (R4 section 2.24.0.1).
func forbidden(c rune) bool { return c < ' ' && c != '\t' && c != '\n' && c != '\r' }

// code reads a FHIR code, from the binding where one is given.
func (r *reader) code(n *tree.Node, name string, need bool, from binding) string {
	return r.codeAt(r.field(n, name, tree.String, need), from)
}

func (r *reader) codeAt(c *tree.Node, from binding) string {
	s := r.strAt(c)
	if s == "" {
		return ""
	}
	if strings.TrimSpace(s) != s {
		r.violate(c, "a code has no space at its ends")
		return ""
	}
	if from != nil && !from.has(s) {
		// Which one is not told: a status may hold a name by mistake.
		r.violate(c, "unknown code: expected %s", oneOf(from))
		return ""
	}
	return s
}

func (r *reader) boolAt(c *tree.Node) (value, ok bool) {
	if c.Kind != tree.Bool {
		r.wrongKind(c, tree.Bool)
		return false, false
	}
	return c.Raw()[0] == 't', true
}

// integerAt reads a FHIR integer: 32 bits, no fraction.
func (r *reader) integerAt(c *tree.Node) (int64, bool) {
	if c.Kind != tree.Number {
		r.wrongKind(c, tree.Number)
		return 0, false
	}
	v, err := strconv.ParseInt(string(c.Raw()), 10, 32)
	if err != nil {
		r.violate(c, "expected a whole number of at most 32 bits")
		return 0, false
	}
	return v, true
}

// decimal reads a FHIR decimal; ok is false where there is none.
func (r *reader) decimal(n *tree.Node, name string, need bool) (d record.Decimal, ok bool) {
	c := r.field(n, name, tree.Number, need)
	if c == nil {
		return d, false
	}
	d, err := record.ParseDecimal(string(c.Raw()))
	if err != nil {
		r.violate(c, "%v", err)
		return d, false
	}
	return d, true
}

// dateTime reads an optional FHIR dateTime.
func (r *reader) dateTime(n *tree.Node, name string) record.DateTime {
	return r.dateTimeAt(r.field(n, name, tree.String, optional))
}

func (r *reader) dateTimeAt(c *tree.Node) record.DateTime {
	s := r.ownText(c)
	d, err := record.ParseDateTime(s)
	if err != nil || strings.ContainsRune(s, ',') || farZone(d) {
		r.violate(c, "%v", record.ErrDateTime{})
		return record.DateTime{}
	}
	return d
}

// farZone says whether a time has a zone that no place on earth has. FHIR allows 14 hours.
func farZone(d record.DateTime) bool {
	_, offset := d.Time.Zone()
	return offset < -14*3600 || offset > 14*3600
}

// date reads a FHIR date, which has no time of day.
func (r *reader) date(n *tree.Node, name string) record.DateTime {
	c := r.field(n, name, tree.String, optional)
	d := r.dateTimeAt(c)
	if d.Precision == record.PrecisionSecond {
		r.violate(c, "not a FHIR date (YYYY, YYYY-MM or YYYY-MM-DD)")
		return record.DateTime{}
	}
	return d
}

// instantAt reads a FHIR instant, which is known to the second at least.
func (r *reader) instantAt(c *tree.Node) record.DateTime {
	d := r.dateTimeAt(c)
	if !d.IsZero() && d.Precision != record.PrecisionSecond {
		r.violate(c, "not a FHIR instant (YYYY-MM-DDThh:mm:ss+zz:zz)")
		return record.DateTime{}
	}
	return d
}
