package modelconfig

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/tensor"
)

const (
	// WarmupDir is the folder beside config.pbtxt that holds the files that warm-ups name.
	WarmupDir = "warmup"

	maxSampleBytes = 256 << 20
)

// Sample is a request to be run before a model counts as ready.
type Sample struct {
	Name   string
	Count  int             // how many times
	Inputs []tensor.Tensor // in the model's own shapes
}

// Warmup makes the samples of a configuration that was completed here; modelDir is the folder of config.pbtxt. A sample of
// batch_size 0 is left out, as in Triton. Random numbers are the same each time: from 0 to 1, or whole from 0 to 127;
// strings are empty. Errors are of type *Error.
func Warmup(cfg *inference.ModelConfig, modelDir string) ([]Sample, error) {
	var samples []Sample
	toModel := NewShapes(cfg)
	for i, w := range cfg.GetModelWarmup() {
		if w.GetBatchSize() == 0 {
			continue
		}
		s := Sample{Name: w.GetName(), Count: max(int(w.GetCount()), 1)}
		for _, name := range slices.Sorted(maps.Keys(w.GetInputs())) {
			path := fmt.Sprintf("model_warmup[%d].inputs[%q]", i, name)
			rows := int64(1)
			if cfg.GetMaxBatchSize() > 0 {
				rows = int64(w.GetBatchSize())
			}
			t, err := sampleTensor(path, name, w.GetInputs()[name], rows, modelDir)
			if err != nil {
				return nil, err
			}
			if cfg.GetMaxBatchSize() > 0 {
				t.Shape = slices.Concat([]int64{rows}, t.Shape)
			}
			s.Inputs = append(s.Inputs, t)
		}
		s.Inputs = toModel.Inputs(s.Inputs)
		samples = append(samples, s)
	}
	return samples, nil
}

// checkSamples holds the warm-ups against the completed inputs.
func checkSamples(cfg *inference.ModelConfig) error {
	inputs := map[string]*inference.ModelInput{}
	for _, in := range cfg.GetInput() {
		inputs[in.GetName()] = in
	}
	for i, w := range cfg.GetModelWarmup() {
		path := fmt.Sprintf("model_warmup[%d].", i)
		if limit := max(cfg.GetMaxBatchSize(), 1); int64(w.GetBatchSize()) > int64(limit) {
			return fail(path+"batch_size", "is %d, max_batch_size is %d", w.GetBatchSize(), cfg.GetMaxBatchSize())
		}
		bytes := int64(0)
		for _, name := range slices.Sorted(maps.Keys(w.GetInputs())) {
			size, err := checkSample(fmt.Sprintf("%sinputs[%q]", path, name), w.GetInputs()[name], inputs[name])
			if err != nil {
				return err
			}
			if bytes += size * max(int64(w.GetBatchSize()), 1); bytes > maxSampleBytes {
				return fail(path+"inputs", "take more than %d bytes", maxSampleBytes)
			}
		}
		for _, in := range cfg.GetInput() {
			if w.GetInputs()[in.GetName()] == nil && !in.GetOptional() {
				return fail(path+"inputs", "the model's input %q is missing", in.GetName())
			}
		}
	}
	return nil
}

// checkSample holds one input of a sample against the model's, and returns the bytes of one row, at most maxSampleBytes + 1.
func checkSample(path string, in *inference.ModelWarmup_Input, want *inference.ModelInput) (int64, error) {
	if want == nil {
		return 0, fail(path, "the configuration has no such input")
	}
	if in.GetDataType() != want.GetDataType() {
		return 0, fail(path+".data_type", "is %v, the input's is %v", in.GetDataType(), want.GetDataType())
	}
	fits := len(in.GetDims()) == len(want.GetDims())
	for d := 0; fits && d < len(in.GetDims()); d++ {
		fits = in.GetDims()[d] == want.GetDims()[d] || want.GetDims()[d] == -1 && in.GetDims()[d] >= 0
	}
	if !fits {
		return 0, fail(path+".dims", "is %s, the input's is %s, and a sample has no open sizes",
			tensor.FormatShape(in.GetDims()), tensor.FormatShape(want.GetDims()))
	}
	switch data := in.GetInputDataType().(type) {
	case nil:
		return 0, fail(path, "one of zero_data, random_data and input_data_file is needed")
	case *inference.ModelWarmup_Input_InputDataFile:
		if !filepath.IsLocal(data.InputDataFile) {
			return 0, fail(path+".input_data_file", "must lie within the folder %s", WarmupDir)
		}
	}
	n, err := tensor.Elements(in.GetDims())
	if err != nil || n > maxSampleBytes {
		return maxSampleBytes + 1, nil
	}
	return min(n*int64(max(tensorTypes[in.GetDataType()].Size(), 4)), maxSampleBytes+1), nil
}

// sampleTensor makes one input of a sample with rows equal rows, without the batch dimension in its shape.
func sampleTensor(path, name string, in *inference.ModelWarmup_Input, rows int64, modelDir string) (tensor.Tensor, error) {
	t := tensor.Tensor{Name: name, Type: tensorTypes[in.GetDataType()], Shape: slices.Clone(in.GetDims())}
	n, err := tensor.Elements(t.Shape)
	if err != nil {
		return t, fail(path+".dims", "%v", err)
	}
	row := t
	switch data := in.GetInputDataType().(type) {
	case *inference.ModelWarmup_Input_RandomData:
		row = random(row, n)
	case *inference.ModelWarmup_Input_InputDataFile:
		if row, err = fromFile(path+".input_data_file", row, n, modelDir, data.InputDataFile); err != nil {
			return t, err
		}
	default:
		row = zero(row, n)
	}
	if t.Type == tensor.Bytes {
		t.Strings = slices.Repeat(row.Strings, int(rows))
	} else {
		t.Data = slices.Repeat(row.Data, int(rows))
	}
	return t, nil
}

func zero(t tensor.Tensor, n int64) tensor.Tensor {
	if t.Type == tensor.Bytes {
		t.Strings = make([][]byte, n)
		for i := range t.Strings {
			t.Strings[i] = []byte{}
		}
		return t
	}
	t.Data = make([]byte, n*int64(t.Type.Size()))
	return t
}

// random fills a tensor with numbers that every model can take: far from what overflows, and small as positions in tables.
func random(t tensor.Tensor, n int64) tensor.Tensor {
	t = zero(t, n)
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same sample each time
	switch t.Type {
	case tensor.Bytes:
	case tensor.FP16, tensor.BF16, tensor.FP32, tensor.FP64:
		values := make([]float32, n)
		for i := range values {
			values[i] = r.Float32()
		}
		if floats, err := tensor.FromFloats(t.Name, t.Type, t.Shape, values); err == nil {
			t.Data = floats.Data
		}
	case tensor.Bool:
		for i := range t.Data {
			t.Data[i] = byte(r.IntN(2))
		}
	default:
		for i := 0; i < len(t.Data); i += t.Type.Size() {
			t.Data[i] = byte(r.IntN(128)) // little endian: the lowest byte
		}
	}
	return t
}

// fromFile reads one row as a request's raw contents would hold it. What a file has beyond it is not looked at.
func fromFile(path string, t tensor.Tensor, n int64, modelDir, name string) (tensor.Tensor, error) {
	file := filepath.Join(modelDir, WarmupDir, name)
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return t, fail(path, "%s cannot be read", name)
	case !info.Mode().IsRegular() || info.Size() > maxSampleBytes:
		return t, fail(path, "%s is not a file of at most %d bytes", name, maxSampleBytes)
	}
	f, err := os.Open(file)
	if err != nil {
		return t, fail(path, "%s cannot be read", name)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSampleBytes))
	if err != nil {
		return t, fail(path, "%s cannot be read", name)
	}
	if t.Type == tensor.Bytes {
		if t.Strings, err = tensor.DecodeBytes(data, n); err != nil {
			return t, fail(path, "%s: %v", name, err)
		}
		return t, nil
	}
	need := n * int64(t.Type.Size())
	if int64(len(data)) < need {
		return t, fail(path, "%s has %d bytes, the input needs %d", name, len(data), need)
	}
	t.Data = data[:need]
	return t, nil
}
