package unit

import (
	"math"
	"strings"
)

const (
	maxCode     = 64 // bytes
	maxNesting  = 8  // parentheses
	maxExponent = 12 // of a unit; 10*12 is the largest in clinical use
)

// Parse reads a UCUM code, case-sensitive form ("mm[Hg]", "10*9/L", "ug/kg/min",
// "{beats}/min"), by the grammar of UCUM section 2.4. The error is ErrUnknown.
func Parse(code string) (Unit, error) {
	p := parser{s: code}
	if code == "" || len(code) > maxCode {
		return Unit{}, ErrUnknown{}
	}
	u, ok := p.term()
	if !ok || p.i != len(p.s) || math.IsInf(u.Factor, 0) || u.Factor == 0 {
		return Unit{}, ErrUnknown{}
	}
	return u, nil
}

type parser struct {
	s     string
	i     int
	depth int
}

func (p *parser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

// term reads components joined by "." and "/", which group from the left.
func (p *parser) term() (Unit, bool) {
	u, sign := Unit{Factor: 1}, 1
	if p.peek() == '/' {
		p.i++
		sign = -1
	}
	for count := 0; ; count++ {
		c, ok := p.component()
		if !ok {
			return u, false
		}
		if count == 0 && sign == 1 {
			u = c
		} else if u, ok = multiply(u, c, sign); !ok {
			return u, false
		}
		switch p.peek() {
		case '.':
			sign = 1
		case '/':
			sign = -1
		default:
			return u, true
		}
		p.i++
	}
}

func (p *parser) component() (Unit, bool) {
	switch c := p.peek(); {
	case c == '{':
		return Unit{Factor: 1}, p.annotation()
	case c == '(':
		if p.depth >= maxNesting {
			return Unit{}, false
		}
		p.i++
		p.depth++
		u, ok := p.term()
		p.depth--
		if !ok || p.peek() != ')' {
			return u, false
		}
		p.i++
		return u, true
	case digit(c) && !strings.HasPrefix(p.s[p.i:], "10*") && !strings.HasPrefix(p.s[p.i:], "10^"):
		n, ok := p.integer(9)
		return Unit{Factor: float64(n)}, ok
	}
	u, ok := p.simple()
	if ok && p.peek() == '{' {
		ok = p.annotation()
	}
	return u, ok
}

// annotation skips "{...}", which carries no meaning of its own.
func (p *parser) annotation() bool {
	end := strings.IndexByte(p.s[p.i:], '}')
	if end < 0 || strings.Contains(p.s[p.i+1:p.i+end], "{") {
		return false
	}
	p.i += end + 1
	return true
}

// simple reads an atom with its prefix and exponent.
func (p *parser) simple() (Unit, bool) {
	u, ok := lookup(p.symbol())
	if !ok {
		return u, false
	}
	sign := 1
	if c := p.peek(); c == '-' || c == '+' {
		p.i++
		if c == '-' {
			sign = -1
		}
		if !digit(p.peek()) {
			return u, false
		}
	}
	if !digit(p.peek()) {
		return u, true
	}
	n, ok := p.integer(2)
	if !ok || n > maxExponent {
		return u, false
	}
	return power(u, sign*n)
}

// symbol reads an atom: letters and signs, with whole [...] sections.
func (p *parser) symbol() string {
	start := p.i
	if rest := p.s[p.i:]; strings.HasPrefix(rest, "10*") || strings.HasPrefix(rest, "10^") {
		p.i += 3
		return p.s[start:p.i]
	}
	for p.i < len(p.s) {
		c := p.s[p.i]
		if c == '[' {
			end := strings.IndexByte(p.s[p.i:], ']')
			if end < 0 {
				return ""
			}
			p.i += end + 1
			continue
		}
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '%' || c == '_' || c == '\'') {
			break
		}
		p.i++
	}
	return p.s[start:p.i]
}

func (p *parser) integer(digits int) (int, bool) {
	n, start := 0, p.i
	for digit(p.peek()) {
		n = n*10 + int(p.s[p.i]-'0')
		if p.i++; p.i-start > digits {
			return 0, false
		}
	}
	return n, n > 0
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// lookup finds an atom, with a metric prefix where it may have one.
func lookup(sym string) (Unit, bool) {
	if a, ok := atoms[sym]; ok {
		return a.Unit, true
	}
	for _, n := range []int{1, 2} {
		if len(sym) <= n {
			break
		}
		f, ok := prefixes[sym[:n]]
		a, known := atoms[sym[n:]]
		if ok && known && a.metric {
			a.Factor *= f
			return a.Unit, true
		}
	}
	return Unit{}, false
}

// multiply returns a*b (sign 1) or a/b (sign -1). A unit with an offset has no
// product but with a plain number of 1, as in "Cel{axillary}".
func multiply(a, b Unit, sign int) (Unit, bool) {
	if a.Offset != 0 || b.Offset != 0 {
		return Unit{}, false
	}
	b, ok := power(b, sign)
	if !ok {
		return Unit{}, false
	}
	d := [7]int{}
	x, y := a.Dim.list(), b.Dim.list()
	for i := range d {
		d[i] = x[i] + y[i]
	}
	dim, ok := dimension(d)
	return Unit{Dim: dim, Factor: a.Factor * b.Factor}, ok
}

func power(u Unit, n int) (Unit, bool) {
	if u.Offset != 0 && n != 1 {
		return Unit{}, false
	}
	d := u.Dim.list()
	for i := range d {
		d[i] *= n
	}
	dim, ok := dimension(d)
	return Unit{Dim: dim, Factor: math.Pow(u.Factor, float64(n)), Offset: u.Offset}, ok
}

func (d Dimension) list() [7]int {
	return [7]int{int(d.Length), int(d.Mass), int(d.Time), int(d.Temperature), int(d.Amount), int(d.Current), int(d.Activity)}
}

// dimension refuses exponents that no quantity has.
func dimension(d [7]int) (Dimension, bool) {
	for _, e := range d {
		if e > 99 || e < -99 {
			return Dimension{}, false
		}
	}
	return Dimension{
		Length: int8(d[0]), Mass: int8(d[1]), Time: int8(d[2]), Temperature: int8(d[3]),
		Amount: int8(d[4]), Current: int8(d[5]), Activity: int8(d[6]),
	}, true
}
