package infer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/tensor"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/modelconfig"
)

// Port is one input or output of a model.
type Port struct {
	Name string
	Type tensor.Type
	// Dims is the shape that callers see, -1 where any size goes. Where the model batches, the first is the batch.
	Dims     []int64
	Optional bool // an input that may be left out
}

// Signature is what a model takes and gives.
type Signature struct {
	Inputs, Outputs []Port
	// MaxBatch is the most rows of one run; 0: the model does not batch, and its shapes are taken as they stand.
	MaxBatch int

	inputs, outputs map[string]int
	uniform         bool // all requests have one shape but for the batch
	maxParts        int  // how many runs one request may be split into
	padding         *modelconfig.Padding
}

// NewSignature reads the signature out of a completed configuration.
func NewSignature(cfg *inference.ModelConfig) (*Signature, error) {
	s := &Signature{
		MaxBatch: int(cfg.GetMaxBatchSize()), uniform: true, maxParts: 1, padding: modelconfig.NewPadding(cfg),
		inputs: map[string]int{}, outputs: map[string]int{},
	}
	for i, in := range cfg.GetInput() {
		p, err := s.port(in.GetName(), in.GetDataType(), in.GetDims())
		if err != nil {
			return nil, err
		}
		p.Optional = in.GetOptional()
		s.Inputs = append(s.Inputs, p)
		s.inputs[p.Name] = i
		s.uniform = s.uniform && !p.Optional && !slices.Contains(in.GetDims(), -1)
	}
	for i, out := range cfg.GetOutput() {
		p, err := s.port(out.GetName(), out.GetDataType(), out.GetDims())
		if err != nil {
			return nil, err
		}
		s.Outputs = append(s.Outputs, p)
		s.outputs[p.Name] = i
	}
	return s, nil
}

func (s *Signature) port(name string, dt inference.DataType, dims []int64) (Port, error) {
	t, ok := dataTypes[dt]
	if !ok {
		return Port{}, fmt.Errorf("model configuration: %q has data type %v, which no tensor has", name, dt)
	}
	p := Port{Name: name, Type: t}
	if s.MaxBatch > 0 {
		p.Dims = append(p.Dims, -1)
	}
	p.Dims = append(p.Dims, dims...)
	return p, nil
}

var dataTypes = map[inference.DataType]tensor.Type{
	inference.DataType_TYPE_BOOL: tensor.Bool, inference.DataType_TYPE_STRING: tensor.Bytes,
	inference.DataType_TYPE_UINT8: tensor.Uint8, inference.DataType_TYPE_UINT16: tensor.Uint16,
	inference.DataType_TYPE_UINT32: tensor.Uint32, inference.DataType_TYPE_UINT64: tensor.Uint64,
	inference.DataType_TYPE_INT8: tensor.Int8, inference.DataType_TYPE_INT16: tensor.Int16,
	inference.DataType_TYPE_INT32: tensor.Int32, inference.DataType_TYPE_INT64: tensor.Int64,
	inference.DataType_TYPE_FP16: tensor.FP16, inference.DataType_TYPE_BF16: tensor.BF16,
	inference.DataType_TYPE_FP32: tensor.FP32, inference.DataType_TYPE_FP64: tensor.FP64,
}

// Checked is a request that fits its model.
type Checked struct {
	Inputs []tensor.Tensor // in the model's order; inputs left out are left out
	// Outputs are the names wanted; nil: all, in the model's order.
	Outputs []string
	Rows    int // of the batch; 1 where the model does not batch
	group   string
}

// Check holds a request against the signature. What does not fit is *apierror.FieldError.
func (s *Signature) Check(r *Request) (*Checked, error) {
	c := &Checked{Rows: 1}
	var err error
	if c.Inputs, err = s.arrange(r.Inputs); err != nil {
		return nil, err
	}
	for i := range r.Inputs {
		if err := s.checkInput(i, r.Inputs, c); err != nil {
			return nil, err
		}
	}
	if c.Outputs, err = s.wanted(r.Outputs); err != nil {
		return nil, err
	}
	if c.Inputs, err = s.pad(c.Inputs); err != nil {
		return nil, err
	}
	c.group = s.group(c)
	return c, nil
}

// arrange puts the inputs into the model's order.
func (s *Signature) arrange(inputs []tensor.Tensor) ([]tensor.Tensor, error) {
	inOrder := len(inputs) == len(s.Inputs)
	for i := range inputs {
		at, known := s.inputs[inputs[i].Name]
		if !known {
			return nil, invalid(fmt.Sprintf("inputs[%d].name", i), "the model has no such input; it has %s", names(s.Inputs))
		}
		inOrder = inOrder && at == i
	}
	if inOrder {
		return inputs, nil // names differ, since positions do
	}
	slots := make([]tensor.Tensor, len(s.Inputs))
	for i, in := range inputs {
		at := s.inputs[in.Name]
		if slots[at].Name != "" {
			return nil, invalid(fmt.Sprintf("inputs[%d].name", i), "a second input of this name")
		}
		slots[at] = in
	}
	given := slots[:0]
	for at, in := range slots {
		if in.Name != "" {
			given = append(given, in)
		} else if !s.Inputs[at].Optional {
			return nil, invalid("inputs", "the model's input %s is missing", s.Inputs[at].Name)
		}
	}
	return given, nil
}

// checkInput holds input i of a request against its port, and its batch against that of the inputs before it.
func (s *Signature) checkInput(i int, inputs []tensor.Tensor, c *Checked) error {
	in, port := &inputs[i], &s.Inputs[s.inputs[inputs[i].Name]]
	path := func(field string) string { return "inputs[" + strconv.Itoa(i) + "]." + field }
	if in.Type != port.Type {
		return invalid(path("datatype"), "must be %s", port.Type)
	}
	fits := len(in.Shape) == len(port.Dims)
	for d := 0; fits && d < len(port.Dims); d++ {
		fits = in.Shape[d] == port.Dims[d] || port.Dims[d] == -1 && in.Shape[d] >= 0
	}
	if !fits {
		note := ""
		if s.MaxBatch > 0 {
			note = ", where the first dimension is the batch"
		}
		return invalid(path("shape"), "must be %s%s; -1 is any size", tensor.FormatShape(port.Dims), note)
	}
	if s.MaxBatch > 0 {
		rows := in.Shape[0]
		switch {
		case rows == 0:
			return invalid(path("shape"), "the batch is empty: at least one row is needed")
		case i > 0 && rows != int64(c.Rows):
			return invalid(path("shape"), "has %d rows where the inputs before have %d: all inputs need one batch size", rows, c.Rows)
		case rows > int64(s.MaxBatch)*int64(s.maxParts):
			return invalid(path("shape"), "has %d rows; at most %d are run for one request", rows, s.MaxBatch*s.maxParts)
		}
		c.Rows = int(rows)
	}
	return validate(i, in)
}

// validate holds a tensor's elements against its shape.
func validate(i int, in *tensor.Tensor) error {
	err := in.Validate()
	if err == nil {
		return nil
	}
	e, ok := err.(*tensor.Error) //nolint:errorlint // Validate gives nothing else, and never wraps it
	if !ok {
		return err
	}
	field := e.Field
	if field == "data" {
		field = "contents"
	}
	return invalid(fmt.Sprintf("inputs[%d].%s", i, field), "%s", e.Reason)
}

// wanted checks the names of outputs; all of them in the model's order come back as nil.
func (s *Signature) wanted(outputs []string) ([]string, error) {
	all := len(outputs) == len(s.Outputs)
	for i, name := range outputs {
		at, known := s.outputs[name]
		if !known {
			return nil, invalid(fmt.Sprintf("outputs[%d].name", i), "the model has no such output; it has %s", names(s.Outputs))
		}
		all = all && at == i
		// At most as many as the model has, since from the first one too many on there is a second.
		if slices.Contains(outputs[:i], name) {
			return nil, invalid(fmt.Sprintf("outputs[%d].name", i), "a second output of this name")
		}
	}
	if all || len(outputs) == 0 {
		return nil, nil
	}
	return outputs, nil
}

// group names the requests that may share a run with c: same inputs, same shapes but for the batch, same outputs.
func (s *Signature) group(c *Checked) string {
	if s.MaxBatch == 0 || s.uniform && c.Outputs == nil {
		return ""
	}
	key := make([]byte, 0, 64)
	for _, in := range c.Inputs {
		key = strconv.AppendInt(append(key, 'i'), int64(s.inputs[in.Name]), 10)
		for _, d := range in.Shape[1:] {
			key = strconv.AppendInt(append(key, ','), d, 10)
		}
	}
	for _, name := range c.Outputs {
		key = strconv.AppendInt(append(key, 'o'), int64(s.outputs[name]), 10)
	}
	return string(key)
}

func names(ports []Port) string {
	const most = 16 // the message is for people
	var b strings.Builder
	for i, p := range ports {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(ports)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.Name)
	}
	if len(ports) == 0 {
		return "none"
	}
	return b.String()
}

func invalid(field, format string, args ...any) error {
	return &apierror.FieldError{Field: field, Message: fmt.Sprintf(format, args...)}
}
