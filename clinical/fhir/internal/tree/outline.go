package tree

// Range is a stretch of the text, in bytes.
type Range struct{ Start, End int }

// Outline checks a whole text, and returns its value as a tree with one thing left out:
// the elements of the top object's array called key, whose places are returned instead. So
// a text of any length needs a tree for one element at a time. The top is called root.
func (p *Parser) Outline(data, root []byte, key string) (*Node, []Range, error) {
	p.Start(data)
	top, err := p.newNode(nil, root, -1)
	if err != nil {
		return nil, nil, err
	}
	var items []Range
	if p.peek() == '{' {
		items, err = p.topObject(top, key)
	} else {
		err = p.value(top)
	}
	if err != nil {
		return nil, nil, err
	}
	return top, items, p.End()
}

// Tree reads the value at a place in data that Outline returned, whose path is
// root[index]. depth is how deep in the text it lies.
func (p *Parser) Tree(data []byte, at Range, root []byte, index, depth int) (*Node, error) {
	p.data = data
	p.reset(at.Start, depth)
	top, err := p.newNode(nil, root, index)
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
	if err := p.deeper(); err != nil || p.empty('}') {
		return nil, err
	}
	var last *Node
	for count := 1; ; count++ {
		n, err := p.member(top, last)
		if err != nil {
			return nil, err
		}
		last = n
		if string(n.name) == key && p.peek() == '[' && items == nil {
			n.Kind = Array
			items, err = p.items()
		} else {
			err = p.value(n)
		}
		if err != nil {
			return nil, err
		}
		if more, err := p.more('}'); err != nil {
			return nil, err
		} else if !more {
			p.findDuplicates(top, count)
			return items, nil
		}
	}
}

// items checks the array at pos, and returns the places of its elements.
func (p *Parser) items() ([]Range, error) {
	items := []Range{}
	err := p.Elements(func(i int) error {
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
	return items, err
}
