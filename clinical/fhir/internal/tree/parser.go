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

// Parser reads JSON values from one text after another. Its nodes live in slabs that the
// next tree takes over.
type Parser struct {
	data   []byte
	pos    int
	depth  int // of the value to be read: 1 for the text's own
	limits Limits

	slabs [][]Node
	next  int    // the slab after the one in use
	free  []Node // the rest of the one in use
	used  int    // nodes handed out since the last tree began

	// Duplicates are the members of the last tree whose key was filed before in
	// the same object.
	Duplicates []*Node
}

// NewParser returns a parser. Each text that it is given must be valid UTF-8 and stay
// unchanged until the next.
func NewParser(limits Limits) *Parser { return &Parser{limits: limits} }

func (p *Parser) reset(pos, depth int) {
	p.pos, p.depth, p.used = pos, depth, 0
	p.next, p.free = 0, nil
	p.Duplicates = p.Duplicates[:0]
}

// The first slab is enough for most resources, so that a parser of one small text is cheap.
const (
	firstSlab = 64
	slabSize  = 512
)

// newNode takes a node from the slabs; parent may be nil.
func (p *Parser) newNode(parent *Node, name []byte, index int) (*Node, error) {
	if p.used >= p.limits.Values {
		return nil, &LimitError{What: "values", Limit: p.limits.Values}
	}
	if len(p.free) == 0 {
		p.nextSlab()
	}
	n := &p.free[0]
	p.free = p.free[1:]
	p.used++
	*n = Node{parent: parent, name: name, index: int32(index)}
	return n, nil
}

func (p *Parser) nextSlab() {
	if p.next == len(p.slabs) {
		size := slabSize
		if p.next == 0 {
			size = firstSlab
		}
		p.slabs = append(p.slabs, make([]Node, size))
	}
	p.free = p.slabs[p.next]
	p.next++
}

// value reads the value at pos into n, or only checks it where n is nil.
func (p *Parser) value(n *Node) error {
	switch c := p.peek(); {
	case c == '"':
		raw, escaped, err := p.str()
		if n != nil {
			n.Kind, n.raw, n.escaped = String, raw, escaped
		}
		return err
	case c == '{':
		if n == nil {
			return p.skipObject()
		}
		return p.object(n)
	case c == '[':
		if n == nil {
			return p.skipArray()
		}
		return p.array(n)
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

// deeper goes into the object or array at pos. The depth is given back by whoever reads
// its end: empty and more. After an error it no longer counts.
func (p *Parser) deeper() error {
	if p.depth > p.limits.Depth {
		return &LimitError{What: "nesting levels", Limit: p.limits.Depth}
	}
	p.depth++
	p.pos++
	p.space()
	return nil
}

// empty reads the end of an object or array that has just begun, if it is there.
func (p *Parser) empty(end byte) bool {
	if p.peek() != end {
		return false
	}
	p.pos++
	p.depth--
	return true
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
		p.depth--
		return false, nil
	}
	return false, p.fail(fmt.Sprintf("expected a comma or %q", end))
}

// object reads the object at pos into n.
func (p *Parser) object(n *Node) error {
	n.Kind = Object
	if err := p.deeper(); err != nil || p.empty('}') {
		return err
	}
	var last *Node
	for count := 1; ; count++ {
		c, err := p.member(n, last)
		if err != nil {
			return err
		}
		last = c
		if err := p.value(c); err != nil {
			return err
		}
		if more, err := p.more('}'); err != nil {
			return err
		} else if !more {
			p.findDuplicates(n, count)
			return nil
		}
	}
}

// member reads a key and its colon, and returns the node for its value, linked behind last.
func (p *Parser) member(n, last *Node) (*Node, error) {
	name, escaped, err := p.name()
	if err != nil {
		return nil, err
	}
	if escaped {
		name = unescape(name)
	}
	c, err := p.newNode(n, name, -1)
	if err != nil {
		return nil, err
	}
	link(n, last, c)
	return c, nil
}

func link(parent, last, c *Node) {
	if last == nil {
		parent.child = c
	} else {
		last.next = c
	}
}

// name reads a key and its colon, up to the value.
func (p *Parser) name() (name []byte, escaped bool, err error) {
	if p.peek() != '"' {
		return nil, false, p.fail("expected a field name in double quotes")
	}
	if name, escaped, err = p.str(); err != nil {
		return nil, false, err
	}
	p.space()
	if p.peek() != ':' {
		return nil, false, p.fail("expected a colon after the field name")
	}
	p.pos++
	p.space()
	return name, escaped, nil
}

// array reads the array at pos into n.
func (p *Parser) array(n *Node) error {
	n.Kind = Array
	if err := p.deeper(); err != nil || p.empty(']') {
		return err
	}
	var last *Node
	for i := 0; ; i++ {
		c, err := p.newNode(n, nil, i)
		if err != nil {
			return err
		}
		link(n, last, c)
		last = c
		if err := p.value(c); err != nil {
			return err
		}
		if more, err := p.more(']'); err != nil || !more {
			return err
		}
	}
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
