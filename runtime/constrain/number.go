package constrain

import (
	"math/big"
	"strings"
)

const (
	wholeDigits    = 15 // so that every whole number is exact as a float64
	fractionDigits = 6
	maxFraction    = 12 // of a bound
)

// side is one bound of a range of decimals.
type side struct {
	rat  *big.Rat // nil: there is none
	open bool     // the bound itself lies outside
}

// decimals are numbers from lo to hi, written with at most fraction digits behind the point.
type decimals struct {
	lo, hi   side
	fraction int
}

// numeric is a number within a schema's bounds.
func (c *schemaCompiler) numeric(v *value, whole bool, path string) (nodeID, error) {
	d := decimals{fraction: fractionDigits}
	for _, k := range []struct {
		name  string
		upper bool
		open  bool
	}{{"minimum", false, false}, {"exclusiveMinimum", false, true}, {"maximum", true, false}, {"exclusiveMaximum", true, true}} {
		arg := v.get(k.name)
		if arg == nil {
			continue
		}
		if arg.kind != isNumber {
			return none, fail(KindInvalid, path+"/"+k.name, "must be a number")
		}
		digits, exact := arg.rat.FloatPrec()
		if !exact || digits > maxFraction {
			return none, fail(KindLimit, path+"/"+k.name, "has more than %d digits behind the point", maxFraction)
		}
		d.fraction = max(d.fraction, digits)
		s := &d.lo
		if k.upper {
			s = &d.hi
		}
		s.tighten(side{arg.rat, k.open}, k.upper)
	}
	if whole {
		d.round()
	}
	return d.node(c.graph), nil
}

// tighten takes the narrower of two bounds.
func (s *side) tighten(o side, upper bool) {
	if s.rat == nil {
		*s = o
		return
	}
	cmp := o.rat.Cmp(s.rat)
	if upper {
		cmp = -cmp
	}
	if cmp > 0 || cmp == 0 && o.open {
		*s = o
	}
}

// round narrows a range to whole numbers.
func (d *decimals) round() {
	d.fraction = 0
	one := big.NewInt(1)
	if d.lo.rat != nil {
		floor := floorOf(d.lo.rat)
		if d.lo.open || !d.lo.rat.IsInt() {
			floor.Add(floor, one)
		}
		d.lo = side{rat: new(big.Rat).SetInt(floor)}
	}
	if d.hi.rat != nil {
		floor := floorOf(d.hi.rat)
		if d.hi.open && d.hi.rat.IsInt() {
			floor.Sub(floor, one)
		}
		d.hi = side{rat: new(big.Rat).SetInt(floor)}
	}
}

func floorOf(r *big.Rat) *big.Int {
	// Euclid's division rounds towards minus infinity where the divisor is positive.
	return new(big.Int).Div(r.Num(), r.Denom())
}

// node is a number of the range.
func (d decimals) node(g *graph) nodeID {
	zero := new(big.Rat)
	limit := side{rat: new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(wholeDigits), nil)), open: true}
	positive := decimals{lo: side{rat: zero}, hi: limit, fraction: d.fraction}
	if d.lo.rat != nil {
		positive.lo.tighten(d.lo, false)
	}
	if d.hi.rat != nil {
		positive.hi.tighten(d.hi, true)
	}
	negative := decimals{lo: side{rat: zero, open: true}, hi: limit, fraction: d.fraction}
	if d.hi.rat != nil {
		negative.lo.tighten(side{new(big.Rat).Neg(d.hi.rat), d.hi.open}, false)
	}
	if d.lo.rat != nil {
		negative.hi.tighten(side{new(big.Rat).Neg(d.lo.rat), d.lo.open}, true)
	}
	return g.alt(positive.unsigned(g), g.cat(g.lit("-"), negative.unsigned(g)))
}

// unsigned is a number of the range, whose bounds are there and not below 0.
func (d decimals) unsigned(g *graph) nodeID {
	switch cmp := d.lo.rat.Cmp(d.hi.rat); {
	case cmp > 0, cmp == 0 && (d.lo.open || d.hi.open):
		return none
	}
	w := digitWriter{graph: g, lo: d.lo, hi: d.hi}
	var loWhole, hiWhole string
	loWhole, w.loFraction = split(d.lo.rat, d.fraction)
	hiWhole, w.hiFraction = split(d.hi.rat, d.fraction)
	var parts []nodeID
	for length := len(loWhole); length <= len(hiWhole) && length <= wholeDigits; length++ {
		lo, hi := loWhole, hiWhole
		loFree, hiFree := length > len(loWhole), length < len(hiWhole)
		parts = append(parts, w.whole(lo, hi, loFree, hiFree, length, d.fraction, length > 1))
	}
	return g.alt(parts...)
}

// split writes a number's digits before and behind the point, without zeros at the end.
func split(r *big.Rat, fraction int) (string, string) {
	before, behind, _ := strings.Cut(r.FloatString(fraction), ".")
	return before, strings.TrimRight(behind, "0")
}

// digitWriter writes decimals digit by digit between two bounds. A bound is free once a digit has decided against it.
type digitWriter struct {
	graph                  *graph
	lo, hi                 side
	loFraction, hiFraction string
}

// whole is the last left digits before the point, and what follows. lo and hi are the digits still to be held against, where
// they are not free.
func (w *digitWriter) whole(lo, hi string, loFree, hiFree bool, left, fraction int, leading bool) nodeID {
	g := w.graph
	if left == 0 {
		loRest, hiRest := w.loFraction, w.hiFraction
		var parts []nodeID
		if w.mayEnd(loRest, hiRest, loFree, hiFree) {
			parts = append(parts, empty)
		}
		if fraction > 0 {
			parts = append(parts, g.cat(g.lit("."), w.fraction(loRest, hiRest, loFree, hiFree, fraction, true)))
		}
		return g.alt(parts...)
	}
	if loFree && hiFree {
		first, digits := byte('0'), g.bytes(byteRange('0', '9'))
		if leading {
			first = '1'
		}
		return g.cat(g.bytes(byteRange(first, '9')), g.repeat(digits, left-1, left-1), w.whole("", "", true, true, 0, fraction, false))
	}
	return w.digits(lo, hi, loFree, hiFree, leading, func(lo, hi string, loFree, hiFree bool) nodeID {
		return w.whole(lo, hi, loFree, hiFree, left-1, fraction, false)
	})
}

// fraction is up to left digits behind the point, at least one where first.
func (w *digitWriter) fraction(lo, hi string, loFree, hiFree bool, left int, first bool) nodeID {
	g := w.graph
	least := 0
	if first {
		least = 1
	}
	if loFree && hiFree {
		return g.repeat(g.bytes(byteRange('0', '9')), least, left)
	}
	var parts []nodeID
	if !first && w.mayEnd(lo, hi, loFree, hiFree) {
		parts = append(parts, empty)
	}
	if left > 0 {
		parts = append(parts, w.digits(lo, hi, loFree, hiFree, false, func(lo, hi string, loFree, hiFree bool) nodeID {
			return w.fraction(lo, hi, loFree, hiFree, left-1, false)
		}))
	}
	return g.alt(parts...)
}

// digits is one digit between the first of lo and hi, a missing one being 0, and what rest makes of the others.
func (w *digitWriter) digits(lo, hi string, loFree, hiFree, leading bool, rest func(lo, hi string, loFree, hiFree bool) nodeID) nodeID {
	from, loRest := cut(lo)
	to, hiRest := cut(hi)
	if loFree {
		from = '0'
	}
	if hiFree {
		to = '9'
	}
	if leading && from == '0' {
		from = '1'
		loFree = true // a first digit above the bound's 0
	}
	var parts []nodeID
	for d := from; d <= to; d++ {
		after := rest(loRest, hiRest, loFree || d > from, hiFree || d < to)
		parts = append(parts, w.graph.cat(w.graph.bytes(byteRange(d, d)), after))
	}
	return w.graph.alt(parts...)
}

func cut(digits string) (byte, string) {
	if digits == "" {
		return '0', ""
	}
	return digits[0], digits[1:]
}

// mayEnd tells whether the number lies within the bounds if no digit follows.
func (w *digitWriter) mayEnd(lo, hi string, loFree, hiFree bool) bool {
	above := loFree || lo == "" && !w.lo.open
	below := hiFree || hi != "" || !w.hi.open
	return above && below
}
