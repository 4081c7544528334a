package ort

import (
	"context"
	"fmt"

	onnx "github.com/yalue/onnxruntime_go"
)

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

// call holds a call's tensors until it is over.
type call struct {
	inputs, outputs []onnx.Value
	own             []onnx.Value // those to destroy
}

func (c *call) tensor(t onnx.Value, err error) error {
	if err != nil {
		return err
	}
	c.own = append(c.own, t)
	return nil
}

func (c *call) close() {
	for _, t := range c.own {
		// Destroying a tensor over memory of ours frees a handle; it cannot fail in a
		// way that matters here.
		_ = t.Destroy()
	}
}

// call runs one group of rows, its logits behind the first offset rows of logits, and
// says how many rows of logits it gave.
func (m *LanguageModel) call(ctx context.Context, rows []Row, r run, offset int, out [][]float32) (int, error) {
	n := m.feeds.fill(rows, r)
	c, err := m.bind(n, r, offset)
	defer c.close()
	if err != nil {
		return 0, fmt.Errorf("bind: %w", err)
	}
	if err := m.run(ctx, c); err != nil {
		return 0, err
	}
	vocab := m.feeds.vocab
	at := offset * vocab
	for _, i := range r.rows {
		size := (len(rows[i].Tokens) - rows[i].LogitsFrom) * vocab
		out[i] = m.feeds.logits[at : at+size : at+size]
		at += size
	}
	return n.logits, nil
}

func (m *LanguageModel) bind(n filled, r run, offset int) (*call, error) {
	c := &call{}
	f := m.feeds
	logits := n.logits
	if logits == 0 {
		// A tensor must not be empty: have one row made, and put where nobody looks.
		logits, offset = 1, len(f.logits)/f.vocab-1
		f.wanted[0] = 0
	}
	small := []struct {
		shape onnx.Shape
		data  any
	}{
		{onnx.NewShape(int64(n.tokens)), f.ids[:n.tokens]},
		{onnx.NewShape(int64(n.span), int64(n.width)), f.pad[:n.span*n.width]},
		{onnx.NewShape(int64(n.tokens)), f.unpad[:n.tokens]},
		{onnx.NewShape(int64(logits)), f.wanted[:logits]},
		{onnx.NewShape(int64(n.span)), f.seqlens[:n.span]},
		{onnx.NewShape(1), f.total},
		{onnx.NewShape(int64(n.span)), f.query[:n.span]},
	}
	for _, s := range small {
		var t onnx.Value
		var err error
		switch data := s.data.(type) {
		case []int64:
			t, err = onnx.NewTensor(s.shape, data)
		case []int32:
			t, err = onnx.NewTensor(s.shape, data)
		}
		if err := c.tensor(t, err); err != nil {
			return c, err
		}
	}
	data := f.logits[offset*f.vocab : (offset+logits)*f.vocab]
	t, err := onnx.NewTensor(onnx.NewShape(int64(logits), int64(f.vocab)), data)
	if err := c.tensor(t, err); err != nil {
		return c, err
	}
	cache, err := m.cache.tensors(r.low, r.span)
	if err != nil {
		return c, err
	}
	c.inputs = append(append(c.inputs, c.own[:len(small)]...), cache...)
	c.outputs = append(append(c.outputs, t), cache...)
	return c, nil
}

// run calls the model and stops it when ctx ends.
func (m *LanguageModel) run(ctx context.Context, c *call) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrTerminated, context.Cause(ctx))
	}
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(fired)
		_ = m.stop.Terminate() // fails only for a destroyed handle, and this one is alive
	})
	err := m.session.RunWithOptions(c.inputs, c.outputs, m.stop)
	if stop() {
		if err != nil {
			return fmt.Errorf("run: %w", err)
		}
		return nil
	}
	<-fired
	if e := m.stop.UnsetTerminate(); e != nil {
		m.err = fmt.Errorf("the model cannot run again: %w", e)
	}
	if err == nil {
		return nil // it was done before the signal came
	}
	return fmt.Errorf("%w: %w", ErrTerminated, context.Cause(ctx))
}
