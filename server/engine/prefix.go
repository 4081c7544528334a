package engine

import (
	"slices"

	"github.com/bedside-lm/bedside/batcher/continuous"
	"github.com/bedside-lm/bedside/runtime/ort"
)

// leastPrefix is how many tokens a common beginning must have to be worth copying.
const leastPrefix = 16

// prefixes remembers what the slots hold, so that a request that begins as another of its tenant does (the same
// instructions, the same record) need not run that part again: it is copied, or taken where it lies. The bits are those that running
// it would give. Another tenant's requests are never looked at, so nobody can tell from the time what others ask.
type prefixes struct {
	model *ort.LanguageModel
	slots []prefix
	most  int // tokens that free slots may hold on to together
	all   int // tokens that all slots may hold together; 0: any number
	clock uint64
}

// prefix is what a slot holds.
type prefix struct {
	tokens   []int32 // nil: nothing that could be used again
	tenant   string
	used     uint64
	reserved int // tokens that the sequence that runs in it may come to; 0: the slot is free
}

// newPrefixes returns nil where the model cannot, or nothing may be kept.
func newPrefixes(model *ort.LanguageModel, most, all int) *prefixes {
	if most <= 0 || !model.SlotMemory().Shared {
		return nil
	}
	return &prefixes{model: model, slots: make([]prefix, model.Options().Slots), most: most, all: all}
}

// place chooses the slot of a sequence that starts, and says how many of its tokens the slot then holds.
func (p *prefixes) place(s *sequence, free func(slot int) bool) (slot, held int) {
	source, common := -1, 0
	target := -1
	for i := range p.slots {
		if n := p.common(i, s); n > common {
			source, common = i, n
		}
		if free(i) && (target < 0 || p.slots[i].used < p.slots[target].used) {
			target = i
		}
	}
	if target < 0 {
		return -1, 0
	}
	if common < leastPrefix {
		source, common = -1, 0
	}
	// A slot that nothing but this beginning is kept in is not copied but gone on with.
	if source >= 0 && free(source) && len(p.slots[source].tokens) <= common+leastPrefix {
		target = source
	}
	if target != source {
		if p.forget(target) != nil {
			return target, 0
		}
		if source >= 0 && p.model.CopyPrefix(source, target, common) != nil {
			common = 0
		}
	}
	p.clock++
	p.slots[target] = prefix{tokens: s.tokens[:common], tenant: s.tenant, used: p.clock, reserved: s.runLength() + s.maxNew}
	if err := p.trim(); err != nil {
		common = 0
	}
	return target, common
}

// common is how many of a sequence's first tokens a slot holds; the last one of the prompt is always to be run.
func (p *prefixes) common(slot int, s *sequence) int {
	have := &p.slots[slot]
	if s.score != nil || have.tokens == nil || have.tenant != s.tenant {
		return 0
	}
	n := min(len(have.tokens), s.prompt-1)
	for i, token := range have.tokens[:n] {
		if token != s.tokens[i] {
			return i
		}
	}
	return n
}

// ran notes what a sequence's slot holds after a step.
func (p *prefixes) ran(s *sequence, row continuous.Row, result continuous.Result) {
	if p != nil && s.score == nil {
		p.slots[row.Slot].tokens = s.tokens[:row.Start+row.Count+result.Accepted]
	}
}

// end frees a slot: what it holds is kept for others to begin with, or given back.
func (p *prefixes) end(slot int, keep bool) error {
	have := &p.slots[slot]
	have.reserved = 0
	if !keep || len(have.tokens) < leastPrefix {
		return p.forget(slot)
	}
	p.clock++
	have.tokens, have.used = slices.Clone(have.tokens), p.clock
	return p.trim()
}

// forget gives a slot's memory back; the next to read it finds zeros.
func (p *prefixes) forget(slot int) error {
	p.slots[slot] = prefix{}
	return p.model.ReleaseSlot(slot)
}

// trim forgets what was not used for longest, until what is kept is no more than may be.
func (p *prefixes) trim() error {
	for {
		kept, running, oldest := 0, 0, -1
		for i := range p.slots {
			s := &p.slots[i]
			if s.reserved > 0 {
				running += s.reserved
				continue
			}
			kept += len(s.tokens)
			if s.tokens != nil && (oldest < 0 || s.used < p.slots[oldest].used) {
				oldest = i
			}
		}
		if oldest < 0 || kept <= p.most && (p.all == 0 || kept+running <= p.all) {
			return nil
		}
		if err := p.forget(oldest); err != nil {
			return err
		}
	}
}
