package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/bedside-lm/bedside/batcher/continuous"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/sampling"
	"github.com/bedside-lm/bedside/server/apierror"
)

// Event is a piece of a text as it is written.
type Event struct {
	Text  string // whole characters, perhaps none
	Token *sampling.Token
}

// FinishReason says why a text ended.
type FinishReason int

// The reasons.
const (
	FinishStop   FinishReason = iota + 1 // the model ended its turn
	FinishLength                         // max_tokens
	FinishStopSequence
)

// Summary is what is known when a request has ended.
type Summary struct {
	Finish           FinishReason
	PromptTokens     int
	CachedTokens     int // of the prompt, that another request had run before
	CompletionTokens int
	Queue            time.Duration // arrival to first step
	Prefill          time.Duration // first step to first token
	Decode           time.Duration // first token to last
	// ConstraintMet says whether the text has the form that was asked for; nil where none was.
	ConstraintMet *bool
}

// sequence is one request. After submit the loop owns it, but for events, err and summary,
// which its caller reads: events as they come, the others once events is closed.
type sequence struct {
	id       uint64
	tokens   []int32 // the prompt, what was forced before anything was sampled, then what was sampled and forced
	prompt   int     // length of the prompt
	cached   int     // tokens of the prompt that did not have to be run
	maxNew   int     // most tokens to sample, and to append to those
	priority int
	tenant   string
	deadline time.Time

	// The tokens that the model reads together, tokens[runStart:runEnd]: the prompt at first, later what was sampled last
	// with what was appended to it.
	runStart, runEnd int

	write *writing // nil for a scored text
	score *scoring // nil for a written one

	admitted chan error
	// events has room for every token and never blocks the loop: a slow reader slows
	// nobody down, and max_tokens bounds what waits for it.
	events  chan Event
	err     error
	summary Summary

	arrived, started, firstToken, lastToken time.Time
	finish                                  FinishReason
	failure                                 error
	gap                                     time.Duration // since the token before, for metrics
	observed                                bool          // the first token, by metrics
}

// runLength is how many tokens the model must see before anything is sampled.
func (s *sequence) runLength() int {
	if s.write != nil && s.write.form != nil {
		return s.prompt + s.write.form.first
	}
	return s.prompt
}

// rowOf turns a planned row into the model's. Where attention pads rows, a single
// token of a prompt, or of tokens that were appended to a sampled one, is run together with
// the token before it: attention rounds single tokens otherwise than longer rows (see
// ort.LanguageModel.Step), and a text must not depend on how these were cut. The token
// before gets the bits that it already has, since the scheduler never cuts off the first
// token of such a run by itself. Other models do not need that, and a state could not go back.
func rowOf(s *sequence, r continuous.Row, padded bool) ort.Row {
	start, count := r.Start, r.Count
	if s.score != nil {
		start -= s.score.behind
	}
	planned := start
	if padded && count == 1 && start > s.runStart && start < s.runEnd {
		start, count = start-1, 2
	}
	row := ort.Row{Slot: r.Slot, Start: start, Tokens: s.tokens[start : start+count], LogitsFrom: count}
	if r.Drafted > 0 {
		row.Tokens = s.write.drafts.behind(row.Tokens, r.Drafted)
	}
	switch {
	case s.score != nil && planned >= s.prompt:
		row.LogitsFrom = planned - start // every token of a branch tells of those after it
	case r.Samples:
		row.LogitsFrom = count - 1
	}
	return row
}

// take uses the logits of the sequence's row.
func (s *sequence) take(planned continuous.Row, row ort.Row, logits []float32, now time.Time, eos map[int32]bool) continuous.Result {
	out := continuous.Result{ID: planned.ID}
	if s.score != nil {
		out.Appended = s.weigh(planned, row, logits)
	} else if planned.Samples {
		out.Accepted, out.Appended = s.sampleAll(planned.Drafted, logits, now, eos)
	}
	switch {
	case s.failure != nil:
		out.Outcome = continuous.OutcomeFail
	case s.finish != 0:
		out.Outcome = continuous.OutcomeStop
	}
	return out
}

func (s *sequence) stamp(now time.Time) {
	if s.firstToken.IsZero() {
		s.firstToken = now
	} else {
		s.gap = now.Sub(s.lastToken)
	}
	s.lastToken = now
}

// observe reports the latest token's timing, if there is one.
func (s *sequence) observe(m *Metrics) {
	switch {
	case s.gap > 0:
		m.interToken(s.gap)
	case !s.firstToken.IsZero() && !s.observed:
		s.observed = true
		m.firstToken(s.firstToken.Sub(s.arrived))
	}
	s.gap = 0
}

// end closes the sequence for its reader.
func (s *sequence) end(reason continuous.Reason, cause error) {
	defer close(s.events)
	if err := apierror.Catch(func() error { s.settle(reason, cause); return nil }); err != nil {
		s.err = fmt.Errorf("%w: %w", ErrFailed, err)
	}
}

// settle finds out what the sequence came to.
func (s *sequence) settle(reason continuous.Reason, cause error) {
	switch reason {
	case continuous.ReasonStop:
	case continuous.ReasonLength:
		if s.finish == 0 {
			s.finish = FinishLength
		}
	case continuous.ReasonExpired:
		s.err = errExpired
	case continuous.ReasonCancelled:
		s.err = errCancelled
	case continuous.ReasonDisplaced:
		s.err = cause
	case continuous.ReasonFailed:
		s.err = s.failed(cause)
	}
	if s.err == nil && s.write != nil && s.finish != FinishStopSequence {
		// What was held back for a character or a stop string to complete is text after all.
		rest, stopped := s.write.stops.Push(s.write.stream.Flush())
		if stopped {
			s.finish = FinishStopSequence
		} else {
			rest += s.write.stops.Flush()
		}
		if rest != "" {
			if s.write.form != nil {
				s.write.form.shown.WriteString(rest)
			}
			s.events <- Event{Text: rest}
		}
	}
	s.summary = Summary{
		Finish: s.finish, PromptTokens: s.prompt, CachedTokens: s.cached, CompletionTokens: len(s.tokens) - s.prompt,
		Queue: since(s.arrived, s.started), Prefill: since(s.started, s.firstToken), Decode: since(s.firstToken, s.lastToken),
		ConstraintMet: s.met(),
	}
	if s.score != nil {
		s.summary.PromptTokens, s.summary.CompletionTokens = s.prompt+s.score.behind+len(s.score.run), 0
	}
}

func (s *sequence) failed(cause error) error {
	if s.failure != nil {
		cause = s.failure
	}
	if cause == nil || errors.Is(cause, ErrStopped) {
		return ErrStopped
	}
	return fmt.Errorf("%w: %w", ErrFailed, cause)
}

func since(from, to time.Time) time.Duration {
	if from.IsZero() || to.IsZero() {
		return 0
	}
	return to.Sub(from)
}
