package ort

import "fmt"

// stateSlots is the memory of all slots of a model whose sequences are a state of constant size: for each block (a layer's
// hidden state, or its cell state) and slot, two copies of [width] float32. A step reads one and writes the other, so that a
// step that fails leaves its rows as they were, and the last row of a slot can be run again.
type stateSlots struct {
	memory *region
	blocks int
	slots  int
	width  int
	held   []held // by slot
}

const stateCopies = 2

// held says after how many tokens of its sequence each copy of a slot's state stands; 0: nothing is there.
type held struct {
	at   [stateCopies]int
	live int // the copy written last
}

func newStateSlots(blocks, slots, width int) (*stateSlots, error) {
	s := &stateSlots{blocks: blocks, slots: slots, width: width, held: make([]held, slots)}
	memory, err := newRegion(slots * s.slotBytes())
	if err != nil {
		return nil, fmt.Errorf("states of %d slots: %w", slots, err)
	}
	s.memory = memory
	return s, nil
}

// slotBytes is what one slot takes, whatever the length of its sequence.
func (s *stateSlots) slotBytes() int { return stateCopies * s.blocks * s.width * float32Bytes }

// state is one copy of one block of a slot.
func (s *stateSlots) state(slot, which, block int) []float32 {
	at := slot*s.slotBytes() + (which*s.blocks+block)*s.width*float32Bytes
	return view[float32](s.memory, at, s.width)
}

// find returns the copy of a slot's state after start tokens. The one written last is preferred.
func (s *stateSlots) find(slot, start int) (which int, ok bool) {
	h := s.held[slot]
	for _, which := range []int{h.live, 1 - h.live} {
		if h.at[which] == start {
			return which, true
		}
	}
	return 0, false
}

// load puts a slot's state after start tokens into to, block by block; a sequence begins with zeros.
func (s *stateSlots) load(slot, start int, to func(block int) []float32) {
	which, _ := s.find(slot, start)
	for b := range s.blocks {
		if start == 0 {
			clear(to(b))
			continue
		}
		copy(to(b), s.state(slot, which, b))
	}
}

// store keeps the state after end tokens that a row made from the one after start, which stays beside it.
func (s *stateSlots) store(slot, start, end int, from func(block int) []float32) {
	h := &s.held[slot]
	which := 1 - h.live
	if start == 0 {
		h.at = [stateCopies]int{} // another sequence: nothing of the one before may be found
	} else if source, _ := s.find(slot, start); source == which {
		which = h.live
	}
	for b := range s.blocks {
		copy(s.state(slot, which, b), from(b))
	}
	h.at[which], h.live = end, which
}

// keep copies a slot's state after so many tokens, block after block.
func (s *stateSlots) keep(slot, tokens int) ([]float32, error) {
	which, ok := s.find(slot, tokens)
	if !ok {
		return nil, fmt.Errorf("%w: the state after %d tokens is asked for; the slot holds the one after %v", ErrPlan, tokens, s.held[slot].at)
	}
	out := make([]float32, 0, s.blocks*s.width)
	for b := range s.blocks {
		out = append(out, s.state(slot, which, b)...)
	}
	return out, nil
}

// restore puts back what keep copied; the slot holds nothing else then.
func (s *stateSlots) restore(slot, tokens int, state []float32) {
	for b := range s.blocks {
		copy(s.state(slot, 0, b), state[b*s.width:])
	}
	s.held[slot] = held{at: [stateCopies]int{tokens, 0}}
}

// release forgets a sequence.
func (s *stateSlots) release(slot int) error {
	s.held[slot] = held{}
	return s.memory.release(slot*s.slotBytes(), s.slotBytes())
}

func (s *stateSlots) close() error { return s.memory.free() }
