package tensor

import (
	"encoding/binary"
	"fmt"
)

const prefixBytes = 4

// EncodeBytes writes the elements of a Bytes tensor in the Open Inference Protocol's raw form: before each element its
// length, 4 bytes little endian. An element over 4 GiB is *Error.
func EncodeBytes(elements [][]byte) ([]byte, error) {
	size := 0
	for i, e := range elements {
		if len(e) > maxStringBytes {
			return nil, &Error{Field: "data", Reason: fmt.Sprintf("element %d is longer than 4 GiB", i)}
		}
		size += prefixBytes + len(e)
	}
	out := make([]byte, 0, size)
	for _, e := range elements {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(e)))
		out = append(out, e...)
	}
	return out, nil
}

// DecodeBytes reads exactly count elements in the form that EncodeBytes writes. They share data's memory. Anything
// short, left over or out of place is *Error. Memory is set aside for no more elements than data can hold.
func DecodeBytes(data []byte, count int64) ([][]byte, error) {
	fail := func(format string, args ...any) ([][]byte, error) {
		return nil, &Error{Field: "data", Reason: fmt.Sprintf(format, args...)}
	}
	if count < 0 || count > int64(len(data)/prefixBytes) {
		return fail("%d bytes cannot hold %d elements, each with its length in 4 bytes", len(data), count)
	}
	out := make([][]byte, count)
	rest := data
	for i := range out {
		if len(rest) < prefixBytes {
			return fail("ends before the length of element %d of %d", i, count)
		}
		length := uint64(binary.LittleEndian.Uint32(rest))
		rest = rest[prefixBytes:]
		if length > uint64(len(rest)) {
			return fail("element %d has length %d, but %d bytes are left", i, length, len(rest))
		}
		out[i] = rest[:length:length]
		rest = rest[length:]
	}
	if len(rest) > 0 {
		return fail("%d bytes are left after %d elements", len(rest), count)
	}
	return out, nil
}
