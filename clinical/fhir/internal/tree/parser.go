package tree

import (
	"bytes"
	"fmt"
)

// SyntaxError says that a text is no JSON.
type SyntaxError struct {
	Offset int // in bytes, of the first byte that does not fit
	Msg    string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Msg) }

// LimitError says that a text holds more than the parser reads.
type LimitError struct {
	What  string
	Limit int
}

func (e *LimitError) Error() string { return fmt.Sprintf("more than %d %s", e.Limit, e.What) }

// Limits bound a Parser.
type Limits struct {
	Depth  int // nested objects and arrays, counted from the text's own start
	Values int // nodes of one tree
	Items  int // elements that Outline lists
}

// Parser reads JSON values from one text. Its nodes live in slabs that the next
// tree takes over.
type Parser struct {
	data   []byte
	pos    int
	depth  int
	limits Limits

	slabs [][]Node
	used  int // nodes handed out since the last tree began

	// Duplicates are the members of the last tree whose key was filed before in
	// the same object.
	Duplicates []*Node
}

// NewParser returns a parser over data, which must be valid UTF-8 and stay unchanged.
func NewParser(data []byte, limits Limits) *Parser {
	return &Parser{data: data, limits: limits}
}

func (p *Parser) reset(pos, depth int) {
	p.pos, p.depth, p.used = pos, depth, 0
	p.Duplicates = p.Duplicates[:0]
}

const slabSize = 512

// newNode takes a node from the slabs; parent may be nil.
func (p *Parser) newNode(parent *Node, name []byte, index int) (*Node, error) {
	if p.used >= p.limits.Values {
		return nil, &LimitError{What: "values", Limit: p.limits.Values}
	}
	slab := p.used / slabSize
	if slab == len(p.slabs) {
		p.slabs = append(p.slabs, make([]Node, slabSize))
	}
	n := &p.slabs[slab][p.used%slabSize]
	p.used++
	*n = Node{parent: parent, name: name, index: int32(index)}
	return n, nil
}

// value reads the value at pos into n, or only checks it where n is nil.
func (p *Parser) value(n *Node) error {
	switch c := p.peek(); {
	case c == '{':
		return p.nested(n, Object)
	case c == '[':
		return p.nested(n, Array)
	case c == '"':
		raw, escaped, err := p.str()
		if n != nil {
			n.Kind, n.raw, n.escaped = String, raw, escaped
		}
		return err
	case c == '-' || c >= '0' && c <= '9':
		raw, err := p.number()
		if n != nil {
			n.Kind, n.raw = Number, raw
		}
		return err
	}
	for _, lit := range literals {
		if bytes.HasPrefix(p.data[p.pos:], lit.text) {
			if n != nil {
				n.Kind, n.raw = lit.kind, lit.text
			}
			p.pos += len(lit.text)
			return nil
		}
	}
	return p.fail("expected a value")
}

var literals = []struct {
	text []byte
	kind Kind
}{{[]byte("true"), Bool}, {[]byte("false"), Bool}, {[]byte("null"), Null}}

// nested reads the object or array at pos into n, or only checks it.
func (p *Parser) nested(n *Node, kind Kind) error {
	if p.depth > p.limits.Depth {
		return &LimitError{What: "nesting levels", Limit: p.limits.Depth}
	}
	p.depth++
	defer func() { p.depth-- }()
	if n != nil {
		n.Kind = kind
	}
	if kind == Object {
		return p.members(n, p.value)
	}
	var last *Node
	return p.elements(func(i int) error {
		if n == nil {
			return p.value(nil)
		}
		c, err := p.newNode(n, nil, i)
		if err != nil {
			return err
		}
		link(n, last, c)
		last = c
		return p.value(c)
	})
}

func link(parent, last, c *Node) {
	if last == nil {
		parent.child = c
	} else {
		last.next = c
	}
}

// members reads an object's members, each value by read, which gets nil where n is nil.
func (p *Parser) members(n *Node, read func(*Node) error) error {
	p.pos++ // {
	p.space()
	if p.peek() == '}' {
		p.pos++
		return nil
	}
	var last *Node
	for count := 1; ; count++ {
		c, err := p.member(n)
		if err != nil {
			return err
		}
		if c != nil {
			link(n, last, c)
			last = c
		}
		if err := read(c); err != nil {
			return err
		}
		if more, err := p.more('}'); err != nil {
			return err
		} else if !more {
			if n != nil {
				p.findDuplicates(n, count)
			}
			return nil
		}
	}
}

// member reads a key and its colon, and returns the node for its value.
func (p *Parser) member(n *Node) (*Node, error) {
	if p.peek() != '"' {
		return nil, p.fail("expected a field name in double quotes")
	}
	name, escaped, err := p.str()
	if err != nil {
		return nil, err
	}
	p.space()
	if p.peek() != ':' {
		return nil, p.fail("expected a colon after the field name")
	}
	p.pos++
	p.space()
	if n == nil {
		return nil, nil
	}
	if escaped {
		name = unescape(name)
	}
	return p.newNode(n, name, -1)
}

// elements calls read at the start of each element of an array.
func (p *Parser) elements(read func(i int) error) error {
	p.pos++ // [
	p.space()
	if p.peek() == ']' {
		p.pos++
		return nil
	}
	for i := 0; ; i++ {
		if err := read(i); err != nil {
			return err
		}
		if more, err := p.more(']'); err != nil || !more {
			return err
		}
	}
}

// more reads what follows a member or element: a comma, or the end.
func (p *Parser) more(end byte) (bool, error) {
	p.space()
	switch p.peek() {
	case ',':
		p.pos++
		p.space()
		return true, nil
	case end:
		p.pos++
		return false, nil
	}
	return false, p.fail(fmt.Sprintf("expected a comma or %q", end))
}

// findDuplicates compares keys pairwise in a small object; in a large one, where
// that would take quadratic time, through a map.
func (p *Parser) findDuplicates(n *Node, count int) {
	if count <= 24 {
		for a := n.child; a != nil; a = a.next {
			for b := n.child; b != a; b = b.next {
				if bytes.Equal(a.name, b.name) {
					p.Duplicates = append(p.Duplicates, a)
					break
				}
			}
		}
		return
	}
	seen := make(map[string]bool, count)
	for c := n.child; c != nil; c = c.next {
		if seen[string(c.name)] {
			p.Duplicates = append(p.Duplicates, c)
		}
		seen[string(c.name)] = true
	}
}
