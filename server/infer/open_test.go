package infer

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/runtime/tensor"
	"github.com/bedside-lm/bedside/server/modelconfig"
)

// specOf is a test model as the repository finds it; config "" is what lies in its folder.
func specOf(t testing.TB, name, config string) repository.Spec {
	t.Helper()
	library, err := repository.ORTLibrary()
	require.NoError(t, err, "run 'make setup'")
	require.NoError(t, ort.Init(library))
	dir := filepath.Join("../../testdata/models", name)
	spec := repository.Spec{Name: name, Version: 1, ModelDir: dir, Dir: filepath.Join(dir, "1"), Format: repository.FormatONNX}
	spec.Config = []byte(config)
	if config == "" {
		if spec.Config, err = os.ReadFile(filepath.Join(dir, "config.pbtxt")); err != nil {
			spec.Config = nil
		}
	}
	return spec
}

func TestOpenWithAndWithoutConfiguration(t *testing.T) {
	set, reg := metricSet(t)
	for _, c := range []struct {
		name, config string
		maxBatch     int
	}{
		{"simple", "", 8},
		{"identity_fp32", "", 4}, // completed
		{"identity_fp32", "max_batch_size: 3", 3},
		{"ragged", "", 4},
		{"fixed_batch", "", 0},
		{"scalar", "", 0},
		{"linear", "", 4}, // weights beside the file
	} {
		m, err := Open(t.Context(), specOf(t, c.name, c.config), Options{Metrics: set})
		require.NoError(t, err, c.name)
		require.Equal(t, c.maxBatch, m.Signature().MaxBatch, c.name)
		require.Equal(t, c.name, m.Config().GetName())
		require.NotEmpty(t, m.Signature().Inputs)
		require.NoError(t, m.Close())
	}
	require.Empty(t, families(t, reg))
}

// One value a row is dims [1] to callers and no dimension to the model.
func TestReshape(t *testing.T) {
	set, _ := metricSet(t)
	m, err := Open(t.Context(), specOf(t, "lookup", ""), Options{Metrics: set})
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close()) }()
	require.Equal(t, []int64{-1, 1}, m.Signature().Inputs[0].Dims)
	r, err := m.Infer(t.Context(), &Request{Inputs: []tensor.Tensor{tensor.New("INDEX", []int64{9, 1}, []int64{0, 1, 2, 3, 0, 1, 2, 3, 0})}})
	require.NoError(t, err)
	require.Equal(t, []int64{9, 2}, r.Outputs[0].Shape)
	got, err := tensor.Values[float32](r.Outputs[0])
	require.NoError(t, err)
	require.Equal(t, []float32{0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1}, got)
}

func TestWarmUpCountsNowhereAndMustSucceed(t *testing.T) {
	set, reg := metricSet(t)
	m, err := Open(t.Context(), specOf(t, "lookup", `model_warmup { name: "first" batch_size: 2 count: 3
		inputs { key: "INDEX" value { data_type: TYPE_INT64 dims: [1] zero_data: true } } }`), Options{Metrics: set})
	require.NoError(t, err)
	require.Zero(t, m.Statistics().GetExecutionCount())
	require.NoError(t, m.Close())

	// Random positions are beyond the table of four rows.
	_, err = Open(t.Context(), specOf(t, "lookup", `model_warmup { name: "first" batch_size: 4
		inputs { key: "INDEX" value { data_type: TYPE_INT64 dims: [1] random_data: true } } }`), Options{Metrics: set})
	var failed *ort.RunError
	require.ErrorAs(t, err, &failed)
	require.ErrorContains(t, err, "model_warmup[0]")
	require.Empty(t, families(t, reg), "a model that was not loaded leaves nothing")
}

func TestOpenRefuses(t *testing.T) {
	set, _ := metricSet(t)
	var cfg *modelconfig.Error
	_, err := Open(t.Context(), specOf(t, "simple", "max_batch_sice: 2"), Options{Metrics: set})
	require.ErrorAs(t, err, &cfg)
	_, err = Open(t.Context(), specOf(t, "simple", `name: "other"`), Options{Metrics: set})
	require.ErrorAs(t, err, &cfg)
	var file *ort.OpenError
	_, err = Open(t.Context(), specOf(t, "broken", ""), Options{Metrics: set})
	require.ErrorAs(t, err, &file)
	_, err = Open(t.Context(), specOf(t, "simple", `default_model_filename: "none.onnx"`), Options{Metrics: set})
	require.ErrorAs(t, err, &file)
}
