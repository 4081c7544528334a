package ort

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"

	onnx "github.com/yalue/onnxruntime_go"
	"golang.org/x/sys/cpu"

	"github.com/bedside-lm/bedside/runtime/repository"
)

// Options sizes a language model.
type Options struct {
	Threads      int // threads within an operator; 0: one a core
	Slots        int // sequences that run at once
	SlotCapacity int // tokens of one sequence, prompt and answer together
	MaxTokens    int // tokens of one step, all rows together
	MaxLogits    int // rows of logits that one step can give
}

// LanguageModel runs one exported model. It holds the sequences' caches in slots.
// One goroutine at a time may use it.
type LanguageModel struct {
	manifest *repository.Manifest
	options  Options
	session  *onnx.DynamicAdvancedSession
	cache    *slotCache
	feeds    *feeds
	stop     *onnx.RunOptions
	err      error // why the model can no longer be used
}

// Open loads a model folder. Init must have been called.
func Open(m *repository.Manifest, opt Options) (*LanguageModel, error) {
	if opt.Slots < 1 || opt.SlotCapacity < 1 || opt.MaxTokens < 1 || opt.MaxLogits < 1 {
		return nil, fmt.Errorf("model %s: slots, slot capacity, tokens and logits of a step must be positive", m.Name)
	}
	if opt.SlotCapacity > m.ContextLength {
		return nil, fmt.Errorf("model %s: slots of %d tokens, but its context is %d", m.Name, opt.SlotCapacity, m.ContextLength)
	}
	model := &LanguageModel{manifest: m, options: opt}
	if err := model.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("model %s: %w", m.Name, err), model.Close())
	}
	return model, nil
}

func (m *LanguageModel) open() error {
	var err error
	if m.session, err = newSession(m.manifest, m.options.Threads); err != nil {
		return err
	}
	// A slot has room for a whole step beyond its capacity: attention pads every row of
	// a call to the widest, and start+width must lie within the slot.
	places := m.options.SlotCapacity + m.options.MaxTokens
	mf := m.manifest
	if m.cache, err = newSlotCache(mf.NumLayers, m.options.Slots, mf.NumKVHeads, places, mf.HeadDim); err != nil {
		return err
	}
	if m.feeds, err = newFeeds(m.options, mf.VocabSize); err != nil {
		return err
	}
	m.stop, err = onnx.NewRunOptions()
	return err
}

// Manifest describes the model.
func (m *LanguageModel) Manifest() *repository.Manifest { return m.manifest }

// Options returns the sizes the model was opened with.
func (m *LanguageModel) Options() Options { return m.options }

func newSession(mf *repository.Manifest, threads int) (*onnx.DynamicAdvancedSession, error) {
	opts, err := onnx.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer func() { _ = opts.Destroy() }()
	err = errors.Join(
		opts.SetIntraOpNumThreads(threads),
		opts.SetInterOpNumThreads(1),
		// Every step has other shapes: a memory plan a shape would pile up.
		opts.SetMemPattern(false),
		opts.SetGraphOptimizationLevel(onnx.GraphOptimizationLevelEnableAll),
	)
	if goruntime.GOARCH == "amd64" && !cpu.X86.HasAVX512VNNI && !cpu.X86.HasAVXVNNI {
		// Without VNNI the fast 8-bit product overflows its 16-bit sums; this takes the exact
		// one. With VNNI products are exact anyway, and it would make prompts 1.5 times slower.
		err = errors.Join(err, opts.AddSessionConfigEntry("session.x64quantprecision", "1"))
	}
	if err != nil {
		return nil, fmt.Errorf("session options: %w", err)
	}
	inputs, outputs := names(mf.NumLayers)
	session, err := onnx.NewDynamicAdvancedSession(mf.Path("model.onnx"), inputs, outputs, opts)
	if err != nil {
		return nil, fmt.Errorf("load model.onnx: %w", err)
	}
	return session, nil
}

// names lists the graph's inputs and outputs in the order in which call binds them.
func names(layers int) (inputs, outputs []string) {
	inputs = []string{"input_ids", "pad_index", "unpad_index", "logits_index", "seqlens_k", "total_seq", "query_seqlens"}
	outputs = []string{"logits"}
	for l := range layers {
		for _, side := range []string{"key", "value"} {
			inputs = append(inputs, fmt.Sprintf("past_key_values.%d.%s", l, side))
			outputs = append(outputs, fmt.Sprintf("present.%d.%s", l, side))
		}
	}
	return inputs, outputs
}

// Logits holds a step's logits; it is valid until the next step.
type Logits struct {
	rows [][]float32
}

// Row returns the logits wanted of the step's row i, [len(Tokens)-LogitsFrom, vocabulary]
// flattened, in the memory that the model wrote them to.
func (l Logits) Row(i int) []float32 { return l.rows[i] }

// Step runs rows of distinct slots and returns the logits that they ask for. When ctx
// ends, the step stops soon after with ErrTerminated. After an error, the rows' slots hold
// nothing reliable from each Start on; other slots are untouched.
//
// A row's logits are the same bits whatever other rows the step has, and however its
// tokens were spread over steps, with one exception: attention multiplies matrix by vector
// for a row of a single token, and rounds otherwise than for a longer row. Who wants a
// prompt's bits not to depend on its chunks never makes a chunk of one token, but for the
// very first (where attention has one place to look at, and nothing to round).
func (m *LanguageModel) Step(ctx context.Context, rows []Row) (Logits, error) {
	if m.err != nil {
		return Logits{}, m.err
	}
	if err := m.check(rows); err != nil {
		return Logits{}, err
	}
	runs := groupRuns(rows)
	out := Logits{rows: make([][]float32, len(rows))}
	logitsUsed := 0
	for _, r := range runs {
		used, err := m.call(ctx, rows, r, logitsUsed, out.rows)
		if err != nil {
			return Logits{}, err
		}
		logitsUsed += used
	}
	return out, nil
}

func (m *LanguageModel) check(rows []Row) error {
	seen := make(map[int]bool, len(rows))
	tokens, logits := 0, 0
	for i, r := range rows {
		n := len(r.Tokens)
		switch {
		case r.Slot < 0 || r.Slot >= m.options.Slots || seen[r.Slot]:
			return fmt.Errorf("%w: row %d: slot %d is out of range or taken twice", ErrPlan, i, r.Slot)
		case n == 0 || r.Start < 0 || r.Start+n > m.options.SlotCapacity:
			return fmt.Errorf("%w: row %d: %d tokens after %d in a slot of %d", ErrPlan, i, n, r.Start, m.options.SlotCapacity)
		case r.LogitsFrom < 0 || r.LogitsFrom > n:
			return fmt.Errorf("%w: row %d: logits from %d of %d tokens", ErrPlan, i, r.LogitsFrom, n)
		}
		for _, t := range r.Tokens {
			if t < 0 || int(t) >= m.manifest.VocabSize {
				return fmt.Errorf("%w: row %d: token %d is not in the vocabulary of %d", ErrPlan, i, t, m.manifest.VocabSize)
			}
		}
		seen[r.Slot] = true
		tokens += n
		logits += n - r.LogitsFrom
	}
	if tokens > m.options.MaxTokens || logits > m.options.MaxLogits {
		return fmt.Errorf("%w: %d tokens and %d rows of logits; at most %d and %d", ErrPlan,
			tokens, logits, m.options.MaxTokens, m.options.MaxLogits)
	}
	return nil
}

// ReleaseSlot forgets a sequence and gives its memory back.
func (m *LanguageModel) ReleaseSlot(slot int) error {
	if m.err != nil {
		return m.err
	}
	if slot < 0 || slot >= m.options.Slots {
		return fmt.Errorf("%w: slot %d", ErrPlan, slot)
	}
	return m.cache.release(slot)
}

// Close frees the model. No step may be under way.
func (m *LanguageModel) Close() error {
	if errors.Is(m.err, ErrClosed) {
		return nil
	}
	m.err = ErrClosed
	var errs []error
	if m.session != nil {
		errs = append(errs, m.session.Destroy())
	}
	if m.cache != nil {
		errs = append(errs, m.cache.close())
	}
	if m.feeds != nil {
		errs = append(errs, m.feeds.close())
	}
	if m.stop != nil {
		errs = append(errs, m.stop.Destroy())
	}
	return errors.Join(errs...)
}
