package tree

import (
	"encoding/binary"
	"unicode/utf16"
)

func (p *Parser) fail(msg string) error {
	if p.pos >= len(p.data) {
		msg += ", got the end of the text"
	}
	return &SyntaxError{Offset: p.pos, Msg: msg}
}

// peek returns the byte at pos, or 0 at the end.
func (p *Parser) peek() byte {
	if p.pos < len(p.data) {
		return p.data[p.pos]
	}
	return 0
}

func (p *Parser) space() {
	if p.pos < len(p.data) && p.data[p.pos] > ' ' {
		return // as in most texts that a machine wrote
	}
	for p.pos < len(p.data) {
		switch p.data[p.pos] {
		case ' ', '\n', '\r', '\t':
			p.pos++
		default:
			return
		}
	}
}

// str reads a string and returns what stands between its quotes.
func (p *Parser) str() (raw []byte, escaped bool, err error) {
	start := p.pos + 1
	for i := start + plainBytes(p.data[start:]); i < len(p.data); i++ {
		switch c := p.data[i]; {
		case c == '"':
			p.pos = i + 1
			return p.data[start:i], escaped, nil
		case c == '\\':
			escaped = true
			n, msg := escapeLen(p.data[i:])
			if msg != "" {
				p.pos = i
				return nil, false, p.fail(msg)
			}
			i += n - 1
		case c < 0x20:
			p.pos = i
			return nil, false, p.fail("control character in a string")
		}
	}
	p.pos = len(p.data)
	return nil, false, p.fail("expected a closing quote")
}

// plainBytes returns how many bytes of b, in steps of eight, are nothing but a string's
// text: neither a quote, nor a backslash, nor a control character. It looks at eight bytes
// at a time as "Bit Twiddling Hacks" (S. E. Anderson, Stanford) finds a byte in a word.
func plainBytes(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, backslash := w^(ones*'"'), w^(ones*'\\')
		special := (quote-ones)&^quote | (backslash-ones)&^backslash | (w-ones*0x20)&^w
		if special&highs != 0 {
			break
		}
	}
	return i
}

// escapeLen returns the length of the escape at the start of b, or what is wrong with it.
func escapeLen(b []byte) (int, string) {
	if len(b) < 2 {
		return 0, "unfinished escape"
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, ""
	case 'u':
		r := hex4(b[2:])
		if r < 0 {
			return 0, `expected four hexadecimal digits after \u`
		}
		if !utf16.IsSurrogate(r) {
			return 6, ""
		}
		if len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
			if low := hex4(b[8:]); r < 0xDC00 && low >= 0xDC00 && low <= 0xDFFF {
				return 12, ""
			}
		}
		return 0, MsgSurrogate
	}
	return 0, "unknown escape"
}

// MsgSurrogate is the message for half a UTF-16 pair, which no text can hold.
const MsgSurrogate = "lone surrogate"

// number reads a number and returns its text.
func (p *Parser) number() ([]byte, error) {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	if p.peek() == '0' {
		p.pos++
		if c := p.peek(); c >= '0' && c <= '9' {
			return nil, p.fail("a number has no leading zero")
		}
	} else if !p.digits() {
		return nil, p.fail("expected a digit")
	}
	if p.peek() == '.' {
		p.pos++
		if !p.digits() {
			return nil, p.fail("expected a digit after the decimal point")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if !p.digits() {
			return nil, p.fail("expected a digit in the exponent")
		}
	}
	return p.data[start:p.pos], nil
}

func (p *Parser) digits() bool {
	start := p.pos
	for p.pos < len(p.data) && p.data[p.pos] >= '0' && p.data[p.pos] <= '9' {
		p.pos++
	}
	return p.pos > start
}
