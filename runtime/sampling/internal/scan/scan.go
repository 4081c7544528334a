// Package scan reads rows of logits in C, where the compiler makes vectors of loops that Go takes one value after another.
package scan

/*
// ISO C: products and sums are never fused, and comparisons with NaN are false.
#cgo CFLAGS: -O3 -std=c11 -Wno-psabi
#cgo LDFLAGS: -lm
#cgo noescape bed_highest
#cgo nocallback bed_highest
#cgo noescape bed_weigh
#cgo nocallback bed_weigh
#cgo noescape bed_at_least
#cgo nocallback bed_at_least
#include "scan.h"
*/
import "C"

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/cpu"
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

// Weighing says how scores become weights: e to the depth, which is what a score lies below the peak, over the temperature.
type Weighing struct {
	Peak           float32 // no score is higher
	Temperature    float64
	Negligible     float64 // a depth; what lies deeper weighs nothing
	BucketsPerUnit float64
}

// Weights sets the weights of scores, as many, and returns their sum, added in their order. Where masses is not nil, each weight is
// also added to that of its bucket, the depth times BucketsPerUnit without sign and fraction; the last must be that of Negligible.
func (w Weighing) Weights(scores []float32, weights, masses []float64) float64 {
	return w.weights(cpu.X86.HasAVX2, scores, weights, masses)
}

func (w Weighing) weights(avx2 bool, scores []float32, weights, masses []float64) float64 {
	with := C.int(0)
	if avx2 {
		with = 1
	}
	c := C.bed_weighing{
		peak: C.float(w.Peak), temperature: C.double(w.Temperature), negligible: C.double(w.Negligible),
		buckets_per_unit: C.double(w.BucketsPerUnit),
	}
	_ = weights[:len(scores)]
	if masses != nil {
		_ = masses[int(-w.Negligible*w.BucketsPerUnit)]
	}
	return float64(C.bed_weigh(with, (*C.float)(unsafe.SliceData(scores)), C.size_t(len(scores)), &c,
		(*C.double)(unsafe.SliceData(weights)), (*C.double)(unsafe.SliceData(masses))))
}

// AtLeast writes the indices of the weights that are at least floor into ids, as many as there is room for weights, and returns those.
func AtLeast(weights []float64, floor float64, ids []int32) []int32 {
	_ = ids[:len(weights)]
	n := C.bed_at_least((*C.double)(unsafe.SliceData(weights)), C.size_t(len(weights)), C.double(floor), (*C.int32_t)(unsafe.SliceData(ids)))
	return ids[:n]
}
