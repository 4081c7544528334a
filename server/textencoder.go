package server

import (
	"context"
	"time"
	"unicode/utf8"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/tensor"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/embed"
	"github.com/bedside-lm/bedside/server/infer"
)

const (
	encoderInput  = "text"
	encoderOutput = "embedding"
	maxTexts      = 1024 // of one request, as in EmbedRequest
)

// textEncoder is an embedding model as the inference protocol's service sees it: texts in a
// BYTES tensor of shape [n, 1], vectors out in an FP32 tensor of shape [n, dimensions]. The
// request's parameters "kind" ("query", the default, or "passage") and "truncate" mean what
// the fields of EmbedRequest do.
type textEncoder struct {
	engine    *embed.Engine
	config    *inference.ModelConfig
	signature *infer.Signature
	stats     infer.Statistics
}

func newTextEncoder(name string, e *embed.Engine) (*textEncoder, error) {
	m := &textEncoder{engine: e, config: &inference.ModelConfig{
		Name: name, Platform: "bedside", Backend: "bedside", MaxBatchSize: maxTexts,
		SchedulingChoice: &inference.ModelConfig_DynamicBatching{DynamicBatching: &inference.ModelDynamicBatching{}},
		Input:            []*inference.ModelInput{{Name: encoderInput, DataType: inference.DataType_TYPE_STRING, Dims: []int64{1}}},
		Output: []*inference.ModelOutput{{
			Name: encoderOutput, DataType: inference.DataType_TYPE_FP32, Dims: []int64{int64(e.Manifest().Dimensions)},
		}},
	}}
	var err error
	m.signature, err = infer.NewSignature(m.config)
	return m, err
}

// Config is the configuration that a repository would have for the model.
func (m *textEncoder) Config() *inference.ModelConfig { return m.config }

// Signature is what the model takes and gives.
func (m *textEncoder) Signature() *infer.Signature { return m.signature }

// Statistics counts requests. A request counts as a run of its own, though its texts share
// runs with others'.
func (m *textEncoder) Statistics() *inference.ModelStatistics { return m.stats.Proto() }

// Infer embeds the texts of one request.
func (m *textEncoder) Infer(ctx context.Context, r *infer.Request) (infer.Response, error) {
	began := time.Now()
	out, texts, err := m.embed(ctx, r)
	took := time.Since(began)
	if err != nil {
		m.stats.Failed(took)
		return infer.Response{}, err
	}
	m.stats.Executed(texts, 0, took, 0)
	m.stats.Succeeded(texts, infer.Times{Compute: took, Total: took})
	return infer.Response{Outputs: []tensor.Tensor{out}}, nil
}

func (m *textEncoder) embed(ctx context.Context, r *infer.Request) (tensor.Tensor, int, error) {
	checked, err := m.signature.Check(r)
	if err != nil {
		return tensor.Tensor{}, 0, err
	}
	if checked.Rows > maxTexts {
		return tensor.Tensor{}, 0, &apierror.FieldError{Field: "inputs[0].shape", Message: "holds more than 1024 texts"}
	}
	ask := embed.Request{Texts: make([]string, checked.Rows), Tenant: r.Tenant}
	if ask.Kind, ask.Truncate, err = encoderParameters(r.Parameters); err != nil {
		return tensor.Tensor{}, 0, err
	}
	for i, text := range checked.Inputs[0].Strings {
		if len(text) == 0 || !utf8.Valid(text) {
			return tensor.Tensor{}, 0, &apierror.FieldError{Field: "inputs[0]", Message: "every text must be valid UTF-8 and not empty"}
		}
		ask.Texts[i] = string(text)
	}
	vectors, err := m.engine.Embed(ctx, ask)
	if err != nil {
		return tensor.Tensor{}, 0, err
	}
	dimensions := m.engine.Manifest().Dimensions
	values := make([]float32, 0, len(vectors)*dimensions)
	for _, v := range vectors {
		values = append(values, v.Values...)
	}
	return tensor.New(encoderOutput, []int64{int64(len(vectors)), int64(dimensions)}, values), len(vectors), nil
}

func encoderParameters(params map[string]*inference.InferParameter) (kind embed.Kind, truncate bool, err error) {
	for key, p := range params {
		field := "parameters[\"" + key + "\"]"
		switch key {
		case "kind":
			switch p.GetStringParam() {
			case "query":
				kind = embed.Query
			case "passage":
				kind = embed.Passage
			default:
				return 0, false, &apierror.FieldError{Field: field, Message: `must be the string "query" or "passage"`}
			}
		case "truncate":
			v, ok := p.GetParameterChoice().(*inference.InferParameter_BoolParam)
			if !ok {
				return 0, false, &apierror.FieldError{Field: field, Message: "must be a bool_param"}
			}
			truncate = v.BoolParam
		}
	}
	return kind, truncate, nil
}
