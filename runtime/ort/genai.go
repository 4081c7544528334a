package ort

import (
	"context"
	"errors"
	"fmt"

	onnx "github.com/yalue/onnxruntime_go"

	"github.com/bedside-lm/bedside/runtime/repository"
)

// genaiGraph is a decoder of onnxruntime-genai's model builder. Its rows are of one length, [B, S]; how many tokens each
// row's slot holds, it reads off an attention mask [B, T]. So rows of one token run together, whatever their
// slots hold, and longer ones alone: the graph refuses several rows that have both a past and more than one token.
type genaiGraph struct {
	names   *repository.GenAI
	options Options
	vocab   int
	session *session
	cache   *slotCache
	feeds   *genaiFeeds
	// held is how many tokens each slot holds. An idle slot among running ones takes part with a token of its own,
	// written behind what it holds, where the slot's next row writes anyway.
	held []int
}

func openGenAI(mf *repository.Manifest, opt Options) (graph, error) {
	g := &genaiGraph{names: mf.GenAI, options: opt, vocab: mf.VocabSize, held: make([]int, opt.Slots)}
	if err := g.open(mf); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

func (g *genaiGraph) open(mf *repository.Manifest) error {
	if g.options.SlotCapacity < g.names.Window {
		return fmt.Errorf("slots of %d tokens, but its layers look back %d", g.options.SlotCapacity, g.names.Window)
	}
	path := mf.Path(g.names.File)
	io, err := describeGenAI(path, mf)
	if err != nil {
		return err
	}
	inputs, outputs := g.ports(mf.NumLayers)
	if g.session, err = openSession(path, inputs, outputs, g.options.Threads); err != nil {
		return err
	}
	shape := cacheShape{
		layers: mf.NumLayers, slots: g.options.Slots, heads: mf.NumKVHeads, places: g.options.SlotCapacity, dim: mf.HeadDim,
		element: onnx.TensorElementDataType(onnxTypes[io.cache]), elementBytes: io.cache.Size(),
	}
	if g.cache, err = newSlotCache(shape); err != nil {
		return err
	}
	if g.feeds, err = newGenAIFeeds(g.options, g.vocab, io.logits); err != nil {
		return err
	}
	return g.probe()
}

// ports lists the graph's inputs and outputs in the order in which bind takes them.
func (g *genaiGraph) ports(layers int) (inputs, outputs []string) {
	inputs = []string{g.names.InputIDs, g.names.AttentionMask}
	if g.names.PositionIDs != "" {
		inputs = append(inputs, g.names.PositionIDs)
	}
	outputs = []string{g.names.Logits}
	for l := range layers {
		inputs = append(inputs, fmt.Sprintf(g.names.PastKey, l), fmt.Sprintf(g.names.PastValue, l))
		outputs = append(outputs, fmt.Sprintf(g.names.PresentKey, l), fmt.Sprintf(g.names.PresentValue, l))
	}
	return inputs, outputs
}

// probe runs what serving will run: a prompt, a chunk after it, and rows of one token together, with an idle slot
// between them. A graph that does not extend its cache in place fails here, not at the first request.
func (g *genaiGraph) probe() error {
	n := min(2, g.options.MaxTokens, g.options.SlotCapacity/2)
	tokens := make([]int32, max(n, 1))
	steps := [][]Row{{{Slot: 0, Tokens: tokens}}}
	if n > 0 {
		steps = append(steps, []Row{{Slot: 0, Start: n, Tokens: tokens}})
	}
	if g.options.Slots > 2 && g.options.MaxTokens > 1 {
		steps = append(steps, []Row{{Slot: 0, Tokens: tokens[:1]}, {Slot: 2, Tokens: tokens[:1]}})
	}
	for _, rows := range steps {
		if err := g.step(context.Background(), rows, make([][]float32, len(rows))); err != nil {
			return fmt.Errorf("the graph does not run as one of onnxruntime-genai's with GroupQueryAttention does: %w", err)
		}
	}
	for slot := range min(3, g.options.Slots) {
		if err := g.release(slot); err != nil {
			return err
		}
	}
	return nil
}

// genaiRunCost is the cost of a call of this graph: an idle slot costs a token.
func genaiRunCost(r run) float64 {
	if len(r.rows) > 1 && r.width > 1 {
		return joinNever
	}
	return callCost + float64(r.span)
}

func (g *genaiGraph) step(ctx context.Context, rows []Row, out [][]float32) error {
	for i, r := range rows {
		if r.Start > g.held[r.Slot] {
			return fmt.Errorf("%w: row %d: %d tokens are said to be in a slot that holds %d", ErrPlan, i, r.Start, g.held[r.Slot])
		}
	}
	used := 0
	for _, r := range groupRuns(rows, genaiRunCost) {
		n, err := g.call(ctx, rows, r, used, out)
		if err != nil {
			return err
		}
		used += n
	}
	return nil
}

// call runs one group of rows, its logits behind the first offset rows of logits, and says how many rows of logits are
// in use by what it gave.
func (g *genaiGraph) call(ctx context.Context, rows []Row, r run, offset int, out [][]float32) (int, error) {
	longest := g.feeds.fill(rows, r, g.lengths(rows, r))
	t, err := g.bind(r, longest, offset)
	defer t.close()
	if err != nil {
		return 0, err
	}
	for _, i := range r.rows {
		g.held[rows[i].Slot] = rows[i].Start // until it is known better
	}
	if err := g.session.run(ctx, t.inputs, t.outputs); err != nil {
		return 0, err
	}
	used := 0
	for _, i := range r.rows {
		row := rows[i]
		g.held[row.Slot] = row.Start + len(row.Tokens)
		first := offset + (row.Slot-r.low)*r.width
		out[i] = g.feeds.rows(first+row.LogitsFrom, first+len(row.Tokens))
		if row.LogitsFrom < len(row.Tokens) {
			used = r.span * r.width
		}
	}
	return used, nil
}

// lengths says how many tokens each slot of a run holds once it is over, the one that an idle slot is given included. A
// full slot has no place for that: there it goes to the last one, which any row that such a slot can still run writes anew.
func (g *genaiGraph) lengths(rows []Row, r run) []int {
	out := make([]int, r.span)
	for j := range out {
		out[j] = min(g.held[r.low+j]+1, g.options.SlotCapacity)
	}
	for _, i := range r.rows {
		out[rows[i].Slot-r.low] = rows[i].Start + len(rows[i].Tokens)
	}
	return out
}

func (g *genaiGraph) bind(r run, longest, offset int) (*tensors, error) {
	t := &tensors{}
	f := g.feeds
	places := r.span * r.width
	shape := onnx.NewShape(int64(r.span), int64(r.width))
	values := []struct {
		shape onnx.Shape
		data  []int64
	}{
		{shape, f.ids[:places]},
		{onnx.NewShape(int64(r.span), int64(longest)), f.mask[:r.span*longest]},
		{shape, f.positions[:places]},
	}
	if g.names.PositionIDs == "" {
		values = values[:2]
	}
	for _, s := range values {
		v, err := t.add(onnx.NewTensor(s.shape, s.data))
		if err != nil {
			return t, err
		}
		t.inputs = append(t.inputs, v)
	}
	v, err := t.add(f.logits(r, offset))
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

func (g *genaiGraph) memory() SlotMemory { return g.cache.memoryOfSlot() }

// A cache holds its first tokens until others are written over them, so there is nothing to keep.
func (g *genaiGraph) keep(int, int) ([]float32, error) { return nil, nil }

func (g *genaiGraph) restore(int, int, []float32) {}

func (g *genaiGraph) copyPrefix(int, int, int) {}

func (g *genaiGraph) release(slot int) error {
	g.held[slot] = 0
	return g.cache.release(slot)
}

func (g *genaiGraph) close() error {
	var errs []error
	if g.session != nil {
		errs = append(errs, g.session.close())
	}
	if g.cache != nil {
		errs = append(errs, g.cache.close())
	}
	if g.feeds != nil {
		errs = append(errs, g.feeds.memory.free())
	}
	return errors.Join(errs...)
}
