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

// release forgets a sequence.
func (s *stateSlots) release(slot int) error {
	s.held[slot] = held{}
	return s.memory.release(slot*s.slotBytes(), s.slotBytes())
}

func (s *stateSlots) close() error { return s.memory.free() }
