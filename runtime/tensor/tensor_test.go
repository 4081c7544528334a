package tensor

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTypes(t *testing.T) {
	sizes := map[string]int{
		"BOOL": 1, "UINT8": 1, "UINT16": 2, "UINT32": 4, "UINT64": 8, "INT8": 1, "INT16": 2, "INT32": 4, "INT64": 8,
		"FP16": 2, "BF16": 2, "FP32": 4, "FP64": 8, "BYTES": 0,
	}
	require.Len(t, Types(), len(sizes))
	for name, size := range sizes {
		typ, ok := ParseType(name)
		require.True(t, ok, name)
		require.Equal(t, name, typ.String())
		require.Equal(t, size, typ.Size(), name)
	}
	for _, name := range []string{"", "fp32", "STRING", "FP8"} {
		_, ok := ParseType(name)
		require.False(t, ok, name)
	}
	require.False(t, Type(0).Valid())
	require.Equal(t, "type(99)", Type(99).String())
	require.Zero(t, Type(99).Size())
}

func TestElements(t *testing.T) {
	for _, c := range []struct {
		shape []int64
		want  int64 // -1: refused
	}{
		{nil, 1}, {[]int64{0}, 0}, {[]int64{3, 4}, 12}, {[]int64{-1}, -1}, {[]int64{0, -1}, -1},
		{[]int64{math.MaxInt64, 0, math.MaxInt64}, 0}, {[]int64{math.MaxInt64}, math.MaxInt64},
		{[]int64{1 << 32, 1 << 31}, -1}, {[]int64{1 << 32, 1 << 32}, -1}, {[]int64{1 << 22, 1 << 22, 1 << 22}, -1},
	} {
		got, err := Elements(c.shape)
		if c.want < 0 {
			require.Error(t, err, c.shape)
			continue
		}
		require.NoError(t, err, c.shape)
		require.Equal(t, c.want, got, c.shape)
	}
}

func TestValidate(t *testing.T) {
	good := []Tensor{
		New("x", []int64{2, 2}, []float32{1, 2, 3, 4}), New("x", nil, []bool{true}), New("x", []int64{0, 7}, []int8{}),
		{Type: FP32, Shape: []int64{0}}, {Type: FP16, Shape: []int64{1}, Data: []byte{1, 2}},
		NewStrings("x", []int64{2}, "a\x00b", ""), NewStrings("x", []int64{0}), {Type: Bytes, Shape: []int64{3, 0}},
	}
	for _, x := range good {
		require.NoError(t, x.Validate())
	}
	for name, c := range map[string]struct {
		tensor Tensor
		field  string
		reason string
	}{
		"no type":         {Tensor{Shape: []int64{1}, Data: []byte{1}}, "datatype", "unknown"},
		"negative":        {Tensor{Type: Int8, Shape: []int64{2, -1}}, "shape", "dimension 1 is -1"},
		"overflow":        {Tensor{Type: Int8, Shape: []int64{1 << 40, 1 << 40}}, "shape", "more elements than can be counted"},
		"bytes overflow":  {Tensor{Type: FP64, Shape: []int64{1 << 61}}, "shape", "more bytes than can be counted"},
		"short":           {Tensor{Type: FP32, Shape: []int64{2}, Data: make([]byte, 7)}, "data", "7 bytes, but shape [2] of type FP32 needs 8"},
		"scalar is empty": {Tensor{Type: FP32}, "data", "0 bytes, but shape [] of type FP32 needs 4"},
		"no boolean":      {New("x", []int64{2}, []uint8{1, 2}).as(Bool), "data", "element 1 is neither 0 nor 1"},
		"strings missing": {NewStrings("x", []int64{2, 2}, "a"), "data", "1 elements, but shape [2,2] has 4"},
		"strings in FP32": {Tensor{Type: FP32, Shape: []int64{0}, Strings: [][]byte{}}, "data", "byte strings in a tensor of type FP32"},
		"data in BYTES":   {Tensor{Type: Bytes, Shape: []int64{0}, Data: []byte{}}, "data", "numbers in a tensor of type BYTES"},
	} {
		var e *Error
		require.ErrorAs(t, c.tensor.Validate(), &e, name)
		require.Equal(t, Error{Name: c.tensor.Name, Field: c.field, Reason: c.reason}, *e, name)
		require.Contains(t, e.Error(), c.reason)
	}
}

func (t Tensor) as(typ Type) Tensor {
	t.Type = typ
	return t
}

func TestSlice(t *testing.T) {
	x := New("x", []int64{3, 2}, []int32{1, 2, 3, 4, 5, 6})
	got := x.Slice(1, 3)
	require.Equal(t, New("x", []int64{2, 2}, []int32{3, 4, 5, 6}), got)
	require.Equal(t, []int64{3, 2}, x.Shape)
	require.Same(t, &x.Data[8], &got.Data[0], "memory is shared")
	require.Equal(t, 16, cap(got.Data), "and cannot be grown into")
	require.NoError(t, x.Slice(1, 1).Validate())
	require.NoError(t, New("x", []int64{3, 0}, []int32{}).Slice(0, 2).Validate())
	require.Equal(t, []int64{0, 2}, New("x", []int64{0, 2}, []int32{}).Slice(0, 0).Shape)
	for _, r := range [][2]int64{{-1, 1}, {2, 1}, {0, 4}} {
		require.Panics(t, func() { x.Slice(r[0], r[1]) }, r)
	}
	require.Panics(t, func() { New("x", nil, []int32{1}).Slice(0, 1) }, "a scalar has no rows")
}

func TestConcatRefuses(t *testing.T) {
	a := New("a", []int64{1, 2}, []int32{1, 2})
	for name, c := range map[string]struct {
		in    []Tensor
		field string
	}{
		"nothing":       {nil, "shape"},
		"scalar":        {[]Tensor{New("a", nil, []int32{1}), a}, "shape"},
		"other type":    {[]Tensor{a, New("b", []int64{1, 2}, []uint32{1, 2})}, "datatype"},
		"other width":   {[]Tensor{a, New("b", []int64{1, 1}, []int32{1})}, "shape"},
		"other rank":    {[]Tensor{a, New("b", []int64{2}, []int32{1, 2})}, "shape"},
		"scalar second": {[]Tensor{a, New("b", nil, []int32{1})}, "shape"},
		"too many rows": {[]Tensor{{Type: Bool, Shape: []int64{math.MaxInt64, 0}}, {Type: Bool, Shape: []int64{1, 0}}}, "shape"},
	} {
		_, err := Concat(c.in)
		var e *Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, c.field, e.Field, name)
	}
}

// drawTensor makes any valid tensor of rank 1 to 3.
func drawTensor(t *rapid.T, typ Type) Tensor {
	shape := rapid.SliceOfN(rapid.Int64Range(0, 4), 1, 3).Draw(t, "shape")
	n, err := Elements(shape)
	require.NoError(t, err)
	out := Tensor{Name: "x", Type: typ, Shape: shape}
	switch typ {
	case Bytes:
		out.Strings = rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 5), int(n), int(n)).Draw(t, "strings")
	case Bool:
		out.Data = rapid.SliceOfN(rapid.ByteRange(0, 1), int(n), int(n)).Draw(t, "data")
	default:
		size := int(n) * typ.Size()
		out.Data = rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "data")
	}
	return out
}

func TestSliceAndConcatAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawTensor(t, rapid.SampledFrom(Types()).Draw(t, "type"))
		require.NoError(t, x.Validate())
		cuts := rapid.SliceOf(rapid.Int64Range(0, x.Shape[0])).Draw(t, "cuts")
		cuts = append(cuts, 0, x.Shape[0])
		slices.Sort(cuts)
		var parts []Tensor
		for i := range cuts[1:] {
			parts = append(parts, x.Slice(cuts[i], cuts[i+1]))
			require.NoError(t, parts[i].Validate())
		}
		got, err := Concat(parts)
		require.NoError(t, err)
		require.NoError(t, got.Validate())
		require.Equal(t, x.Shape, got.Shape)
		require.Equal(t, string(x.Data), string(got.Data))
		require.Equal(t, len(x.Strings), len(got.Strings))
		for i := range x.Strings {
			require.Equal(t, x.Strings[i], got.Strings[i])
		}
		require.Equal(t, x.Size(), got.Size())
	})
}

func TestClone(t *testing.T) {
	x := NewStrings("x", []int64{1}, "a")
	y := x.Clone()
	require.Equal(t, x, y)
	y.Strings[0][0], y.Shape[0] = 'b', 9
	require.Equal(t, NewStrings("x", []int64{1}, "a"), x)
}

func FuzzDecodeBytes(f *testing.F) {
	f.Add([]byte{}, int64(0))
	f.Add([]byte{1, 0, 0, 0, 'a', 0, 0, 0, 0}, int64(2))
	f.Add([]byte{255, 255, 255, 255, 'a'}, int64(1))
	f.Add([]byte{0, 0, 0, 0, 1}, int64(1))
	f.Add([]byte{1, 2, 3}, int64(-1))
	f.Fuzz(func(t *testing.T, data []byte, count int64) {
		elements, err := DecodeBytes(data, count)
		if err != nil {
			var e *Error
			require.True(t, errors.As(err, &e))
			require.Equal(t, "data", e.Field)
			return
		}
		require.Len(t, elements, int(count))
		again, err := EncodeBytes(elements)
		require.NoError(t, err)
		require.Equal(t, string(data), string(again), "every accepted text has one meaning")
	})
}

func TestBytesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOf(rapid.SliceOf(rapid.Byte())).Draw(t, "elements")
		data, err := EncodeBytes(in)
		require.NoError(t, err)
		out, err := DecodeBytes(data, int64(len(in)))
		require.NoError(t, err)
		for i := range in {
			require.Equal(t, string(in[i]), string(out[i]))
		}
		_, err = DecodeBytes(data, int64(len(in))+1)
		require.Error(t, err)
		if len(data) > 0 {
			_, err = DecodeBytes(data[:len(data)-1], int64(len(in)))
			require.Error(t, err)
		}
	})
}
