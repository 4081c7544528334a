package tree

// The methods of this file read a text from front to back without nodes: each reads the
// value at hand, and Members and Elements call back at each value inside it, which the
// callback must read. A text begins with Start and ends with End.

// Start begins a text, which must be valid UTF-8 and stay unchanged. Trees of the text
// before end with it.
func (p *Parser) Start(data []byte) {
	p.data = data
	p.reset(0, 1)
	p.space()
}

// End checks that nothing follows the value read.
func (p *Parser) End() error {
	p.space()
	if p.pos < len(p.data) {
		return p.fail("unexpected data after the value")
	}
	return nil
}

// Kind guesses the kind of the value at hand from its first byte; reading it finds out.
func (p *Parser) Kind() Kind {
	switch p.peek() {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	}
	return Number
}

// Text reads a string, decoded. It may share the text's memory.
func (p *Parser) Text() ([]byte, error) {
	raw, escaped, err := p.str()
	if err == nil && escaped {
		raw = unescape(raw)
	}
	return raw, err
}

// Skip reads any value, and checks it.
func (p *Parser) Skip() error { return p.value(nil) }

// Members reads an object, and calls read at the value of each member. The name is valid
// during the call.
func (p *Parser) Members(read func(name []byte) error) error {
	if err := p.deeper(); err != nil {
		return err
	}
	if p.empty('}') {
		return nil
	}
	for {
		name, escaped, err := p.name()
		if err != nil {
			return err
		}
		if escaped {
			name = unescape(name)
		}
		if err := read(name); err != nil {
			return err
		}
		if more, err := p.more('}'); err != nil || !more {
			return err
		}
	}
}

// Elements reads an array, and calls read at each element.
func (p *Parser) Elements(read func(i int) error) error {
	if err := p.deeper(); err != nil {
		return err
	}
	if p.empty(']') {
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

func (p *Parser) skipObject() error {
	if err := p.deeper(); err != nil || p.empty('}') {
		return err
	}
	for {
		if _, _, err := p.name(); err != nil {
			return err
		}
		if err := p.value(nil); err != nil {
			return err
		}
		if more, err := p.more('}'); err != nil || !more {
			return err
		}
	}
}

func (p *Parser) skipArray() error {
	if err := p.deeper(); err != nil || p.empty(']') {
		return err
	}
	for {
		if err := p.value(nil); err != nil {
			return err
		}
		if more, err := p.more(']'); err != nil || !more {
			return err
		}
	}
}
