package tensor

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPad(t *testing.T) {
	for _, c := range []struct {
		name   string
		shape  []int64
		in     []int32
		axis   int
		length int64
		want   []int32
	}{
		{"as long already", []int64{2, 2}, []int32{1, 2, 3, 4}, 1, 2, []int32{1, 2, 3, 4}},
		{"last dimension", []int64{2, 2}, []int32{1, 2, 3, 4}, 1, 3, []int32{1, 2, 0, 3, 4, 0}},
		{"one within", []int64{1, 2, 2}, []int32{1, 2, 3, 4}, 1, 3, []int32{1, 2, 3, 4, 0, 0}},
		{"nothing there yet", []int64{2, 0}, []int32{}, 1, 2, []int32{0, 0, 0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := New("x", c.shape, c.in)
			out := in.Pad(c.axis, c.length)
			require.NoError(t, out.Validate())
			require.Equal(t, c.length, out.Shape[c.axis])
			got, err := Values[int32](out)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.Equal(t, c.shape, in.Shape, "what was given stays as it is")
		})
	}
}
