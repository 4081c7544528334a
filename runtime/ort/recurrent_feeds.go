package ort

import (
	"fmt"

	onnx "github.com/yalue/onnxruntime_go"
)

// recurrentFeeds is the memory behind a call's inputs, logits, and states going in and coming out.
type recurrentFeeds struct {
	memory        *region
	vocab         int
	rows, width   int // states: most rows of a call, and the length of one row's
	ids           []int64
	wanted        []int64
	lengths       []int32
	logits        []float32   // [logits+1, vocab]; the last row is for calls that want none
	before, after [][]float32 // by block [rows, width]
}

// maxRecurrentPlaces is how many places, rows times the longest, a call may have; the operators' own memory grows with them.
func maxRecurrentPlaces(opt Options) int { return 2 * opt.MaxTokens }

func newRecurrentFeeds(opt Options, vocab, blocks, width int) (*recurrentFeeds, error) {
	const int64Bytes, int32Bytes = 8, 4
	places, rows, logits := maxRecurrentPlaces(opt), opt.Slots+1, opt.MaxLogits+1
	size := (places+logits)*int64Bytes + rows*int32Bytes + (logits*vocab+2*blocks*rows*width)*float32Bytes
	memory, err := newRegion(size)
	if err != nil {
		return nil, fmt.Errorf("input, state and logits buffers: %w", err)
	}
	f := &recurrentFeeds{memory: memory, vocab: vocab, rows: rows, width: width}
	at := 0
	take := func(n, bytes int) int {
		from := at
		at += n * bytes
		return from
	}
	f.ids = view[int64](memory, take(places, int64Bytes), places)
	f.wanted = view[int64](memory, take(logits, int64Bytes), logits)
	f.logits = view[float32](memory, take(logits*vocab, float32Bytes), logits*vocab)
	for range blocks {
		f.before = append(f.before, view[float32](memory, take(rows*width, float32Bytes), rows*width))
		f.after = append(f.after, view[float32](memory, take(rows*width, float32Bytes), rows*width))
	}
	f.lengths = view[int32](memory, take(rows, int32Bytes), rows)
	return f, nil
}

// recurrentCall says how much of the buffers a call uses.
type recurrentCall struct {
	rows, width, logits int
}

// fill writes a call's tokens, the rows side by side and padded to the longest, [width, rows]. There are at least least
// rows; those added are of one token and no sequence.
func (f *recurrentFeeds) fill(rows []Row, r run, least int) recurrentCall {
	c := recurrentCall{rows: max(len(r.rows), least), width: r.width}
	clear(f.ids[:c.rows*c.width])
	for at := len(r.rows); at < c.rows; at++ {
		f.lengths[at] = 1
		for _, block := range f.before {
			clear(block[at*f.width : (at+1)*f.width])
		}
	}
	for at, i := range r.rows {
		row := rows[i]
		f.lengths[at] = int32(len(row.Tokens))
		for j, id := range row.Tokens {
			place := j*c.rows + at
			f.ids[place] = int64(id)
			if j >= row.LogitsFrom {
				f.wanted[c.logits] = int64(place)
				c.logits++
			}
		}
	}
	return c
}

// stateOf is one row's part of the states that go in, or come out.
func (f *recurrentFeeds) stateOf(blocks [][]float32, row int) func(block int) []float32 {
	return func(block int) []float32 { return blocks[block][row*f.width : (row+1)*f.width] }
}

// bind makes the tensors of a call whose logits come behind the first offset rows.
func (f *recurrentFeeds) bind(c recurrentCall, offset int) (*tensors, error) {
	t := &tensors{}
	logits := c.logits
	if logits == 0 {
		// A tensor must not be empty: have one row made, and put where nobody looks.
		logits, offset = 1, len(f.logits)/f.vocab-1
		f.wanted[0] = 0
	}
	ids, err := t.add(onnx.NewTensor(onnx.NewShape(int64(c.width), int64(c.rows)), f.ids[:c.width*c.rows]))
	if err != nil {
		return t, err
	}
	lengths, err := t.add(onnx.NewTensor(onnx.NewShape(int64(c.rows)), f.lengths[:c.rows]))
	if err != nil {
		return t, err
	}
	wanted, err := t.add(onnx.NewTensor(onnx.NewShape(int64(logits)), f.wanted[:logits]))
	if err != nil {
		return t, err
	}
	out, err := t.add(onnx.NewTensor(onnx.NewShape(int64(logits), int64(f.vocab)), f.logits[offset*f.vocab:(offset+logits)*f.vocab]))
	if err != nil {
		return t, err
	}
	t.inputs, t.outputs = append(t.inputs, ids, lengths, wanted), append(t.outputs, out)
	shape := onnx.NewShape(1, int64(c.rows), int64(f.width))
	for b := range f.before {
		in, err := t.add(onnx.NewTensor(shape, f.before[b][:c.rows*f.width]))
		if err != nil {
			return t, err
		}
		out, err := t.add(onnx.NewTensor(shape, f.after[b][:c.rows*f.width]))
		if err != nil {
			return t, err
		}
		t.inputs, t.outputs = append(t.inputs, in), append(t.outputs, out)
	}
	return t, nil
}

func (f *recurrentFeeds) close() error { return f.memory.free() }
