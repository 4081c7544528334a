package infer

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/tensor"
	"github.com/bedside-lm/bedside/server/apierror"
)

func signature(t testing.TB, text string) *Signature {
	t.Helper()
	cfg := &inference.ModelConfig{}
	require.NoError(t, prototext.Unmarshal([]byte(text), cfg))
	s, err := NewSignature(cfg)
	require.NoError(t, err)
	return s
}

// zeros makes an FP32 tensor.
func zeros(name string, shape ...int64) tensor.Tensor {
	n, err := tensor.Elements(shape)
	if err != nil {
		n = 0
	}
	return tensor.New(name, shape, make([]float32, n))
}

const (
	batched = `max_batch_size: 4
		input { name: "A" data_type: TYPE_FP32 dims: [2] } input { name: "B" data_type: TYPE_FP32 dims: [-1] }
		input { name: "C" data_type: TYPE_BOOL dims: [1] optional: true }
		output { name: "X" data_type: TYPE_FP32 dims: [2] } output { name: "Y" data_type: TYPE_FP32 dims: [-1] }`
	unbatched = `input { name: "A" data_type: TYPE_FP32 dims: [2, -1] } output { name: "X" data_type: TYPE_FP32 dims: [1] }`
)

func TestCheckRefuses(t *testing.T) {
	a, b := zeros("A", 2, 2), zeros("B", 2, 7)
	for _, c := range []struct {
		name, config string
		inputs       []tensor.Tensor
		outputs      []string
		field        string
	}{
		{"nothing", batched, nil, nil, "inputs"},
		{"missing", batched, []tensor.Tensor{a}, nil, "inputs"},
		{"unknown", batched, []tensor.Tensor{a, zeros("D", 2, 2)}, nil, "inputs[1].name"},
		{"twice", batched, []tensor.Tensor{a, b, a}, nil, "inputs[2].name"},
		{"twice, as many as there are", batched, []tensor.Tensor{a, a, b}, nil, "inputs[1].name"},
		{"type", batched, []tensor.Tensor{b, tensor.New("A", []int64{2, 2}, make([]float64, 4))}, nil, "inputs[1].datatype"},
		{"no type", batched, []tensor.Tensor{a, {Name: "B"}}, nil, "inputs[1].datatype"},
		{"rank", batched, []tensor.Tensor{zeros("A", 2), b}, nil, "inputs[0].shape"},
		{"size", batched, []tensor.Tensor{zeros("A", 2, 3), b}, nil, "inputs[0].shape"},
		{"negative", batched, []tensor.Tensor{a, zeros("B", 2, -1)}, nil, "inputs[1].shape"},
		{"batches differ", batched, []tensor.Tensor{a, zeros("B", 3, 7)}, nil, "inputs[1].shape"},
		{"empty batch", batched, []tensor.Tensor{zeros("A", 0, 2), zeros("B", 0, 7)}, nil, "inputs[0].shape"},
		{"more parts than may be", batched, []tensor.Tensor{zeros("A", 5, 2), zeros("B", 5, 7)}, nil, "inputs[0].shape"},
		{"too few bytes", batched, []tensor.Tensor{a, {Name: "B", Type: tensor.FP32, Shape: []int64{2, 1}, Data: make([]byte, 7)}}, nil, "inputs[1].contents"},
		{"no truth value", batched, []tensor.Tensor{a, b, {Name: "C", Type: tensor.Bool, Shape: []int64{2, 1}, Data: []byte{1, 2}}}, nil, "inputs[2].contents"},
		{"unknown output", batched, []tensor.Tensor{a, b}, []string{"X", "Z"}, "outputs[1].name"},
		{"output twice", batched, []tensor.Tensor{a, b}, []string{"X", "X"}, "outputs[1].name"},
		{"unbatched rank", unbatched, []tensor.Tensor{zeros("A", 2)}, nil, "inputs[0].shape"},
		{"unbatched size", unbatched, []tensor.Tensor{zeros("A", 1, 5)}, nil, "inputs[0].shape"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := signature(t, c.config).Check(&Request{Inputs: c.inputs, Outputs: c.outputs})
			var field *apierror.FieldError
			require.ErrorAs(t, err, &field)
			require.Equal(t, c.field, field.Field, field.Message)
		})
	}
}

func TestCheckArranges(t *testing.T) {
	s := signature(t, batched)
	flag := tensor.New("C", []int64{2, 1}, []bool{true, false})
	c, err := s.Check(&Request{Inputs: []tensor.Tensor{flag, zeros("B", 2, 3), zeros("A", 2, 2)}, Outputs: []string{"Y"}})
	require.NoError(t, err)
	require.Equal(t, []string{"A", "B", "C"}, []string{c.Inputs[0].Name, c.Inputs[1].Name, c.Inputs[2].Name})
	require.Equal(t, 2, c.Rows)
	require.Equal(t, []string{"Y"}, c.Outputs)

	c, err = s.Check(&Request{Inputs: []tensor.Tensor{zeros("B", 2, 3), zeros("A", 2, 2)}, Outputs: []string{"X", "Y"}})
	require.NoError(t, err)
	require.Len(t, c.Inputs, 2)
	require.Nil(t, c.Outputs, "all in the model's order")

	c, err = signature(t, unbatched).Check(&Request{Inputs: []tensor.Tensor{zeros("A", 2, 0)}})
	require.NoError(t, err)
	require.Equal(t, 1, c.Rows)
}

// Requests share a run only where their tensors can be joined and their answers are of the same outputs.
func TestGroups(t *testing.T) {
	s := signature(t, batched)
	group := func(outputs []string, inputs ...tensor.Tensor) string {
		c, err := s.Check(&Request{Inputs: inputs, Outputs: outputs})
		require.NoError(t, err)
		return c.group
	}
	base := group(nil, zeros("A", 1, 2), zeros("B", 1, 7))
	flag := tensor.New("C", []int64{1, 1}, []bool{true})
	require.Equal(t, base, group(nil, zeros("B", 3, 7), zeros("A", 3, 2)), "order and batch do not matter")
	require.Equal(t, base, group([]string{"X", "Y"}, zeros("A", 1, 2), zeros("B", 1, 7)))
	require.NotEqual(t, base, group(nil, zeros("A", 1, 2), zeros("B", 1, 8)), "shape")
	require.NotEqual(t, base, group(nil, zeros("A", 1, 2), zeros("B", 1, 7), flag), "optional input")
	require.NotEqual(t, base, group([]string{"X"}, zeros("A", 1, 2), zeros("B", 1, 7)), "outputs")
	require.NotEqual(t, group([]string{"X"}, zeros("A", 1, 2), zeros("B", 1, 7)), group([]string{"Y", "X"}, zeros("A", 1, 2), zeros("B", 1, 7)))

	fixed := signature(t, `max_batch_size: 4 input { name: "A" data_type: TYPE_FP32 dims: [2] } output { name: "X" data_type: TYPE_FP32 dims: [2] }`)
	c, err := fixed.Check(&Request{Inputs: []tensor.Tensor{zeros("A", 1, 2)}})
	require.NoError(t, err)
	require.Empty(t, c.group, "nothing to tell apart")
}
