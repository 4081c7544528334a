package modelconfig

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/tensor"
)

// info is one input or output of a file, -1 where a size is open.
func info(name string, t tensor.Type, dims ...int64) tensor.Info {
	return tensor.Info{Name: name, Type: t, Dims: dims, DimNames: make([]string, len(dims))}
}

func TestCompleteWithoutConfiguration(t *testing.T) {
	cfg, err := Complete(nil, "m", []tensor.Info{info("x", tensor.FP32, -1, 16)}, []tensor.Info{info("y", tensor.Bytes, -1)})
	require.NoError(t, err)
	require.EqualValues(t, 4, cfg.GetMaxBatchSize())
	require.NotNil(t, cfg.GetDynamicBatching())
	require.Equal(t, []int64{16}, cfg.GetInput()[0].GetDims())
	require.Equal(t, []int64{1}, cfg.GetOutput()[0].GetDims())
	require.Equal(t, 4, Batching(cfg).MaxBatchSize)
}
