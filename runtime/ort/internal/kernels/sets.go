package kernels

/*
#include <stdlib.h>
#include "kernels.h"

static void bed_quantize(const bed_kernels *k, const float *x, const float *norm, float epsilon, int width, uint8_t *values,
                         size_t stride, float *scale) {
  k->quantize(x, norm, epsilon, width, values, stride, scale);
}
static int bed_together(const bed_kernels *k, int rows) { return k->together(rows); }
static void bed_norm_add(const bed_kernels *k, const float *x, const float *norm, const float *add, float epsilon, int width,
                         float *out) {
  k->norm_add(x, norm, add, epsilon, width, out);
}
static void bed_product(const bed_kernels *k, const bed_quantized *x, const bed_weights *w, int from, int to, const bed_target *t,
                        void *scratch) {
  k->product(x, w, from, to, t, scratch);
}
static void bed_store(const bed_kernels *k, const bed_attention *a, int token, int slot, int position) {
  k->store(a, token, slot, position);
}
static void bed_attend(const bed_kernels *k, const bed_attention *a, int token, int count, int slot, int position, int kv_head,
                       void *scratch, float *out) {
  k->attend(a, token, count, slot, position, kv_head, scratch, out);
}
*/
import "C"

import (
	"runtime"
	"unsafe"
)

// Names lists the sets of kernels, the plain one first.
var Names = []string{"plain", "avx2", "avxvnni", "avx512vnni", "amx", "neondot"}

// Set is one set of kernels, for measuring it and holding it against another.
type Set struct{ k *C.bed_kernels }

// NewSet finds a set; false where this processor has not what it needs.
func NewSet(name string) (Set, bool) {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	k := C.bed_kernels_named(c)
	return Set{k}, k != nil
}

// NormAdd is add + norm(x) of one row.
func (s Set) NormAdd(x, norm, add []float32, epsilon float32) []float32 {
	out := make([]float32, len(x))
	var pins runtime.Pinner
	defer pins.Unpin()
	C.bed_norm_add(s.k, floats(&pins, x), floats(&pins, norm), floats(&pins, add), C.float(epsilon), C.int(len(x)), floats(&pins, out))
	return out
}

// Linear is a product's weights and what becomes of it, as kernels.h describes them.
type Linear struct {
	Weight  []int8  // [outputs/16, inputs/4, 16, 4], or with steps [outputs/16, inputs/8, 16, 4]
	Steps   []int16 // [outputs/16, inputs/32, 16, 2], or nil
	Scale   []float32
	Zero    []int32
	Bias    []float32 // or nil
	Inputs  int
	Outputs int

	Norm    []float32 // or nil
	Epsilon float32
	Gated   int       // 0, 1 (SiLU) or 2 (GELU)
	Add     []float32 // or nil
}

// Rows are rows of x as a set quantized them for a product.
type Rows struct {
	values []byte // two lines of bytes each, and what is read behind the last
	scales []float32
}

// Quantize makes what Product takes of rows of x.
func (s Set) Quantize(l Linear, x []float32) Rows {
	n := len(x) / l.Inputs
	rows := Rows{values: make([]byte, (2*n+C.BED_SPARE)*l.Inputs), scales: make([]float32, n)}
	var pins runtime.Pinner
	defer pins.Unpin()
	for r := range n {
		C.bed_quantize(s.k, floats(&pins, x[r*l.Inputs:]), floats(&pins, l.Norm), C.float(l.Epsilon), C.int(l.Inputs),
			(*C.uint8_t)(&rows.values[2*r*l.Inputs]), C.size_t(l.Inputs), (*C.float)(&rows.scales[r]))
	}
	return rows
}

// Product computes all outputs of rows, one thread doing it all, as many blocks at a time as an operator's run takes.
func (s Set) Product(l Linear, rows Rows, out []float32) {
	var pins runtime.Pinner
	defer pins.Unpin()
	pins.Pin(&rows.values[0])
	n := len(rows.scales)
	q := C.bed_quantized{
		values: (*C.uint8_t)(&rows.values[0]), scales: floats(&pins, rows.scales), stride: C.size_t(l.Inputs), rows: C.int(n),
	}
	pins.Pin(&l.Weight[0])
	pins.Pin(&l.Zero[0])
	w := C.bed_weights{
		q: (*C.int8_t)(&l.Weight[0]), scale: floats(&pins, l.Scale), zero: (*C.int32_t)(&l.Zero[0]), bias: floats(&pins, l.Bias),
		inputs: C.int(l.Inputs), outputs: C.int(l.Outputs),
	}
	if l.Steps != nil {
		pins.Pin(&l.Steps[0])
		w.steps = (*C.int16_t)(&l.Steps[0])
	}
	t := C.bed_target{
		out: floats(&pins, out), add: floats(&pins, l.Add), stride: C.size_t(len(out) / n), gelu: truth(l.Gated == 2),
	}
	switch {
	case l.Gated > 0:
		t.finish = C.BED_GATED
	case l.Add != nil:
		t.finish = C.BED_ADD
	}
	scratch := make([]byte, C.bed_product_bytes(&w))
	blocks, together := l.Outputs/C.BED_BLOCK, int(C.bed_together(s.k, C.int(n)))
	for b := 0; b < blocks; b += together {
		C.bed_product(s.k, &q, &w, C.int(b), C.int(min(b+together, blocks)), &t, unsafe.Pointer(&scratch[0]))
	}
}

// Apply computes rows of x.
func (s Set) Apply(l Linear, x []float32, rows int) []float32 {
	width := l.Outputs
	if l.Gated > 0 {
		width /= 2
	}
	out := make([]float32, rows*width)
	s.Product(l, s.Quantize(l, x[:rows*l.Inputs]), out)
	return out
}

// Attention is one layer's attention over the cache of one sequence, as kernels.h describes it.
type Attention struct {
	Heads, KVHeads, Dim, Pages, Window int
	Scale, Epsilon                     float32
	Cos, Sin                           []float32 // [positions, dim/2]
	QNorm, KNorm                       []float32 // or nil
}

// CacheBytes is the size of the sequence's cache.
func (a Attention) CacheBytes() int {
	return a.Pages * int(C.bed_page_bytes(C.int(a.Dim))) * a.KVHeads
}

// Attend stores the keys and values of qkv's tokens, the first of which is at `start`, and lets them look at the sequence, `together` at
// a time.
func (s Set) Attend(a Attention, qkv []float32, cache []byte, start, together int) []float32 {
	width := (a.Heads + 2*a.KVHeads) * a.Dim
	tokens := len(qkv) / width
	out := make([]float32, tokens*a.Heads*a.Dim)
	var pins runtime.Pinner
	defer pins.Unpin()
	pins.Pin(&cache[0])
	c := C.bed_attention{
		qkv: floats(&pins, qkv), cos: floats(&pins, a.Cos), sin: floats(&pins, a.Sin), q_norm: floats(&pins, a.QNorm),
		k_norm: floats(&pins, a.KNorm), epsilon: C.float(a.Epsilon), scale: C.float(a.Scale), cache: (*C.uint8_t)(&cache[0]),
		slot_bytes: C.size_t(len(cache)), heads: C.int(a.Heads), kv_heads: C.int(a.KVHeads), dim: C.int(a.Dim),
		pages: C.int(a.Pages), window: C.int(a.Window),
	}
	for i := range tokens {
		C.bed_store(s.k, &c, C.int(i), 0, C.int(start+i))
	}
	scratch := make([]byte, C.bed_attend_bytes(&c, C.int(together), C.int(start+tokens-1)))
	for i := 0; i < tokens; i += together {
		for h := range a.KVHeads {
			C.bed_attend(s.k, &c, C.int(i), C.int(min(together, tokens-i)), 0, C.int(start+i), C.int(h),
				unsafe.Pointer(&scratch[0]), (*C.float)(&out[0]))
		}
	}
	return out
}

// floats is a slice's memory, pinned, or NULL.
func floats(pins *runtime.Pinner, v []float32) *C.float {
	if len(v) == 0 {
		return nil
	}
	pins.Pin(&v[0])
	return (*C.float)(&v[0])
}

func truth(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
