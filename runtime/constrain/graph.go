package constrain

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// nodeID names a node of a graph.
type nodeID int32

// The nodes that every graph begins with.
const (
	none  nodeID = iota // no text at all
	empty               // the empty text
)

type op uint8

const (
	opNone op = iota
	opEmpty
	opByte   // one byte of set
	opLit    // the bytes of lit
	opCat    // parts, one after the other
	opAlt    // one of parts
	opRepeat // parts[0], least to most times; most -1 without bound
)

// unbounded is the most of a repetition without an upper bound.
const unbounded = -1

// byteSet is a set of bytes.
type byteSet [4]uint64

func (s *byteSet) add(b byte)           { s[b>>6] |= 1 << (b & 63) }
func (s *byteSet) has(b byte) bool      { return s[b>>6]>>(b&63)&1 != 0 }
func (s *byteSet) join(o byteSet)       { s[0] |= o[0]; s[1] |= o[1]; s[2] |= o[2]; s[3] |= o[3] }
func (s *byteSet) meet(o byteSet)       { s[0] &= o[0]; s[1] &= o[1]; s[2] &= o[2]; s[3] &= o[3] }
func (s *byteSet) addRange(lo, hi byte) { s.join(byteRange(lo, hi)) }

func (s *byteSet) size() int {
	return bits.OnesCount64(s[0]) + bits.OnesCount64(s[1]) + bits.OnesCount64(s[2]) + bits.OnesCount64(s[3])
}

// first returns the lowest byte of a set that is not empty.
func (s *byteSet) first() byte {
	for i, word := range s {
		if word != 0 {
			return byte(64*i + bits.TrailingZeros64(word))
		}
	}
	return 0
}

func byteRange(lo, hi byte) (s byteSet) {
	for b := int(lo); b <= int(hi); b++ {
		s.add(byte(b))
	}
	return s
}

// node is an expression. Equal expressions are one node, and every node but none stands for at least one text.
type node struct {
	op          op
	set         byteSet
	lit         string
	parts       []nodeID
	least, most int32
	// shortest is the length of the shortest text, in bytes.
	shortest int32
}

// graph holds expressions. Its nodes refer to earlier ones alone.
type graph struct {
	nodes []node
	ids   map[string]nodeID
	key   []byte
	full  bool // maxNodes was reached; what came after is none
}

func newGraph() *graph {
	return &graph{nodes: []node{{op: opNone}, {op: opEmpty}}, ids: map[string]nodeID{}}
}

// intern returns the node equal to n, which it adds where there is none.
func (g *graph) intern(n node) nodeID {
	k := g.key[:0]
	k = append(k, byte(n.op))
	switch n.op {
	case opByte:
		for _, word := range n.set {
			k = binary.LittleEndian.AppendUint64(k, word)
		}
	case opLit:
		k = append(k, n.lit...)
	default:
		k = binary.LittleEndian.AppendUint32(k, uint32(n.least))
		k = binary.LittleEndian.AppendUint32(k, uint32(n.most))
		for _, p := range n.parts {
			k = binary.LittleEndian.AppendUint32(k, uint32(p))
		}
	}
	g.key = k
	if id, ok := g.ids[string(k)]; ok {
		return id
	}
	if len(g.nodes) >= maxNodes {
		g.full = true
		return none
	}
	id := nodeID(len(g.nodes))
	g.nodes = append(g.nodes, n)
	g.ids[string(k)] = id
	return id
}

func (g *graph) bytes(set byteSet) nodeID {
	if set.size() == 0 {
		return none
	}
	return g.intern(node{op: opByte, set: set, shortest: 1})
}

func (g *graph) lit(text string) nodeID {
	if text == "" {
		return empty
	}
	return g.intern(node{op: opLit, lit: text, shortest: int32(len(text))})
}

// cat is a, then b, and so on. Neighbouring literals become one.
func (g *graph) cat(parts ...nodeID) nodeID {
	var flat []nodeID
	length := 0
	add := func(p nodeID) {
		n := &g.nodes[p]
		if last := len(flat) - 1; last >= 0 && n.op == opLit && g.nodes[flat[last]].op == opLit {
			flat[last] = g.lit(g.nodes[flat[last]].lit + n.lit)
		} else if n.op != opEmpty {
			flat = append(flat, p)
		}
		length = saturate(length + int(n.shortest))
	}
	for _, p := range parts {
		switch n := &g.nodes[p]; n.op {
		case opNone:
			return none
		case opCat:
			for _, inner := range n.parts {
				add(inner)
			}
		default:
			add(p)
		}
	}
	switch len(flat) {
	case 0:
		return empty
	case 1:
		return flat[0]
	}
	return g.intern(node{op: opCat, parts: flat, shortest: int32(length)})
}

// alt is any one of parts.
func (g *graph) alt(parts ...nodeID) nodeID {
	var flat []nodeID
	var set byteSet
	seen := map[nodeID]bool{none: true}
	var add func(p nodeID)
	add = func(p nodeID) {
		n := &g.nodes[p]
		switch {
		case seen[p]:
			return
		case n.op == opByte:
			set.join(n.set)
		case n.op == opAlt:
			for _, inner := range n.parts {
				add(inner)
			}
		default:
			flat = append(flat, p)
		}
		seen[p] = true
	}
	for _, p := range parts {
		add(p)
	}
	if set.size() > 0 {
		flat = append(flat, g.bytes(set))
	}
	switch len(flat) {
	case 0:
		return none
	case 1:
		return flat[0]
	}
	shortest := int32(math.MaxInt32)
	for _, p := range flat {
		shortest = min(shortest, g.nodes[p].shortest)
	}
	return g.intern(node{op: opAlt, parts: flat, shortest: shortest})
}

// repeat is p, least to most times; most is unbounded for no upper bound.
func (g *graph) repeat(p nodeID, least, most int) nodeID {
	n := &g.nodes[p]
	switch {
	case most == 0 || p == empty:
		return empty
	case p == none && least == 0:
		return empty
	case p == none:
		return none
	case least == 1 && most == 1:
		return p
	case n.shortest == 0:
		least = 0 // it may be empty each time
	}
	if n.op == opRepeat && n.least == 0 && n.most == unbounded {
		return p // (x*){...}, which may be empty too
	}
	return g.intern(node{
		op: opRepeat, parts: []nodeID{p}, least: int32(least), most: int32(most), shortest: int32(saturate(least * int(n.shortest))),
	})
}

func (g *graph) optional(p nodeID) nodeID { return g.alt(p, empty) }

func saturate(n int) int { return min(n, math.MaxInt32) }
