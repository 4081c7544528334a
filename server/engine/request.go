package engine

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/bedside-lm/bedside/runtime/constrain"
	"github.com/bedside-lm/bedside/runtime/sampling"
	"github.com/bedside-lm/bedside/server/quota"
	"github.com/bedside-lm/bedside/server/tenant"
)

// A caller whose context ended is told its context's error, so these two reach nobody
// but a caller whose deadline the scheduler saw first.
var (
	errExpired   = context.DeadlineExceeded
	errCancelled = context.Canceled
)

// ErrEmpty says that there is no token to start from, or none to score.
var ErrEmpty = errors.New("no tokens")

// Request asks for a text.
type Request struct {
	Prompt   []int32         // at least one token
	Sampling sampling.Params // MaxTokens: at least 1
	Priority int             // 0: the default level
	// Form is what the text must be like. One that cannot be had is a *constrain.Error.
	Form constrain.Form
}

// Generation is a text being written. Read Events to its end, then Err and Summary.
type Generation struct {
	engine   *Engine
	sequence *sequence
	ctx      context.Context
	unwatch  func() bool
	seed     *uint64
	lost     bool // the loop will never tell of it
}

// Generate starts writing. It returns once the request is accepted; the scheduler's refusals
// are *continuous.Error. When ctx ends, the request leaves the batch at the next step.
func (e *Engine) Generate(ctx context.Context, r Request) (*Generation, error) {
	if len(r.Prompt) == 0 {
		return nil, ErrEmpty
	}
	sampler, err := sampling.New(r.Sampling)
	if err != nil {
		return nil, err
	}
	var automaton *constrain.Automaton
	if !r.Form.Free() {
		if automaton, err = e.forms.get(r.Form); err != nil {
			return nil, err
		}
	}
	sampler.Observe(r.Prompt...)
	s := newSequence(ctx, r.Prompt, r.Priority)
	s.maxNew = r.Sampling.MaxTokens
	s.write = &writing{
		sampler: sampler, stream: e.tokenizer.NewStream(), stops: sampling.NewStopMatcher(r.Sampling.Stop), logprobs: r.Sampling.Logprobs > 0,
	}
	s.tokens = append(make([]int32, 0, len(r.Prompt)+min(s.maxNew, e.Capacity())), r.Prompt...)
	if automaton != nil {
		if err := s.begin(automaton, func(text string) []int32 { return e.tokenizer.Encode(text) }); err != nil {
			return nil, err
		}
	}
	// One more for what is held back until the end.
	s.events = make(chan Event, min(r.Sampling.MaxTokens, e.Capacity())+1)
	g := &Generation{sequence: s, ctx: ctx, engine: e}
	if g.unwatch, err = e.start(ctx, s); err != nil {
		return nil, err
	}
	if r.Sampling.Temperature > 0 {
		seed := sampler.Seed()
		g.seed = &seed
	}
	return g, nil
}

// Events gives the pieces in order, until the text has ended for whatever reason. Leaving
// the loop early cancels the request.
func (g *Generation) Events() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		defer g.unwatch()
		for {
			select {
			case ev, more := <-g.sequence.events:
				if !more {
					quota.Charge(g.ctx, g.sequence.summary.CompletionTokens)
					return
				}
				if !yield(ev) {
					g.engine.send(message{cancel: g.sequence})
					return
				}
			case <-g.engine.dog.Stuck():
				g.lost = true
				return
			}
		}
	}
}

// Err says, after the last event, why the text did not come to its end; nil if it did.
func (g *Generation) Err() error {
	if g.lost {
		return errStuck
	}
	return callerError(g.ctx, g.sequence.err)
}

// Summary says, after the last event, what the text took.
func (g *Generation) Summary() Summary {
	if g.lost {
		return Summary{}
	}
	return g.sequence.summary
}

// Seed returns the seed that the text is drawn with; nil for greedy decoding.
func (g *Generation) Seed() *uint64 { return g.seed }

func newSequence(ctx context.Context, prompt []int32, priority int) *sequence {
	s := &sequence{prompt: len(prompt), runEnd: len(prompt), priority: priority, admitted: make(chan error, 1), arrived: time.Now()}
	if deadline, ok := ctx.Deadline(); ok {
		s.deadline = deadline
	}
	s.tenant, _ = tenant.Of(ctx) // a call whose tenant cannot be told never gets here
	return s
}

// start submits a sequence and has it cancelled when ctx ends, until unwatch is called.
func (e *Engine) start(ctx context.Context, s *sequence) (unwatch func() bool, err error) {
	if err := e.submit(ctx, s); err != nil {
		return nil, err
	}
	quota.Charge(ctx, s.runLength())
	return context.AfterFunc(ctx, func() { e.send(message{cancel: s}) }), nil
}

// callerError prefers what the caller's own context says.
func callerError(ctx context.Context, err error) error {
	if errors.Is(err, errCancelled) || errors.Is(err, errExpired) {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
	}
	return err
}
