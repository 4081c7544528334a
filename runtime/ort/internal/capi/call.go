package capi

/*
#include <stdlib.h>
#include "capi.h"
*/
import "C"

import (
	"runtime"
	"unsafe"
)

// Call is room for one run at a time. It may serve many, one after another.
type Call struct {
	session *Session
	c       *C.bed_call
	in, out []C.bed_tensor // C memory
	pins    runtime.Pinner
}

// NewCall makes room for all inputs and outputs of the session.
func (s *Session) NewCall() (*Call, error) {
	inputs := len(s.described[Input]) + len(s.described[Overridable])
	outputs := len(s.described[Output])
	config := s.runConfig
	made := C.bed_call_new(C.size_t(inputs), C.size_t(outputs), C.int(config.n), config.keys, config.values)
	if err := goError(made.error); err != nil {
		C.bed_call_free(made.call)
		return nil, err
	}
	call := made.call
	return &Call{session: s, c: call, in: unsafe.Slice(call.in, inputs), out: unsafe.Slice(call.out, outputs)}, nil
}

// Free frees the call.
func (c *Call) Free() {
	C.bed_call_free(c.c)
	c.c = nil
}

// Input adds an input: element i of the given kind. data stays pinned until Clear; for strings it holds all of
// them, and lengths the length of each.
func (c *Call) Input(kind Kind, i, onnxType int, dims []int64, data []byte, lengths []uint64) {
	t := &c.in[c.c.inputs]
	unsafe.Slice(c.c.in_names, len(c.in))[c.c.inputs] = c.session.names[kind][i]
	c.c.inputs++
	t._type, t.rank, t.bytes, t.elements = C.int(onnxType), C.size_t(len(dims)), C.size_t(len(data)), C.size_t(len(lengths))
	for d, n := range dims {
		t.dims[d] = C.int64_t(n)
	}
	// C keeps these addresses until Clear.
	t.data, t.lengths = nil, nil
	if len(data) > 0 {
		c.pins.Pin(unsafe.SliceData(data))
		t.data = unsafe.Pointer(unsafe.SliceData(data))
	}
	if len(lengths) > 0 {
		c.pins.Pin(unsafe.SliceData(lengths))
		t.lengths = (*C.uint64_t)(unsafe.SliceData(lengths))
	}
}

// Output asks for output i of the model.
func (c *Call) Output(i int) {
	unsafe.Slice(c.c.out_names, len(c.out))[c.c.outputs] = c.session.names[Output][i]
	c.c.outputs++
}

// Run runs the session.
func (c *Call) Run() error { return goError(C.bed_run(c.session.session, c.c)) }

// Type returns the ONNX type of the output asked for as number i.
func (c *Call) Type(i int) int { return int(c.out[i]._type) }

// Dims appends the dimensions of the output asked for as number i.
func (c *Call) Dims(i int, to []int64) []int64 {
	t := &c.out[i]
	for d := range t.rank {
		to = append(to, int64(t.dims[d]))
	}
	return to
}

// Data returns the elements of an output tensor of numbers, of a known size each. It is ONNX Runtime's memory, there
// until Clear.
func (c *Call) Data(i, size int) []byte {
	t := &c.out[i]
	return unsafe.Slice((*byte)(t.data), int(t.elements)*size)
}

// Strings copies an output tensor of strings.
func (c *Call) Strings(i int) ([][]byte, error) {
	t := &c.out[i]
	n, bytes := int(t.elements), int(t.bytes)
	out := make([][]byte, n)
	if n == 0 {
		return out, nil
	}
	text, offsets := make([]byte, bytes+1), make([]C.size_t, n, n+1) // one more: the first must have an address
	if err := goError(C.bed_strings(c.c, C.size_t(i), unsafe.Pointer(&text[0]), &offsets[0])); err != nil {
		return nil, err
	}
	offsets = append(offsets, C.size_t(bytes))
	for j := range out {
		out[j] = text[offsets[j]:offsets[j+1]:offsets[j+1]]
	}
	return out, nil
}

// Clear lets go of the run's inputs and outputs.
func (c *Call) Clear() {
	C.bed_call_clear(c.c)
	c.pins.Unpin()
}

// Stop makes a run end soon, between two operators. Any goroutine may call it.
func (c *Call) Stop() error { return goError(C.bed_stop(c.c)) }

// Unstop takes a Stop back.
func (c *Call) Unstop() error { return goError(C.bed_unstop(c.c)) }
