package modelconfig

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/tensor"
)

func TestPaddingIsReadAndHeldAgainstTheModel(t *testing.T) {
	in := []tensor.Info{
		{Name: "IDS", Type: tensor.Int64, Dims: []int64{-1, -1}}, {Name: "MASK", Type: tensor.Int64, Dims: []int64{-1, -1}},
		{Name: "FIXED", Type: tensor.FP32, Dims: []int64{-1, 3}}, {Name: "TEXT", Type: tensor.Bytes, Dims: []int64{-1, -1}},
	}
	pooled := []tensor.Info{{Name: "OUT", Type: tensor.FP32, Dims: []int64{-1, 8}}}
	perToken := []tensor.Info{{Name: "OUT", Type: tensor.FP32, Dims: []int64{-1, -1, 8}}}
	param := func(key, value string) string {
		return `parameters { key: "` + key + `" value { string_value: "` + value + `" } }`
	}
	both := func(lengths, inputs string) string {
		text := ""
		if lengths != "" {
			text = param("bedside.length_buckets", lengths)
		}
		if inputs != "" {
			text += param("bedside.pad_inputs", inputs)
		}
		return text
	}
	for _, c := range []struct {
		name, text string
		out        []tensor.Info
		says       string // "": it is accepted
	}{
		{"both", both("16, 32", "IDS, MASK"), pooled, ""},
		{"no lengths", both("", "IDS"), pooled, "needs bedside.length_buckets"},
		{"no inputs", both("16", ""), pooled, "needs bedside.pad_inputs"},
		{"not ascending", both("32,16", "IDS"), pooled, "each above the one before"},
		{"no number", both("16,x", "IDS"), pooled, "lengths like 16,32,64"},
		{"an input twice", both("16", "IDS,IDS"), pooled, "each once"},
		{"unknown input", both("16", "NONE"), pooled, "is no input"},
		{"fixed input", both("16", "FIXED"), pooled, "one dimension of any size"},
		{"strings", both("16", "TEXT"), pooled, "holds strings"},
		{"an output a token", both("16", "IDS"), perToken, "dimension of any size"},
		{"no batches", "max_batch_size: 1 " + both("16", "IDS"), pooled, "dynamic_batching"},
	} {
		t.Run(c.name, func(t *testing.T) {
			given, err := Parse([]byte(c.text))
			if err == nil {
				given, err = Complete(given, "m", in, c.out)
			}
			if c.says != "" {
				require.ErrorContains(t, err, c.says)
				return
			}
			require.NoError(t, err)
			p := NewPadding(given)
			require.Equal(t, map[string]int{"IDS": 1, "MASK": 1}, p.Axis)
			for length, want := range map[int64]int64{1: 16, 16: 16, 17: 32, 33: 33} {
				require.Equal(t, want, p.Bucket(length))
			}
		})
	}
	none, err := Complete(nil, "m", in, pooled)
	require.NoError(t, err)
	require.Nil(t, NewPadding(none))
}
