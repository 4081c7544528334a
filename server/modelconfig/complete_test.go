package modelconfig

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/tensor"
)

// info is one input or output of a file, -1 where a size is open.
func info(name string, t tensor.Type, dims ...int64) tensor.Info {
	return tensor.Info{Name: name, Type: t, Dims: dims, DimNames: make([]string, len(dims))}
}

func infos(i ...tensor.Info) []tensor.Info { return i }

// The rules of Triton's ONNX Runtime backend, one by one.
func TestCompletion(t *testing.T) {
	batched := infos(info("x", tensor.FP32, -1, 16))
	answers := infos(info("y", tensor.FP32, -1, 4))
	for _, c := range []struct {
		name    string
		text    string
		in, out []tensor.Info
		want    string // fields to be found in what is in force
	}{
		{"nothing given, rows of a batch", "", batched, answers,
			`max_batch_size: 4 dynamic_batching { preferred_batch_size: 4 }` + ports},
		{"a batch size given", "max_batch_size: 8", batched, answers,
			`max_batch_size: 8 dynamic_batching { preferred_batch_size: 8 }` + ports},
		{"a batch of one needs no batching", "max_batch_size: 1", batched, answers, `max_batch_size: 1` + ports},
		{"batching given", "dynamic_batching { max_queue_delay_microseconds: 9 }", batched, answers,
			`max_batch_size: 4 dynamic_batching { preferred_batch_size: 4 max_queue_delay_microseconds: 9 }` + ports},
		{"all ports listed: nothing is added", ports, infos(info("x", tensor.FP32, 16)), infos(info("y", tensor.FP32, 4)), ports},
		{"all ports listed, with a batch", "max_batch_size: 2" + ports, batched, answers, "max_batch_size: 2" + ports},
		{"all dimensions listed of a model that could batch",
			`input { name: "x" data_type: TYPE_FP32 dims: [ -1, 16 ] }`, batched, answers,
			`input { name: "x" data_type: TYPE_FP32 dims: [ -1, 16 ] } output { name: "y" data_type: TYPE_FP32 dims: [ -1, 4 ] }`},
		{"dimensions of a row listed", `output { name: "y" data_type: TYPE_FP32 dims: [ 4 ] }`, batched, answers,
			`max_batch_size: 4 dynamic_batching { preferred_batch_size: 4 }` + ports},
		{"a fixed first dimension", "", infos(info("x", tensor.FP32, 1, 16)), answers,
			`input { name: "x" data_type: TYPE_FP32 dims: [ 1, 16 ] } output { name: "y" data_type: TYPE_FP32 dims: [ -1, 4 ] }`},
		{"one value a row", "", infos(info("x", tensor.Bytes, -1)), infos(info("y", tensor.BF16, -1)),
			`max_batch_size: 4 dynamic_batching { preferred_batch_size: 4 }
			input { name: "x" data_type: TYPE_STRING dims: [ 1 ] reshape { } } output { name: "y" data_type: TYPE_BF16 dims: [ 1 ] reshape { } }`},
		{"a scalar", "", infos(info("x", tensor.Int64)), answers,
			`input { name: "x" data_type: TYPE_INT64 dims: [ 1 ] reshape { } } output { name: "y" data_type: TYPE_FP32 dims: [ -1, 4 ] }`},
		{"a scalar, listed", `input { name: "x" data_type: TYPE_INT64 dims: [ 1, 1 ] }`, infos(info("x", tensor.Int64)), answers,
			`input { name: "x" data_type: TYPE_INT64 dims: [ 1, 1 ] reshape { } } output { name: "y" data_type: TYPE_FP32 dims: [ -1, 4 ] }`},
		{"narrower than the file", `max_batch_size: 3 input { name: "x" data_type: TYPE_FP32 dims: [ 5 ] }`,
			infos(info("x", tensor.FP32, -1, -1)), answers,
			`max_batch_size: 3 dynamic_batching { preferred_batch_size: 3 } input { name: "x" data_type: TYPE_FP32 dims: [ 5 ] }
			output { name: "y" data_type: TYPE_FP32 dims: [ 4 ] }`},
		{"another shape for callers", `max_batch_size: 3 input { name: "x" data_type: TYPE_FP32 dims: [ 4, 4 ] reshape { shape: [ 16 ] } }`,
			batched, answers,
			`max_batch_size: 3 dynamic_batching { preferred_batch_size: 3 } input { name: "x" data_type: TYPE_FP32 dims: [ 4, 4 ] reshape { shape: [ 16 ] } }
			output { name: "y" data_type: TYPE_FP32 dims: [ 4 ] }`},
		{"some of the outputs", `max_batch_size: 2 output { name: "y" data_type: TYPE_FP32 dims: [ 4 ] }`,
			batched, append(infos(info("z", tensor.FP32, -1)), answers...),
			"max_batch_size: 2 dynamic_batching { preferred_batch_size: 2 }" + ports},
		{"a value of the model's own", "", append(infos(tensor.Info{Name: "w", Type: tensor.FP32, Dims: []int64{3}, Optional: true}), batched...), answers,
			`max_batch_size: 4 dynamic_batching { preferred_batch_size: 4 }` + ports},
		{"a value of the model's own, asked for", `input [ { name: "x" data_type: TYPE_FP32 dims: [ -1, 16 ] }, { name: "w" data_type: TYPE_FP32 dims: [ 3 ] } ]`,
			append(infos(tensor.Info{Name: "w", Type: tensor.FP32, Dims: []int64{3}, Optional: true}), batched...), answers,
			`input [ { name: "x" data_type: TYPE_FP32 dims: [ -1, 16 ] }, { name: "w" data_type: TYPE_FP32 dims: [ 3 ] optional: true } ]
			output { name: "y" data_type: TYPE_FP32 dims: [ -1, 4 ] }`},
		{"outputs of any shape", "", batched, infos(tensor.Info{Name: "y", Type: tensor.FP32, AnyRank: true}),
			`input { name: "x" data_type: TYPE_FP32 dims: [ -1, 16 ] } output { name: "y" data_type: TYPE_FP32 dims: [ -1 ] }`},
		{"no inputs", "", nil, infos(info("y", tensor.FP32, 2)), `output { name: "y" data_type: TYPE_FP32 dims: [ 2 ] }`},
	} {
		t.Run(c.name, func(t *testing.T) {
			given := parse(t, c.text)
			before := proto.CloneOf(given)
			got, err := Complete(given, "m", c.in, c.out)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(before, given, protocmp.Transform()), "what was given is left alone")
			want := parse(t, c.want+` name: "m" platform: "onnxruntime_onnx" backend: "onnxruntime" default_model_filename: "model.onnx"
				version_policy { latest { num_versions: 1 } } instance_group { name: "m_0" kind: KIND_CPU count: 1 }`)
			want.InstanceGroup[0].Name = "m"
			require.Empty(t, cmp.Diff(want, got, protocmp.Transform()))
			again, err := Complete(got, "m", c.in, c.out)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(got, again, protocmp.Transform()), "what is complete stays as it is")
			require.NoError(t, Batching(got).Validate())
		})
	}
}

func TestMismatches(t *testing.T) {
	in := infos(info("x", tensor.FP32, -1, 16), info("ids", tensor.Int64, -1, -1))
	out := infos(info("y", tensor.FP32, -1, 4))
	list := func(x, ids string) string {
		return `input [ { name: "x" ` + x + ` }, { name: "ids" ` + ids + ` } ]`
	}
	const x, ids = `data_type: TYPE_FP32 dims: [ 16 ]`, `data_type: TYPE_INT64 dims: [ -1 ]`
	for _, c := range []struct{ text, field, says string }{
		{`name: "other"`, "name", `is "other", but the model's folder is "m"`},
		{`max_batch_size: 2 ` + list(x, `data_type: TYPE_INT32 dims: [ -1 ]`), "input[1].data_type", "is TYPE_INT32, the model's is TYPE_INT64"},
		{`max_batch_size: 2 ` + list(`data_type: TYPE_FP32 dims: [ 17 ]`, ids), "input[0].dims", `is [17], the model's shape of "x" after the batch dimension is [16]`},
		{`max_batch_size: 2 ` + list(`data_type: TYPE_FP32 dims: [ -1, 16 ]`, ids), "input[0].dims", "after the batch dimension"},
		{`max_batch_size: 2 ` + list(`data_type: TYPE_FP32 dims: [ 17 ] reshape { shape: [ 17 ] }`, ids), "input[0].reshape.shape", "is [17]"},
		{`max_batch_size: 2 input { name: "x" ` + x + ` }`, "input", `the model's input "ids" is not listed`},
		{`max_batch_size: 2 ` + list(x, ids) + `input { name: "z" ` + x + ` }`, "input[2].name", `no input "z"; it has x, ids`},
		{`max_batch_size: 2 output { name: "z" ` + x + ` }`, "output[0].name", `no output "z"; it has y`},
		{`max_batch_size: 2 output { name: "y" data_type: TYPE_FP32 dims: [ -1 ] }`, "output[0].dims", "is [-1], the model's shape"},
		{list(`data_type: TYPE_FP32 dims: [ -1, 16 ] optional: true`, `data_type: TYPE_INT64 dims: [ -1, -1 ]`), "input[0].optional", "no value of its own"},
		{`dynamic_batching { preferred_batch_size: [ 8 ] }`, "dynamic_batching.preferred_batch_size[0]", "8 is outside 1 to 4"},
		{`output { name: "y" data_type: TYPE_FP32 dims: [ -1, 4 ] } dynamic_batching { preferred_batch_size: [ 8 ] }`, "dynamic_batching.preferred_batch_size[0]", "8 is outside 1 to 1"},
	} {
		t.Run(c.field, func(t *testing.T) {
			_, err := Complete(parse(t, c.text), "m", in, out)
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.field, e.Field)
			require.Contains(t, e.Reason, c.says)
		})
	}
	for _, c := range []struct {
		text, field, says string
		in, out           []tensor.Info
	}{
		{"max_batch_size: 2", "max_batch_size", `the first dimension of input "x" is always 3`, infos(info("x", tensor.FP32, 3)), out},
		{"max_batch_size: 2", "max_batch_size", `output "y" has no dimensions`, in, infos(info("y", tensor.FP32))},
		{"max_batch_size: 2" + ports, "max_batch_size", `"y" has shape [4]`, in[:1], infos(info("y", tensor.FP32, 4))},
		{"", "input", `how many dimensions "x" has`, infos(tensor.Info{Name: "x", Type: tensor.FP32, AnyRank: true}), out},
		{`max_batch_size: 2 input [ { name: "x" data_type: TYPE_FP32 dims: [ 16 ] }, { name: "w" data_type: TYPE_FP32 dims: [ 3 ] } ]`,
			"input[1].name", "the model's own value", append(in[:1:1], tensor.Info{Name: "w", Type: tensor.FP32, Dims: []int64{3}, Optional: true}), out},
	} {
		_, err := Complete(parse(t, c.text), "m", c.in, c.out)
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, c.field, e.Field)
		require.Contains(t, e.Reason, c.says)
	}
	_, err := Complete(&inference.ModelConfig{SchedulingChoice: &inference.ModelConfig_SequenceBatching{
		SequenceBatching: &inference.ModelSequenceBatching{},
	}}, "m", in, out)
	require.ErrorContains(t, err, "sequence_batching", "also where the text was not read by Parse")
}

// Whatever the file, completing without a configuration gives one that holds together, and stays.
func TestCompletionOfAnyFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(kind string) []tensor.Info {
			list := make([]tensor.Info, rapid.IntRange(1, 3).Draw(t, kind))
			for i := range list {
				list[i] = info(kind+string(rune('a'+i)), rapid.SampledFrom(tensor.Types()).Draw(t, "type"),
					rapid.SliceOfN(rapid.Int64Range(-1, 3), 0, 3).Draw(t, "dims")...)
			}
			return list
		}
		in, out := draw("x"), draw("y")
		cfg, err := Complete(nil, "m", in, out)
		require.NoError(t, err)
		require.Equal(t, firstUnbatched(in, out) == "", cfg.GetMaxBatchSize() == 4)
		require.NoError(t, Batching(cfg).Validate())
		again, err := Complete(cfg, "m", in, out)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(cfg, again, protocmp.Transform()))
		toModel := NewShapes(cfg)
		for i, p := range cfg.GetInput() {
			given := tensor.Tensor{Name: p.GetName(), Shape: p.GetDims()}
			if cfg.GetMaxBatchSize() > 0 {
				given.Shape = append([]int64{-1}, given.Shape...)
			}
			got := toModel.Inputs([]tensor.Tensor{given})[0].Shape
			require.Empty(t, cmp.Diff(in[i].Dims, got, cmp.Transformer("empty", func(s []int64) []int64 { return append([]int64{}, s...) })))
		}
	})
}
