package oip

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/tensor"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/infer"
)

// request reads a message in text form.
func request(t testing.TB, text string) *inference.ModelInferRequest {
	t.Helper()
	req := &inference.ModelInferRequest{}
	require.NoError(t, prototext.Unmarshal([]byte(text), req))
	return req
}

// Typed contents and raw contents are two ways to say the same.
func TestContentsAndRawAgree(t *testing.T) {
	for _, c := range []struct{ input, raw string }{
		{`datatype: "BOOL" shape: 2 contents { bool_contents: [true, false] }`, "\x01\x00"},
		{`datatype: "INT8" shape: 2 contents { int_contents: [-128, 127] }`, "\x80\x7f"},
		{`datatype: "INT16" shape: 2 contents { int_contents: [-32768, 258] }`, "\x00\x80\x02\x01"},
		{`datatype: "INT32" shape: 1 contents { int_contents: [-2] }`, "\xfe\xff\xff\xff"},
		{`datatype: "INT64" shape: 1 contents { int64_contents: [-2] }`, "\xfe\xff\xff\xff\xff\xff\xff\xff"},
		{`datatype: "UINT8" shape: 2 contents { uint_contents: [0, 255] }`, "\x00\xff"},
		{`datatype: "UINT16" shape: 1 contents { uint_contents: [65535] }`, "\xff\xff"},
		{`datatype: "UINT32" shape: 1 contents { uint_contents: [4294967295] }`, "\xff\xff\xff\xff"},
		{`datatype: "UINT64" shape: 1 contents { uint64_contents: [18446744073709551615] }`, "\xff\xff\xff\xff\xff\xff\xff\xff"},
		{`datatype: "FP32" shape: [1, 2] contents { fp32_contents: [1, -2] }`, "\x00\x00\x80\x3f\x00\x00\x00\xc0"},
		{`datatype: "FP64" shape: 1 contents { fp64_contents: [1] }`, "\x00\x00\x00\x00\x00\x00\xf0\x3f"},
		{`datatype: "BYTES" shape: 2 contents { bytes_contents: ["", "\xff\x00"] }`, "\x00\x00\x00\x00\x02\x00\x00\x00\xff\x00"},
		{`datatype: "FP32" contents { fp32_contents: 1 }`, "\x00\x00\x80\x3f"}, // a scalar
		{`datatype: "FP32" shape: [0, 3]`, ""},
		{`datatype: "BYTES" shape: 0`, ""},
		{`datatype: "FP16" shape: [2, 0]`, ""},
	} {
		typed := request(t, `inputs { name: "X" `+c.input+` }`)
		raw := proto.CloneOf(typed)
		raw.Inputs[0].Contents = nil
		raw.RawInputContents = [][]byte{[]byte(c.raw)}
		a, err := decodeInputs(typed)
		require.NoError(t, err, c.input)
		b, err := decodeInputs(raw)
		require.NoError(t, err, c.input)
		require.NoError(t, a[0].Validate(), c.input)
		require.NoError(t, b[0].Validate(), c.input)
		require.Equal(t, a[0].Data, b[0].Data, c.input)
		require.True(t, slices.EqualFunc(a[0].Strings, b[0].Strings, bytes.Equal), c.input)

		// And back: a response of it says the same, raw.
		out, err := encode(answered{"m", 3, "id"}, infer.Response{Outputs: a})
		require.NoError(t, err)
		require.Equal(t, "3", out.GetModelVersion())
		require.Equal(t, typed.GetInputs()[0].GetDatatype(), out.GetOutputs()[0].GetDatatype())
		require.True(t, bytes.Equal([]byte(c.raw), out.GetRawOutputContents()[0]), c.input)
	}
	halves, err := decodeInputs(&inference.ModelInferRequest{
		Inputs: []*inference.ModelInferRequest_InferInputTensor{
			{Name: "H", Datatype: "FP16", Shape: []int64{2}}, {Name: "B", Datatype: "BF16", Shape: []int64{1}},
		},
		RawInputContents: [][]byte{{0, 0x3c, 0, 0xc0}, {0x80, 0x3f}},
	})
	require.NoError(t, err)
	for i, want := range [][]float32{{1, -2}, {1}} {
		got, err := tensor.Floats(halves[i])
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct{ name, request, field string }{
		{"type", `inputs { datatype: "FLOAT" }`, "inputs[0].datatype"},
		{"no type", `inputs {}`, "inputs[0].datatype"},
		{"negative", `inputs { datatype: "FP32" shape: [2, -1] }`, "inputs[0].shape"},
		{"uncountable", `inputs { datatype: "FP32" shape: [9223372036854775807, 2] }`, "inputs[0].shape"},
		{"uncountable bytes", `inputs { datatype: "FP32" shape: [9223372036854775807] } raw_input_contents: ""`, "raw_input_contents[0]"},
		{"both ways", `inputs { datatype: "FP32" shape: 1 contents { fp32_contents: 1 } } raw_input_contents: "abcd"`, "inputs[0].contents"},
		{"both ways, empty", `inputs { datatype: "FP32" shape: 1 contents {} } raw_input_contents: "abcd"`, "inputs[0].contents"},
		{"raw for some", `inputs { datatype: "INT8" shape: 1 } inputs { datatype: "INT8" shape: 1 } raw_input_contents: "a"`, "raw_input_contents"},
		{"raw for too many", `inputs { datatype: "INT8" shape: 1 } raw_input_contents: "a" raw_input_contents: "b"`, "raw_input_contents"},
		{"raw too short", `inputs { datatype: "FP32" shape: 2 } raw_input_contents: "abcd"`, "raw_input_contents[0]"},
		{"raw too long", `inputs { datatype: "FP32" shape: 1 } raw_input_contents: "abcdefgh"`, "raw_input_contents[0]"},
		{"raw strings", `inputs { datatype: "BYTES" shape: 1 } raw_input_contents: "\x05\x00\x00\x00ab"`, "raw_input_contents[0]"},
		{"strings that would take all memory", `inputs { datatype: "BYTES" shape: 4611686018427387904 } raw_input_contents: "abcd"`, "raw_input_contents[0]"},
		{"no contents", `inputs { datatype: "FP32" shape: 1 }`, "inputs[0].contents.fp32_contents"},
		{"too few", `inputs { datatype: "FP32" shape: 2 contents { fp32_contents: 1 } }`, "inputs[0].contents.fp32_contents"},
		{"too many", `inputs { datatype: "BYTES" shape: 1 contents { bytes_contents: ["a", "b"] } }`, "inputs[0].contents.bytes_contents"},
		{"another field", `inputs { datatype: "FP32" shape: 1 contents { fp64_contents: 1 } }`, "inputs[0].contents.fp32_contents"},
		{"a second field", `inputs { datatype: "FP32" shape: 1 contents { fp32_contents: 1 fp64_contents: 1 } }`, "inputs[0].contents.fp64_contents"},
		{"half", `inputs { datatype: "FP16" shape: 1 contents { fp32_contents: 1 } }`, "inputs[0].contents.fp32_contents"},
		{"half, nothing", `inputs { datatype: "BF16" shape: 1 }`, "inputs[0].contents"},
		{"out of range", `inputs { datatype: "INT8" shape: 2 contents { int_contents: [1, 128] } }`, "inputs[0].contents.int_contents"},
		{"out of range, unsigned", `inputs { datatype: "UINT16" shape: 1 contents { uint_contents: [65536] } }`, "inputs[0].contents.uint_contents"},
		{"shared memory", `inputs { datatype: "INT8" shape: 1 } raw_input_contents: "a" inputs { datatype: "INT8" shape: 1 parameters { key: "shared_memory_region" value { string_param: "r" } } }`, `inputs[1].parameters["shared_memory_region"]`},
		{"second input", `inputs { datatype: "INT8" shape: 0 } inputs { datatype: "INT9" shape: 1 }`, "inputs[1].datatype"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := prepare(request(t, c.request), "")
			requireField(t, c.field, err)
		})
	}
}

// requireField says that an error names a field.
func requireField(t testing.TB, field string, err error) {
	t.Helper()
	var e *apierror.FieldError
	require.ErrorAs(t, err, &e)
	require.Equal(t, field, e.Field, e.Message)
}

func TestParameters(t *testing.T) {
	var r infer.Request
	params := request(t, `
		parameters { key: "priority" value { uint64_param: 2 } }
		parameters { key: "timeout" value { int64_param: 1500 } }
		parameters { key: "sequence_id" value { int64_param: 0 } }
		parameters { key: "sequence_start" value { bool_param: false } }
		parameters { key: "triton_enable_empty_final_response" value { bool_param: true } }
		parameters { key: "binary_data_output" value { bool_param: true } }
		parameters { key: "mine" value { string_param: "x" } }`).GetParameters()
	require.NoError(t, applyParameters(params, &r))
	require.Equal(t, 2, r.Priority)
	require.EqualValues(t, 1_500_000, r.Timeout)
	require.True(t, r.EmptyFinal)
	require.Len(t, r.Parameters, 1)
	require.Equal(t, "x", r.Parameters["mine"].GetStringParam())

	for _, c := range []struct{ key, value, field string }{
		{"priority", "int64_param: -1", `parameters["priority"]`},
		{"priority", "string_param: '1'", `parameters["priority"]`},
		{"priority", "uint64_param: 4294967296", `parameters["priority"]`},
		{"timeout", "double_param: 1", `parameters["timeout"]`},
		{"timeout", "uint64_param: 18446744073709551615", `parameters["timeout"]`},
		{"sequence_id", "int64_param: 3", `parameters["sequence_id"]`},
		{"sequence_id", "string_param: 'a'", `parameters["sequence_id"]`},
		{"sequence_start", "bool_param: true", `parameters["sequence_start"]`},
		{"sequence_end", "string_param: 'no'", `parameters["sequence_end"]`},
		{"triton_enable_empty_final_response", "string_param: 'true'", `parameters["triton_enable_empty_final_response"]`},
		{"triton_anything", "bool_param: true", "parameters"},
		{"mine", "", "parameters"},
	} {
		params := request(t, `parameters { key: "`+c.key+`" value { `+c.value+` } }`).GetParameters()
		requireField(t, c.field, applyParameters(params, &infer.Request{}))
	}
	out := request(t, `outputs { name: "Y" } outputs { name: "X" parameters { key: "classification" value { int64_param: 2 } } }`)
	_, err := prepare(out, "")
	requireField(t, `outputs[1].parameters["classification"]`, err)
}

// Whatever comes over the wire: a precise error, or tensors that hold together and come back as they were.
func FuzzRequest(f *testing.F) {
	for _, text := range []string{
		`model_name: "m" inputs { name: "X" datatype: "INT8" shape: [1, 2] contents { int_contents: [1, 2] } }`,
		`inputs { datatype: "BYTES" shape: 2 } raw_input_contents: "\x01\x00\x00\x00a\x00\x00\x00\x00" parameters { key: "priority" value { uint64_param: 1 } }`,
		`inputs { datatype: "BOOL" shape: 2 } inputs { datatype: "FP16" } raw_input_contents: "\x01\x02" raw_input_contents: "ab"`,
		`inputs { datatype: "UINT64" shape: [0, 9223372036854775807] contents { uint64_contents: [] } } outputs { name: "Y" }`,
	} {
		wire, err := proto.Marshal(request(f, text))
		require.NoError(f, err)
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		req := &inference.ModelInferRequest{}
		if proto.Unmarshal(wire, req) != nil {
			return
		}
		r, err := prepare(req, "")
		if err != nil {
			var e *apierror.FieldError
			require.ErrorAs(t, err, &e)
			require.NotEmpty(t, e.Field)
			return
		}
		for _, in := range r.Inputs {
			if err := in.Validate(); err != nil {
				require.Equal(t, tensor.Bool, in.Type, "%v", err) // its elements are looked at when it meets the model
			}
		}
		out, err := encode(answered{}, infer.Response{Outputs: r.Inputs})
		require.NoError(t, err)
		again := &inference.ModelInferRequest{RawInputContents: out.GetRawOutputContents()}
		for _, o := range out.GetOutputs() {
			again.Inputs = append(again.Inputs, &inference.ModelInferRequest_InferInputTensor{Name: o.GetName(), Datatype: o.GetDatatype(), Shape: o.GetShape()})
		}
		back, err := decodeInputs(again)
		require.NoError(t, err)
		for i := range back {
			require.True(t, bytes.Equal(r.Inputs[i].Data, back[i].Data))
			require.True(t, slices.EqualFunc(r.Inputs[i].Strings, back[i].Strings, bytes.Equal))
		}
	})
}
