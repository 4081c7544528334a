package constrain

import (
	"fmt"
	"slices"
	"strings"
)

// How JSON is written: on one line, as Python's json.dumps does. A form without choices of white space leaves the model
// fewer tokens to choose, and more that are forced.
const (
	itemSeparator = ", "
	nameSeparator = ": "
)

// maxAnyDepth is how deep a value may be nested of which a schema says nothing.
const maxAnyDepth = 3

// JSONSchema compiles a form of the JSON values that fulfil a schema (draft 2020-12, and what is written alike in earlier
// ones). It never allows what the schema does not; of what the schema allows, it writes
//
//   - members in the order of "properties", the required ones and any of the others, and no others, also where
//     additionalProperties would allow them. Where there is no "properties", names are free and may repeat;
//   - numbers without exponent, with at most 15 digits before the point and 6 behind it, or as many as a bound has;
//   - characters as they are, with the escapes that have a letter; no \u but for what a pattern asks for;
//   - where "type" is missing, the type that the other keywords are about;
//   - $ref at most MaxReferences deep.
//
// Keywords: type, properties, required, additionalProperties, items, minItems, maxItems, pattern, minLength, maxLength,
// minimum, maximum, exclusiveMinimum, exclusiveMaximum, enum, const, anyOf, allOf of one, $ref, $defs, definitions. Those
// that only describe are passed over. Any other, and combinations that are not done, are KindUnsupported with their place.
func JSONSchema(schema []byte) (*Grammar, error) {
	root, err := parseValue(schema)
	if err != nil {
		return nil, err
	}
	c := &schemaCompiler{graph: newGraph(), root: root, memo: map[schemaAt]nodeID{}}
	node, err := c.schema(root, 0, "")
	if err != nil {
		return nil, err
	}
	return c.graph.grammar(node)
}

type schemaCompiler struct {
	graph *graph
	root  *value
	memo  map[schemaAt]nodeID
	any   [maxAnyDepth + 1]nodeID
}

// schemaAt is a schema below so many references.
type schemaAt struct {
	schema *value
	refs   int
}

// The keywords that say nothing about a value.
var annotations = map[string]bool{
	"title": true, "description": true, "default": true, "examples": true, "$comment": true, "deprecated": true,
	"readOnly": true, "writeOnly": true, "$schema": true, "$defs": true, "definitions": true,
}

// The types that each keyword is about; those that are about all of them have none.
var keywords = map[string]string{
	"type": "", "enum": "", "const": "", "anyOf": "", "allOf": "", "$ref": "",
	"properties": "object", "required": "object", "additionalProperties": "object",
	"items": "array", "minItems": "array", "maxItems": "array",
	"pattern": "string", "minLength": "string", "maxLength": "string",
	"minimum": "number", "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number",
}

// schema makes the node of a schema below refs references.
func (c *schemaCompiler) schema(v *value, refs int, path string) (nodeID, error) {
	at := schemaAt{v, refs}
	if id, ok := c.memo[at]; ok {
		return id, nil
	}
	id, err := c.make(v, refs, path)
	if err == nil {
		c.memo[at] = id
	}
	if c.graph.full {
		return none, fail(KindLimit, path, "is where the schema becomes larger than is allowed: more than %d parts", maxNodes)
	}
	return id, err
}

func (c *schemaCompiler) make(v *value, refs int, path string) (nodeID, error) {
	switch {
	case v.kind == isBool && v.truth:
		return c.anything(maxAnyDepth), nil
	case v.kind == isBool:
		return none, nil
	case v.kind != isObject:
		return none, fail(KindInvalid, path, "must be a schema: an object, true or false")
	}
	if err := checkKeywords(v, path); err != nil {
		return none, err
	}
	for _, whole := range []struct {
		name   string
		beside string // the keyword that may stand beside it
		make   func(*value, *value, int, string) (nodeID, error)
	}{
		{"$ref", "", c.ref}, {"enum", "type", c.enum}, {"const", "type", c.constant}, {"anyOf", "", c.anyOf}, {"allOf", "", c.allOf},
	} {
		arg := v.get(whole.name)
		if arg == nil {
			continue
		}
		for _, name := range v.names {
			if !annotations[name] && name != whole.name && name != whole.beside {
				return none, fail(KindUnsupported, path+"/"+name, "is not supported beside %s", whole.name)
			}
		}
		return whole.make(v, arg, refs, path+"/"+whole.name)
	}
	return c.typed(v, refs, path)
}

// checkKeywords refuses keywords that are not done.
func checkKeywords(v *value, path string) error {
	for i, name := range v.names {
		if _, ok := keywords[name]; ok || annotations[name] {
			continue
		}
		switch {
		case name == "$id" && path == "", name == "uniqueItems" && v.members[i].kind == isBool && !v.members[i].truth:
			continue
		}
		return fail(KindUnsupported, path+"/"+piece(name, i), "is not a supported keyword")
	}
	return nil
}

// unsupported are JSON Schema's other keywords, and formerly so, which a refusal can name.
var unsupported = map[string]bool{
	"not": true, "if": true, "then": true, "else": true, "oneOf": true, "format": true, "multipleOf": true, "uniqueItems": true, "$id": true,
	"patternProperties": true, "propertyNames": true, "minProperties": true, "maxProperties": true, "dependencies": true, "dependentRequired": true,
	"dependentSchemas": true, "prefixItems": true, "additionalItems": true, "contains": true, "minContains": true, "maxContains": true,
	"unevaluatedItems": true, "unevaluatedProperties": true, "$anchor": true, "$dynamicRef": true, "$dynamicAnchor": true, "$recursiveRef": true,
	"$vocabulary": true, "contentEncoding": true, "contentMediaType": true, "contentSchema": true, "id": true, "discriminator": true,
	"nullable": true, "x-order": true, "strict": true, "extends": true, "disallow": true, "divisibleBy": true,
}

// piece is a keyword as part of a path. Another name may be anything, a patient's too: its number stands for it.
func piece(name string, i int) string {
	if _, known := keywords[name]; known || unsupported[name] || annotations[name] {
		return name
	}
	return nth(i)
}

func nth(i int) string { return fmt.Sprintf("#%d", i) }

func (c *schemaCompiler) ref(_, arg *value, refs int, path string) (nodeID, error) {
	if arg.kind != isString {
		return none, fail(KindInvalid, path, "must be a string")
	}
	target := c.root
	if arg.text != "#" {
		rest, local := strings.CutPrefix(arg.text, "#/")
		pieces := strings.Split(rest, "/")
		if !local || len(pieces) != 2 || pieces[0] != "$defs" && pieces[0] != "definitions" {
			return none, fail(KindUnsupported, path, `refers to something else than "#", "#/$defs/..." or "#/definitions/..."`)
		}
		name := strings.NewReplacer("~1", "/", "~0", "~").Replace(pieces[1])
		if defs := c.root.get(pieces[0]); defs == nil || defs.get(name) == nil {
			return none, fail(KindInvalid, path, "refers to a definition that is not there")
		}
		target = c.root.get(pieces[0]).get(name)
	}
	if refs >= MaxReferences {
		return none, nil
	}
	return c.schema(target, refs+1, path)
}

func (c *schemaCompiler) enum(v, arg *value, _ int, path string) (nodeID, error) {
	if arg.kind != isArray || len(arg.members) == 0 {
		return none, fail(KindInvalid, path, "must be a list that is not empty")
	}
	return c.oneOfValues(v, arg.members, path)
}

func (c *schemaCompiler) constant(v, arg *value, _ int, path string) (nodeID, error) {
	return c.oneOfValues(v, []*value{arg}, path)
}

// oneOfValues is any of the values that are of the schema's type, where it names one.
func (c *schemaCompiler) oneOfValues(v *value, values []*value, path string) (nodeID, error) {
	types, err := typesOf(v, path)
	if err != nil {
		return none, err
	}
	var parts []nodeID
	for _, m := range values {
		if v.get("type") == nil || slices.ContainsFunc(types, m.is) {
			var text strings.Builder
			m.write(&text)
			parts = append(parts, c.graph.lit(text.String()))
		}
	}
	return c.graph.alt(parts...), nil
}

// is tells whether a value is of a type.
func (v *value) is(name string) bool {
	switch name {
	case "integer":
		return v.kind == isNumber && v.rat.IsInt()
	case "number":
		return v.kind == isNumber
	}
	return name == [...]string{isNull: "null", isBool: "boolean", isString: "string", isArray: "array", isObject: "object", isNumber: ""}[v.kind]
}

func (c *schemaCompiler) anyOf(_, arg *value, refs int, path string) (nodeID, error) {
	if arg.kind != isArray || len(arg.members) == 0 {
		return none, fail(KindInvalid, path, "must be a list of schemas that is not empty")
	}
	parts := make([]nodeID, len(arg.members))
	for i, m := range arg.members {
		var err error
		if parts[i], err = c.schema(m, refs, fmt.Sprintf("%s/%d", path, i)); err != nil {
			return none, err
		}
	}
	return c.graph.alt(parts...), nil
}

func (c *schemaCompiler) allOf(_, arg *value, refs int, path string) (nodeID, error) {
	if arg.kind != isArray || len(arg.members) != 1 {
		return none, fail(KindUnsupported, path, "is supported as a list of one schema alone")
	}
	return c.schema(arg.members[0], refs, path+"/0")
}
