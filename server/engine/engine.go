// Package engine runs sequences on a language model: the batcher decides, one goroutine
// carries out. That goroutine alone owns scheduler, model and sequences; everyone else
// talks to it through a channel.
package engine

import (
	"context"
	"errors"
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bedside-lm/bedside/batcher/continuous"
	"github.com/bedside-lm/bedside/runtime/constrain"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/runtime/tokenizer"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/watchdog"
)

// ErrStopped says that the engine stopped before the request was done.
var ErrStopped = errors.New("engine stopped")

// ErrFailed says that the model failed on the request's step; the cause is wrapped.
var ErrFailed = errors.New("model failed")

// Engine batches requests onto one model. It is safe for concurrent use.
type Engine struct {
	model     *ort.LanguageModel
	padded    bool // whether attention pads rows, and rounds single tokens otherwise than others
	tokenizer *tokenizer.Tokenizer
	metrics   *Metrics
	eos       map[int32]bool
	forms     *forms

	levels   int
	capacity int
	inbox    chan message
	done     chan struct{} // closed when the loop has ended
	abort    context.CancelFunc
	dog      *watchdog.Dog
	broken   atomic.Pointer[apierror.PanicError] // why the loop ended before its time

	// Owned by the loop.
	scheduler *continuous.Scheduler
	sequences map[uint64]*sequence
	prefixes  *prefixes // nil: every request runs all of its prompt
	lastID    uint64
	rows      []ort.Row
	results   []continuous.Result
	prepared  <-chan struct{} // closed when what prepare does beside the step is done; nil where there is nothing
}

// message is what others ask of the loop: exactly one field is set.
type message struct {
	submit *sequence
	cancel *sequence
	drain  bool
}

// ModelOptions sizes a model for a scheduler. A step may run one token more a row than the
// scheduler planned (see rowOf), and a scored prompt wants logits of every token.
func ModelOptions(cfg continuous.Config, threads int) ort.Options {
	cfg = cfg.WithDefaults()
	tokens := cfg.TokenBudget + cfg.Slots
	return ort.Options{
		Threads: threads, Slots: cfg.Slots, SlotCapacity: cfg.SlotCapacity,
		MaxTokens: tokens, MaxLogits: tokens,
	}
}

// Options are an engine's settings beside the scheduler's.
type Options struct {
	Metrics *Metrics
	Dog     *watchdog.Dog // watches the steps; nil: nothing does
	// PrefixTokens is how many tokens of requests that have ended may be kept, for others that begin as they did.
	PrefixTokens int
	// DraftTokens bounds the tokens of a step in which tokens are guessed ahead (see drafts); 0: none are.
	DraftTokens int
}

// New starts an engine on a model opened with ModelOptions(cfg, ...). The engine owns the
// model from here on; Close ends both.
func New(model *ort.LanguageModel, tok *tokenizer.Tokenizer, cfg continuous.Config, opt Options) (*Engine, error) {
	cfg = cfg.WithDefaults()
	memory := model.SlotMemory()
	if memory.Padded {
		// Slots have room for that.
		cfg.PaddedCapacity = cfg.SlotCapacity + cfg.MaxChunk
	}
	capacity := cfg.SlotCapacity
	if cfg.TokenMemory > 0 {
		capacity = min(capacity, cfg.TokenMemory)
	}
	ctx, abort := context.WithCancel(context.Background())
	e := &Engine{
		model: model, padded: memory.Padded, tokenizer: tok, metrics: opt.Metrics.of(!memory.Constant), eos: map[int32]bool{},
		levels: cfg.PriorityLevels, capacity: capacity, inbox: make(chan message), done: make(chan struct{}), abort: abort, dog: opt.Dog,
		sequences: map[uint64]*sequence{}, prefixes: newPrefixes(model, opt.PrefixTokens, cfg.TokenMemory),
	}
	if e.prefixes != nil {
		cfg.Place = e.place
	}
	if memory.Shared { // a guessed token's logits are then those that it would have by itself
		cfg.Draft, cfg.DraftTokens = e.draft, min(opt.DraftTokens, cfg.TokenBudget)
	}
	var err error
	if e.scheduler, err = continuous.New(cfg); err != nil {
		abort()
		return nil, err
	}
	for _, id := range model.Manifest().EOSTokenIDs {
		e.eos[id] = true
	}
	e.forms = newForms(func() *constrain.Vocabulary {
		return constrain.NewVocabulary(tok, model.Manifest().VocabSize, model.Manifest().EOSTokenIDs)
	})
	e.metrics.load(e.scheduler.Stats())
	go e.loop(ctx)
	return e, nil
}

// SlotMemory says what a sequence takes.
func (e *Engine) SlotMemory() ort.SlotMemory { return e.model.SlotMemory() }

// Manifest describes the model as it runs on this machine.
func (e *Engine) Manifest() *repository.Manifest { return e.model.Manifest() }

// Capacity is how many tokens a prompt and its answer may have together.
func (e *Engine) Capacity() int { return e.capacity }

// PriorityLevels is how many levels there are; 1 is the highest.
func (e *Engine) PriorityLevels() int { return e.levels }

// Drain refuses new requests; accepted ones go on to their end.
func (e *Engine) Drain() { e.send(message{drain: true}) }

// Close stops the engine at once: what is running or waiting ends with ErrStopped.
func (e *Engine) Close() error {
	e.abort()
	select {
	case <-e.done:
		return e.model.Close()
	case <-e.dog.Stuck():
		return errStuck // the model is still being used
	}
}

// send hands the loop a message; once the loop has ended there is nobody left to mind it.
func (e *Engine) send(m message) {
	select {
	case e.inbox <- m:
	case <-e.done:
	case <-e.dog.Stuck():
	}
}

// submit hands a sequence to the loop and waits for the scheduler's answer.
func (e *Engine) submit(ctx context.Context, s *sequence) error {
	select {
	case e.inbox <- message{submit: s}:
	case <-e.done:
		return ErrStopped
	case <-e.dog.Stuck():
		return errStuck
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-s.admitted:
		return err
	case <-e.dog.Stuck():
		return errStuck
	}
}

func (e *Engine) loop(ctx context.Context) {
	defer close(e.done)
	defer e.guard()
	for {
		if !e.receive(ctx) {
			e.stopAll()
			return
		}
		e.step(ctx)
	}
}

// receive takes what has come in. With nothing to run it waits; it says false when the
// engine is to stop.
func (e *Engine) receive(ctx context.Context) bool {
	for {
		if e.scheduler.Idle() {
			select {
			case m := <-e.inbox:
				e.handle(m)
			case <-ctx.Done():
				return false
			}
			continue
		}
		select {
		case m := <-e.inbox:
			e.handle(m)
		case <-ctx.Done():
			return false
		default:
			return true
		}
	}
}

func (e *Engine) handle(m message) {
	switch {
	case m.submit != nil:
		s := m.submit
		e.lastID++
		s.id = e.lastID
		err := e.scheduler.Admit(time.Now(), continuous.Request{
			ID: s.id, PromptTokens: s.runLength(), MaxNewTokens: s.maxNew, Priority: s.priority, Deadline: s.deadline, Tenant: s.tenant,
		})
		if err == nil {
			e.sequences[s.id] = s
			e.metrics.load(e.scheduler.Stats())
		} else {
			e.metrics.refused(err)
		}
		s.admitted <- err
	case m.cancel != nil:
		e.scheduler.Cancel(m.cancel.id)
	case m.drain:
		e.scheduler.Drain()
	}
}

// step runs one plan.
func (e *Engine) step(ctx context.Context) {
	began := time.Now()
	plan := e.scheduler.Plan(began)
	e.finish(plan.Ended, nil)
	if len(plan.Rows) == 0 {
		return
	}
	e.rows = e.rows[:0]
	for _, r := range plan.Rows {
		s := e.sequences[r.ID]
		if s.started.IsZero() {
			s.started = began
			e.metrics.queued(began.Sub(s.arrived))
		}
		e.rows = append(e.rows, rowOf(s, r, e.padded))
	}
	e.results = e.results[:0]
	for _, r := range plan.Rows {
		e.results = append(e.results, continuous.Result{ID: r.ID, Outcome: continuous.OutcomeFail})
	}
	e.prepared = e.prepare(plan.Rows)
	err := e.attempt(ctx, plan.Rows, e.rows, e.results, false)
	ended, completeErr := e.scheduler.Complete(time.Now(), e.results)
	if completeErr != nil {
		// The results above answer the plan row by row, so this is a defect of ours; to go
		// on would leave callers waiting for ever.
		panic(completeErr)
	}
	e.metrics.step(e.rows, time.Since(began), e.scheduler.Stats())
	e.finish(ended, err)
}

// finish tells sequences that they have ended and frees what they held.
func (e *Engine) finish(ended []continuous.Ended, cause error) {
	for _, end := range ended {
		s := e.sequences[end.ID]
		delete(e.sequences, end.ID)
		if end.Slot >= 0 {
			if err := e.release(end, s, cause == nil); err != nil && cause == nil {
				cause = err
			}
		}
		if end.Reason == continuous.ReasonDisplaced {
			s.end(end.Reason, e.scheduler.Displaced())
		} else {
			s.end(end.Reason, cause)
		}
		e.metrics.ended(end.Reason, s)
	}
	if len(ended) > 0 {
		e.metrics.load(e.scheduler.Stats())
	}
}

// place chooses the slot of a request that starts, for the scheduler.
func (e *Engine) place(id uint64, free func(slot int) bool) (slot, held int) {
	s := e.sequences[id]
	slot, s.cached = e.prefixes.place(s, free)
	return slot, s.cached
}

// draft guesses what follows a sequence's last token, for the scheduler.
func (e *Engine) draft(id uint64, most int) int {
	s := e.sequences[id]
	if s.write == nil || s.write.form != nil {
		return 0
	}
	return s.write.drafts.guess(s.tokens, most)
}

// release gives a slot back, or keeps what a text that ran as it should has left in it.
func (e *Engine) release(end continuous.Ended, s *sequence, ran bool) error {
	if e.prefixes == nil {
		return e.model.ReleaseSlot(end.Slot)
	}
	return e.prefixes.end(end.Slot, ran && s.score == nil && s.failure == nil && end.Reason != continuous.ReasonFailed)
}

// stopAll ends every sequence when the engine stops.
func (e *Engine) stopAll() {
	for id, s := range e.sequences {
		delete(e.sequences, id)
		s.end(continuous.ReasonFailed, ErrStopped)
		e.metrics.ended(continuous.ReasonFailed, s)
	}
}

// parallel calls f for 0 to n-1, here and on other goroutines where that pays. Each takes the next that nobody has, so that a
// goroutine whose processor is busy with something else keeps nobody waiting.
func parallel(n int, f func(i int)) {
	const perWorker = 4 // rows; below that, starting a goroutine costs more than it saves
	var next atomic.Int64
	work := func() {
		for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
			f(int(i))
		}
	}
	var helpers sync.WaitGroup
	for range min(goruntime.GOMAXPROCS(0), (n+perWorker-1)/perWorker) - 1 {
		helpers.Go(work)
	}
	work()
	helpers.Wait()
}
