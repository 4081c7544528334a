package server

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/runtime/constrain"
	"github.com/bedside-lm/bedside/runtime/sampling"
	"github.com/bedside-lm/bedside/runtime/tokenizer"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/engine"
)

// defaultMaxTokens is how long a text may get when the request does not say.
const defaultMaxTokens = 256

// generationService runs language models on text.
type generationService struct {
	bedsidev1.UnimplementedGenerationServiceServer
	models *registry
}

func (s *generationService) Generate(ctx context.Context, req *bedsidev1.GenerateRequest) (*bedsidev1.GenerateResponse, error) {
	lm, gen, release, err := s.begin(ctx, req)
	if err != nil {
		return nil, err
	}
	defer release()
	out := &bedsidev1.GenerateResponse{Model: lm.reference(), Seed: gen.Seed()}
	var text []byte
	for ev := range gen.Events() {
		text = append(text, ev.Text...)
		out.Logprobs = append(out.Logprobs, lm.logprobs(req, ev)...)
	}
	if err := gen.Err(); err != nil {
		return nil, constraintError(req, err)
	}
	out.Text, out.ConstraintMet = string(text), gen.Summary().ConstraintMet
	out.FinishReason, out.Usage, out.Timings = outcome(gen.Summary())
	return out, nil
}

func (s *generationService) StreamGenerate(req *bedsidev1.GenerateRequest, stream grpc.ServerStreamingServer[bedsidev1.StreamGenerateResponse]) error {
	lm, gen, release, err := s.begin(stream.Context(), req)
	if err != nil {
		return err
	}
	defer release()
	for ev := range gen.Events() {
		piece := &bedsidev1.StreamGenerateResponse{Text: ev.Text, Logprobs: lm.logprobs(req, ev)}
		if piece.Text == "" && len(piece.Logprobs) == 0 {
			continue // held back: the text comes with a later piece
		}
		if err := stream.Send(piece); err != nil {
			return err
		}
	}
	if err := gen.Err(); err != nil {
		return constraintError(req, err)
	}
	last := &bedsidev1.StreamGenerateResponse{Model: lm.reference(), Seed: gen.Seed(), ConstraintMet: gen.Summary().ConstraintMet}
	last.FinishReason, last.Usage, last.Timings = outcome(gen.Summary())
	return stream.Send(last)
}

// begin resolves a request and hands it to the engine. Without an error, the caller calls
// release when it is done with the model.
func (s *generationService) begin(ctx context.Context, req *bedsidev1.GenerateRequest) (
	lm *languageModel, gen *engine.Generation, release func(), err error,
) {
	lm, release, err = s.models.languageModel(ctx, req.GetModel())
	if err != nil {
		return nil, nil, nil, err
	}
	if gen, err = lm.generate(ctx, req); err != nil {
		release()
		return nil, nil, nil, err
	}
	return lm, gen, release, nil
}

func (lm *languageModel) generate(ctx context.Context, req *bedsidev1.GenerateRequest) (*engine.Generation, error) {
	prompt, err := lm.encode(req.GetPrompt(), req.GetChat())
	if err != nil {
		return nil, err
	}
	params := samplingParams(req.GetSampling())
	lm.boundTokens(&params, len(prompt))
	gen, err := lm.engine.Generate(ctx, engine.Request{Prompt: prompt, Sampling: params, Form: formOf(req.GetConstraint())})
	return gen, constraintError(req, err)
}

func formOf(c *bedsidev1.Constraint) constrain.Form {
	return constrain.Form{Choices: c.GetChoices().GetTexts(), Regex: c.GetRegex(), JSONSchema: c.GetJsonSchema()}
}

// constraintError gives an error about the constraint its field.
func constraintError(req *bedsidev1.GenerateRequest, err error) error {
	switch req.GetConstraint().GetForm().(type) {
	case *bedsidev1.Constraint_Choices:
		return apierror.Constraint("constraint.choices.texts", err)
	case *bedsidev1.Constraint_Regex:
		return apierror.Constraint("constraint.regex", err)
	case *bedsidev1.Constraint_JsonSchema:
		return apierror.Constraint("constraint.json_schema", err)
	}
	return err
}

// boundTokens sets how long a text may get where the request does not say.
func (lm *languageModel) boundTokens(p *sampling.Params, prompt int) {
	if p.MaxTokens == 0 {
		// At least 1, so that a prompt which fills the context is refused by name.
		p.MaxTokens = max(1, min(defaultMaxTokens, lm.engine.Capacity()-prompt))
	}
}

// encode turns what a request asks into tokens: a prompt as it stands, special tokens included, after what the model's
// tokenizer begins every text with, or a chat through the model's template.
func (lm *languageModel) encode(prompt string, chat *bedsidev1.Chat) ([]int32, error) {
	if chat == nil {
		ids := lm.tokenizer.EncodePrompt(prompt)
		if len(ids) == 0 {
			return nil, noTokens("prompt")
		}
		return ids, nil
	}
	ids, err := lm.encodeChat(messagesOf(chat))
	if err == nil && len(ids) == 0 {
		return nil, noTokens("chat.messages")
	}
	return ids, err
}

func messagesOf(chat *bedsidev1.Chat) []tokenizer.Message {
	messages := make([]tokenizer.Message, len(chat.GetMessages()))
	for i, m := range chat.GetMessages() {
		messages[i] = tokenizer.Message{Role: m.GetRole(), Content: m.GetContent()}
	}
	return messages
}

// encodeChat turns a chat into tokens, up to where the model's turn begins.
func (lm *languageModel) encodeChat(messages []tokenizer.Message) ([]int32, error) {
	if lm.template == nil {
		return nil, &apierror.FieldError{Field: "chat", Message: "the model has no chat template; give it a prompt"}
	}
	return lm.tokenizer.EncodeChat(lm.template, messages, true)
}

// noTokens says that a text is not empty, yet all of it is bytes that the model has no
// tokens for.
func noTokens(field string) error {
	return &apierror.FieldError{Field: field, Message: "holds nothing that the model has tokens for"}
}

func samplingParams(s *bedsidev1.Sampling) sampling.Params {
	p := sampling.Params{
		MaxTokens:         int(s.GetMaxTokens()),
		Temperature:       float64(s.GetTemperature()),
		TopK:              int(s.GetTopK()),
		TopP:              1,
		MinP:              float64(s.GetMinP()),
		RepetitionPenalty: 1,
		Stop:              s.GetStop(),
		Logprobs:          int(s.GetLogprobs()),
	}
	if s != nil && s.TopP != nil {
		p.TopP = float64(s.GetTopP())
	}
	if s != nil && s.RepetitionPenalty != nil {
		p.RepetitionPenalty = float64(s.GetRepetitionPenalty())
	}
	if s != nil {
		p.Seed = s.Seed
	}
	return p
}

// logprobs gives the log probabilities that a request asked for.
func (lm *languageModel) logprobs(req *bedsidev1.GenerateRequest, ev engine.Event) []*bedsidev1.TokenLogprobs {
	if ev.Token == nil || req.GetSampling().GetLogprobs() == 0 {
		return nil
	}
	out := &bedsidev1.TokenLogprobs{Token: lm.tokenLogprob(ev.Token.ID, ev.Token.Logprob)}
	for _, t := range ev.Token.Top {
		out.Top = append(out.Top, lm.tokenLogprob(t.ID, t.Logprob))
	}
	return []*bedsidev1.TokenLogprobs{out}
}

func (lm *languageModel) tokenLogprob(id int32, logprob float64) *bedsidev1.TokenLogprob {
	return &bedsidev1.TokenLogprob{Id: id, Piece: []byte(lm.tokenizer.TokenBytes(id)), Logprob: float32(logprob)}
}

var finishReasons = map[engine.FinishReason]bedsidev1.FinishReason{
	engine.FinishStop:         bedsidev1.FinishReason_FINISH_REASON_STOP,
	engine.FinishLength:       bedsidev1.FinishReason_FINISH_REASON_LENGTH,
	engine.FinishStopSequence: bedsidev1.FinishReason_FINISH_REASON_STOP_SEQUENCE,
}

func outcome(s engine.Summary) (bedsidev1.FinishReason, *bedsidev1.Usage, *bedsidev1.Timings) {
	usage := &bedsidev1.Usage{PromptTokens: int32(s.PromptTokens), CachedTokens: int32(s.CachedTokens), CompletionTokens: int32(s.CompletionTokens)}
	timings := &bedsidev1.Timings{
		Queue: durationpb.New(s.Queue), Prefill: durationpb.New(s.Prefill), Decode: durationpb.New(s.Decode),
	}
	return finishReasons[s.Finish], usage, timings
}

func (s *generationService) Score(ctx context.Context, req *bedsidev1.ScoreRequest) (*bedsidev1.ScoreResponse, error) {
	lm, release, err := s.models.languageModel(ctx, req.GetModel())
	if err != nil {
		return nil, err
	}
	defer release()
	prompt, err := lm.encode(req.GetPrompt(), req.GetChat())
	if err != nil {
		return nil, err
	}
	usage := &bedsidev1.Usage{PromptTokens: int32(len(prompt))}
	texts := make([][]int32, len(req.GetContinuations()))
	for i, text := range req.GetContinuations() {
		if texts[i] = lm.tokenizer.Encode(text); len(texts[i]) == 0 {
			return nil, noTokens(fmt.Sprintf("continuations[%d]", i))
		}
		usage.PromptTokens += int32(len(texts[i]))
	}
	scored, err := lm.engine.Score(ctx, prompt, texts)
	if err != nil {
		return nil, err
	}
	out := &bedsidev1.ScoreResponse{Usage: usage, Model: lm.reference()}
	for _, tokens := range scored {
		out.Scores = append(out.Scores, lm.score(tokens))
	}
	return out, nil
}

func (lm *languageModel) score(tokens []engine.ScoredToken) *bedsidev1.Score {
	out := &bedsidev1.Score{TokenCount: int32(len(tokens)), IsGreedy: true}
	for _, t := range tokens {
		out.TotalLogprob += t.Logprob
		out.IsGreedy = out.IsGreedy && t.Greedy
		out.Tokens = append(out.Tokens, lm.tokenLogprob(t.ID, t.Logprob))
	}
	return out
}

func (s *generationService) Tokenize(ctx context.Context, req *bedsidev1.TokenizeRequest) (*bedsidev1.TokenizeResponse, error) {
	lm, release, err := s.models.languageModel(ctx, req.GetModel())
	if err != nil {
		return nil, err
	}
	defer release()
	var ids []int32
	switch {
	case req.GetChat() != nil:
		ids, err = lm.encodeChat(messagesOf(req.GetChat()))
	case req.GetParseSpecial():
		ids = lm.tokenizer.Encode(req.GetText(), tokenizer.WithSpecial())
	default:
		ids = lm.tokenizer.Encode(req.GetText())
	}
	if err != nil {
		return nil, err
	}
	out := &bedsidev1.TokenizeResponse{Model: lm.reference(), Tokens: make([]*bedsidev1.Token, len(ids))}
	for i, id := range ids {
		out.Tokens[i] = &bedsidev1.Token{Id: id, Piece: []byte(lm.tokenizer.TokenBytes(id)), Special: lm.tokenizer.IsSpecial(id)}
	}
	return out, nil
}
