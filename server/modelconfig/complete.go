package modelconfig

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/tensor"
)

// defaultMaxBatchSize is that of Triton's ONNX Runtime backend.
const defaultMaxBatchSize = 4

// Complete returns the configuration in force: cfg, which may be nil and is not changed, with what it leaves out taken
// from the model's file, and defaults spelled out. name is the model's folder, in and out what the file takes and gives.
//
// As with Triton's ONNX Runtime backend, a model whose inputs and outputs all begin with a dimension of any size gets
// max_batch_size 4 where there is none, and dynamic_batching where that is above 1 and there is no scheduling yet; both
// unless cfg lists inputs and outputs itself. A tensor without dimensions of its own (a scalar, or one value a row) has
// dims [1] with an empty reshape: see Shapes. What cfg says otherwise than the file is an *Error.
func Complete(cfg *inference.ModelConfig, name string, in, out []tensor.Info) (*inference.ModelConfig, error) {
	full := &inference.ModelConfig{}
	if cfg != nil {
		full = proto.CloneOf(cfg)
	}
	if err := check(full); err != nil {
		return nil, err
	}
	if n := full.GetName(); n != "" && n != name {
		return nil, fail("name", "is %q, but the model's folder is %q", n, name)
	}
	full.Name, full.Platform, full.Backend = name, platform, backend
	if err := completePorts(full, in, out); err != nil {
		return nil, err
	}
	if err := matchPorts(full, in, out); err != nil {
		return nil, err
	}
	completeDefaults(full)
	// Once more: what was added has to hold together with what was given.
	if err := check(full); err != nil {
		return nil, err
	}
	if err := checkBatching(full); err != nil {
		return nil, err
	}
	if _, err := padding(full); err != nil {
		return nil, err
	}
	return full, checkSamples(full)
}

// completePorts fills in inputs, outputs and batching that the configuration leaves to the file.
func completePorts(full *inference.ModelConfig, in, out []tensor.Info) error {
	if len(full.GetInput()) > 0 && len(full.GetOutput()) > 0 {
		return nil
	}
	unbatched := firstUnbatched(in, out)
	if full.GetMaxBatchSize() == 0 && unbatched == "" && !listsBatch(full, in, out) {
		full.MaxBatchSize = defaultMaxBatchSize
	}
	if full.GetMaxBatchSize() > 1 && full.GetSchedulingChoice() == nil {
		full.SchedulingChoice = &inference.ModelConfig_DynamicBatching{DynamicBatching: &inference.ModelDynamicBatching{}}
	}
	skip := min(int(full.GetMaxBatchSize()), 1)
	if skip > 0 && unbatched != "" {
		return fail("max_batch_size", "is %d, but %s", full.GetMaxBatchSize(), unbatched)
	}
	if len(full.GetInput()) == 0 {
		for _, info := range in {
			switch {
			case info.Optional:
				continue // the model's own value is taken; config.pbtxt may list it
			case info.AnyRank:
				return fail("input", "the file does not say how many dimensions %q has: config.pbtxt must list the inputs", info.Name)
			}
			dims, reshape := portDims(info, skip)
			full.Input = append(full.Input, &inference.ModelInput{
				Name: info.Name, DataType: dataTypes[info.Type], Dims: dims, Reshape: reshape,
			})
		}
	}
	if len(full.GetOutput()) == 0 {
		for _, info := range out {
			dims, reshape := portDims(info, skip)
			full.Output = append(full.Output, &inference.ModelOutput{
				Name: info.Name, DataType: dataTypes[info.Type], Dims: dims, Reshape: reshape,
			})
		}
	}
	return nil
}

// firstUnbatched says why a model cannot run several requests as rows of one batch, or "".
func firstUnbatched(in, out []tensor.Info) string {
	for _, side := range []struct {
		what  string
		infos []tensor.Info
	}{{"input", in}, {"output", out}} {
		for _, info := range side.infos {
			switch {
			case info.Optional:
			case info.AnyRank:
				return fmt.Sprintf("the file does not say whether the first dimension of %s %q is the batch", side.what, info.Name)
			case len(info.Dims) == 0:
				return fmt.Sprintf("%s %q has no dimensions", side.what, info.Name)
			case info.Dims[0] != -1:
				return fmt.Sprintf("the first dimension of %s %q is always %d", side.what, info.Name, info.Dims[0])
			}
		}
	}
	return ""
}

// listsBatch says whether the inputs or outputs that are listed have all the dimensions of the file, so that none is left
// to be the batch.
func listsBatch(full *inference.ModelConfig, in, out []tensor.Info) bool {
	for _, p := range full.GetInput() {
		if info := find(in, p.GetName()); info != nil && len(modelDims(p)) == len(info.Dims) {
			return true
		}
	}
	for _, p := range full.GetOutput() {
		if info := find(out, p.GetName()); info != nil && len(modelDims(p)) == len(info.Dims) {
			return true
		}
	}
	return false
}

// portDims are the dims and reshape of a port, leaving out the first skip dimensions of the file.
func portDims(info tensor.Info, skip int) ([]int64, *inference.ModelTensorReshape) {
	if info.AnyRank {
		return []int64{-1}, nil // an output: its shape is what comes out
	}
	if len(info.Dims) == skip {
		return []int64{1}, &inference.ModelTensorReshape{}
	}
	return slices.Clone(info.Dims[skip:]), nil
}

func completeDefaults(full *inference.ModelConfig) {
	if full.GetVersionPolicy().GetPolicyChoice() == nil {
		full.VersionPolicy = &inference.ModelVersionPolicy{PolicyChoice: &inference.ModelVersionPolicy_Latest_{
			Latest: &inference.ModelVersionPolicy_Latest{NumVersions: 1},
		}}
	}
	if full.GetDefaultModelFilename() == "" {
		full.DefaultModelFilename = DefaultFilename
	}
	if d := full.GetDynamicBatching(); d != nil && len(d.GetPreferredBatchSize()) == 0 && full.GetMaxBatchSize() > 0 {
		d.PreferredBatchSize = []int32{full.GetMaxBatchSize()}
	}
	if len(full.GetInstanceGroup()) == 0 {
		full.InstanceGroup = []*inference.ModelInstanceGroup{{Name: full.GetName()}}
	}
	for i, g := range full.GetInstanceGroup() {
		if g.GetName() == "" {
			g.Name = fmt.Sprintf("%s_%d", full.GetName(), i)
		}
		g.Kind, g.Count = inference.ModelInstanceGroup_KIND_CPU, max(g.GetCount(), 1)
	}
}

func find(infos []tensor.Info, name string) *tensor.Info {
	for i := range infos {
		if infos[i].Name == name {
			return &infos[i]
		}
	}
	return nil
}

func names(infos []tensor.Info) string {
	list := make([]string, len(infos))
	for i, info := range infos {
		list[i] = info.Name
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
