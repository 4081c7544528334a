package constrain

import (
	"slices"
	"unicode/utf8"
)

// runeRange is the characters lo to hi, both included.
type runeRange struct{ lo, hi rune }

// runeSet is a set of characters, as ranges in order.
type runeSet []runeRange

const surrogateMin, surrogateMax = 0xD800, 0xDFFF

// without returns s without the characters of lo to hi.
func (s runeSet) without(lo, hi rune) runeSet {
	var out runeSet
	for _, r := range s {
		if r.hi < lo || r.lo > hi {
			out = append(out, r)
			continue
		}
		if r.lo < lo {
			out = append(out, runeRange{r.lo, lo - 1})
		}
		if r.hi > hi {
			out = append(out, runeRange{hi + 1, r.hi})
		}
	}
	return out
}

func (s runeSet) has(r rune) bool {
	return slices.ContainsFunc(s, func(x runeRange) bool { return x.lo <= r && r <= x.hi })
}

// spans is one range of bytes for each byte of a character's encoding.
type spans [][2]byte

// utf8Spans cuts a range of characters into sequences of byte ranges of UTF-8.
func utf8Spans(lo, hi rune, out []spans) []spans {
	for _, edge := range []rune{0x7F, 0x7FF, surrogateMin - 1, surrogateMax, 0xFFFF} {
		if lo <= edge && hi > edge {
			return utf8Spans(edge+1, hi, utf8Spans(lo, edge, out))
		}
	}
	if lo > hi || lo >= surrogateMin && lo <= surrogateMax {
		return out
	}
	// Both have the same length now. A range is one sequence once every byte after the first that differs runs from
	// 0x80 to 0xBF.
	for shift := 6; shift <= 18; shift += 6 {
		mask := rune(1)<<shift - 1
		if lo&^mask == hi&^mask {
			continue
		}
		if lo&mask != 0 {
			return utf8Spans((lo|mask)+1, hi, utf8Spans(lo, lo|mask, out))
		}
		if hi&mask != mask {
			return utf8Spans(hi&^mask, hi, utf8Spans(lo, hi&^mask-1, out))
		}
	}
	var a, b [utf8.UTFMax]byte
	n := utf8.EncodeRune(a[:], lo)
	utf8.EncodeRune(b[:], hi)
	s := make(spans, n)
	for i := range s {
		s[i] = [2]byte{a[i], b[i]}
	}
	return append(out, s)
}

// runes is one character of s, in UTF-8.
func (g *graph) runes(s runeSet) nodeID {
	var all []spans
	for _, r := range s {
		all = utf8Spans(r.lo, r.hi, all)
	}
	return g.trie(all)
}

// trie is one of several sequences of byte ranges, equal beginnings and equal ends written once.
func (g *graph) trie(all []spans) nodeID {
	var parts []nodeID
	byRest := map[nodeID]*byteSet{}
	var order []nodeID
	for from := 0; from < len(all); {
		to := from + 1
		for to < len(all) && all[to][0] == all[from][0] {
			to++
		}
		rest := empty
		if len(all[from]) > 1 {
			tails := make([]spans, 0, to-from)
			for _, s := range all[from:to] {
				tails = append(tails, s[1:])
			}
			rest = g.trie(tails)
		}
		if byRest[rest] == nil {
			byRest[rest] = &byteSet{}
			order = append(order, rest)
		}
		byRest[rest].addRange(all[from][0][0], all[from][0][1])
		from = to
	}
	for _, rest := range order {
		parts = append(parts, g.cat(g.bytes(*byRest[rest]), rest))
	}
	return g.alt(parts...)
}
