package modelconfig

import (
	"fmt"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/tensor"
)

// matchPorts holds the listed inputs and outputs against the file.
func matchPorts(full *inference.ModelConfig, in, out []tensor.Info) error {
	listed := map[string]bool{}
	for i, p := range full.GetInput() {
		path := fmt.Sprintf("input[%d]", i)
		info := find(in, p.GetName())
		if info == nil {
			return fail(path+".name", "the model has no input %q; it has %s", p.GetName(), names(in))
		}
		listed[p.GetName()] = true
		if p.GetOptional() && !info.Optional {
			return fail(path+".optional", "the model has no value of its own for %q", p.GetName())
		}
		p.Optional = info.Optional
		if info.Optional && full.GetMaxBatchSize() > 0 {
			return fail(path+".name", "%q is the model's own value, which a model with max_batch_size above 0 cannot take from requests", p.GetName())
		}
		reshape, err := matchPort(path, full, p, *info, false)
		if err != nil {
			return err
		}
		p.Reshape = reshape
	}
	for _, info := range in {
		if !info.Optional && !listed[info.Name] {
			return fail("input", "the model's input %q is not listed", info.Name)
		}
	}
	for i, p := range full.GetOutput() {
		path := fmt.Sprintf("output[%d]", i)
		info := find(out, p.GetName())
		if info == nil {
			return fail(path+".name", "the model has no output %q; it has %s", p.GetName(), names(out))
		}
		reshape, err := matchPort(path, full, p, *info, true)
		if err != nil {
			return err
		}
		p.Reshape = reshape
	}
	return nil
}

// matchPort holds one port against the file, and returns its reshape: the given one, or that of a scalar. An input may be
// narrower than the file's, an output must be just what comes out.
func matchPort(path string, full *inference.ModelConfig, p port, info tensor.Info, exact bool) (*inference.ModelTensorReshape, error) {
	if got, want := p.GetDataType(), dataTypes[info.Type]; got != want {
		return nil, fail(path+".data_type", "is %v, the model's is %v", got, want)
	}
	if info.AnyRank {
		return p.GetReshape(), nil
	}
	want := info.Dims
	if full.GetMaxBatchSize() > 0 {
		if len(want) == 0 || want[0] != -1 {
			return nil, fail("max_batch_size", "is %d, but %q has shape %s: its first dimension is not a batch of any size",
				full.GetMaxBatchSize(), info.Name, tensor.FormatShape(want))
		}
		want = want[1:]
	}
	got, reshape, field := modelDims(p), p.GetReshape(), path+".dims"
	if reshape != nil {
		field = path + ".reshape.shape"
	} else if n, ok := fixedElements(got); len(want) == 0 && ok && n == 1 {
		got, reshape = nil, &inference.ModelTensorReshape{}
	}
	fits := len(got) == len(want)
	for i := 0; fits && i < len(want); i++ {
		fits = got[i] == want[i] || want[i] == -1 && !exact
	}
	if !fits {
		after := ""
		if full.GetMaxBatchSize() > 0 {
			after = " after the batch dimension"
		}
		return nil, fail(field, "is %s, the model's shape of %q%s is %s", tensor.FormatShape(got), info.Name, after, tensor.FormatShape(want))
	}
	return reshape, nil
}

// modelDims are a port's dims as the model has them.
func modelDims(p port) []int64 {
	if r := p.GetReshape(); r != nil {
		return r.GetShape()
	}
	return p.GetDims()
}
