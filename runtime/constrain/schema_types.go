package constrain

import (
	"fmt"
	"math/big"
	"slices"
)

var allTypes = []string{"null", "boolean", "integer", "number", "string", "array", "object"}

// typesOf returns the types that a schema is about; none where it says nothing.
func typesOf(v *value, path string) ([]string, error) {
	arg := v.get("type")
	var types []string
	switch {
	case arg == nil:
		for _, name := range v.names {
			if t := keywords[name]; t != "" && !slices.Contains(types, t) {
				types = append(types, t)
			}
		}
		return types, nil
	case arg.kind == isString:
		types = []string{arg.text}
	case arg.kind == isArray && len(arg.members) > 0:
		for _, m := range arg.members {
			types = append(types, m.text) // "" where it is no string, which is no type
		}
	}
	if len(types) == 0 || slices.ContainsFunc(types, func(t string) bool { return !slices.Contains(allTypes, t) }) {
		return nil, fail(KindInvalid, path+"/type", "must be one or several of null, boolean, integer, number, string, array, object")
	}
	return types, nil
}

// typed is a schema by its types and what it says about each.
func (c *schemaCompiler) typed(v *value, refs int, path string) (nodeID, error) {
	types, err := typesOf(v, path)
	if err != nil {
		return none, err
	}
	if len(types) == 0 {
		return c.anything(maxAnyDepth), nil
	}
	var parts []nodeID
	for _, t := range types {
		var part nodeID
		switch t {
		case "null":
			part = c.graph.lit("null")
		case "boolean":
			part = c.boolean()
		case "integer", "number":
			part, err = c.numeric(v, t == "integer", path)
		case "string":
			part, err = c.str(v, path)
		case "array":
			part, err = c.array(v, refs, path)
		case "object":
			part, err = c.object(v, refs, path)
		}
		if err != nil {
			return none, err
		}
		parts = append(parts, part)
	}
	return c.graph.alt(parts...), nil
}

func (c *schemaCompiler) boolean() nodeID {
	return c.graph.alt(c.graph.lit("true"), c.graph.lit("false"))
}

// anything is any value, nested up to depth.
func (c *schemaCompiler) anything(depth int) nodeID {
	if c.any[depth] != none {
		return c.any[depth]
	}
	g := c.graph
	text := g.cat(g.lit(`"`), g.repeat(c.char(), 0, unbounded), g.lit(`"`))
	parts := []nodeID{g.lit("null"), c.boolean(), text, decimals{fraction: fractionDigits}.node(g)}
	if depth > 0 {
		inner := c.anything(depth - 1)
		parts = append(parts, c.list(inner, 0, unbounded), c.freeMembers(inner))
	}
	c.any[depth] = g.alt(parts...)
	return c.any[depth]
}

// bound reads a keyword whose value is a whole number from 0, and returns other where it is missing.
func bound(v *value, name, path string, other int) (int, error) {
	arg := v.get(name)
	if arg == nil {
		return other, nil
	}
	if arg.kind != isNumber || !arg.rat.IsInt() || arg.rat.Sign() < 0 {
		return 0, fail(KindInvalid, path+"/"+name, "must be a whole number from 0")
	}
	if arg.rat.Cmp(big.NewRat(maxBound, 1)) > 0 {
		return 0, fail(KindLimit, path+"/"+name, "is more than %d", maxBound)
	}
	return int(arg.rat.Num().Int64()), nil
}

// maxBound is the largest count that a schema may name.
const maxBound = 1_000_000

// bounds reads a pair of them. It says false where nothing fulfils both.
func bounds(v *value, least, most, path string) (lo, hi int, some bool, err error) {
	if lo, err = bound(v, least, path, 0); err != nil {
		return 0, 0, false, err
	}
	if hi, err = bound(v, most, path, unbounded); err != nil {
		return 0, 0, false, err
	}
	return lo, hi, hi == unbounded || lo <= hi, nil
}

func (c *schemaCompiler) array(v *value, refs int, path string) (nodeID, error) {
	least, most, some, err := bounds(v, "minItems", "maxItems", path)
	if err != nil || !some {
		return none, err
	}
	item := c.anything(maxAnyDepth - 1)
	if arg := v.get("items"); arg != nil {
		if item, err = c.schema(arg, refs, path+"/items"); err != nil {
			return none, err
		}
	}
	return c.list(item, least, most), nil
}

// list is an array of least to most items.
func (c *schemaCompiler) list(item nodeID, least, most int) nodeID {
	g := c.graph
	var parts []nodeID
	if least == 0 {
		parts = append(parts, g.lit("[]"))
	}
	if most != 0 {
		rest := most
		if most != unbounded {
			rest = most - 1
		}
		more := g.repeat(g.cat(g.lit(itemSeparator), item), max(least-1, 0), rest)
		parts = append(parts, g.cat(g.lit("["), item, more, g.lit("]")))
	}
	return g.alt(parts...)
}

// member is one property of an object.
type member struct {
	text     nodeID // name, separator and value
	required bool
}

func (c *schemaCompiler) object(v *value, refs int, path string) (nodeID, error) {
	required, err := requiredNames(v, path)
	if err != nil {
		return none, err
	}
	var others nodeID
	if arg := v.get("additionalProperties"); arg != nil {
		others, err = c.schema(arg, refs, path+"/additionalProperties")
	} else {
		others = c.anything(maxAnyDepth - 1)
	}
	if err != nil {
		return none, err
	}
	properties := v.get("properties")
	if properties == nil {
		if len(required) == 0 {
			return c.freeMembers(others), nil
		}
		properties = &value{kind: isObject}
	}
	if properties.kind != isObject {
		return none, fail(KindInvalid, path+"/properties", "must be an object")
	}
	var members []member
	for i, name := range properties.names {
		node, err := c.schema(properties.members[i], refs, path+"/properties/"+nth(i))
		if err != nil {
			return none, err
		}
		members = append(members, c.member(name, node, required))
	}
	for _, name := range required {
		if properties.get(name) == nil {
			members = append(members, c.member(name, others, required))
		}
	}
	return c.members(members), nil
}

func (c *schemaCompiler) member(name string, node nodeID, required []string) member {
	return member{text: c.graph.cat(c.graph.lit(quote(name)+nameSeparator), node), required: slices.Contains(required, name)}
}

func requiredNames(v *value, path string) ([]string, error) {
	arg := v.get("required")
	if arg == nil {
		return nil, nil
	}
	if arg.kind != isArray {
		return nil, fail(KindInvalid, path+"/required", "must be a list of names")
	}
	var names []string
	for i, m := range arg.members {
		if m.kind != isString || slices.Contains(names, m.text) {
			return nil, fail(KindInvalid, fmt.Sprintf("%s/required/%d", path, i), "must be a name that is not there twice")
		}
		names = append(names, m.text)
	}
	return names, nil
}

// members is an object of the given members in their order. From the last to the first: rest is what may follow once a
// member is written, first what may stand there while none is.
func (c *schemaCompiler) members(list []member) nodeID {
	g := c.graph
	rest, first := g.lit("}"), g.lit("}")
	for _, m := range slices.Backward(list) {
		begun := g.cat(m.text, rest)
		next := g.cat(g.lit(itemSeparator), m.text, rest)
		if m.required {
			rest, first = next, begun
		} else {
			rest, first = g.alt(next, rest), g.alt(begun, first)
		}
	}
	return g.cat(g.lit("{"), first)
}

// freeMembers is an object of any names with values of one kind.
func (c *schemaCompiler) freeMembers(inner nodeID) nodeID {
	g := c.graph
	name := g.cat(g.lit(`"`), g.repeat(c.char(), 1, maxFreeName), g.lit(`"`+nameSeparator))
	m := g.cat(name, inner)
	return g.alt(g.lit("{}"), g.cat(g.lit("{"), m, g.repeat(g.cat(g.lit(itemSeparator), m), 0, unbounded), g.lit("}")))
}

// maxFreeName is the most characters of a name that a schema does not give.
const maxFreeName = 64
