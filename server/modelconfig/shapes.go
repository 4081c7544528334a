package modelconfig

import (
	"slices"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/tensor"
)

// Shapes turn the shapes that callers see into the model's own and back, where a reshape makes them differ. Nil: none does.
type Shapes struct {
	batch           bool
	inputs, outputs map[string]shapes
}

// shapes are those of one port, without the batch dimension.
type shapes struct{ caller, model []int64 }

// NewShapes reads the reshapes of a configuration that was completed here.
func NewShapes(cfg *inference.ModelConfig) *Shapes {
	s := &Shapes{batch: cfg.GetMaxBatchSize() > 0, inputs: map[string]shapes{}, outputs: map[string]shapes{}}
	for _, in := range cfg.GetInput() {
		if in.GetReshape() != nil {
			s.inputs[in.GetName()] = shapes{caller: in.GetDims(), model: in.GetReshape().GetShape()}
		}
	}
	for _, out := range cfg.GetOutput() {
		if out.GetReshape() != nil {
			s.outputs[out.GetName()] = shapes{caller: out.GetDims(), model: out.GetReshape().GetShape()}
		}
	}
	if len(s.inputs)+len(s.outputs) == 0 {
		return nil
	}
	return s
}

// Inputs gives tensors that fit the configuration's dims the model's shapes. The slice is a new one where any changes.
func (s *Shapes) Inputs(ts []tensor.Tensor) []tensor.Tensor {
	if s == nil {
		return ts
	}
	return s.reshape(ts, s.inputs, func(p shapes) []int64 { return p.model })
}

// Outputs gives what the model returned the shapes that callers see.
func (s *Shapes) Outputs(ts []tensor.Tensor) []tensor.Tensor {
	if s == nil {
		return ts
	}
	return s.reshape(ts, s.outputs, func(p shapes) []int64 { return p.caller })
}

func (s *Shapes) reshape(ts []tensor.Tensor, ports map[string]shapes, to func(shapes) []int64) []tensor.Tensor {
	if len(ports) == 0 {
		return ts
	}
	ts = slices.Clone(ts)
	for i := range ts {
		p, ok := ports[ts[i].Name]
		if !ok {
			continue
		}
		shape := to(p)
		if s.batch && len(ts[i].Shape) > 0 {
			shape = slices.Concat(ts[i].Shape[:1], shape)
		}
		ts[i].Shape = shape
	}
	return ts
}
