package ort

import (
	"context"
	"fmt"
	"slices"

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

// LanguageModel runs one model. It holds the sequences' caches in slots. One goroutine at a time may use it.
type LanguageModel struct {
	manifest *repository.Manifest
	options  Options
	graph    graph
	closed   bool

	taken  []bool      // by slot: a row of the step being checked has it
	logits [][]float32 // of the latest step's rows
}

// graph is a model's file with the memory of its slots. There is one implementation for each kind of graph.
type graph interface {
	// step runs rows that fit the options, and puts where each one's logits are into out.
	step(ctx context.Context, rows []Row, out [][]float32) error
	memory() SlotMemory
	// keep copies what it takes to go back to a slot's first tokens; restore goes back.
	keep(slot, tokens int) ([]float32, error)
	restore(slot, tokens int, state []float32)
	release(slot int) error
	// copyPrefix puts a slot's first tokens into another one. It is called only where the memory is Shared.
	copyPrefix(from, to, tokens int)
	close() error
}

// SlotMemory is what a model keeps of a sequence.
type SlotMemory struct {
	Bytes int // of one slot: at its capacity where it grows
	// Constant: a state of the same size however long the sequence, instead of a cache that grows by the token. It cannot go
	// back: a row starts at 0, or where its slot's last row ended or started.
	Constant bool
	// Padded: attention pads every row of a call to the widest, so MaxTokens of a slot's capacity are set aside for that, and
	// rounds a row of a single token otherwise than a longer one (see Step).
	Padded bool
	// Shared: a sequence may start with what another slot holds of the same first tokens (CopyPrefix), for the bits are the same
	// however they came there.
	Shared bool
}

// Open loads a model folder. Init must have been called.
func Open(m *repository.Manifest, opt Options) (*LanguageModel, error) {
	if opt.Slots < 1 || opt.SlotCapacity < 1 || opt.MaxTokens < 1 || opt.MaxLogits < 1 {
		return nil, fmt.Errorf("model %s: slots, slot capacity, tokens and logits of a step must be positive", m.Name)
	}
	if opt.SlotCapacity > m.ContextLength {
		return nil, fmt.Errorf("model %s: slots of %d tokens, but its context is %d", m.Name, opt.SlotCapacity, m.ContextLength)
	}
	var g graph
	var err error
	switch m.Graph {
	case repository.GraphPackedGQA:
		g, err = openPacked(m, opt)
	case repository.GraphFused:
		g, err = openFused(m, opt)
	case repository.GraphRecurrent:
		var invariant bool
		if g, invariant, err = openRecurrent(m, opt); err == nil && !invariant {
			m = withoutInvariance(m)
		}
	case repository.GraphGenAI:
		g, err = openGenAI(m, opt)
	default:
		err = fmt.Errorf("graph %q is not one of a language model", m.Graph)
	}
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", m.Name, err)
	}
	return &LanguageModel{manifest: m, options: opt, graph: g, taken: make([]bool, opt.Slots)}, nil
}

// withoutInvariance is the manifest of a model that does not keep its promise on this machine.
func withoutInvariance(m *repository.Manifest) *repository.Manifest {
	other := *m
	other.BatchInvariant = false
	return &other
}

// SlotMemory says what a sequence takes.
func (m *LanguageModel) SlotMemory() SlotMemory { return m.graph.memory() }

// Manifest describes the model as it runs on this machine.
func (m *LanguageModel) Manifest() *repository.Manifest { return m.manifest }

// Options returns the sizes the model was opened with.
func (m *LanguageModel) Options() Options { return m.options }

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
// Where the manifest says BatchInvariant, a row's logits are the same bits whatever other rows the step has, and however its
// tokens were spread over steps, with one exception: attention that pads (SlotMemory) multiplies matrix by vector
// for a row of a single token, and rounds otherwise than for a longer row. Who wants a
// prompt's bits not to depend on its chunks never makes a chunk of one token, but for the
// very first (where attention has one place to look at, and nothing to round).
func (m *LanguageModel) Step(ctx context.Context, rows []Row) (Logits, error) {
	if m.closed {
		return Logits{}, ErrClosed
	}
	if err := m.check(rows); err != nil {
		return Logits{}, err
	}
	m.logits = slices.Grow(m.logits[:0], len(rows))[:len(rows)]
	if err := m.graph.step(ctx, rows, m.logits); err != nil {
		return Logits{}, err
	}
	return Logits{rows: m.logits}, nil
}

func (m *LanguageModel) check(rows []Row) error {
	clear(m.taken)
	tokens, logits := 0, 0
	for i, r := range rows {
		n := len(r.Tokens)
		switch {
		case r.Slot < 0 || r.Slot >= m.options.Slots || m.taken[r.Slot]:
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
		m.taken[r.Slot] = true
		tokens += n
		logits += n - r.LogitsFrom
	}
	if tokens > m.options.MaxTokens || logits > m.options.MaxLogits {
		return fmt.Errorf("%w: %d tokens and %d rows of logits; at most %d and %d", ErrPlan,
			tokens, logits, m.options.MaxTokens, m.options.MaxLogits)
	}
	return nil
}

// Kept is what a slot held after so many tokens.
type Kept struct {
	tokens int
	state  []float32 // nil where a slot's memory grows: what it held is still there
}

// Keep makes it possible to return to what a slot holds after its first tokens, of which the last row brought the last.
func (m *LanguageModel) Keep(slot, tokens int) (Kept, error) {
	if m.closed {
		return Kept{}, ErrClosed
	}
	if slot < 0 || slot >= m.options.Slots || tokens < 1 {
		return Kept{}, fmt.Errorf("%w: slot %d after %d tokens", ErrPlan, slot, tokens)
	}
	state, err := m.graph.keep(slot, tokens)
	return Kept{tokens: tokens, state: state}, err
}

// Return puts back what Keep found in the same slot, of which no row has run the first tokens anew since: the next row may
// start after them.
func (m *LanguageModel) Return(slot int, k Kept) error {
	if m.closed {
		return ErrClosed
	}
	if slot < 0 || slot >= m.options.Slots || k.tokens < 1 {
		return fmt.Errorf("%w: slot %d, to %d tokens", ErrPlan, slot, k.tokens)
	}
	m.graph.restore(slot, k.tokens, k.state)
	return nil
}

// CopyPrefix lets a slot hold the first tokens that another one holds, instead of running them; what it held before is lost.
// SlotMemory says which models can.
func (m *LanguageModel) CopyPrefix(from, to, tokens int) error {
	if m.closed {
		return ErrClosed
	}
	slots := m.options.Slots
	if !m.graph.memory().Shared || from < 0 || from >= slots || to < 0 || to >= slots || from == to || tokens < 1 || tokens > m.options.SlotCapacity {
		return fmt.Errorf("%w: %d tokens of slot %d for slot %d", ErrPlan, tokens, from, to)
	}
	m.graph.copyPrefix(from, to, tokens)
	return nil
}

// ReleaseSlot forgets a sequence and gives its memory back.
func (m *LanguageModel) ReleaseSlot(slot int) error {
	if m.closed {
		return ErrClosed
	}
	if slot < 0 || slot >= m.options.Slots {
		return fmt.Errorf("%w: slot %d", ErrPlan, slot)
	}
	return m.graph.release(slot)
}

// Close frees the model. No step may be under way.
func (m *LanguageModel) Close() error {
	if m.closed {
		return nil
	}
	m.closed = true
	return m.graph.close()
}
