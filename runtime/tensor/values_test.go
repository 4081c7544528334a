package tensor

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func roundTrip[T Value](t *testing.T, typ Type, values ...T) {
	t.Helper()
	require.Equal(t, typ, TypeOf[T]())
	x := New("x", []int64{int64(len(values))}, values)
	require.NoError(t, x.Validate())
	got, err := Values[T](x)
	require.NoError(t, err)
	require.Equal(t, values, got)
	require.Same(t, &values[0], &got[0], "no copy")
	x.Data = append([]byte{0}, x.Data...)[1:] // moved: aligned for bytes at best
	got, err = Values[T](x)
	require.NoError(t, err)
	require.Equal(t, values, got)
	_, err = Values[T](x.as(BF16))
	require.Error(t, err)
}

func TestValues(t *testing.T) {
	roundTrip(t, Bool, true, false)
	roundTrip(t, Uint8, 0, uint8(math.MaxUint8))
	roundTrip(t, Uint16, 0, uint16(math.MaxUint16))
	roundTrip(t, Uint32, 0, uint32(math.MaxUint32))
	roundTrip(t, Uint64, 0, uint64(math.MaxUint64))
	roundTrip(t, Int8, math.MinInt8, int8(math.MaxInt8))
	roundTrip(t, Int16, math.MinInt16, int16(math.MaxInt16))
	roundTrip(t, Int32, math.MinInt32, int32(math.MaxInt32))
	roundTrip(t, Int64, math.MinInt64, int64(math.MaxInt64))
	roundTrip(t, FP32, -1.5, float32(math.MaxFloat32))
	roundTrip(t, FP64, -1.5, math.MaxFloat64)
	empty, err := Values[int64](New("x", []int64{0}, []int64{}))
	require.NoError(t, err)
	require.Empty(t, empty)
}

func TestNewIsLittleEndian(t *testing.T) {
	require.Equal(t, []byte{4, 3, 2, 1}, New("x", []int64{1}, []uint32{0x01020304}).Data)
}

// Every half is exact in float32, so the way there and back is the same bits, but that signalling NaNs become quiet.
func TestEveryHalfSurvives(t *testing.T) {
	for h := range 1 << 16 {
		want := uint16(h)
		if f := HalfToFloat(want); math.IsNaN(float64(f)) {
			want |= 0x200
			require.Equal(t, 0x7c00, h&0x7c00)
			require.Equal(t, want, FloatToHalf(f))
		} else {
			require.Equal(t, want, FloatToHalf(f), "%#x", h)
		}
	}
}

func TestHalfRounding(t *testing.T) {
	for _, c := range []struct {
		in   float32
		want uint16
	}{
		{1, 0x3c00}, {-2, 0xc000}, {65504, 0x7bff}, {65519.99, 0x7bff}, {65520, 0x7c00}, {1e30, 0x7c00}, {-1e30, 0xfc00},
		{1 + 0x1p-11, 0x3c00}, {1 + 0x1p-11 + 0x1p-20, 0x3c01}, {1 + 3*0x1p-11, 0x3c02}, // ties to even
		{0x1p-14, 0x0400}, {0x1p-24, 1}, {0x1p-25, 0}, {0x1.8p-24, 2}, {0x1.01p-25, 1}, {0x1.ff8p-15, 0x3ff}, {0x1.ffcp-15, 0x400}, {0x1.ffep-15, 0x400},
		{float32(math.Copysign(0, -1)), 0x8000}, {float32(math.Inf(1)), 0x7c00}, {0x1p-149, 0},
	} {
		require.Equal(t, c.want, FloatToHalf(c.in), "%x", c.in)
	}
	require.InDelta(t, 0.333251953125, HalfToFloat(0x3555), 0)
}

func TestFloats(t *testing.T) {
	values := []float32{0, 1, -2.5, 65504, float32(math.Inf(-1))}
	shape := []int64{int64(len(values))}
	for _, typ := range []Type{FP16, BF16, FP32, FP64} {
		x, err := FromFloats("x", typ, shape, values)
		require.NoError(t, err)
		require.NoError(t, x.Validate())
		require.Equal(t, typ, x.Type)
		got, err := Floats(x)
		require.NoError(t, err)
		want := values
		if typ == BF16 {
			want = []float32{0, 1, -2.5, 65536, float32(math.Inf(-1))} // 8 bits of fraction
		}
		require.Equal(t, want, got, typ)
	}
	_, err := FromFloats("x", Int32, shape, values)
	require.Error(t, err)
	_, err = Floats(New("x", shape, []int32{1, 2, 3, 4, 5}))
	require.Error(t, err)
}

func TestBrainRounding(t *testing.T) {
	for _, c := range []struct{ in, want uint32 }{
		{0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f818000, 0x3f82}, {0x3f808001, 0x3f81},
		{0x7f7fffff, 0x7f80}, {0x7f800001, 0x7fc0}, {0xff800000, 0xff80}, {0x80000000, 0x8000},
	} {
		require.Equal(t, uint16(c.want), floatToBrain(math.Float32frombits(c.in)), "%#x", c.in)
	}
}
