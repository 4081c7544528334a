// Package capi calls the C API of ONNX Runtime for what onnxruntime_go does not give: outputs of any type and rank,
// byte strings with any byte in them, names of dimensions, initializers that an input may override, and a run in one
// call from Go.
package capi

/*
#cgo linux LDFLAGS: -ldl
#include <stdlib.h>
#include "capi.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// MaxRank is the most dimensions that a tensor may have here.
const MaxRank = C.BED_MAX_RANK

// Codes of ONNX Runtime that callers tell apart.
const (
	CodeFail            = 1
	CodeInvalidArgument = 2
)

// Error is a failure that ONNX Runtime reports.
type Error struct {
	Code int
	Text string
}

func (e *Error) Error() string { return e.Text }

func goError(e C.bed_error) error {
	if e.code == 0 {
		return nil
	}
	defer C.free(unsafe.Pointer(e.text))
	return &Error{Code: int(e.code), Text: C.GoString(e.text)}
}

// Load loads ONNX Runtime, once before anything else.
func Load(library string) error {
	name := C.CString(library)
	defer C.free(unsafe.Pointer(name))
	return goError(C.bed_load(name))
}

// Options are the settings of a session.
type Options struct {
	IntraOpThreads, InterOpThreads int // 0: one a core
	Parallel                       bool
	Optimization                   int // ONNX Runtime's GraphOptimizationLevel
	NoArena                        bool
	Config, RunConfig              map[string]string
	Operators                      unsafe.Pointer // nil, or the C function that makes operators known (see package kernels)
}

// entries is a map as C takes it.
type entries struct {
	keys, values **C.char
	n            int
}

func newEntries(m map[string]string) entries {
	e := entries{n: len(m)}
	if e.n == 0 {
		return e
	}
	size := C.size_t(e.n) * C.size_t(unsafe.Sizeof(e.keys))
	e.keys, e.values = (**C.char)(C.malloc(size)), (**C.char)(C.malloc(size))
	i := 0
	for k, v := range m {
		unsafe.Slice(e.keys, e.n)[i], unsafe.Slice(e.values, e.n)[i] = C.CString(k), C.CString(v)
		i++
	}
	return e
}

func (e entries) free() {
	for i := range e.n {
		C.free(unsafe.Pointer(unsafe.Slice(e.keys, e.n)[i]))
		C.free(unsafe.Pointer(unsafe.Slice(e.values, e.n)[i]))
	}
	C.free(unsafe.Pointer(e.keys))
	C.free(unsafe.Pointer(e.values))
}

// Session is a loaded model. Runs may go on side by side.
type Session struct {
	session   unsafe.Pointer
	runConfig entries
	names     [3][]*C.char
	described [3][]IO
}

// Open loads a model file.
func Open(path string, o Options) (*Session, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	config := newEntries(o.Config)
	defer config.free()
	opt := &C.bed_options{
		intra_op: C.int(o.IntraOpThreads), inter_op: C.int(o.InterOpThreads), parallel: number(o.Parallel),
		optimization: C.int(o.Optimization), no_arena: number(o.NoArena),
		configs: C.int(config.n), keys: config.keys, values: config.values, operators: o.Operators,
	}
	opened := C.bed_open(name, opt)
	if err := goError(opened.error); err != nil {
		return nil, err
	}
	s := &Session{session: opened.session, runConfig: newEntries(o.RunConfig)}
	for kind := range s.described {
		if err := s.describe(Kind(kind)); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

func number(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// Close frees the session. No run may be under way, and no Call may be left.
func (s *Session) Close() {
	for _, names := range s.names {
		for _, n := range names {
			C.free(unsafe.Pointer(n))
		}
	}
	s.runConfig.free()
	C.bed_close(s.session)
	*s = Session{}
}

// Kind says what an IO is.
type Kind int

// The kinds of IO.
const (
	Input Kind = iota
	Output
	Overridable // an initializer that an input may override
)

// IO describes an input or output.
type IO struct {
	Name     string
	Tensor   bool // else a sequence, a map or such
	Type     int  // ONNX's TensorProto.DataType, as ONNX Runtime numbers it
	HasShape bool // else any rank goes
	Rank     int
	Dims     []int64 // -1: any size; nil where the rank is beyond MaxRank
	DimNames []string
}

// IO lists what the model takes or gives.
func (s *Session) IO(kind Kind) []IO { return s.described[kind] }

func (s *Session) describe(kind Kind) error {
	count := C.bed_count(s.session, C.int(kind))
	if err := goError(count.error); err != nil {
		return err
	}
	io := &C.bed_io{}
	for i := range count.n {
		err := goError(C.bed_describe(s.session, C.int(kind), i, io))
		if err == nil {
			s.names[kind] = append(s.names[kind], C.CString(C.GoString(io.name)))
			s.described[kind] = append(s.described[kind], goIO(io))
		}
		C.bed_io_free(io)
		if err != nil {
			return fmt.Errorf("describe input or output %d: %w", i, err)
		}
	}
	return nil
}

func goIO(io *C.bed_io) IO {
	out := IO{
		Name: C.GoString(io.name), Tensor: io.onnx_type == 1, Type: int(io._type), HasShape: io.has_shape != 0,
		Rank: int(io.rank),
	}
	if out.Rank > MaxRank {
		return out
	}
	out.Dims, out.DimNames = make([]int64, out.Rank), make([]string, out.Rank)
	for d := range out.Rank {
		out.Dims[d], out.DimNames[d] = int64(io.dims[d]), C.GoString(io.dim_names[d])
	}
	return out
}
