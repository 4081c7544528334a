package ort

import (
	"fmt"
	"unsafe"

	onnx "github.com/yalue/onnxruntime_go"

	"github.com/bedside-lm/bedside/runtime/tensor"
)

// genaiFeeds is the memory behind a call's small inputs and its logits. The graph gives logits for every place, wanted or
// not; pages that no call has reached take no memory.
type genaiFeeds struct {
	memory *region
	vocab  int
	kind   tensor.Type // of the logits as the graph gives them
	raw    []byte      // [places, vocab] of kind
	wide   []float32   // [places, vocab], where kind is not FP32

	ids, positions []int64 // [places]
	mask           []int64 // [slots*capacity]
}

func newGenAIFeeds(opt Options, vocab int, kind tensor.Type) (*genaiFeeds, error) {
	const int64Bytes = 8
	places := opt.MaxTokens + opt.Slots // idle slots take part
	logits := places * vocab * kind.Size()
	logits = (logits + int64Bytes - 1) / int64Bytes * int64Bytes
	wide := 0
	if kind != tensor.FP32 {
		wide = places * vocab
	}
	masks := opt.Slots * opt.SlotCapacity
	memory, err := newRegion((2*places+masks)*int64Bytes + logits + wide*float32Bytes)
	if err != nil {
		return nil, fmt.Errorf("input and logits buffers: %w", err)
	}
	f := &genaiFeeds{memory: memory, vocab: vocab, kind: kind}
	at := 0
	for _, part := range []struct {
		to *[]int64
		n  int
	}{{&f.ids, places}, {&f.positions, places}, {&f.mask, masks}} {
		*part.to = view[int64](memory, at, part.n)
		at += part.n * int64Bytes
	}
	f.raw = memory.bytes[at : at+places*vocab*kind.Size()]
	f.wide = view[float32](memory, at+logits, wide)
	return f, nil
}

// fill writes the inputs of one call, of slots that hold these many tokens when it is over, and returns the longest.
func (f *genaiFeeds) fill(rows []Row, r run, lengths []int) int {
	longest := 0
	for _, n := range lengths {
		longest = max(longest, n)
	}
	for j, n := range lengths {
		mask := f.mask[j*longest : (j+1)*longest]
		for k := range mask {
			mask[k] = 0
			if k < n {
				mask[k] = 1
			}
		}
		for k := range r.width {
			f.ids[j*r.width+k] = 0
			f.positions[j*r.width+k] = int64(n - r.width + k)
		}
	}
	for _, i := range r.rows {
		at := (rows[i].Slot - r.low) * r.width
		for k, id := range rows[i].Tokens {
			f.ids[at+k] = int64(id)
		}
	}
	return longest
}

// logits is the tensor of a call's logits, behind the first offset places.
func (f *genaiFeeds) logits(r run, offset int) (onnx.Value, error) {
	size := f.vocab * f.kind.Size()
	data := f.raw[offset*size : (offset+r.span*r.width)*size]
	shape := onnx.NewShape(int64(r.span), int64(r.width), int64(f.vocab))
	return onnx.NewCustomDataTensor(shape, data, onnx.TensorElementDataType(onnxTypes[f.kind]))
}

// rows returns the logits of places [from, to).
func (f *genaiFeeds) rows(from, to int) []float32 {
	from, to = from*f.vocab, to*f.vocab
	if f.kind == tensor.FP32 {
		if len(f.raw) == 0 {
			return nil
		}
		all := unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(f.raw))), len(f.raw)/float32Bytes)
		return all[from:to:to]
	}
	halves := unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(f.raw))), len(f.raw)/2)[from:to]
	out := f.wide[from:to:to]
	for i, h := range halves {
		out[i] = tensor.HalfToFloat(h)
	}
	return out
}
