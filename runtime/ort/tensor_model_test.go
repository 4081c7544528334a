package ort

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/runtime/tensor"
)

// initORT loads ONNX Runtime.
func initORT(t testing.TB) {
	t.Helper()
	library, err := repository.ORTLibrary()
	require.NoError(t, err)
	require.NoError(t, Init(library))
}

// openTensorModel opens one of the test models.
func openTensorModel(t testing.TB, name string) *TensorModel {
	t.Helper()
	initORT(t)
	m, err := OpenTensorModel("../../testdata/models/"+name+"/1/model.onnx", TensorOptions{Threads: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// some returns a tensor of a type with elements that are easily mistaken: extremes, NaNs, odd strings.
func some(typ tensor.Type, shape ...int64) tensor.Tensor {
	n, _ := tensor.Elements(shape)
	t := tensor.Tensor{Type: typ, Shape: shape}
	if typ == tensor.Bytes {
		odd := []string{"", "a\x00b", "\x00", "\xff\xfe", "血氧", string(make([]byte, 1<<16))}
		t.Strings = make([][]byte, n)
		for i := range t.Strings {
			t.Strings[i] = []byte(odd[i%len(odd)])
		}
		return t
	}
	t.Data = make([]byte, n*int64(typ.Size()))
	for i := range t.Data {
		t.Data[i] = byte(i*37 + 0x7f)
		if typ == tensor.Bool {
			t.Data[i] = byte(i & 1)
		}
	}
	return t
}

func TestEveryTypePassesUnchanged(t *testing.T) {
	m := openTensorModel(t, "identity_all")
	for _, shape := range [][]int64{{2, 6}, {1, 1}, {0, 3}, {3, 0}, {64, 17}} {
		var inputs, want []tensor.Tensor
		for _, typ := range tensor.Types() {
			x := some(typ, shape...)
			x.Name = "INPUT_" + typ.String()
			inputs = append(inputs, x)
			x.Name = "OUTPUT_" + typ.String()
			want = append(want, x)
		}
		got, err := m.Run(t.Context(), inputs, nil)
		require.NoError(t, err)
		require.Equal(t, want, got, "%v", shape)
	}
}

func BenchmarkRun(b *testing.B) {
	for _, c := range []struct {
		name  string
		width int64
	}{{"256", 256}, {"16Ki", 16 << 10}} {
		m := openTensorModel(b, "identity_fp32")
		x := []tensor.Tensor{some(tensor.FP32, 1, c.width)}
		x[0].Name = "INPUT0"
		b.Run("floats="+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Run(b.Context(), x, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
