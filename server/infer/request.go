package infer

import (
	"time"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/tensor"
)

// Request is one request to a model. What is wrong with it comes as *apierror.FieldError, whose paths are those of
// inference.ModelInferRequest, such as "inputs[1].shape".
type Request struct {
	Inputs []tensor.Tensor // each by its name, in any order
	// Outputs are the names of the outputs wanted, in the order wanted; none: all, in the model's order.
	Outputs []string
	// Priority is a level of the model's dynamic batching, 1 the highest; 0: the model's default.
	Priority int
	// Timeout is how long the request may wait in the queue, where the model's policy lets a caller say so; 0: the
	// policy's own.
	Timeout time.Duration
	Tenant  string // whose request it is, for fair shares; "" is a tenant too
	// Parameters are what the caller sent beside the tensors, the protocol's own left out. Tensor models have no use
	// for them.
	Parameters map[string]*inference.InferParameter
	// EmptyFinal says that the caller takes a last answer without outputs, where a model gives several.
	EmptyFinal bool
}

// Response is a model's answer.
type Response struct {
	Outputs    []tensor.Tensor
	Parameters map[string]*inference.InferParameter // nil: none
}
