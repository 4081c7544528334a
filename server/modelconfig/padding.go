package modelconfig

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
)

const (
	lengthBuckets = "bedside.length_buckets"
	padInputs     = "bedside.pad_inputs"
	maxBuckets    = 64
	maxLength     = 1 << 24
)

// Padding lets requests of different lengths share a batch: each is padded, with zeros at its end, to the smallest bucket
// that holds it, and only requests of one bucket run together. It is for models that can be told to look past what was
// added, by a mask or a length among their inputs: those of bedside.pad_inputs are padded in their one dimension of any
// size, the mask with zeros like the rest.
type Padding struct {
	Buckets []int64        // ascending
	Axis    map[string]int // which dimension, the batch being dimension 0, by the input's name
}

// Bucket is what a length is padded to; one beyond the last bucket stays as it is.
func (p *Padding) Bucket(length int64) int64 {
	at, _ := slices.BinarySearch(p.Buckets, length)
	if at == len(p.Buckets) {
		return length
	}
	return p.Buckets[at]
}

// NewPadding reads the padding of a configuration that was completed here; nil where it has none.
func NewPadding(cfg *inference.ModelConfig) *Padding {
	p, _ := padding(cfg) // checked when it was completed
	return p
}

// padding reads and checks it.
func padding(cfg *inference.ModelConfig) (*Padding, error) {
	s, err := readSettings(cfg)
	if err != nil || len(s.buckets) == 0 && len(s.padded) == 0 {
		return nil, err
	}
	path := fmt.Sprintf("parameters[%q]", padInputs)
	switch {
	case len(s.buckets) == 0:
		return nil, fail(path, "needs %s, the lengths to pad to", lengthBuckets)
	case len(s.padded) == 0:
		return nil, fail(fmt.Sprintf("parameters[%q]", lengthBuckets), "needs %s, the inputs to pad", padInputs)
	case cfg.GetDynamicBatching() == nil:
		return nil, fail(path, "is for models with dynamic_batching")
	}
	p := &Padding{Buckets: s.buckets, Axis: map[string]int{}}
	for _, in := range cfg.GetInput() {
		variable := slices.Index(in.GetDims(), -1)
		if !slices.Contains(s.padded, in.GetName()) {
			continue
		}
		if variable < 0 || slices.Contains(in.GetDims()[variable+1:], -1) {
			return nil, fail(path, "names %q, which does not have just one dimension of any size", in.GetName())
		}
		if in.GetDataType() == inference.DataType_TYPE_STRING || in.GetReshape() != nil {
			return nil, fail(path, "names %q, which holds strings or is reshaped", in.GetName())
		}
		p.Axis[in.GetName()] = variable + 1
	}
	for _, name := range s.padded {
		if _, ok := p.Axis[name]; !ok {
			return nil, fail(path, "names %q, which is no input", name)
		}
	}
	for i, out := range cfg.GetOutput() {
		if slices.Contains(out.GetDims(), -1) {
			return nil, fail(fmt.Sprintf("output[%d].dims", i), "has a dimension of any size: nobody could tell what of it belongs to what was padded")
		}
	}
	return p, nil
}

// buckets reads "16,32,64".
func buckets(s *settings, v string) (wrong string) {
	s.buckets = nil
	for part := range strings.SplitSeq(v, ",") {
		n, err := strconv.ParseInt(strings.TrimSpace(part), 10, 64)
		if err != nil || n < 1 || n > maxLength || len(s.buckets) == maxBuckets ||
			len(s.buckets) > 0 && n <= s.buckets[len(s.buckets)-1] {
			return fmt.Sprintf("must be at most %d lengths like 16,32,64, each above the one before", maxBuckets)
		}
		s.buckets = append(s.buckets, n)
	}
	return ""
}

// padded reads "input_ids,attention_mask".
func padded(s *settings, v string) (wrong string) {
	s.padded = nil
	for part := range strings.SplitSeq(v, ",") {
		name := strings.TrimSpace(part)
		if name == "" || slices.Contains(s.padded, name) {
			return "must be names of inputs like input_ids,attention_mask, each once"
		}
		s.padded = append(s.padded, name)
	}
	return ""
}
