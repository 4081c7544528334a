package tree

import "fmt"

// Range is a stretch of the text, in bytes.
type Range struct{ Start, End int }

// Outline checks the whole text, and returns its value as a tree with one thing
// left out: the elements of the top object's array called key, whose places are
// returned instead. So a text of any length needs a tree for one element at a time.
func (p *Parser) Outline(root, key string) (*Node, []Range, error) {
	p.reset(0, 1)
	top, err := p.newNode(nil, []byte(root), -1)
	if err != nil {
		return nil, nil, err
	}
	p.space()
	var items []Range
	if p.peek() == '{' {
		items, err = p.topObject(top, key)
	} else {
		err = p.value(top)
	}
	if err != nil {
		return nil, nil, err
	}
	p.space()
	if p.pos < len(p.data) {
		return nil, nil, p.fail("unexpected data after the value")
	}
	return top, items, nil
}

// Tree reads the value at a place that Outline returned, whose path is
// root[index]. depth is how deep in the text it lies.
func (p *Parser) Tree(at Range, root string, index, depth int) (*Node, error) {
	p.reset(at.Start, depth)
	top, err := p.newNode(nil, fmt.Appendf(nil, "%s[%d]", root, index), -1)
	if err != nil {
		return nil, err
	}
	if err := p.value(top); err != nil {
		return nil, err
	}
	return top, nil
}

// topObject reads the outermost object, keeping apart the array called key.
func (p *Parser) topObject(top *Node, key string) ([]Range, error) {
	var items []Range
	top.Kind = Object
	p.depth++
	err := p.members(top, func(n *Node) error {
		if string(n.name) != key || p.peek() != '[' || items != nil {
			return p.value(n)
		}
		n.Kind = Array
		items = []Range{}
		p.depth++
		defer func() { p.depth-- }()
		return p.elements(func(i int) error {
			if i >= p.limits.Items {
				return &LimitError{What: "entries", Limit: p.limits.Items}
			}
			start := p.pos
			if err := p.value(nil); err != nil {
				return err
			}
			items = append(items, Range{start, p.pos})
			return nil
		})
	})
	return items, err
}
