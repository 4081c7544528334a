package tensor

import "slices"

// Pad lengthens dimension axis to length with zeros at its end. A tensor that is as long already comes back as it is;
// others are copied. The tensor is valid, not of type Bytes, and no longer than length.
func (t Tensor) Pad(axis int, length int64) Tensor {
	if t.Shape[axis] == length {
		return t
	}
	stride := t.Type.Size()
	for _, d := range t.Shape[axis+1:] {
		stride *= int(d)
	}
	from, to := int(t.Shape[axis])*stride, int(length)*stride
	out := t
	out.Shape = slices.Clone(t.Shape)
	out.Shape[axis] = length
	rows := 1
	for _, d := range t.Shape[:axis] {
		rows *= int(d)
	}
	out.Data = Aligned(make([]byte, rows*to), t.Type.Size())
	for r := range rows {
		copy(out.Data[r*to:], t.Data[r*from:(r+1)*from])
	}
	return out
}
