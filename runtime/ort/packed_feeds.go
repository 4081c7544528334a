package ort

import "fmt"

// feeds is the memory behind a call's small inputs and its logits.
type feeds struct {
	memory *region
	vocab  int

	ids, unpad, wanted []int64   // [tokens], [tokens], [logits+1]
	pad                []int64   // [slots*tokens]
	seqlens, query     []int32   // [slots]
	total              []int32   // [1]
	logits             []float32 // [logits+1, vocab]; the last row is for calls that want none
}

func newFeeds(opt Options, vocab int) (*feeds, error) {
	const int64Bytes, int32Bytes = 8, 4
	places := opt.Slots * opt.MaxTokens
	logits := opt.MaxLogits + 1
	size := (2*opt.MaxTokens+logits+places)*int64Bytes +
		logits*vocab*float32Bytes + (2*opt.Slots+1)*int32Bytes
	memory, err := newRegion(size)
	if err != nil {
		return nil, fmt.Errorf("input and logits buffers: %w", err)
	}
	f := &feeds{memory: memory, vocab: vocab}
	at := 0
	take64 := func(n int) []int64 {
		v := view[int64](memory, at, n)
		at += n * int64Bytes
		return v
	}
	f.ids, f.unpad, f.wanted, f.pad = take64(opt.MaxTokens), take64(opt.MaxTokens), take64(logits), take64(places)
	f.logits = view[float32](memory, at, logits*vocab)
	at += logits * vocab * float32Bytes
	take32 := func(n int) []int32 {
		v := view[int32](memory, at, n)
		at += n * int32Bytes
		return v
	}
	f.seqlens, f.query, f.total = take32(opt.Slots), take32(opt.Slots), take32(1)
	return f, nil
}

func (f *feeds) close() error { return f.memory.free() }

// filled says how much of the buffers a call uses.
type filled struct {
	tokens, logits int
	span, width    int
}

// fill writes the inputs of one call: the packed tokens of its rows in slot order, and
// the indices that lay them out for attention and take them back.
func (f *feeds) fill(rows []Row, r run) filled {
	n := filled{span: r.span, width: r.width}
	clear(f.query[:r.span])
	clear(f.seqlens[:r.span])
	clear(f.pad[:r.span*r.width])
	longest := 0
	for _, i := range r.rows {
		row := rows[i]
		at := row.Slot - r.low
		count := len(row.Tokens)
		f.query[at] = int32(count)
		f.seqlens[at] = int32(row.Start + count - 1)
		longest = max(longest, row.Start+count)
		for j, id := range row.Tokens {
			place := at*r.width + j
			f.pad[place] = int64(n.tokens)
			f.unpad[n.tokens] = int64(place)
			f.ids[n.tokens] = int64(id)
			if j >= row.LogitsFrom {
				f.wanted[n.logits] = int64(n.tokens)
				n.logits++
			}
			n.tokens++
		}
	}
	f.total[0] = int32(longest)
	return n
}
