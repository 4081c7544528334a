package oip

import (
	"strconv"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/tensor"
	"github.com/bedside-lm/bedside/server/infer"
)

// answered names the model and the request that a response is of.
type answered struct {
	model   string
	version int64
	id      string
}

// encode writes a response. Tensors travel raw, whatever way the request's came, and share their memory with it.
func encode(of answered, r infer.Response) (*inference.ModelInferResponse, error) {
	out := &inference.ModelInferResponse{
		ModelName: of.model, ModelVersion: strconv.FormatInt(of.version, 10), Id: of.id, Parameters: r.Parameters,
	}
	if len(r.Outputs) == 0 {
		return out, nil
	}
	messages := make([]inference.ModelInferResponse_InferOutputTensor, len(r.Outputs))
	out.Outputs = make([]*inference.ModelInferResponse_InferOutputTensor, len(r.Outputs))
	out.RawOutputContents = make([][]byte, len(r.Outputs))
	for i, t := range r.Outputs {
		m := &messages[i]
		m.Name, m.Datatype, m.Shape = t.Name, t.Type.String(), t.Shape
		out.Outputs[i] = m
		out.RawOutputContents[i] = t.Data
		if t.Type == tensor.Bytes {
			data, err := tensor.EncodeBytes(t.Strings)
			if err != nil {
				return nil, err
			}
			out.RawOutputContents[i] = data
		}
	}
	return out, nil
}
