package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"unsafe"
)

// Value is a Go type whose memory is that of a tensor's element. FP16 and BF16 have none: see Floats.
type Value interface {
	bool | uint8 | uint16 | uint32 | uint64 | int8 | int16 | int32 | int64 | float32 | float64
}

// A tensor's bytes are little endian; where the processor's are not, they cannot serve as Go values.
func init() {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		panic("tensor: this processor is big endian")
	}
}

// TypeOf returns the type of a tensor of Go values.
func TypeOf[T Value]() Type {
	var v T
	switch any(v).(type) {
	case bool:
		return Bool
	case uint8:
		return Uint8
	case uint16:
		return Uint16
	case uint32:
		return Uint32
	case uint64:
		return Uint64
	case int8:
		return Int8
	case int16:
		return Int16
	case int32:
		return Int32
	case int64:
		return Int64
	case float32:
		return FP32
	default:
		return FP64
	}
}

// New makes a tensor of values; it shares their memory. Whether shape and values agree, Validate tells.
func New[T Value](name string, shape []int64, values []T) Tensor {
	t := Tensor{Name: name, Type: TypeOf[T](), Shape: shape, Data: []byte{}}
	if len(values) > 0 {
		t.Data = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*t.Type.Size())
	}
	return t
}

// NewStrings makes a Bytes tensor.
func NewStrings(name string, shape []int64, values ...string) Tensor {
	t := Tensor{Name: name, Type: Bytes, Shape: shape, Strings: make([][]byte, len(values))}
	for i, s := range values {
		t.Strings[i] = []byte(s)
	}
	return t
}

// Values returns the elements of a valid tensor as Go values. They share its memory where that is aligned for
// them, so treat them as read-only. A tensor of another type is *Error.
func Values[T Value](t Tensor) ([]T, error) {
	if want := TypeOf[T](); t.Type != want {
		return nil, t.fail("datatype", "is %s, want %s", t.Type, want)
	}
	return valuesOf[T](t.Data), nil
}

func valuesOf[T Value](data []byte) []T {
	var v T
	size := int(unsafe.Sizeof(v))
	if len(data) < size {
		return []T{}
	}
	data = Aligned(data, size)
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/size)
}

// Aligned returns data where it begins at a multiple of size, a power of two up to 8, else a copy that does.
func Aligned(data []byte, size int) []byte {
	if size <= 1 || uintptr(unsafe.Pointer(unsafe.SliceData(data)))%uintptr(size) == 0 {
		return data
	}
	words := make([]uint64, (len(data)+7)/8)
	out := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(data))
	copy(out, data)
	return out
}

// Floats returns the elements of a floating-point tensor as float32; FP64 is rounded. An FP32 tensor's memory may
// be shared. Any other type is *Error.
func Floats(t Tensor) ([]float32, error) {
	switch t.Type {
	case FP32:
		return valuesOf[float32](t.Data), nil
	case FP64:
		return convert(valuesOf[float64](t.Data), func(v float64) float32 { return float32(v) }), nil
	case FP16:
		return convert(valuesOf[uint16](t.Data), HalfToFloat), nil
	case BF16:
		return convert(valuesOf[uint16](t.Data), func(v uint16) float32 { return math.Float32frombits(uint32(v) << 16) }), nil
	default:
		return nil, t.fail("datatype", "is %s, want FP16, BF16, FP32 or FP64", t.Type)
	}
}

// FromFloats makes a tensor of a floating-point type from float32 values, rounding to nearest, ties to even. An
// FP32 tensor shares the values' memory.
func FromFloats(name string, as Type, shape []int64, values []float32) (Tensor, error) {
	switch as {
	case FP32:
		return New(name, shape, values), nil
	case FP64:
		return New(name, shape, convert(values, func(v float32) float64 { return float64(v) })), nil
	case FP16, BF16:
		round := FloatToHalf
		if as == BF16 {
			round = floatToBrain
		}
		t := New(name, shape, convert(values, round))
		t.Type = as
		return t, nil
	default:
		return Tensor{}, &Error{Name: name, Field: "datatype", Reason: fmt.Sprintf("%s is no floating-point type", as)}
	}
}

func convert[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

// Clone copies the tensor and everything it holds.
func (t Tensor) Clone() Tensor {
	t.Shape, t.Data = slices.Clone(t.Shape), slices.Clone(t.Data)
	if t.Strings != nil {
		t.Strings = convert(t.Strings, slices.Clone[[]byte])
	}
	return t
}
