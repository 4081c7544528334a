package tensor

import "math"

// HalfToFloat widens an IEEE 754 binary16 value. Every half is exact in float32; a NaN keeps its payload.
func HalfToFloat(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exponent, fraction := uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch {
	case exponent == 0x1f:
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	case exponent != 0:
		return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
	default: // zero or subnormal: fraction units of 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
	}
}

// FloatToHalf rounds to IEEE 754 binary16, to nearest, ties to even. What is too large becomes infinite.
func FloatToHalf(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b >> 16 & 0x8000)
	magnitude := b &^ (1 << 31)
	switch {
	case magnitude > 0x7f800000: // NaN: quiet, with the payload's upper bits
		return sign | 0x7e00 | uint16(magnitude>>13&0x3ff)
	case magnitude >= 0x47800000: // 2^16 and more
		return sign | 0x7c00
	case magnitude >= 0x38800000: // normal: 2^-14 and more; rounding may carry into the exponent, up to infinity
		odd := magnitude >> 13 & 1
		return sign | uint16((magnitude+0xfff+odd-(127-15)<<23)>>13)
	default: // units of 2^-24; the scaling is exact
		return sign | uint16(math.RoundToEven(math.Abs(float64(f))*0x1p24))
	}
}

// floatToBrain rounds to bfloat16, float32's upper half, to nearest, ties to even.
func floatToBrain(f float32) uint16 {
	b := math.Float32bits(f)
	if math.IsNaN(float64(f)) {
		return uint16(b>>16) | 0x40 // keep it a NaN where its payload was in the lower half
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}
