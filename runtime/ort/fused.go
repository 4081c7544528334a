package ort

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/bedside-lm/bedside/runtime/ort/internal/capi"
	"github.com/bedside-lm/bedside/runtime/ort/internal/kernels"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/runtime/tensor"
)

// fusedGraph is the `fused-int8` graph that scripts/export/README.md describes. A sequence's cache is one stretch of memory,
// which the operators write to themselves; a call takes the rows of a step as they are, without padding, whatever their slots.
type fusedGraph struct {
	session *capi.Session
	call    *tensorCall
	ports   map[string]port
	cache   *region
	slot    int // bytes of a slot's cache
	page    int // bytes of a page of a key-value head; a slot has `pages` of them for each head of each layer
	pages   int
	slots   int
	vocab   int
	in      fusedInputs
}

// fusedInputs are a call's inputs beside the cache.
type fusedInputs struct {
	ids, wanted           []int64 // [tokens], [logits]
	slots, starts, counts []int32 // [rows]
}

// optimizeAll is ONNX Runtime's ORT_ENABLE_ALL.
const optimizeAll = 99

// What kernels.h says of the cache's pages.
const (
	pageTokens     = 64
	pageTokenExtra = 3 * float32Bytes // scales of key and value, sum of the key
)

func openFused(mf *repository.Manifest, opt Options) (graph, error) {
	g := &fusedGraph{
		page: pageTokens * (2*mf.HeadDim + pageTokenExtra), pages: (opt.SlotCapacity + pageTokens - 1) / pageTokens,
		slots: opt.Slots, vocab: mf.VocabSize,
	}
	g.slot = g.pages * g.page * mf.NumKVHeads * mf.NumLayers
	if err := g.open(mf, opt); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

func (g *fusedGraph) open(mf *repository.Manifest, opt Options) error {
	var err error
	g.session, err = capi.Open(mf.Path("model.onnx"), capi.Options{
		IntraOpThreads: opt.Threads, InterOpThreads: 1, Optimization: optimizeAll, Operators: kernels.Register(),
		Config: map[string]string{stopSpinning: "1"},
	})
	if err != nil {
		return fmt.Errorf("load the graph: %w", err)
	}
	g.ports = map[string]port{}
	for i, io := range g.session.IO(capi.Input) {
		g.ports[io.Name] = port{kind: capi.Input, index: i}
	}
	for _, name := range []string{"input_ids", "logits_index", "slots", "starts", "counts", "cache"} {
		if _, ok := g.ports[name]; !ok {
			return fmt.Errorf("the graph has no input %s", name)
		}
	}
	if g.call, err = newTensorCall(g.session); err != nil {
		return err
	}
	if g.cache, err = newRegion(g.slots * g.slot); err != nil {
		return fmt.Errorf("key-value cache of %d slots of %d tokens: %w", g.slots, opt.SlotCapacity, err)
	}
	return nil
}

func (g *fusedGraph) step(ctx context.Context, rows []Row, out [][]float32) error {
	g.call.clear() // the last step's logits are no longer looked at
	if g.call.err != nil {
		return fmt.Errorf("the model cannot run again: %w", g.call.err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrTerminated, context.Cause(ctx))
	}
	g.in.fill(rows)
	counts := []int64{int64(len(g.in.ids)), int64(len(g.in.wanted)), int64(len(rows))}
	feed(g, "input_ids", tensor.Int64, g.in.ids, counts[:1])
	feed(g, "logits_index", tensor.Int64, g.in.wanted, counts[1:2])
	feed(g, "slots", tensor.Int32, g.in.slots, counts[2:])
	feed(g, "starts", tensor.Int32, g.in.starts, counts[2:])
	feed(g, "counts", tensor.Int32, g.in.counts, counts[2:])
	feed(g, "cache", tensor.Uint8, g.cache.bytes[:g.slots*g.slot], []int64{int64(g.slots), int64(g.slot)})
	g.call.output(port{kind: capi.Output})
	if err := g.call.run(ctx); err != nil {
		return err
	}
	data := g.call.call.Data(0, float32Bytes)
	logits := unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/float32Bytes)
	for i, r := range rows {
		n := (len(r.Tokens) - r.LogitsFrom) * g.vocab
		out[i], logits = logits[:n:n], logits[n:]
	}
	return nil
}

// feed hands an input over, in the memory that it lies in.
func feed[T int64 | int32 | uint8](g *fusedGraph, name string, kind tensor.Type, data []T, shape []int64) {
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), len(data)*int(unsafe.Sizeof(*new(T))))
	p := g.ports[name]
	g.call.call.Input(p.kind, p.index, onnxTypes[kind], shape, bytes, nil)
}

func (in *fusedInputs) fill(rows []Row) {
	in.ids, in.wanted = in.ids[:0], in.wanted[:0]
	in.slots, in.starts, in.counts = in.slots[:0], in.starts[:0], in.counts[:0]
	for _, r := range rows {
		for j, id := range r.Tokens {
			if j >= r.LogitsFrom {
				in.wanted = append(in.wanted, int64(len(in.ids)))
			}
			in.ids = append(in.ids, int64(id))
		}
		in.slots = append(in.slots, int32(r.Slot))
		in.starts = append(in.starts, int32(r.Start))
		in.counts = append(in.counts, int32(len(r.Tokens)))
	}
}

func (g *fusedGraph) memory() SlotMemory { return SlotMemory{Bytes: g.slot, Shared: true} }

// A cache holds its first tokens until others are written over them, so there is nothing to keep.
func (g *fusedGraph) keep(int, int) ([]float32, error) { return nil, nil }

func (g *fusedGraph) restore(int, int, []float32) {}

func (g *fusedGraph) copyPrefix(from, to, tokens int) {
	used := (tokens + pageTokens - 1) / pageTokens * g.page
	source, target := g.cache.bytes[from*g.slot:], g.cache.bytes[to*g.slot:]
	for head := 0; head < g.slot; head += g.pages * g.page {
		copy(target[head:head+used], source[head:head+used])
	}
}

func (g *fusedGraph) release(slot int) error {
	if err := g.cache.release(slot*g.slot, g.slot); err != nil {
		return fmt.Errorf("release slot %d: %w", slot, err)
	}
	return nil
}

func (g *fusedGraph) close() error {
	if g.call != nil {
		g.call.clear()
		g.call.call.Free()
	}
	if g.session != nil {
		g.session.Close()
	}
	if g.cache != nil {
		return g.cache.free()
	}
	return nil
}
