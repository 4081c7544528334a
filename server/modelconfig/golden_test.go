package modelconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/runtime/tensor"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	testModels = "../../testdata/models"
	golden     = "../../testdata/golden/modelconfig"
)

func openModel(t *testing.T, name string) *ort.TensorModel {
	t.Helper()
	library, err := repository.ORTLibrary()
	require.NoError(t, err)
	require.NoError(t, ort.Init(library))
	m, err := ort.OpenTensorModel(filepath.Join(testModels, name, "1", DefaultFilename), ort.TensorOptions{Threads: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// given reads a test model's config.pbtxt, nil where it has none.
func given(t *testing.T, name string) *inference.ModelConfig {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testModels, name, repository.ConfigName))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	return parse(t, string(text))
}

// What is in force for each of the test models, as the real files say it.
func TestConfigurationsInForce(t *testing.T) {
	folders, err := os.ReadDir(testModels)
	require.NoError(t, err)
	unopened := []string{"broken", "sequence_output"} // runtime/ort refuses these
	for _, folder := range folders {
		name := folder.Name()
		if slices.Contains(unopened, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			m := openModel(t, name)
			var got []byte
			if cfg, err := Complete(given(t, name), name, m.Inputs(), m.Outputs()); err != nil {
				got = []byte(err.Error() + "\n")
			} else {
				text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(cfg)
				require.NoError(t, err)
				var b bytes.Buffer
				require.NoError(t, json.Indent(&b, text, "", "  ")) // protojson varies its spaces
				got = append(b.Bytes(), '\n')
			}
			file := filepath.Join(golden, name+".json")
			if *update {
				require.NoError(t, os.MkdirAll(golden, 0o755))
				require.NoError(t, os.WriteFile(file, got, 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err, "run with -update if it is to be there")
			require.Equal(t, string(want), string(got), "run with -update if that is right")
		})
	}
}

// Samples of every kind run in the real model.
func TestSamplesRun(t *testing.T) {
	for _, c := range []struct{ model, text string }{
		{"simple", `max_batch_size: 8 model_warmup {
			name: "w" batch_size: 8
			inputs { key: "INPUT0" value { data_type: TYPE_INT32 dims: [ 16 ] random_data: true } }
			inputs { key: "INPUT1" value { data_type: TYPE_INT32 dims: [ 16 ] zero_data: true } }
		}`},
		{"identity_bytes", `model_warmup {
			name: "w" batch_size: 2
			inputs { key: "INPUT0" value { data_type: TYPE_STRING dims: [ 1 ] random_data: true } }
		}`},
		{"scalar", `model_warmup {
			name: "w" batch_size: 1
			inputs { key: "X" value { data_type: TYPE_FP32 dims: [ 1 ] random_data: true } }
			inputs { key: "Y" value { data_type: TYPE_FP32 dims: [ 1 ] zero_data: true } }
		}`},
		{"lookup", `model_warmup {
			name: "w" batch_size: 4
			inputs { key: "INDEX" value { data_type: TYPE_INT64 dims: [ 1 ] zero_data: true } }
		}`},
	} {
		t.Run(c.model, func(t *testing.T) {
			m := openModel(t, c.model)
			cfg, err := Complete(parse(t, c.text), c.model, m.Inputs(), m.Outputs())
			require.NoError(t, err)
			samples, err := Warmup(cfg, t.TempDir())
			require.NoError(t, err)
			out, err := m.Run(t.Context(), samples[0].Inputs, nil)
			require.NoError(t, err)
			for i, o := range NewShapes(cfg).Outputs(out) {
				dims := cfg.GetOutput()[i].GetDims()
				if cfg.GetMaxBatchSize() > 0 {
					dims = append([]int64{int64(cfg.GetModelWarmup()[0].GetBatchSize())}, dims...)
				}
				require.Len(t, o.Shape, len(dims), tensor.FormatShape(o.Shape))
			}
		})
	}
}
