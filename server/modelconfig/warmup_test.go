package modelconfig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/tensor"
)

func TestShapes(t *testing.T) {
	cfg, err := Complete(nil, "m",
		infos(info("x", tensor.FP32, -1), info("z", tensor.FP32, -1, 2)), infos(info("y", tensor.FP32, -1)))
	require.NoError(t, err)
	s := NewShapes(cfg)
	given := []tensor.Tensor{
		tensor.New("z", []int64{2, 2}, []float32{1, 2, 3, 4}),
		tensor.New("x", []int64{2, 1}, []float32{5, 6}),
	}
	got := s.Inputs(given)
	require.Equal(t, []int64{2, 2}, got[0].Shape)
	require.Equal(t, []int64{2}, got[1].Shape)
	require.Equal(t, []int64{2, 1}, given[1].Shape, "the caller's tensor is left alone")
	require.NoError(t, got[1].Validate())
	back := s.Outputs([]tensor.Tensor{tensor.New("y", []int64{2}, []float32{5, 6})})
	require.Equal(t, []int64{2, 1}, back[0].Shape)

	scalar, err := Complete(nil, "m", infos(info("x", tensor.Int64)), infos(info("y", tensor.Int64, 3)))
	require.NoError(t, err)
	s = NewShapes(scalar)
	require.Empty(t, s.Inputs([]tensor.Tensor{tensor.New("x", []int64{1}, []int64{7})})[0].Shape)
	require.Equal(t, []int64{3}, s.Outputs([]tensor.Tensor{tensor.New("y", []int64{3}, []int64{1, 2, 3})})[0].Shape)

	none, err := Complete(nil, "m", infos(info("x", tensor.FP32, -1, 2)), infos(info("y", tensor.FP32, 2)))
	require.NoError(t, err)
	require.Nil(t, NewShapes(none))
	require.Equal(t, given, NewShapes(none).Inputs(given))
	require.Equal(t, given, NewShapes(none).Outputs(given))
}

func TestWarmup(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, WarmupDir), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, WarmupDir, "ids"), []byte{1, 0, 0, 0, 2, 0, 0, 0, 99}, 0o600))
	words, err := tensor.EncodeBytes([][]byte{[]byte("心率"), {}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, WarmupDir, "words"), words, 0o600))
	in := infos(info("ids", tensor.Int32, -1, -1), info("words", tensor.Bytes, -1, 2), info("flag", tensor.Bool, -1))
	cfg, err := Complete(parse(t, `
	model_warmup {
	  name: "files" batch_size: 2 count: 3
	  inputs { key: "ids" value { data_type: TYPE_INT32 dims: [ 2 ] input_data_file: "ids" } }
	  inputs { key: "words" value { data_type: TYPE_STRING dims: [ 2 ] input_data_file: "words" } }
	  inputs { key: "flag" value { data_type: TYPE_BOOL dims: [ 1 ] random_data: true } }
	}
	model_warmup {
	  name: "skipped" batch_size: 0
	  inputs { key: "ids" value { data_type: TYPE_INT32 dims: [ 2 ] zero_data: true } }
	  inputs { key: "words" value { data_type: TYPE_STRING dims: [ 2 ] zero_data: true } }
	  inputs { key: "flag" value { data_type: TYPE_BOOL dims: [ 1 ] zero_data: true } }
	}
	model_warmup {
	  name: "made up" batch_size: 1
	  inputs { key: "ids" value { data_type: TYPE_INT32 dims: [ 64 ] random_data: true } }
	  inputs { key: "words" value { data_type: TYPE_STRING dims: [ 2 ] random_data: true } }
	  inputs { key: "flag" value { data_type: TYPE_BOOL dims: [ 1 ] zero_data: true } }
	}`), "m", in, infos(info("y", tensor.FP32, -1)))
	require.NoError(t, err)
	samples, err := Warmup(cfg, dir)
	require.NoError(t, err)
	require.Len(t, samples, 2)

	files := samples[0]
	require.Equal(t, "files", files.Name)
	require.Equal(t, 3, files.Count)
	require.Equal(t, []int64{2}, files.Inputs[0].Shape, "flag, in the model's own shape")
	require.Equal(t, tensor.New("ids", []int64{2, 2}, []int32{1, 2, 1, 2}), files.Inputs[1])
	require.Equal(t, tensor.NewStrings("words", []int64{2, 2}, "心率", "", "心率", ""), files.Inputs[2])

	made := samples[1]
	require.Equal(t, 1, made.Count)
	ids, err := tensor.Values[int32](made.Inputs[1])
	require.NoError(t, err)
	distinct := map[int32]bool{}
	for _, id := range ids {
		require.GreaterOrEqual(t, id, int32(0))
		require.Less(t, id, int32(128))
		distinct[id] = true
	}
	require.Greater(t, len(distinct), 10)
	for _, s := range samples {
		for _, in := range s.Inputs {
			require.NoError(t, in.Validate(), in.Name)
		}
	}
	again, err := Warmup(cfg, dir)
	require.NoError(t, err)
	require.Equal(t, samples, again)
}

func TestRandomDataOfEveryType(t *testing.T) {
	for _, typ := range tensor.Types() {
		x := random(tensor.Tensor{Name: "x", Type: typ, Shape: []int64{3, 5}}, 15)
		require.NoError(t, x.Validate(), typ)
		if floats, err := tensor.Floats(x); err == nil {
			for _, f := range floats {
				require.True(t, f >= 0 && f <= 1, "%v: %v", typ, f)
			}
		}
	}
}

func TestWarmupMismatches(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, WarmupDir), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, WarmupDir, "short"), []byte{1, 0, 0}, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, WarmupDir, "long"), nil, 0o600))
	require.NoError(t, os.Truncate(filepath.Join(dir, WarmupDir, "long"), maxSampleBytes+1))
	sample := func(more, input string) string {
		return `model_warmup { ` + more + ` inputs { key: "x" value { ` + input + ` } } }`
	}
	const good = `data_type: TYPE_FP32 dims: [ 16 ] zero_data: true`
	const x = `model_warmup[0].inputs["x"]`
	for _, c := range []struct{ text, field, says string }{
		{sample("batch_size: 5", good), "model_warmup[0].batch_size", "is 5, max_batch_size is 4"},
		{sample("batch_size: 1 count: 10001", good), "model_warmup[0].count", "at most 10000"},
		{`model_warmup { batch_size: 1 }`, "model_warmup[0].inputs", `input "x" is missing`},
		{`model_warmup { batch_size: 1 inputs { key: "z" value { ` + good + ` } } }`, `model_warmup[0].inputs["z"]`, "no such input"},
		{sample("batch_size: 1", `data_type: TYPE_FP16 dims: [ 16 ] zero_data: true`), x + ".data_type", "is TYPE_FP16"},
		{sample("batch_size: 1", `data_type: TYPE_FP32 dims: [ 15 ] zero_data: true`), x + ".dims", "is [15], the input's is [16]"},
		{sample("batch_size: 1", `data_type: TYPE_FP32 dims: [ -1 ] zero_data: true`), x + ".dims", "no open sizes"},
		{sample("batch_size: 1", `data_type: TYPE_FP32 dims: [ 16 ]`), x, "one of zero_data"},
		{sample("batch_size: 1", `data_type: TYPE_FP32 dims: [ 16 ] input_data_file: "../x"`), x + ".input_data_file", "within the folder warmup"},
		{strings.Repeat(sample("batch_size: 1", good), maxSamples+1), "model_warmup", "has 65 samples"},
		{sample("batch_size: 1", `data_type: TYPE_FP32 dims: [ 16 ] input_data_file: "none"`), x + ".input_data_file", "none cannot be read"},
		{sample("batch_size: 1", `data_type: TYPE_FP32 dims: [ 16 ] input_data_file: "short"`), x + ".input_data_file", "short has 3 bytes, the input needs 64"},
		{sample("batch_size: 1", `data_type: TYPE_FP32 dims: [ 16 ] input_data_file: "long"`), x + ".input_data_file", "long is not a file of at most"},
	} {
		cfg, err := Parse([]byte(c.text))
		if err == nil {
			cfg, err = Complete(cfg, "m", infos(info("x", tensor.FP32, -1, 16)), infos(info("y", tensor.FP32, -1)))
		}
		if err == nil {
			_, err = Warmup(cfg, dir)
		}
		var e *Error
		require.ErrorAs(t, err, &e, c.text)
		require.Equal(t, c.field, e.Field)
		require.Contains(t, e.Reason, c.says)
		require.NotContains(t, err.Error(), dir)
	}
	cfg := parse(t, sample("batch_size: 4", `data_type: TYPE_FP32 dims: [ 9000000000000000000, 3 ] zero_data: true`))
	_, err := Complete(cfg, "m", infos(info("x", tensor.FP32, -1, -1, -1)), infos(info("y", tensor.FP32, -1)))
	require.ErrorContains(t, err, "model_warmup[0].inputs: take more than 268435456 bytes")
	cfg = parse(t, sample("batch_size: 2", good))
	_, err = Complete(cfg, "m", infos(info("x", tensor.FP32, 16)), infos(info("y", tensor.FP32, 1)))
	require.ErrorContains(t, err, "model_warmup[0].batch_size: is 2, max_batch_size is 0")
}
