// Package embed turns texts into vectors: a tokenizer, a dynamic batcher and an encoder on ONNX Runtime.
//
// Texts of all requests share runs. A vector is the same bit for bit, whatever else was in its run.
package embed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	goruntime "runtime"
	"slices"
	"sync"

	"github.com/bedside-lm/bedside/batcher/dynamic"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/runtime/tensor"
	"github.com/bedside-lm/bedside/runtime/tokenizer"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/quota"
	"github.com/bedside-lm/bedside/server/watchdog"
)

// Kind says what a text is for.
type Kind int

// The kinds of text.
const (
	Query   Kind = iota // what is looked for
	Passage             // what is to be found
)

// Request asks for one vector for each of its texts.
type Request struct {
	Texts []string
	Kind  Kind
	// Truncate cuts texts that are too long instead of refusing them.
	Truncate bool
	Tenant   string
}

// Vector is a text's embedding.
type Vector struct {
	// Values have Euclidean length 1. They are read-only: a run's vectors share memory.
	Values []float32
	// Tokens is how many the model read, Truncated whether there were more.
	Tokens    int
	Truncated bool
}

// Options size an Engine.
type Options struct {
	Threads       int                // cores for all runs together; 0: all
	MaxQueue      int                // texts that may wait; 0: 2048, room for two of the largest requests
	TenantWeights map[string]float64 // see dynamic.Config
	QueueShares   map[string]float64 // likewise
	Metrics       *MetricSet         // nil: none
	Dog           *watchdog.Dog      // watches the runs; nil: nothing does
}

// widths are the places that texts are padded to in attention. A text's width follows from its own length alone, and runs
// hold texts of one width: that keeps its vector the same in any company (scripts/embedding/README.md, "Batch
// invariance"). Dense layers, which take nine tenths of the time, see no padding at all.
var widths = []int{16, 32, 48, 64, 96, 128, 192, 256, 384, 512}

const (
	// A token costs no less in a run of 1,000 than in one of 200 (docs/embeddings.md), so runs are kept short.
	maxBatchTokens = 512
	maxBatchTexts  = 64
	defaultQueue   = 2048
	maxInstances   = 8
	outputName     = "embeddings"
)

// Engine runs one embedding model. It is safe for concurrent use.
type Engine struct {
	manifest  *repository.Manifest
	tokenizer *tokenizer.Unigram
	model     *ort.TensorModel
	batcher   *dynamic.Batcher[[]int32, vector]
	dog       *watchdog.Dog
	metrics   *metrics
	widths    []int
	prefixes  map[Kind]string
	// encoding bounds how many texts are cut into tokens at once: a long one takes some 16 MB for that moment.
	encoding chan struct{}

	closing sync.Once
	closed  error
}

// Open loads the model that mf describes, whose Graph is repository.GraphPackedEncoder. ort.Init must have been called.
// Errors are those of the packages beneath, and *repository.Error for a folder that contradicts its manifest. version
// labels the metrics.
func Open(mf *repository.Manifest, version int64, opt Options) (*Engine, error) {
	tok, err := tokenizer.LoadUnigram(mf.Dir)
	if err != nil {
		return nil, err
	}
	return open(mf, version, tok, opt)
}

func open(mf *repository.Manifest, version int64, tok *tokenizer.Unigram, opt Options) (*Engine, error) {
	instances, threads := spread(opt.Threads)
	e := &Engine{
		manifest: mf, tokenizer: tok, dog: opt.Dog, encoding: make(chan struct{}, goruntime.GOMAXPROCS(0)),
		prefixes: map[Kind]string{Query: mf.Prefixes.Query, Passage: mf.Prefixes.Passage},
		widths:   append(slices.DeleteFunc(slices.Clone(widths), func(w int) bool { return w >= mf.MaxLength }), mf.MaxLength),
	}
	if n := e.tokenizer.VocabSize(); n > mf.VocabSize {
		return nil, &repository.Error{Dir: mf.Dir, Reason: fmt.Sprintf("tokenizer.json has %d tokens, the model %d", n, mf.VocabSize)}
	}
	var err error
	if e.model, err = ort.OpenTensorModel(mf.Path("model.onnx"), ort.TensorOptions{Threads: threads}); err != nil {
		return nil, err
	}
	if reason := unlike(e.model, mf.Dimensions); reason != "" {
		return nil, errors.Join(&repository.Error{Dir: mf.Dir, Reason: "model.onnx: " + reason}, e.model.Close())
	}
	e.metrics = opt.Metrics.forModel(mf.Name, version)
	if e.batcher, err = dynamic.New(e.batching(instances, opt), e.run, e.metrics); err != nil {
		e.metrics.release()
		return nil, errors.Join(err, e.model.Close())
	}
	e.metrics.watch(e.Waiting)
	return e, nil
}

// spread gives each run few cores and has several at once: threads that share a run wait for each other at each of its
// several hundred operators.
func spread(cores int) (instances, threads int) {
	if cores <= 0 {
		cores = goruntime.GOMAXPROCS(0)
	}
	instances = min(cores, maxInstances)
	return instances, cores / instances
}

func (e *Engine) batching(instances int, opt Options) dynamic.Config {
	cfg := dynamic.Config{
		MaxBatchSize: maxBatchTexts, MaxBatchTokens: max(maxBatchTokens, e.manifest.MaxLength), LengthBuckets: e.widths,
		Instances: instances, MaxQueue: opt.MaxQueue, TenantWeights: maps.Clone(opt.TenantWeights), QueueShares: maps.Clone(opt.QueueShares),
	}
	if cfg.MaxQueue == 0 {
		cfg.MaxQueue = defaultQueue
	}
	return cfg
}

// unlike says how a model differs from the contract in scripts/embedding/README.md.
func unlike(m *ort.TensorModel, dimensions int) string {
	ranks := map[string]int{"input_ids": 1, "position_ids": 1, "pad_index": 2, "unpad_index": 1, "lengths": 1}
	for _, in := range m.Inputs() {
		if in.Type != tensor.Int64 || len(in.Dims) != ranks[in.Name] {
			return fmt.Sprintf("input %q is not one of a packed encoder's", in.Name)
		}
		delete(ranks, in.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(ranks)) {
		return fmt.Sprintf("has no input %q", name)
	}
	for _, out := range m.Outputs() {
		if out.Name == outputName && out.Type == tensor.FP32 && len(out.Dims) == 2 && out.Dims[1] == int64(dimensions) {
			return ""
		}
	}
	return fmt.Sprintf("has no output %q of %d numbers a text", outputName, dimensions)
}

// Manifest describes the model.
func (e *Engine) Manifest() *repository.Manifest { return e.manifest }

// Waiting tells how many texts wait for a run.
func (e *Engine) Waiting() int { return e.batcher.Stats().Queued }

// Embed gives one vector for each text, in order. All texts are taken into the queue or none is. Errors are
// *apierror.FieldError for a text that is too long, *dynamic.Error for what the queue refused, and those of runtime/ort.
func (e *Engine) Embed(ctx context.Context, r Request) ([]Vector, error) {
	out, err := e.embed(ctx, r)
	e.metrics.ended(len(r.Texts), err)
	return out, err
}

func (e *Engine) embed(ctx context.Context, r Request) ([]Vector, error) {
	if places := e.batcher.Config().MaxQueue; len(r.Texts) > places {
		return nil, &apierror.FieldError{Field: "texts", Message: fmt.Sprintf("has %d texts; the queue has places for %d", len(r.Texts), places)}
	}
	texts, items := make([][]int32, len(r.Texts)), make([]dynamic.Item, len(r.Texts))
	out := make([]Vector, len(r.Texts))
	deadline, _ := ctx.Deadline() // the zero time where there is none
	tokens := 0
	for i, text := range r.Texts {
		ids, truncated, err := e.encode(ctx, e.prefixes[r.Kind]+text)
		if err != nil {
			return nil, err
		}
		if truncated && !r.Truncate {
			return nil, &apierror.FieldError{
				Field:   fmt.Sprintf("texts[%d]", i),
				Message: fmt.Sprintf("has more than the %d tokens that the model takes; set truncate to have it cut there", e.manifest.MaxLength),
			}
		}
		texts[i], items[i] = ids, dynamic.Item{Size: 1, Tokens: len(ids), Tenant: r.Tenant, Deadline: deadline}
		out[i].Tokens, out[i].Truncated = len(ids), truncated
		tokens += len(ids)
	}
	quota.Charge(ctx, tokens)
	results, err := e.batcher.DoAll(ctx, texts, items)
	if err != nil {
		return nil, err
	}
	for i := range out {
		if out[i].Values, err = results[i].Value.values, results[i].Value.err; err != nil {
			return nil, err
		}
	}
	return out, nil
}

// encode cuts a text into tokens, when it is its turn.
func (e *Engine) encode(ctx context.Context, text string) (ids []int32, truncated bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	select {
	case e.encoding <- struct{}{}:
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	defer func() { <-e.encoding }()
	ids, truncated = e.tokenizer.Encode(text, e.manifest.MaxLength)
	return ids, truncated, nil
}

// vector is one text's, or why there is none.
type vector struct {
	values []float32
	err    error
}

// run is the batcher's: one vector for each text.
func (e *Engine) run(ctx context.Context, texts [][]int32) ([]vector, error) {
	out := make([]vector, len(texts))
	e.runAll(ctx, texts, out, false)
	return out, nil
}

// runAll runs texts together, and where that fails each half by itself, so that one text cannot take others with it.
func (e *Engine) runAll(ctx context.Context, texts [][]int32, out []vector, again bool) {
	watched, done := e.dog.Watch(ctx, again)
	var values [][]float32
	err := apierror.Catch(func() (err error) {
		values, err = e.together(watched, texts)
		return err
	})
	done()
	switch half := len(texts) / 2; {
	case err == nil:
		for i := range out {
			out[i].values = values[i]
		}
	case half == 0 && !again && errors.Is(err, watchdog.ErrHung) && ctx.Err() == nil && !e.dog.IsStuck():
		e.runAll(ctx, texts, out, true) // it may have been the machine that stood still
	case half == 0 || ctx.Err() != nil || e.dog.IsStuck():
		for i := range out {
			out[i].err = err
		}
	default:
		e.runAll(ctx, texts[:half], out[:half], true)
		e.runAll(ctx, texts[half:], out[half:], true)
	}
}

func (e *Engine) together(ctx context.Context, texts [][]int32) ([][]float32, error) {
	outputs, err := e.model.Run(ctx, layout(texts, e.width(texts)), []string{outputName})
	if err != nil {
		return nil, err
	}
	values, err := tensor.Values[float32](outputs[0])
	if err != nil {
		return nil, err
	}
	length := e.manifest.Dimensions
	if len(values) != len(texts)*length {
		return nil, fmt.Errorf("the model gave %d numbers for %d texts of %d", len(values), len(texts), length)
	}
	out := make([][]float32, len(texts))
	for i := range out {
		out[i] = values[i*length : (i+1)*length : (i+1)*length]
	}
	return out, nil
}

// width is what the longest text is padded to; texts of one run have the same.
func (e *Engine) width(texts [][]int32) int {
	longest := 0
	for _, t := range texts {
		longest = max(longest, len(t))
	}
	at, _ := slices.BinarySearch(e.widths, longest)
	return e.widths[min(at, len(e.widths)-1)]
}

// Close ends the engine. What still waits or runs ends with dynamic.ErrStopped: let requests end first. It may be called
// several times.
func (e *Engine) Close() error {
	e.closing.Do(func() {
		e.batcher.Close()
		e.metrics.release()
		e.closed = e.model.Close()
	})
	return e.closed
}
