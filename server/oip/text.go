package oip

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/constrain"
	"github.com/bedside-lm/bedside/runtime/sampling"
	"github.com/bedside-lm/bedside/runtime/tensor"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/infer"
)

// The tensors of a language model, named as vLLM's backend for Triton names them, so that its clients work.
const (
	textInput       = "text_input"
	streamInput     = "stream"
	samplingInput   = "sampling_parameters"
	excludeInput    = "exclude_input_in_output"
	textOutput      = "text_output"
	finishParam     = "finish_reason"
	promptParam     = "prompt_tokens"
	completionParam = "completion_tokens"
	constraintParam = "constraint_met"
)

// Generator writes text. It is what a TextModel needs of a language model.
type Generator interface {
	// Generate continues a prompt. yield gets each piece of the text as soon as it is there, in order; pieces are valid
	// UTF-8 and not empty. An error of yield ends the writing and is returned. Errors are typed as those of the engine.
	Generate(ctx context.Context, r TextRequest, yield func(piece string) error) (TextSummary, error)
}

// TextRequest asks for a continuation.
type TextRequest struct {
	Prompt   string          // not empty, valid UTF-8
	Sampling sampling.Params // valid, but for MaxTokens 0: the generator's default
	Form     constrain.Form  // what the text must be like; where it cannot be had, the error is a *constrain.Error
	Priority int             // 1 the highest; 0: the default level
	Tenant   string
}

// TextSummary says what became of a text.
type TextSummary struct {
	FinishReason     string // "stop", "length", "stop_sequence"
	PromptTokens     int
	CompletionTokens int
	Queue            time.Duration // until its first step
	ConstraintMet    *bool         // whether the text has its Form; nil where it was to have none
}

// TextModel is a language model as a model with tensors: text_input in, text_output out.
//
//   - text_input BYTES [1]: the prompt.
//   - stream BOOL [1], optional: false (the default) gives one answer with the whole text; true, in ModelStreamInfer
//     alone, gives an answer for each piece.
//   - sampling_parameters BYTES [1], optional: a JSON object of max_tokens, temperature, top_k, top_p, min_p,
//     repetition_penalty, seed, stop, and one of guided_choice, guided_regex and guided_json (or guided_decoding, an
//     object with choice, regex or json). Without it the request's parameters are taken for these.
//   - exclude_input_in_output BOOL [1], optional: true leaves the prompt out of the answer. Without stream the default
//     is false, as it is in vLLM's backend; with stream the prompt is never repeated.
//
// text_output is BYTES [1]. The last answer, which with stream is empty but for them, carries the parameters
// finish_reason, prompt_tokens and completion_tokens, and constraint_met where the text was to have a form. Every shape may have a batch dimension of 1 before it.
type TextModel struct {
	generator Generator
	config    *inference.ModelConfig
	signature *infer.Signature
	stats     infer.Statistics
}

// NewTextModel makes a model of the given name out of a generator.
func NewTextModel(name string, g Generator) (*TextModel, error) {
	one := []int64{1}
	m := &TextModel{generator: g, config: &inference.ModelConfig{
		Name: name, Platform: "bedside", Backend: "bedside",
		ModelTransactionPolicy: &inference.ModelTransactionPolicy{Decoupled: true},
		Input: []*inference.ModelInput{
			{Name: textInput, DataType: inference.DataType_TYPE_STRING, Dims: one},
			{Name: streamInput, DataType: inference.DataType_TYPE_BOOL, Dims: one, Optional: true},
			{Name: samplingInput, DataType: inference.DataType_TYPE_STRING, Dims: one, Optional: true},
			{Name: excludeInput, DataType: inference.DataType_TYPE_BOOL, Dims: one, Optional: true},
		},
		Output: []*inference.ModelOutput{{Name: textOutput, DataType: inference.DataType_TYPE_STRING, Dims: []int64{-1}}},
	}}
	var err error
	m.signature, err = infer.NewSignature(m.config)
	return m, err
}

// Config is the configuration that a repository would have for the model.
func (m *TextModel) Config() *inference.ModelConfig { return m.config }

// Signature is what the model takes and gives.
func (m *TextModel) Signature() *infer.Signature { return m.signature }

// Statistics counts requests. A request counts as one run of one row.
func (m *TextModel) Statistics() *inference.ModelStatistics { return m.stats.Proto() }

// Infer writes the whole text. A request that asks for a stream is UNIMPLEMENTED, as decoupled models are there in Triton.
func (m *TextModel) Infer(ctx context.Context, r *infer.Request) (infer.Response, error) {
	t, err := m.read(r)
	if err != nil {
		return infer.Response{}, err
	}
	if t.stream {
		return infer.Response{}, status.Errorf(codes.Unimplemented,
			"ModelInfer gives one answer to a request: with the input %q true, use ModelStreamInfer", streamInput)
	}
	return m.generate(ctx, t, nil)
}

// Stream gives a piece of the text an answer. The last one has parameters and no text; for a request that asks for no
// stream it is the only one.
func (m *TextModel) Stream(ctx context.Context, r *infer.Request, yield func(infer.Response) error) (infer.Response, error) {
	t, err := m.read(r)
	if err != nil {
		return infer.Response{}, err
	}
	last, err := m.generate(ctx, t, yield)
	if t.stream && r.EmptyFinal {
		last.Outputs = nil
	}
	return last, err
}

func (m *TextModel) generate(ctx context.Context, t textCall, yield func(infer.Response) error) (infer.Response, error) {
	began := time.Now()
	var whole strings.Builder
	if !t.exclude && !t.stream {
		whole.WriteString(t.Prompt)
	}
	summary, err := m.generator.Generate(ctx, t.TextRequest, func(piece string) error {
		if t.stream {
			return yield(textResponse(piece))
		}
		whole.WriteString(piece)
		return nil
	})
	total := time.Since(began)
	if err != nil {
		m.stats.Failed(total)
		return infer.Response{}, apierror.Constraint(t.formAt, err)
	}
	compute := total - summary.Queue
	m.stats.Executed(1, 0, compute, 0)
	m.stats.Succeeded(1, infer.Times{Queue: summary.Queue, Compute: compute, Total: total})
	last := textResponse(whole.String())
	last.Parameters = map[string]*inference.InferParameter{
		finishParam:     {ParameterChoice: &inference.InferParameter_StringParam{StringParam: summary.FinishReason}},
		promptParam:     {ParameterChoice: &inference.InferParameter_Int64Param{Int64Param: int64(summary.PromptTokens)}},
		completionParam: {ParameterChoice: &inference.InferParameter_Int64Param{Int64Param: int64(summary.CompletionTokens)}},
	}
	if summary.ConstraintMet != nil {
		last.Parameters[constraintParam] = &inference.InferParameter{ParameterChoice: &inference.InferParameter_BoolParam{BoolParam: *summary.ConstraintMet}}
	}
	return last, nil
}

func textResponse(text string) infer.Response {
	return infer.Response{Outputs: []tensor.Tensor{tensor.NewStrings(textOutput, []int64{1}, text)}}
}

// textCall is a request as its tensors say it.
type textCall struct {
	TextRequest
	stream  bool
	exclude bool
	formAt  string // where in the request the form stands
}

// read takes a request's tensors apart.
func (m *TextModel) read(r *infer.Request) (textCall, error) {
	flat := *r
	flat.Inputs = make([]tensor.Tensor, len(r.Inputs))
	for i, in := range r.Inputs {
		if len(in.Shape) == 2 && in.Shape[0] == 1 {
			in.Shape = in.Shape[1:]
		}
		flat.Inputs[i] = in
	}
	if _, err := m.signature.Check(&flat); err != nil {
		return textCall{}, err
	}
	t := textCall{TextRequest: TextRequest{Priority: r.Priority, Tenant: r.Tenant}}
	var excludeAt, samplingAt = -1, -1
	for i, in := range flat.Inputs {
		switch in.Name {
		case textInput:
			text := in.Strings[0]
			if len(text) == 0 || !utf8.Valid(text) {
				return textCall{}, invalid(fmt.Sprintf("inputs[%d]", i), "must be valid UTF-8 and not empty")
			}
			t.Prompt = string(text)
		case streamInput:
			t.stream = in.Data[0] == 1
		case samplingInput:
			samplingAt = i
		case excludeInput:
			excludeAt, t.exclude = i, in.Data[0] == 1
		}
	}
	if t.stream && excludeAt >= 0 && !t.exclude {
		return textCall{}, invalid(fmt.Sprintf("inputs[%d]", excludeAt), "must be true in a stream, which never repeats the prompt")
	}
	var p parameters
	var err error
	if samplingAt >= 0 {
		p, err = parseSampling(fmt.Sprintf("inputs[%d]", samplingAt), flat.Inputs[samplingAt].Strings[0])
	} else {
		p, err = samplingOf(r.Parameters)
	}
	t.Sampling, t.Form, t.formAt = p.Params, p.form, p.formAt
	return t, err
}
