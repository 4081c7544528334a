package constrain

import (
	"encoding/binary"
	"slices"
)

// placeID names a place of a table.
type placeID int32

// end is the place after which nothing is to come.
const end placeID = 0

// place is where in the expression a text may stand: what is still to come is (the rest of) node, then next.
type place struct {
	node        nodeID
	at          int32 // bytes of a literal, or parts of a sequence, that are done
	least, most int32 // of a repetition: how often it is still to come
	next        placeID
}

// stateID names a state of a table.
type stateID int32

const (
	dead   stateID = 0
	unmade stateID = -1
)

// state is a set of places that wait for a byte.
type state struct {
	places []placeID // in order; each is of a byte or a literal
	ends   bool      // the text may end here
	next   []stateID // by class of bytes
	// The states that stand for this one where no more than shortBytes, or the longest token's bytes, come next.
	short, long stateID
}

// table holds the places, states and masks that an automaton's texts have met. Automaton.mu guards it.
type table struct {
	automaton *Automaton
	places    []place
	placeIDs  map[place]placeID
	states    []state
	stateIDs  map[string]stateID
	masks     map[stateID][]uint64 // of states that are their own long
	parts     map[stateID][]uint64 // of states that are their own short: the short tokens
	spent     int                  // bytes, about
	failed    bool                 // a state had too many places, or the table too much memory

	// Scratch of settle.
	marks []int32 // by place: the round in which it was seen
	round int32
	stack []placeID
	found []placeID
	key   []byte
}

func newTable(a *Automaton) *table {
	return &table{
		automaton: a, places: []place{{}}, placeIDs: map[place]placeID{}, states: []state{{}}, stateIDs: map[string]stateID{},
		masks: map[stateID][]uint64{}, parts: map[stateID][]uint64{}, marks: []int32{0},
	}
}

// start is the state of an empty text.
func (t *table) start() stateID {
	t.begin()
	t.stack = append(t.stack, t.enter(t.automaton.root, end))
	return t.settle()
}

// enter is the place before a node and what follows it.
func (t *table) enter(id nodeID, next placeID) placeID {
	if id == empty {
		return next
	}
	n := &t.automaton.graph.nodes[id]
	return t.place(place{node: id, least: n.least, most: n.most, next: next})
}

func (t *table) place(p place) placeID {
	if id, ok := t.placeIDs[p]; ok {
		return id
	}
	id := placeID(len(t.places))
	t.places = append(t.places, p)
	t.placeIDs[p] = id
	t.marks = append(t.marks, 0)
	t.spent += 80
	return id
}

// begin empties the stack that settle works on.
func (t *table) begin() {
	t.round++
	t.stack, t.found = t.stack[:0], t.found[:0]
}

// settle returns the state of all places on the stack and those that they lead to without a byte.
func (t *table) settle() stateID {
	ends := false
	for len(t.stack) > 0 {
		id := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		if t.marks[id] == t.round {
			continue
		}
		t.marks[id] = t.round
		if id == end {
			ends = true
			continue
		}
		t.expand(id)
		if len(t.found) > maxPlaces || t.spent > hardBytes {
			t.failed = true
			return dead
		}
	}
	slices.Sort(t.found)
	return t.state(t.found, ends)
}

// expand puts a place among those found, or what it leads to without a byte on the stack.
func (t *table) expand(id placeID) {
	p := t.places[id]
	n := &t.automaton.graph.nodes[p.node]
	switch n.op {
	case opByte, opLit:
		t.found = append(t.found, id)
	case opCat:
		next := p.next
		if int(p.at)+1 < len(n.parts) {
			next = t.place(place{node: p.node, at: p.at + 1, next: p.next})
		}
		t.stack = append(t.stack, t.enter(n.parts[p.at], next))
	case opAlt:
		for _, part := range n.parts {
			t.stack = append(t.stack, t.enter(part, p.next))
		}
	case opRepeat:
		if p.least == 0 {
			t.stack = append(t.stack, p.next)
		}
		if p.most != 0 {
			again := p.next
			if p.most != 1 {
				again = t.place(place{node: p.node, least: max(p.least-1, 0), most: fewer(p.most), next: p.next})
			}
			t.stack = append(t.stack, t.enter(n.parts[0], again))
		}
	default: // none and empty are no places
	}
}

func fewer(most int32) int32 {
	if most == unbounded {
		return unbounded
	}
	return most - 1
}

// state returns the state of places in order, which it copies.
func (t *table) state(places []placeID, ends bool) stateID {
	if len(places) == 0 && !ends {
		return dead
	}
	k := t.key[:0]
	for _, p := range places {
		k = binary.LittleEndian.AppendUint32(k, uint32(p))
	}
	if ends {
		k = append(k, 1)
	}
	t.key = k
	if id, ok := t.stateIDs[string(k)]; ok {
		return id
	}
	s := state{places: slices.Clone(places), ends: ends, next: make([]stateID, t.automaton.classes), short: unmade, long: unmade}
	for i := range s.next {
		s.next[i] = unmade
	}
	id := stateID(len(t.states))
	t.states = append(t.states, s)
	t.stateIDs[string(k)] = id
	t.spent += 160 + 8*len(places) + 4*len(s.next)
	return id
}

// step is the state after one more byte.
func (t *table) step(id stateID, b byte) stateID {
	class := t.automaton.classOf[b]
	if id == dead {
		return dead
	}
	if next := t.states[id].next[class]; next != unmade {
		return next
	}
	t.begin()
	for _, at := range t.states[id].places {
		p := t.places[at]
		n := &t.automaton.graph.nodes[p.node]
		switch {
		case n.op == opByte && n.set.has(b), n.op == opLit && int(p.at)+1 == len(n.lit) && n.lit[p.at] == b:
			t.stack = append(t.stack, p.next)
		case n.op == opLit && n.lit[p.at] == b:
			t.stack = append(t.stack, t.place(place{node: p.node, at: p.at + 1, next: p.next}))
		}
	}
	next := t.settle()
	if !t.failed {
		t.states[id].next[class] = next
	}
	return next
}

// walk is the state after a text.
func (t *table) walk(id stateID, text string) stateID {
	for i := 0; i < len(text) && id != dead; i++ {
		id = t.step(id, text[i])
	}
	return id
}

// only returns the byte that must come next, if there is just one and the text may not end.
func (t *table) only(id stateID) (byte, bool) {
	s := &t.states[id]
	if s.ends {
		return 0, false
	}
	var set byteSet
	for _, at := range s.places {
		p := &t.places[at]
		if n := &t.automaton.graph.nodes[p.node]; n.op == opByte {
			set.join(n.set)
		} else {
			set.add(n.lit[p.at])
		}
	}
	return set.first(), set.size() == 1
}

// adopt brings a state of another table of the same automaton into this one.
func (t *table) adopt(from *table, id stateID) stateID {
	old := &from.states[id]
	places := make([]placeID, len(old.places))
	known := map[placeID]placeID{end: end}
	var bring func(placeID) placeID
	bring = func(at placeID) placeID {
		if to, ok := known[at]; ok {
			return to
		}
		p := from.places[at]
		p.next = bring(p.next)
		known[at] = t.place(p)
		return known[at]
	}
	for i, at := range old.places {
		places[i] = bring(at)
	}
	slices.Sort(places)
	return t.state(places, old.ends)
}
