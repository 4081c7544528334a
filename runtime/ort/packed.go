package ort

import (
	"context"
	"errors"
	"fmt"

	onnx "github.com/yalue/onnxruntime_go"

	"github.com/bedside-lm/bedside/runtime/repository"
)

// packedGraph is the graph that scripts/export/README.md describes.
type packedGraph struct {
	session *session
	cache   *slotCache
	feeds   *feeds
}

func openPacked(mf *repository.Manifest, opt Options) (graph, error) {
	g := &packedGraph{}
	if err := g.open(mf, opt); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

func (g *packedGraph) open(mf *repository.Manifest, opt Options) error {
	var err error
	inputs, outputs := names(mf.NumLayers)
	if g.session, err = openSession(mf.Path("model.onnx"), inputs, outputs, opt.Threads); err != nil {
		return err
	}
	// A slot has room for a whole step beyond its capacity: attention pads every row of
	// a call to the widest, and start+width must lie within the slot.
	g.cache, err = newSlotCache(cacheShape{
		layers: mf.NumLayers, slots: opt.Slots, heads: mf.NumKVHeads, places: opt.SlotCapacity + opt.MaxTokens, dim: mf.HeadDim,
		element: onnx.TensorElementDataTypeFloat, elementBytes: float32Bytes,
	})
	if err != nil {
		return err
	}
	g.feeds, err = newFeeds(opt, mf.VocabSize)
	return err
}

// names lists the graph's inputs and outputs in the order in which bind takes them.
func names(layers int) (inputs, outputs []string) {
	inputs = []string{"input_ids", "pad_index", "unpad_index", "logits_index", "seqlens_k", "total_seq", "query_seqlens"}
	outputs = []string{"logits"}
	for l := range layers {
		for _, side := range []string{"key", "value"} {
			inputs = append(inputs, fmt.Sprintf("past_key_values.%d.%s", l, side))
			outputs = append(outputs, fmt.Sprintf("present.%d.%s", l, side))
		}
	}
	return inputs, outputs
}

func (g *packedGraph) step(ctx context.Context, rows []Row, out [][]float32) error {
	logitsUsed := 0
	for _, r := range groupRuns(rows, packedRunCost) {
		used, err := g.call(ctx, rows, r, logitsUsed, out)
		if err != nil {
			return err
		}
		logitsUsed += used
	}
	return nil
}

// call runs one group of rows, its logits behind the first offset rows of logits, and
// says how many rows of logits it gave.
func (g *packedGraph) call(ctx context.Context, rows []Row, r run, offset int, out [][]float32) (int, error) {
	n := g.feeds.fill(rows, r)
	t, err := g.bind(n, r, offset)
	defer t.close()
	if err != nil {
		return 0, err
	}
	if err := g.session.run(ctx, t.inputs, t.outputs); err != nil {
		return 0, err
	}
	vocab := g.feeds.vocab
	at := offset * vocab
	for _, i := range r.rows {
		size := (len(rows[i].Tokens) - rows[i].LogitsFrom) * vocab
		out[i] = g.feeds.logits[at : at+size : at+size]
		at += size
	}
	return n.logits, nil
}

func (g *packedGraph) bind(n filled, r run, offset int) (*tensors, error) {
	t := &tensors{}
	f := g.feeds
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
		var v onnx.Value
		var err error
		switch data := s.data.(type) {
		case []int64:
			v, err = onnx.NewTensor(s.shape, data)
		case []int32:
			v, err = onnx.NewTensor(s.shape, data)
		}
		if v, err = t.add(v, err); err != nil {
			return t, err
		}
		t.inputs = append(t.inputs, v)
	}
	data := f.logits[offset*f.vocab : (offset+logits)*f.vocab]
	v, err := t.add(onnx.NewTensor(onnx.NewShape(int64(logits), int64(f.vocab)), data))
	if err != nil {
		return t, err
	}
	cache, err := g.cache.tensors(r.low, r.span)
	if err != nil {
		return t, err
	}
	t.inputs = append(t.inputs, cache...)
	t.outputs = append(append(t.outputs, v), cache...)
	return t, nil
}

func (g *packedGraph) memory() SlotMemory { return g.cache.memoryOfSlot() }

// A cache holds its first tokens until others are written over them, so there is nothing to keep.
func (g *packedGraph) keep(int, int) ([]float32, error) { return nil, nil }

func (g *packedGraph) restore(int, int, []float32) {}

func (g *packedGraph) copyPrefix(int, int, int) {}

func (g *packedGraph) release(slot int) error { return g.cache.release(slot) }

func (g *packedGraph) close() error {
	var errs []error
	if g.session != nil {
		errs = append(errs, g.session.close())
	}
	if g.cache != nil {
		errs = append(errs, g.cache.close())
	}
	if g.feeds != nil {
		errs = append(errs, g.feeds.close())
	}
	return errors.Join(errs...)
}
