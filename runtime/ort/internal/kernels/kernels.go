// Package kernels holds Bedside's own operators for ONNX Runtime: products of int8 weights, and attention over an int8 cache,
// written in C for the processors they may meet. ops.h describes the operators, kernels.h the arithmetic. Whatever the
// processor, the number of threads and the other rows of a batch, they give the same bits.
package kernels

/*
// ISO C: GCC then never fuses a product and a sum, and -O3 keeps the inner loops in registers.
#cgo CFLAGS: -O3 -std=c11 -Wno-psabi
#cgo LDFLAGS: -lm
#include "ops.h"
*/
import "C"

import "unsafe"

// Register is the C function void *(void *session_options, const void *OrtApiBase) that makes the operators known to sessions
// of these options; it returns ONNX Runtime's status.
func Register() unsafe.Pointer { return C.bed_register_ops }

// Name says which set of kernels computes: "amx", "avx512vnni", "avxvnni", "avx2", "neondot" or "plain"; "" before a session has
// been made.
func Name() string { return C.GoString(C.bed_ops_kernels()) }
