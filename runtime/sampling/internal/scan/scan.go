// Package scan reads rows of logits in C, where the compiler makes vectors of loops that Go takes one value after another.
package scan

/*
// ISO C: products and sums are never fused, and comparisons with NaN are false.
#cgo CFLAGS: -O3 -std=c11
#cgo LDFLAGS: -lm
#cgo noescape bed_highest
#cgo nocallback bed_highest
#include "scan.h"
*/
import "C"

import (
	"errors"
	"unsafe"
)

// What is wrong with a row.
var (
	ErrNone       = errors.New("no value above minus infinity")
	ErrNotNumbers = errors.New("NaN or plus infinity")
)

// Highest returns the lowest index of the highest value; ErrNotNumbers if any is NaN or plus infinity, else ErrNone if none is
// above minus infinity.
func Highest(values []float32) (int32, error) {
	switch at := C.bed_highest((*C.float)(unsafe.SliceData(values)), C.size_t(len(values))); at {
	case C.BED_NONE:
		return 0, ErrNone
	case C.BED_NOT_NUMBERS:
		return 0, ErrNotNumbers
	default:
		return int32(at), nil
	}
}
