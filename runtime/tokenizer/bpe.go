package tokenizer

import (
	"sync"
	"unicode/utf8"
)

// bpe holds the merges of byte-pair encoding (Sennrich et al. 2016) over bytes.
type bpe struct {
	bytes  [256]int32     // id of each single byte, -1 where the vocabulary has none
	runes  map[rune]int32 // where merging begins with characters: their ids; the others are their bytes
	merges map[uint64]merge
	// whole maps a piece straight to its id. It holds the tokens for which merging leads to that same id,
	// so that it only saves time, and all tokens when the model ignores merges.
	whole map[string]int32
	pool  sync.Pool
}

type merge struct{ rank, id int32 }

func pairKey(left, right int32) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) }

// symbol is a node of the doubly linked list of a piece's tokens. A merged-away one has id -1.
type symbol struct{ id, prev, next int32 }

// candidate is a merge that could be made at position at, if the two symbols there are still the ones it was made for.
type candidate struct{ rank, at, id int32 }

func (c candidate) before(d candidate) bool {
	return c.rank < d.rank || c.rank == d.rank && c.at < d.at
}

type scratch struct {
	symbols []symbol
	heap    []candidate
}

// maxPooled is the number of symbols beyond which a scratch buffer is given back to the collector.
const maxPooled = 1 << 16

// encode appends the ids of one piece, which must not be empty, to ids. Time is n log n in the piece's length.
func (b *bpe) encode(piece string, ids []int32) []int32 {
	if id, ok := b.whole[piece]; ok {
		return append(ids, id)
	}
	return b.encodeMerging(piece, ids)
}

func (b *bpe) encodeMerging(piece string, ids []int32) []int32 {
	s, ok := b.pool.Get().(*scratch)
	if !ok {
		s = &scratch{}
	}
	s.load(b, piece)
	s.mergeAll(b)
	for i := range s.symbols {
		if s.symbols[i].id >= 0 {
			ids = append(ids, s.symbols[i].id)
		}
	}
	if len(s.symbols) <= maxPooled {
		b.pool.Put(s)
	}
	return ids
}

// load makes the list of the piece's bytes, or characters. Bytes without a token are left out, and their neighbours become neighbours.
func (s *scratch) load(b *bpe, piece string) {
	s.symbols, s.heap = s.symbols[:0], s.heap[:0]
	if b.runes == nil {
		s.loadBytes(b, piece)
	} else {
		s.loadRunes(b, piece)
	}
	if n := len(s.symbols); n > 0 {
		s.symbols[n-1].next = -1
	}
	for i := range s.symbols {
		s.propose(b, int32(i))
	}
}

func (s *scratch) add(id int32) {
	n := int32(len(s.symbols))
	s.symbols = append(s.symbols, symbol{id: id, prev: n - 1, next: n + 1})
}

func (s *scratch) loadBytes(b *bpe, piece string) {
	for i := range len(piece) {
		if id := b.bytes[piece[i]]; id >= 0 {
			s.add(id)
		}
	}
}

func (s *scratch) loadRunes(b *bpe, piece string) {
	for i := 0; i < len(piece); {
		r, n := utf8.DecodeRuneInString(piece[i:])
		if id, ok := b.runes[r]; ok && (r != utf8.RuneError || n > 1) {
			s.add(id)
		} else {
			s.loadBytes(b, piece[i:i+n])
		}
		i += n
	}
}

func (s *scratch) mergeAll(b *bpe) {
	for len(s.heap) > 0 {
		best := s.pop()
		left := &s.symbols[best.at]
		if left.id < 0 || left.next < 0 {
			continue
		}
		right := &s.symbols[left.next]
		// The symbols may have changed since; then the merge that fits them now has its own entry.
		if m, ok := b.merges[pairKey(left.id, right.id)]; !ok || m.id != best.id {
			continue
		}
		left.id, right.id, left.next = best.id, -1, right.next
		if left.next >= 0 {
			s.symbols[left.next].prev = best.at
			s.propose(b, best.at)
		}
		if left.prev >= 0 {
			s.propose(b, left.prev)
		}
	}
}

// propose adds the merge of the symbols at position at and after it, if there is one.
func (s *scratch) propose(b *bpe, at int32) {
	left := s.symbols[at]
	if left.next < 0 {
		return
	}
	if m, ok := b.merges[pairKey(left.id, s.symbols[left.next].id)]; ok {
		s.push(candidate{rank: m.rank, at: at, id: m.id})
	}
}

// push and pop keep s.heap a binary heap. They are written out because container/heap would allocate for each entry.
func (s *scratch) push(c candidate) {
	s.heap = append(s.heap, c)
	i := len(s.heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !c.before(s.heap[parent]) {
			break
		}
		s.heap[i] = s.heap[parent]
		i = parent
	}
	s.heap[i] = c
}

func (s *scratch) pop() candidate {
	best, last := s.heap[0], s.heap[len(s.heap)-1]
	s.heap = s.heap[:len(s.heap)-1]
	n, i := len(s.heap), 0
	if n == 0 {
		return best
	}
	for {
		child := 2*i + 1
		if child >= n {
			break
		}
		if child+1 < n && s.heap[child+1].before(s.heap[child]) {
			child++
		}
		if !s.heap[child].before(last) {
			break
		}
		s.heap[i] = s.heap[child]
		i = child
	}
	s.heap[i] = last
	return best
}
