package fhir

import (
	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
	"github.com/bedside-lm/bedside/clinical/record"
)

// concept reads a FHIR CodeableConcept.
func (r *reader) concept(n *tree.Node, name string, need bool) record.Concept {
	c := r.field(n, name, tree.Object, need)
	if c == nil {
		return record.Concept{}
	}
	return r.conceptAt(c)
}

func (r *reader) conceptAt(c *tree.Node) record.Concept {
	out := record.Concept{Text: r.str(c, "text", optional)}
	for coding := range r.objects(c, "coding") {
		if len(out.Codings) >= r.lim.Codings {
			r.exceed(coding.Parent(), "codings", r.lim.Codings)
			break
		}
		if k := r.codingAt(coding); k != (record.Coding{}) {
			out.Codings = append(out.Codings, k)
		}
	}
	if out.IsZero() && c.Get("text") == nil && c.Get("coding") == nil && !absent(c) {
		r.violate(c, "needs a coding or a text")
	}
	return out
}

// absent says whether an element has the extension that says why it is empty
// (https://hl7.org/fhir/R4/extension-data-absent-reason.html).
func absent(n *tree.Node) bool {
	for c := n.Get("extension").Child(); c != nil; c = c.Next() {
		if c.Get("url").Is(extensionAbsent) {
			return true
		}
	}
	return false
}

const extensionAbsent = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

func (r *reader) codingAt(c *tree.Node) record.Coding {
	return record.Coding{
		System: r.str(c, "system", optional), Code: r.code(c, "code", optional, nil), Display: r.str(c, "display", optional),
	}
}

// concepts reads a list of CodeableConcepts.
func (r *reader) concepts(n *tree.Node, name string) []record.Concept {
	var out []record.Concept
	for c := range r.objects(n, name) {
		out = append(out, r.conceptAt(c))
	}
	return out
}

// boundConcept reads a CodeableConcept whose code is bound, and returns the code.
func (r *reader) boundConcept(n *tree.Node, name string, from binding) string {
	c := r.field(n, name, tree.Object, optional)
	if c == nil {
		return ""
	}
	r.conceptAt(c)
	first := r.first(c, "coding")
	if first == nil {
		return ""
	}
	return r.codeAt(first.Get("code"), from)
}

// firstCode returns the first code of the first concept in a list, in system if one
// of its codings has it.
func (r *reader) firstCode(n *tree.Node, name, system string) string {
	fallback := ""
	for _, c := range r.concepts(n, name) {
		if code := c.Code(system); code != "" {
			return code
		}
		if fallback == "" && len(c.Codings) > 0 {
			fallback = c.Codings[0].Code
		}
	}
	return fallback
}

// quantity reads a FHIR Quantity and holds its unit against its code.
func (r *reader) quantity(n *tree.Node, name string) *record.Quantity {
	c := r.field(n, name, tree.Object, optional)
	if c == nil {
		return nil
	}
	return r.quantityAt(c)
}

func (r *reader) quantityAt(c *tree.Node) *record.Quantity {
	if c.Kind != tree.Object {
		r.wrongKind(c, tree.Object)
		return nil
	}
	value, ok := r.decimal(c, "value", required)
	q := &record.Quantity{
		Value: value, Unit: r.str(c, "unit", optional), Comparator: r.code(c, "comparator", optional, comparators),
	}
	system, code := r.str(c, "system", optional), r.code(c, "code", optional, nil)
	if code != "" && c.Get("system") == nil {
		r.violatePath(c.Path()+".system", "required where a code is given")
	}
	if system == record.SystemUCUM {
		q.Code = code
	}
	r.unitAgrees(c, q)
	if !ok {
		return nil
	}
	return q
}

// simpleQuantity reads a SimpleQuantity, which has no comparator.
func (r *reader) simpleQuantity(n *tree.Node, name string) *record.Quantity {
	q := r.quantity(n, name)
	if q != nil && q.Comparator != "" {
		r.violate(n.Get(name).Get("comparator"), "not allowed here")
	}
	return q
}

// rangeAt reads a FHIR Range, or a reference range, which has the same fields and a text.
func (r *reader) rangeAt(c *tree.Node) *record.Range {
	out := &record.Range{Low: r.simpleQuantity(c, "low"), High: r.simpleQuantity(c, "high")}
	if out.Low != nil && out.High != nil && out.Low.Unit == out.High.Unit && out.Low.Value.Float > out.High.Value.Float {
		r.violate(c, "low is greater than high")
	}
	return out
}

// periodAt reads a FHIR Period.
func (r *reader) periodAt(c *tree.Node) (start, end record.DateTime) {
	if c == nil {
		return
	}
	if c.Kind != tree.Object {
		r.wrongKind(c, tree.Object)
		return
	}
	start, end = r.dateTime(c, "start"), r.dateTime(c, "end")
	if !start.IsZero() && !end.IsZero() && start.Precision == end.Precision && end.Compare(start) < 0 {
		r.violate(c, "end is before start")
	}
	return start, end
}

// choice finds the field of a choice of types, such as value[x], and returns it with
// its type's name. At most one may be filed, of one of the given types.
func (r *reader) choice(n *tree.Node, prefix string, need bool, types ...string) (*tree.Node, string) {
	var found *tree.Node
	kind := ""
	for c := n.Child(); c != nil; c = c.Next() {
		typ, ok := c.AfterPrefix(prefix)
		if !ok || len(typ) == 0 || typ[0] < 'A' || typ[0] > 'Z' {
			continue
		}
		known := knownType(types, typ)
		switch {
		case found != nil:
			r.violate(c, "a second %s[x]; at most one is allowed", prefix)
		case known == "":
			r.violate(c, "not a type of %s[x] here; expected %s", prefix, oneOf(types))
			found = c // filed, if wrongly: not missing too
		default:
			found, kind = c, known
		}
	}
	if found == nil && need {
		r.missing(n, prefix+"[x]")
	}
	if kind == "" {
		return nil, ""
	}
	return found, kind
}

func knownType(types []string, name []byte) string {
	for _, t := range types {
		if t == string(name) {
			return t
		}
	}
	return ""
}

// when reads a choice of times as a start and, for a period, an end. Types that are
// no time (a text, an age) give none.
func (r *reader) when(n *tree.Node, prefix string, need bool, types ...string) (start, end record.DateTime) {
	c, typ := r.choice(n, prefix, need, types...)
	switch typ {
	case "DateTime":
		start = r.dateTimeAt(c)
	case "Instant":
		start = r.instantAt(c)
	case "Period":
		return r.periodAt(c)
	case "Timing":
		return r.timing(c)
	case "String":
		r.strAt(c)
	}
	return start, end
}

// timing reads the events of a FHIR Timing as the first and last moment, and one without
// events as the period in which it repeats.
func (r *reader) timing(c *tree.Node) (start, end record.DateTime) {
	events := 0
	for e := r.field(c, "event", tree.Array, optional).Child(); e != nil; e = e.Next() {
		at := r.dateTimeAt(e)
		if events++; events == 1 || at.Compare(start) < 0 {
			start = at
		}
		if at.Compare(end) > 0 {
			end = at
		}
	}
	switch events {
	case 0:
		repeat := r.field(c, "repeat", tree.Object, optional)
		return r.periodAt(repeat.Get("boundsPeriod"))
	case 1:
		end = record.DateTime{}
	}
	return start, end
}
