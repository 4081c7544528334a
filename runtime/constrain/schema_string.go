package constrain

import (
	"fmt"
	"regexp/syntax"
	"unicode"
)

// escapes are the characters that JSON writes as a backslash and a letter.
var escapes = map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}

// escape writes a character within a JSON string.
func escape(r rune) string {
	if e, ok := escapes[r]; ok {
		return e
	}
	if r < ' ' {
		return fmt.Sprintf(`\u%04x`, r)
	}
	return string(r)
}

// plain are the characters that stand in a JSON string as they are.
var plain = runeSet{{' ', unicode.MaxRune}}.without('"', '"').without('\\', '\\')

// char is any one character of a string: as it is, or escaped by a letter.
func (c *schemaCompiler) char() nodeID {
	var letters byteSet
	for _, b := range []byte(`"\/bfnrt`) {
		letters.add(b)
	}
	return c.graph.alt(c.graph.runes(plain), c.graph.cat(c.graph.lit(`\`), c.graph.bytes(letters)))
}

// escaped is one character of a set, written as escape does.
func (c *schemaCompiler) escaped(set runeSet) nodeID {
	direct := set.without(0, ' '-1).without('"', '"').without('\\', '\\')
	parts := []nodeID{c.graph.runes(direct)}
	for r := range rune(' ') {
		if set.has(r) {
			parts = append(parts, c.graph.lit(escape(r)))
		}
	}
	for _, r := range `"\` {
		if set.has(r) {
			parts = append(parts, c.graph.lit(escape(r)))
		}
	}
	return c.graph.alt(parts...)
}

// escapedText is a text, written as escape does.
func (c *schemaCompiler) escapedText(text string) nodeID {
	quoted := quote(text)
	return c.graph.lit(quoted[1 : len(quoted)-1])
}

func (c *schemaCompiler) str(v *value, path string) (nodeID, error) {
	g := c.graph
	least, most, some, err := bounds(v, "minLength", "maxLength", path)
	if err != nil {
		return none, err
	}
	arg := v.get("pattern")
	if arg == nil {
		if !some {
			return none, nil
		}
		return g.cat(g.lit(`"`), g.repeat(c.char(), least, most), g.lit(`"`)), nil
	}
	for _, name := range []string{"minLength", "maxLength"} {
		if v.get(name) != nil {
			return none, fail(KindUnsupported, path+"/"+name, "is not supported beside pattern, which can say it itself")
		}
	}
	if arg.kind != isString {
		return none, fail(KindInvalid, path+"/pattern", "must be a string")
	}
	body, err := c.search(arg.text, path+"/pattern")
	return g.cat(g.lit(`"`), body, g.lit(`"`)), err
}

// search is a text in which a regular expression matches somewhere. "^" in it holds where nothing is before, "$" where
// nothing is behind, so that there are up to four cases.
func (c *schemaCompiler) search(pattern, path string) (nodeID, error) {
	g := c.graph
	rc := regexCompiler{graph: g, char: c.escaped, text: c.escapedText}
	re, err := rc.parse(pattern, path)
	if err != nil {
		return none, err
	}
	something := g.repeat(c.char(), 1, unbounded)
	before := func(ends nodeID) (nodeID, error) {
		at, beyond, err := rc.both(re, ends)
		if at == beyond {
			return g.cat(g.optional(something), at), err
		}
		return g.alt(at, g.cat(something, beyond)), err
	}
	last, err := before(empty)
	if err != nil {
		return none, err
	}
	middle, err := before(none)
	if last == middle {
		return g.cat(last, g.optional(something)), err
	}
	return g.alt(last, g.cat(middle, something)), err
}

// both compiles an expression that stands at the beginning, and beyond it.
func (c *regexCompiler) both(re *syntax.Regexp, ends nodeID) (at, beyond nodeID, err error) {
	c.begins, c.ends = empty, ends
	if at, err = c.compile(re, true, true); err != nil {
		return none, none, err
	}
	c.begins = none
	beyond, err = c.compile(re, true, true)
	return at, beyond, err
}
