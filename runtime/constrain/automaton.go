package constrain

import "sync"

// Memory that an automaton's table may take, in bytes by a rough count. Beyond tableBytes it is begun anew before the next
// piece of work; a piece that takes it beyond hardBytes is given up.
const (
	tableBytes = 8 << 20
	hardBytes  = 8 * tableBytes
)

// maxPlaces bounds the places of one state.
const maxPlaces = 1 << 13

// Automaton is a form made for a vocabulary. It is safe for concurrent use, and worth being kept for all texts of the form:
// what one text found out serves the others.
type Automaton struct {
	vocabulary *Vocabulary
	graph      *graph
	root       nodeID
	classOf    [256]uint8 // bytes that no node tells apart have one class
	classes    int
	limit      int // of the table's memory

	mu    sync.Mutex
	table *table
}

// Compile makes a form's automaton for a vocabulary. A form that the vocabulary cannot write is KindEmpty.
func (v *Vocabulary) Compile(g *Grammar) (*Automaton, error) {
	a := &Automaton{vocabulary: v, limit: tableBytes}
	a.graph, a.root = g.graph.restrict(g.root, v.single)
	if a.graph.full {
		return nil, fail(KindLimit, "", "is larger than is allowed: its expression has more than %d parts", maxNodes)
	}
	if a.root == none {
		return nil, fail(KindEmpty, "", "has no text that the model has tokens for")
	}
	a.classify()
	a.table = newTable(a)
	return a, nil
}

// restrict returns the part of an expression that needs no byte beyond allowed.
func (g *graph) restrict(root nodeID, allowed byteSet) (*graph, nodeID) {
	out := newGraph()
	made := make([]nodeID, root+1)
	made[empty] = empty
	for id := empty + 1; id <= root; id++ {
		n := &g.nodes[id]
		parts := make([]nodeID, len(n.parts))
		for i, p := range n.parts {
			parts[i] = made[p]
		}
		switch n.op {
		case opByte:
			set := n.set
			set.meet(allowed)
			made[id] = out.bytes(set)
		case opLit:
			made[id] = out.lit(n.lit)
			for i := range len(n.lit) {
				if !allowed.has(n.lit[i]) {
					made[id] = none
				}
			}
		case opCat:
			made[id] = out.cat(parts...)
		case opAlt:
			made[id] = out.alt(parts...)
		case opRepeat:
			made[id] = out.repeat(parts[0], int(n.least), int(n.most))
		default: // none and empty come first
		}
	}
	return out, made[root]
}

// classify finds the classes of bytes: two bytes are of one class where every set and every literal of the expression
// treats them alike.
func (a *Automaton) classify() {
	a.classes = 1
	var literal byteSet
	seen := map[byteSet]bool{}
	for i := range a.graph.nodes {
		n := &a.graph.nodes[i]
		for j := range len(n.lit) {
			literal.add(n.lit[j])
		}
		if n.op == opByte && !seen[n.set] {
			seen[n.set] = true
			a.split(n.set)
		}
	}
	for b := range 256 {
		if literal.has(byte(b)) {
			a.split(byteRange(byte(b), byte(b)))
		}
	}
}

// split makes classes that lie within set or outside it.
func (a *Automaton) split(set byteSet) {
	inside := map[uint8]uint8{}
	outside := map[uint8]bool{}
	for b := range 256 {
		if !set.has(byte(b)) {
			outside[a.classOf[b]] = true
		}
	}
	for b := range 256 {
		class := a.classOf[b]
		if !set.has(byte(b)) || !outside[class] {
			continue
		}
		if _, ok := inside[class]; !ok {
			inside[class] = uint8(a.classes)
			a.classes++
		}
		a.classOf[b] = inside[class]
	}
}
