package server

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/batcher/continuous"
	"github.com/bedside-lm/bedside/clinical/diagnosis"
	"github.com/bedside-lm/bedside/clinical/note"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/runtime/constrain"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/runtime/sampling"
	"github.com/bedside-lm/bedside/runtime/tokenizer"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/embed"
	"github.com/bedside-lm/bedside/server/engine"
	"github.com/bedside-lm/bedside/server/infer"
	"github.com/bedside-lm/bedside/server/modelconfig"
	"github.com/bedside-lm/bedside/server/oip"
	"github.com/bedside-lm/bedside/server/watchdog"
)

// servable is one version of a model, loaded.
type servable struct {
	language  *languageModel // nil unless it is one
	embedding *embed.Engine  // likewise
	tensors   *infer.Model   // likewise
	inference oip.Model      // what the inference protocol serves
	dog       *watchdog.Dog  // of the runs; nil where the engine has its own
}

// healthy says whether a model can work: nil, or why it cannot any more.
func (s *servable) healthy() error {
	if s.language != nil {
		return s.language.engine.Healthy()
	}
	if s.dog.Overdue() {
		return watchdog.ErrHung
	}
	return nil
}

// languageModel is a language model with all that a request to it needs.
type languageModel struct {
	manifest  *repository.Manifest
	tokenizer *tokenizer.Tokenizer
	template  *tokenizer.ChatTemplate // nil where it takes no chats
	engine    *engine.Engine
	fit       *diagnosis.Fit // nil where it suggests no diagnoses
	codes     [][]int32      // of the fit's codes, what is scored
	notes     *note.Settings // nil where it is not known to read notes

	cacheBytes int64 // of the memory's budget
}

// loader opens and closes models for their managers: repository.Operations.
type loader struct {
	cfg       config.Config
	language  *engine.MetricSet
	embedding *embed.MetricSet
	tensors   *infer.MetricSet
	budget    *budget
	log       *slog.Logger
}

// Load opens one version of a model.
func (l *loader) Load(ctx context.Context, spec repository.Spec) (*servable, error) {
	began := time.Now()
	s, err := l.open(ctx, spec)
	if err != nil {
		l.log.Error("model cannot be loaded", "model", spec.Name, "version", spec.Version, "error", err)
		return nil, err
	}
	l.log.Info("model loaded", append([]any{"model", spec.Name, "version", spec.Version, "digest", spec.Digest,
		"took", time.Since(began).Round(time.Millisecond)}, s.attributes()...)...)
	return s, nil
}

func (l *loader) open(ctx context.Context, spec repository.Spec) (*servable, error) {
	if err := l.budget.fits(spec.Dir); err != nil {
		return nil, err
	}
	switch spec.Format {
	case repository.FormatBedside:
		mf, err := repository.Open(spec.Dir)
		if err != nil {
			return nil, err
		}
		if mf.Kind == repository.KindEmbedding {
			return l.openEmbedding(spec, mf)
		}
		return l.openLanguage(spec, mf) //nolint:contextcheck // the engine outlives the call that starts it
	case repository.FormatGenAI:
		mf, err := repository.OpenGenAI(spec.Dir)
		if err != nil {
			return nil, err
		}
		mf.Version, mf.Digest = strconv.FormatInt(spec.Version, 10), spec.Digest
		return l.openLanguage(spec, mf) //nolint:contextcheck // the engine outlives the call that starts it
	default:
		dog := watchdog.New(l.cfg.StepTimeout)
		m, err := infer.Open(ctx, spec, infer.Options{Metrics: l.tensors, Dog: dog, QueueShares: l.cfg.QueueShares()})
		if err != nil {
			return nil, err
		}
		return &servable{tensors: m, inference: m, dog: dog}, nil
	}
}

func (l *loader) openLanguage(spec repository.Spec, mf *repository.Manifest) (*servable, error) {
	mf.Name = spec.Name
	lm, err := l.languageModel(mf)
	if err != nil {
		return nil, err
	}
	text, err := oip.NewTextModel(spec.Name, textGenerator{lm})
	if err != nil {
		return nil, errors.Join(err, lm.engine.Close())
	}
	return &servable{language: lm, inference: text}, nil
}

func (l *loader) openEmbedding(spec repository.Spec, mf *repository.Manifest) (*servable, error) {
	mf.Name = spec.Name
	dog := watchdog.New(l.cfg.StepTimeout)
	e, err := embed.Open(mf, spec.Version, embed.Options{
		Threads: l.cfg.Threads, MaxQueue: l.cfg.EmbeddingQueueSize, TenantWeights: l.cfg.TenantWeights, Metrics: l.embedding,
		Dog: dog, QueueShares: l.cfg.QueueShares(),
	})
	if err != nil {
		return nil, err
	}
	encoder, err := newTextEncoder(spec.Name, e)
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return &servable{embedding: e, inference: encoder, dog: dog}, nil
}

func (l *loader) languageModel(mf *repository.Manifest) (*languageModel, error) {
	lm := &languageModel{manifest: mf}
	var err error
	if lm.tokenizer, err = tokenizer.Load(mf.Dir); err != nil {
		return nil, err
	}
	if lm.template, err = loadTemplate(mf.Dir); err != nil {
		return nil, err
	}
	if lm.fit, err = learnt(mf.Dir, diagnosis.FitName, diagnosis.MaxFitBytes, diagnosis.ParseFit); err != nil {
		return nil, err
	}
	if lm.notes, err = learnt(mf.Dir, note.SettingsName, note.MaxSettingsBytes, note.ParseSettings); err != nil {
		return nil, err
	}
	if lm.fit != nil {
		lm.codes = lm.codesOf(lm.fit)
	}
	cfg := l.cfg
	batching := continuous.Config{
		Slots: cfg.Slots, SlotCapacity: slotCapacity(cfg, mf),
		TokenBudget: cfg.TokenBudget, MaxChunk: cfg.MaxChunk,
		MaxQueue: cfg.MaxQueueSize, AgingInterval: cfg.AgingInterval, TenantWeights: cfg.TenantWeights, QueueShares: cfg.QueueShares(),
	}
	model, err := ort.Open(mf, engine.ModelOptions(batching, cfg.Threads))
	if err != nil {
		return nil, err
	}
	if batching.TokenMemory, lm.cacheBytes, err = l.budget.tokens(model); err != nil {
		return nil, errors.Join(err, model.Close())
	}
	options := engine.Options{Metrics: l.language.ForModel(mf.Name), Dog: watchdog.New(cfg.StepTimeout), PrefixTokens: cfg.PrefixCacheTokens, DraftTokens: cfg.DraftTokens}
	if lm.engine, err = engine.New(model, lm.tokenizer, batching, options); err != nil {
		l.budget.giveBack(lm.cacheBytes)
		return nil, errors.Join(err, model.Close())
	}
	lm.manifest = lm.engine.Manifest()
	return lm, nil
}

// maxStateCapacity bounds the tokens of a sequence whose memory does not: room for an answer is made beforehand.
const maxStateCapacity = 1 << 16

// slotCapacity is how many tokens a prompt and its answer may have. A cache takes memory for each, which the operator
// bounds; a recurrent model's state takes the same for any number, so its whole context can be had.
func slotCapacity(cfg config.Config, mf *repository.Manifest) int {
	if mf.Graph == repository.GraphRecurrent {
		return min(maxStateCapacity, mf.ContextLength)
	}
	return min(cfg.SlotCapacity, mf.ContextLength)
}

// loadTemplate reads a model's chat template; nil where the model has none.
func loadTemplate(dir string) (*tokenizer.ChatTemplate, error) {
	template, err := tokenizer.LoadChatTemplate(dir)
	if e, ok := errors.AsType[*tokenizer.Error](err); ok && e.Kind == tokenizer.KindMissing {
		return nil, nil //nolint:nilnil // a model that takes no chats
	}
	return template, err
}

// learnt reads what was found of a model in judging it for a task, from a file in its folder; nil where it was not.
func learnt[T any](dir, name string, most int64, parse func([]byte) (*T, error)) (*T, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // a model that has not learnt the task
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	return parse(data)
}

// write has a model answer a prompt greedily, in so many tokens at most, in the form asked for.
func (lm *languageModel) write(ctx context.Context, prompt []int32, tokens int, form constrain.Form) (string, error) {
	params := sampling.Default()
	params.MaxTokens = tokens
	text, _, err := lm.complete(ctx, engine.Request{Prompt: prompt, Sampling: params, Form: form})
	return text, err
}

// complete gives a whole answer, and what it took; both as far as they go where it fails.
func (lm *languageModel) complete(ctx context.Context, req engine.Request) (string, engine.Summary, error) {
	gen, err := lm.engine.Generate(ctx, req)
	if err != nil {
		return "", engine.Summary{}, err
	}
	var text strings.Builder
	for ev := range gen.Events() {
		text.WriteString(ev.Text)
	}
	return text.String(), gen.Summary(), gen.Err()
}

// Close gives a model's memory back.
func (l *loader) Close(s *servable) error {
	switch {
	case s.language != nil:
		l.budget.giveBack(s.language.cacheBytes)
		return s.language.engine.Close()
	case s.embedding != nil:
		return s.embedding.Close()
	default:
		return s.tensors.Close()
	}
}

// Policy reads which versions of a folder are to be served.
func (l *loader) Policy(text []byte) (repository.VersionPolicy, error) {
	if text == nil {
		return repository.VersionPolicy{}, nil
	}
	cfg, err := modelconfig.Parse(text)
	if err != nil {
		return repository.VersionPolicy{}, err
	}
	return modelconfig.Policy(cfg), nil
}

// describe adds to a model's description what only a loaded one tells.
func (s *servable) describe(m *bedsidev1.Model) {
	switch {
	case s.language != nil:
		s.language.describe(m)
	case s.embedding != nil:
		mf := s.embedding.Manifest()
		m.Reference = reference(mf)
		m.Kind, m.Precision, m.Languages, m.License = mf.Kind, mf.Precision, mf.Languages, mf.License
		m.ContextLength, m.VocabSize, m.Dimensions = int32(mf.MaxLength), int32(mf.VocabSize), int32(mf.Dimensions)
		m.BatchInvariant = mf.BatchInvariant
	default:
		m.Kind = kindTensors
	}
}

// kindTensors is the kind of any ONNX file that Bedside knows nothing more of.
const kindTensors = "tensors"

// attributes describe a model in the log.
func (s *servable) attributes() []any {
	if lm := s.language; lm != nil {
		return []any{"kind", lm.manifest.Kind, "precision", lm.manifest.Precision,
			"slot_capacity", lm.engine.Capacity(), "slot_bytes", lm.engine.SlotMemory().Bytes, "cache_bytes", lm.cacheBytes, "batch_invariant", lm.manifest.BatchInvariant}
	}
	if e := s.embedding; e != nil {
		return []any{"kind", e.Manifest().Kind, "precision", e.Manifest().Precision, "dimensions", e.Manifest().Dimensions}
	}
	return []any{"kind", kindTensors, "max_batch_size", s.tensors.Config().GetMaxBatchSize()}
}
