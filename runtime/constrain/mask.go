package constrain

import "slices"

// project returns a state that allows the same tokens of at most size bytes as the given one, and is the same for as
// many states as it can: what lies further away than size bytes is left out, and how often a thing may still be
// repeated is told only as far as a token could count.
func (t *table) project(id stateID, size int) stateID {
	s := &t.states[id]
	places := make([]placeID, len(s.places))
	for i, at := range s.places {
		places[i] = t.near(at, size)
	}
	slices.Sort(places)
	return t.state(slices.Compact(places), s.ends)
}

// near is a place as far as left bytes can tell.
func (t *table) near(id placeID, left int) placeID {
	if id == end || left <= 0 {
		return end // where it cannot be told from what is really there
	}
	p := t.places[id]
	n := &t.automaton.graph.nodes[p.node]
	length := int(n.shortest)
	switch n.op {
	case opLit:
		length -= int(p.at)
	case opCat:
		length = 0
		for _, part := range n.parts[p.at:] {
			length = saturate(length + int(t.automaton.graph.nodes[part].shortest))
		}
	case opRepeat:
		each := int(t.automaton.graph.nodes[n.parts[0]].shortest)
		length = saturate(int(p.least) * each)
		if each > 0 {
			within := int32(left / each) // so often it can be done with in what is left
			p.least = min(p.least, within+1)
			if p.most > within {
				p.most = unbounded
			}
		}
	default: // the shortest text is all that is known
	}
	p.next = t.near(p.next, left-length)
	return t.place(p)
}

// mask returns the tokens that a state allows, a bit for each id. It is kept, and must not be changed.
func (t *table) mask(id stateID) []uint64 {
	v := t.automaton.vocabulary
	long := t.states[id].long
	if long == unmade {
		long = t.project(id, v.longest)
		t.states[id].long = long
	}
	if m, ok := t.masks[long]; ok {
		return m
	}
	short := t.states[long].short
	if short == unmade {
		short = t.project(long, shortBytes)
		t.states[long].short = short
	}
	part, ok := t.parts[short]
	if !ok {
		part = make([]uint64, v.words())
		t.collect(v.short, short, part)
		if t.failed {
			return nil
		}
		t.parts[short] = part
		t.spent += 8 * len(part)
	}
	m := slices.Clone(part)
	t.collect(v.long, long, m)
	if t.failed {
		return nil
	}
	if t.states[long].ends {
		for _, e := range v.end {
			m[e>>6] |= 1 << (e & 63)
		}
	}
	t.masks[long] = m
	t.spent += 8 * len(m)
	return m
}

// collect sets the bits of a trie's tokens that may follow a state.
func (t *table) collect(tr *trie, from stateID, mask []uint64) {
	var at [maxTokenBytes + 1]stateID // by depth
	at[0] = from
	classOf := &t.automaton.classOf
	for i := int32(1); i < int32(len(tr.nodes)); {
		n := &tr.nodes[i]
		before := at[n.depth-1]
		next := t.states[before].next[classOf[n.label]]
		if next == unmade {
			if next = t.step(before, n.label); t.failed {
				return
			}
		}
		if next == dead {
			i = n.skip
			continue
		}
		at[n.depth] = next
		for _, id := range tr.ids[n.ids[0]:n.ids[1]] {
			mask[id>>6] |= 1 << (id & 63)
		}
		i++
	}
}
