package modelconfig

import (
	"cmp"
	"fmt"
	"path/filepath"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
)

const (
	platform = "onnxruntime_onnx"
	backend  = "onnxruntime"

	// DefaultFilename is the model's file where the configuration names none.
	DefaultFilename = "model.onnx"

	maxBatchSize = 1 << 16
	maxInstances = 64
	maxSamples   = 64
	maxRepeats   = 10_000
)

// check finds what of a configuration is not served, and values that can be judged without the model's file.
func check(cfg *inference.ModelConfig) error {
	if err := refused(cfg.ProtoReflect(), ""); err != nil {
		return err
	}
	if p := cfg.GetPlatform(); p != "" && p != platform {
		return fail("platform", "is %q; only %q is served", p, platform)
	}
	if b := cfg.GetBackend(); b != "" && b != backend {
		return fail("backend", "is %q; only %q is served", b, backend)
	}
	if n := cfg.GetMaxBatchSize(); n < 0 || n > maxBatchSize {
		return fail("max_batch_size", "is %d, outside 0 to %d", n, maxBatchSize)
	}
	if f := cfg.GetDefaultModelFilename(); f != "" && !filepath.IsLocal(f) {
		return fail("default_model_filename", "must lie within the version's folder")
	}
	if _, known := levels[cfg.GetOptimization().GetGraph().GetLevel()]; !known {
		return fail("optimization.graph.level", "is %d; -1, 0, 1 and 2 are levels", cfg.GetOptimization().GetGraph().GetLevel())
	}
	if _, err := readSettings(cfg); err != nil {
		return err
	}
	if err := checkVersions(cfg.GetVersionPolicy()); err != nil {
		return err
	}
	if err := checkInstances(cfg.GetInstanceGroup()); err != nil {
		return err
	}
	if err := checkPorts(cfg); err != nil {
		return err
	}
	if err := checkWarmups(cfg.GetModelWarmup()); err != nil {
		return err
	}
	// Without it, whether requests share batches is known only with the model's file.
	if cfg.GetMaxBatchSize() > 0 {
		return checkBatching(cfg)
	}
	return nil
}

func checkVersions(p *inference.ModelVersionPolicy) error {
	if l := p.GetLatest(); l != nil && l.GetNumVersions() < 1 {
		return fail("version_policy.latest.num_versions", "must be at least 1")
	}
	if s := p.GetSpecific(); s != nil && len(s.GetVersions()) == 0 {
		return fail("version_policy.specific.versions", "names no version")
	}
	for i, v := range p.GetSpecific().GetVersions() {
		if v < 1 {
			return fail(fmt.Sprintf("version_policy.specific.versions[%d]", i), "is %d; versions are numbered from 1", v)
		}
	}
	return nil
}

func checkInstances(groups []*inference.ModelInstanceGroup) error {
	total := 0
	for i, g := range groups {
		path := fmt.Sprintf("instance_group[%d].", i)
		switch g.GetKind() {
		case inference.ModelInstanceGroup_KIND_AUTO, inference.ModelInstanceGroup_KIND_CPU:
		default:
			return fail(path+"kind", "is %v; %s (KIND_CPU, KIND_AUTO)", g.GetKind(), onlyCPU)
		}
		if g.GetCount() < 0 || g.GetCount() > maxInstances {
			return fail(path+"count", "is %d, outside 0 (the default, 1) to %d", g.GetCount(), maxInstances)
		}
		total += max(int(g.GetCount()), 1)
	}
	if total > maxInstances {
		return fail("instance_group", "counts add up to %d, at most %d are run", total, maxInstances)
	}
	return nil
}

// port is what inputs and outputs have in common.
type port interface {
	GetName() string
	GetDataType() inference.DataType
	GetDims() []int64
	GetReshape() *inference.ModelTensorReshape
}

func checkPorts(cfg *inference.ModelConfig) error {
	inputs, outputs := map[string]bool{}, map[string]bool{}
	for i, in := range cfg.GetInput() {
		path := fmt.Sprintf("input[%d]", i)
		if err := checkPort(path, in, inputs); err != nil {
			return err
		}
		if f := in.GetFormat(); f != inference.ModelInput_FORMAT_NONE && len(in.GetDims()) != 3 {
			return fail(path+".format", "%v is for 3 dims, there are %d", f, len(in.GetDims()))
		}
		if in.GetOptional() && cfg.GetMaxBatchSize() > 0 {
			return fail(path+".optional", "a model with max_batch_size above 0 needs every input")
		}
	}
	for i, out := range cfg.GetOutput() {
		if err := checkPort(fmt.Sprintf("output[%d]", i), out, outputs); err != nil {
			return err
		}
	}
	return nil
}

func checkPort(path string, p port, seen map[string]bool) error {
	switch {
	case p.GetName() == "":
		return fail(path+".name", "is missing")
	case seen[p.GetName()]:
		return fail(path+".name", "%q is given twice", p.GetName())
	case p.GetDataType() == inference.DataType_TYPE_INVALID:
		return fail(path+".data_type", "is missing")
	case !knownType(p.GetDataType()):
		return fail(path+".data_type", "is unknown")
	case len(p.GetDims()) == 0:
		return fail(path+".dims", "is missing; a scalar has dims [1]")
	}
	seen[p.GetName()] = true
	for i, d := range p.GetDims() {
		if d < -1 {
			return fail(fmt.Sprintf("%s.dims[%d]", path, i), "is %d; sizes are at least 0, or -1 for any", d)
		}
	}
	if p.GetReshape() == nil {
		return nil
	}
	from, ok := fixedElements(p.GetDims())
	to, fixed := fixedElements(p.GetReshape().GetShape())
	if !ok || !fixed {
		return fail(path+".reshape", "is supported for dims of known sizes only")
	}
	if from != to {
		return fail(path+".reshape", "has %d elements where dims has %d", to, from)
	}
	return nil
}

// fixedElements is the number of elements of a shape; false where a size is open or the number cannot be counted.
func fixedElements(shape []int64) (int64, bool) {
	n, err := elements(shape)
	return n, err == nil
}

func checkWarmups(samples []*inference.ModelWarmup) error {
	if len(samples) > maxSamples {
		return fail("model_warmup", "has %d samples, at most %d are run", len(samples), maxSamples)
	}
	for i, w := range samples {
		if w.GetCount() > maxRepeats {
			return fail(fmt.Sprintf("model_warmup[%d].count", i), "is %d, at most %d are run", w.GetCount(), maxRepeats)
		}
	}
	return nil
}

func compare(a, b any) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
