package infer

import (
	"slices"

	"github.com/bedside-lm/bedside/runtime/tensor"
)

// pad lengthens the inputs that the configuration says to their bucket, so that requests of other lengths can join. What
// was given stays as it is.
func (s *Signature) pad(inputs []tensor.Tensor) ([]tensor.Tensor, error) {
	if s.padding == nil {
		return inputs, nil
	}
	length := int64(-1)
	out := slices.Clone(inputs)
	for i, in := range out {
		axis, ok := s.padding.Axis[in.Name]
		if !ok {
			continue
		}
		if length >= 0 && in.Shape[axis] != length {
			return nil, invalid("inputs", "%s has length %d where another input has %d: what is padded needs one length", in.Name, in.Shape[axis], length)
		}
		length = in.Shape[axis]
		out[i] = in.Pad(axis, s.padding.Bucket(length))
	}
	return out, nil
}
