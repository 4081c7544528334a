package server

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/summary"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/runtime/sampling"
	"github.com/bedside-lm/bedside/runtime/tokenizer"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/convert"
	"github.com/bedside-lm/bedside/server/engine"
)

// clinicalService reads patient records.
type clinicalService struct {
	bedsidev1.UnimplementedClinicalServiceServer
	models  *registry
	limits  convert.Limits
	prompts prompts
}

func newClinicalService(m *registry, cfg config.Config) *clinicalService {
	return &clinicalService{models: m, limits: convert.Limits{Bytes: cfg.MaxRecordBytes}, prompts: promptsOf(cfg)}
}

func (s *clinicalService) SummarizeRecord(ctx context.Context, req *bedsidev1.SummarizeRecordRequest) (*bedsidev1.SummarizeRecordResponse, error) {
	return s.summarize(ctx, req, nil)
}

func (s *clinicalService) StreamSummarizeRecord(
	req *bedsidev1.SummarizeRecordRequest, stream grpc.ServerStreamingServer[bedsidev1.StreamSummarizeRecordResponse],
) error {
	out, err := s.summarize(stream.Context(), req, func(section summary.Section, sentence summary.Sentence) error {
		return stream.Send(&bedsidev1.StreamSummarizeRecordResponse{
			Section: string(section.Kind), Heading: section.Heading, Sentence: convert.SentenceToProto(sentence),
		})
	})
	if err != nil {
		return err
	}
	return stream.Send(&bedsidev1.StreamSummarizeRecordResponse{Summary: convert.WithoutSentences(out)})
}

// summarize answers a request, and hands each sentence on as it is checked.
func (s *clinicalService) summarize(
	ctx context.Context, req *bedsidev1.SummarizeRecordRequest, each func(summary.Section, summary.Sentence) error,
) (*bedsidev1.SummarizeRecordResponse, error) {
	lm, release, err := s.models.modelFor(ctx, summaries, req.GetModel())
	if err != nil {
		return nil, err
	}
	defer release()
	rec, err := filed(ctx, req.GetSource(), s.limits)
	if err != nil {
		return nil, err
	}
	if err := s.prompts.clean(rec, req.GetSource()); err != nil {
		return nil, err
	}
	writer := &modelWriter{model: lm}
	doc, sum, err := summary.Record(ctx, rec, convert.Language(req.GetLanguage()), writer, summary.Options{
		Style: convert.Style(req.GetStyle()), TokenBudget: int(req.GetTokenBudget()), ModelLanguages: lm.languages(), OnSentence: each,
	})
	if err != nil {
		return nil, err
	}
	out := convert.SummaryToProto(rec, doc, sum, req.GetIncludeFacts())
	out.Model = lm.reference()
	out.Usage = writer.usage()
	return out, nil
}

func (lm *languageModel) languages() []render.Lang {
	out := make([]render.Lang, len(lm.manifest.Languages))
	for i, l := range lm.manifest.Languages {
		out[i] = render.Lang(l)
	}
	return out
}

// modelWriter has a language model write for a summary, and counts its tokens.
type modelWriter struct {
	model                      *languageModel
	prompt, cached, completion atomic.Int32
}

func (w *modelWriter) Write(ctx context.Context, p summary.Prompt) (string, error) {
	chat := []tokenizer.Message{{Role: "system", Content: p.System}}
	for _, e := range p.Examples {
		chat = append(chat, tokenizer.Message{Role: "user", Content: e.User}, tokenizer.Message{Role: "assistant", Content: e.Assistant})
	}
	chat = append(chat, tokenizer.Message{Role: "user", Content: p.User})
	ids, err := w.model.encodeChat(chat)
	if err != nil {
		return "", err
	}
	params := sampling.Default()
	params.MaxTokens = p.MaxTokens
	if !p.Greedy {
		params.Temperature, params.Seed = 1, &p.Seed
	}
	text, took, err := w.model.complete(ctx, engine.Request{Prompt: ids, Sampling: params})
	w.prompt.Add(int32(took.PromptTokens))
	w.cached.Add(int32(took.CachedTokens))
	w.completion.Add(int32(took.CompletionTokens))
	return text, err
}

func (w *modelWriter) usage() *bedsidev1.Usage {
	return &bedsidev1.Usage{PromptTokens: w.prompt.Load(), CachedTokens: w.cached.Load(), CompletionTokens: w.completion.Load()}
}
