package ort

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// region is anonymous memory outside the Go heap. ONNX Runtime keeps pointers into it
// across calls, which Go memory does not allow, and the kernel gives pages only where
// something was written, so room for the longest sequences costs nothing until used.
type region struct {
	bytes []byte
}

func newRegion(size int) (*region, error) {
	// Whole pages: a model may have no cache at all, and mmap takes no empty length.
	size = max(size, unix.Getpagesize())
	b, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|mapNoReserve)
	if err != nil {
		return nil, fmt.Errorf("reserve %d MiB: %w", size>>20, err)
	}
	return &region{bytes: b}, nil
}

func (r *region) free() error {
	b := r.bytes
	r.bytes = nil
	if b == nil {
		return nil
	}
	return unix.Munmap(b)
}

// element is what the model's buffers hold.
type element interface{ float32 | int32 | int64 }

// view returns count elements of the region from a byte offset, which must be aligned.
func view[T element](r *region, offset, count int) []T {
	var zero T
	b := r.bytes[offset : offset+count*int(unsafe.Sizeof(zero))]
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), count)
}

// release gives the pages that lie wholly within [offset, offset+length) back to the
// system and zeroes the rest. On Linux the next read of any of it gives zeros.
func (r *region) release(offset, length int) error {
	page := unix.Getpagesize()
	start := (offset + page - 1) / page * page
	end := (offset + length) / page * page
	if start >= end {
		clear(r.bytes[offset : offset+length])
		return nil
	}
	clear(r.bytes[offset:start])
	clear(r.bytes[end : offset+length])
	return discard(r.bytes[start:end])
}
