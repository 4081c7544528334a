package infer

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bedside-lm/bedside/runtime/tensor"
)

const paddedConfig = raggedConfig + `
	parameters { key: "bedside.length_buckets" value { string_value: "4,8" } }
	parameters { key: "bedside.pad_inputs" value { string_value: "VALUES,MASK" } }`

func ofLength(values, mask int64) *Request {
	v, m := make([]float32, values), make([]int64, mask)
	for i := range v {
		v[i] = 1
	}
	for i := range m {
		m[i] = 1
	}
	return &Request{Inputs: []tensor.Tensor{tensor.New("VALUES", []int64{1, values}, v), tensor.New("MASK", []int64{1, mask}, m)}}
}

// Batches go only when they are full, so that requests of eight lengths are answered only if those of a bucket share one.
func TestLengthsOfOneBucketShareARun(t *testing.T) {
	m := start(t, paddedConfig, whenFull)
	var group errgroup.Group
	for i := range 16 {
		group.Go(func() error {
			length := int64(1 + i%8) // 8 of at most 4, 8 of at most 8
			r, err := m.Infer(t.Context(), ofLength(length, length))
			if err != nil {
				return err
			}
			got, err := tensor.Values[float32](r.Outputs[0])
			require.Equal(t, []float32{float32(length)}, got, "what was added counts for nothing")
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.EqualValues(t, 2, m.Statistics().GetExecutionCount())
	require.EqualValues(t, 16, m.Statistics().GetInferenceCount())
}

func TestPaddingLeavesTheRequestAlone(t *testing.T) {
	s := start(t, paddedConfig, whenFull).Signature()
	r := ofLength(3, 3)
	c, err := s.Check(r)
	require.NoError(t, err)
	require.Equal(t, []int64{1, 4}, c.Inputs[0].Shape)
	require.Equal(t, []int64{1, 3}, r.Inputs[0].Shape)
	c, err = s.Check(ofLength(9, 9))
	require.NoError(t, err)
	require.Equal(t, []int64{1, 9}, c.Inputs[0].Shape, "beyond the last bucket, as it is")
	_, err = s.Check(ofLength(3, 2))
	require.ErrorContains(t, err, "needs one length")
}
