// Package tensor holds tensors as they cross the wire and as ONNX Runtime takes them: a type, a shape, and
// little-endian elements in row-major order. It is pure Go and knows neither the protocol nor the runtime.
package tensor

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// Tensor is a named array of any rank.
type Tensor struct {
	Name string
	Type Type
	// Shape holds the size of each dimension, none negative. No dimensions at all: a scalar.
	Shape []int64
	// Data holds the elements, little endian, row-major; a Bool is one byte, 0 or 1. Nil for Bytes.
	Data []byte
	// Strings holds the elements of a Bytes tensor, row-major; nil for every other type.
	Strings [][]byte
}

// Info describes an input or an output of a model.
type Info struct {
	Name string
	Type Type
	// Dims holds the size of each dimension, -1 where any goes.
	Dims []int64
	// DimNames holds the symbolic name of each dimension, "" where it has none; as long as Dims. Dimensions of
	// one name are meant to have one size.
	DimNames []string
	// AnyRank: any number of dimensions goes, and Dims says nothing.
	AnyRank bool
	// Optional: the model has a value of its own where none is given.
	Optional bool
}

// maxStringBytes is what the length prefix of the wire format can say.
const maxStringBytes = math.MaxUint32

// Error says what is wrong with a tensor. It never quotes an element.
type Error struct {
	Name   string // the tensor's name, may be empty
	Field  string // what is at fault: "name", "datatype", "shape" or "data"
	Reason string
}

func (e *Error) Error() string {
	return fmt.Sprintf("tensor %q: %s: %s", e.Name, e.Field, e.Reason)
}

func (t Tensor) fail(field, format string, args ...any) *Error {
	return &Error{Name: t.Name, Field: field, Reason: fmt.Sprintf(format, args...)}
}

// Elements returns the number of elements of a shape, 1 for a scalar. Negative dimensions and products beyond
// int64 are *Error.
func Elements(shape []int64) (int64, error) {
	n, reason := elements(shape)
	if reason != "" {
		return 0, &Error{Field: "shape", Reason: reason}
	}
	return n, nil
}

// elements also says what is wrong, if anything is.
func elements(shape []int64) (int64, string) {
	n, empty := uint64(1), false
	for i, d := range shape {
		if d < 0 {
			return 0, fmt.Sprintf("dimension %d is %d", i, d)
		}
		empty = empty || d == 0
	}
	if empty {
		return 0, ""
	}
	for _, d := range shape {
		high, low := bits.Mul64(n, uint64(d))
		if high != 0 || low > math.MaxInt64 {
			return 0, "more elements than can be counted"
		}
		n = low
	}
	return int64(n), ""
}

// Validate checks that type, shape and elements agree; what is wrong comes as *Error.
func (t Tensor) Validate() error {
	if !t.Type.Valid() {
		return t.fail("datatype", "unknown")
	}
	n, reason := elements(t.Shape)
	if reason != "" {
		return t.fail("shape", "%s", reason)
	}
	if t.Type == Bytes {
		return t.validateStrings(n)
	}
	if t.Strings != nil {
		return t.fail("data", "byte strings in a tensor of type %s", t.Type)
	}
	size := int64(t.Type.Size())
	if n > math.MaxInt64/size {
		return t.fail("shape", "more bytes than can be counted")
	}
	if int64(len(t.Data)) != n*size {
		return t.fail("data", "%d bytes, but shape %s of type %s needs %d", len(t.Data), FormatShape(t.Shape), t.Type, n*size)
	}
	if t.Type == Bool {
		for i, b := range t.Data {
			if b > 1 {
				return t.fail("data", "element %d is neither 0 nor 1", i)
			}
		}
	}
	return nil
}

func (t Tensor) validateStrings(n int64) error {
	if t.Data != nil {
		return t.fail("data", "numbers in a tensor of type %s", t.Type)
	}
	if int64(len(t.Strings)) != n {
		return t.fail("data", "%d elements, but shape %s has %d", len(t.Strings), FormatShape(t.Shape), n)
	}
	for i, s := range t.Strings {
		if len(s) > maxStringBytes {
			return t.fail("data", "element %d is longer than 4 GiB", i)
		}
	}
	return nil
}

// Size returns the bytes that the elements take.
func (t Tensor) Size() int {
	n := len(t.Data)
	for _, s := range t.Strings {
		n += len(s)
	}
	return n
}

// Slice returns rows [from, to) of the first dimension. It shares t's memory. t must be valid and no scalar, and
// 0 <= from <= to <= Shape[0]; anything else panics, as slicing does.
func (t Tensor) Slice(from, to int64) Tensor {
	if from < 0 || to < from || to > t.Shape[0] {
		panic(fmt.Sprintf("tensor: rows [%d:%d) of %d", from, to, t.Shape[0]))
	}
	out := Tensor{Name: t.Name, Type: t.Type, Shape: slices.Clone(t.Shape)}
	out.Shape[0] = to - from
	if rows := t.Shape[0]; rows > 0 {
		if t.Type == Bytes {
			width := int64(len(t.Strings)) / rows
			out.Strings = t.Strings[from*width : to*width : to*width]
		} else {
			width := int64(len(t.Data)) / rows
			out.Data = t.Data[from*width : to*width : to*width]
		}
	} else {
		out.Data, out.Strings = t.Data, t.Strings
	}
	return out
}

// Concat joins tensors along the first dimension. All need one type and one shape but for that dimension; the
// result takes the first one's name. A single tensor comes back as it is, without a copy. What does not fit is
// *Error, naming the tensor.
func Concat(ts []Tensor) (Tensor, error) {
	if len(ts) == 0 {
		return Tensor{}, &Error{Field: "shape", Reason: "nothing to join"}
	}
	first := ts[0]
	if len(first.Shape) == 0 {
		return Tensor{}, first.fail("shape", "a scalar has no rows to join")
	}
	if len(ts) == 1 {
		return first, nil
	}
	rows, bytes, elements := int64(0), 0, 0
	for _, t := range ts {
		switch {
		case t.Type != first.Type:
			return Tensor{}, t.fail("datatype", "is %s, joined with %s", t.Type, first.Type)
		case len(t.Shape) != len(first.Shape) || !slices.Equal(t.Shape[1:], first.Shape[1:]):
			return Tensor{}, t.fail("shape", "is %s, joined with %s", FormatShape(t.Shape), FormatShape(first.Shape))
		case rows > math.MaxInt64-t.Shape[0]:
			return Tensor{}, t.fail("shape", "more rows than can be counted")
		}
		rows += t.Shape[0]
		bytes += len(t.Data)
		elements += len(t.Strings)
	}
	out := Tensor{Name: first.Name, Type: first.Type, Shape: slices.Clone(first.Shape)}
	out.Shape[0] = rows
	if out.Type == Bytes {
		out.Strings = make([][]byte, 0, elements)
		for _, t := range ts {
			out.Strings = append(out.Strings, t.Strings...)
		}
		return out, nil
	}
	out.Data = make([]byte, 0, bytes)
	for _, t := range ts {
		out.Data = append(out.Data, t.Data...)
	}
	return out, nil
}

// FormatShape writes a shape as "[2,-1]".
func FormatShape(shape []int64) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, d := range shape {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d", d)
	}
	b.WriteByte(']')
	return b.String()
}
