package engine

import (
	"strings"
	"time"

	"github.com/bedside-lm/bedside/batcher/continuous"
	"github.com/bedside-lm/bedside/runtime/constrain"
	"github.com/bedside-lm/bedside/runtime/sampling"
	"github.com/bedside-lm/bedside/runtime/tokenizer"
	"github.com/bedside-lm/bedside/server/apierror"
)

// writing is the state of a text being written.
type writing struct {
	sampler *sampling.Sampler
	stream  *tokenizer.Stream
	stops   *sampling.StopMatcher
	form    *formed // nil where the text may have any form
	drafts  drafts
	// logprobs says that every token needs logits of its own.
	logprobs bool
}

// formed is the state of a text that must have a form.
type formed struct {
	automaton *constrain.Automaton
	matcher   *constrain.Matcher
	encode    func(string) []int32
	first     int     // tokens behind the prompt that were forced before anything was sampled
	given     int     // those of them that are still to be told
	queue     []int32 // forced tokens that wait for their logits

	// What prepare found while the model ran.
	mask    []uint64
	failure error

	shown strings.Builder // the text that was told, for one that a stop string cuts off
}

// begin starts a text of a form behind the prompt in s.tokens. What must come first is made part of what the model reads; all
// but its last token where nothing would be left to sample. With log probabilities it waits for its logits instead.
func (s *sequence) begin(a *constrain.Automaton, encode func(string) []int32) error {
	f := &formed{automaton: a, matcher: a.Start(), encode: encode}
	s.write.form = f
	forced := f.matcher.ForcedTokens(encode)
	if s.write.logprobs {
		f.queue = forced
		return nil
	}
	whole := a.Start()
	for _, id := range forced {
		if err := whole.Accept(id); err != nil {
			return err
		}
	}
	if n := len(forced); n > 0 && whole.Finished() {
		forced = forced[:n-1]
	}
	forced = forced[:min(len(forced), s.maxNew-1)]
	for _, id := range forced {
		if err := f.matcher.Accept(id); err != nil {
			return err
		}
	}
	s.write.sampler.Observe(forced...)
	s.tokens = append(s.tokens, forced...)
	f.first, f.given = len(forced), len(forced)
	s.runEnd = len(s.tokens)
	s.maxNew -= len(forced)
	return nil
}

// prepare finds out which tokens may come next. It is called while the model runs.
func (f *formed) prepare() {
	if len(f.queue) == 0 {
		f.mask, f.failure = f.matcher.Mask()
	}
}

// prepare finds out, beside the model's run, which tokens may come next in the texts that must have a form. What it
// returns is closed when it is done; nil where there are none.
func (e *Engine) prepare(rows []continuous.Row) <-chan struct{} {
	var formed []*formed
	for _, r := range rows {
		if s := e.sequences[r.ID]; r.Samples && s.write != nil && s.write.form != nil {
			formed = append(formed, s.write.form)
		}
	}
	if len(formed) == 0 {
		return nil
	}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for _, f := range formed {
			if err := apierror.Catch(func() error { f.prepare(); return nil }); err != nil {
				f.failure = err
			}
		}
	}()
	return finished
}

// sample takes the next token from logits, and those that must follow it. It returns how many the latter are.
func (s *sequence) sample(logits []float32, now time.Time, eos map[int32]bool) (appended int) {
	if s.tellGiven(); s.finish != 0 {
		return 0
	}
	token, err := s.next(logits)
	if err != nil {
		s.failure = err
		return 0
	}
	s.runStart = len(s.tokens)
	s.stamp(now)
	s.add(&token, eos)
	if s.write.form != nil && s.finish == 0 {
		appended = s.follow()
	}
	s.runEnd = len(s.tokens)
	return appended
}

// next chooses a token.
func (s *sequence) next(logits []float32) (sampling.Token, error) {
	f := s.write.form
	if f == nil {
		return s.write.sampler.Sample(logits)
	}
	if f.failure != nil {
		return sampling.Token{}, f.failure
	}
	var token sampling.Token
	var err error
	if len(f.queue) > 0 {
		token, err = s.write.sampler.Force(logits, f.queue[0])
		f.queue = f.queue[1:]
	} else {
		token, err = s.write.sampler.SampleMasked(logits, f.mask)
	}
	if err != nil {
		return token, err
	}
	return token, f.matcher.Accept(token.ID)
}

// follow adds the tokens that must come next, as far as there is room, and returns how many. With log probabilities they
// wait for their logits.
func (s *sequence) follow() (appended int) {
	f := s.write.form
	for {
		if f.matcher.Finished() {
			s.finish = FinishStop
			return appended
		}
		if len(f.queue) > 0 {
			return appended
		}
		forced := f.matcher.ForcedTokens(f.encode)
		if s.write.logprobs {
			f.queue = forced
			return appended
		}
		if len(forced) == 0 {
			return appended
		}
		for _, id := range forced {
			if len(s.tokens)-s.runLength() >= s.maxNew {
				return appended
			}
			if s.failure = f.matcher.Accept(id); s.failure != nil {
				return appended
			}
			s.write.sampler.Observe(id)
			s.add(&sampling.Token{ID: id}, nil)
			appended++
			if s.finish != 0 {
				return appended
			}
		}
	}
}

// add appends a token and tells of it.
func (s *sequence) add(token *sampling.Token, eos map[int32]bool) {
	s.tokens = append(s.tokens, token.ID)
	event := Event{Token: token}
	if eos[token.ID] {
		s.finish = FinishStop
	} else {
		event.Text = s.show(token.ID)
	}
	s.events <- event
}

// tellGiven tells, once, of the tokens that were forced before anything was sampled.
func (s *sequence) tellGiven() {
	f := s.write.form
	if f == nil || f.given == 0 {
		return
	}
	first := s.prompt
	for i, id := range s.tokens[first : first+f.given] {
		s.events <- Event{Token: &sampling.Token{ID: id}, Text: s.show(id)}
		if s.finish != 0 {
			s.tokens = s.tokens[:first+i+1]
			break
		}
	}
	f.given = 0
}

// show gives the text that is certain with one more token, and notes whether it ends at a stop string.
func (s *sequence) show(id int32) string {
	text, stopped := s.write.stops.Push(s.write.stream.Push(id))
	if stopped {
		s.finish = FinishStopSequence
	}
	if s.write.form != nil {
		s.write.form.shown.WriteString(text)
	}
	return text
}

// met tells whether the text that was told has its form; nil where it was to have none.
func (s *sequence) met() *bool {
	if s.write == nil || s.write.form == nil {
		return nil
	}
	met := s.write.form.matcher.Complete()
	if s.finish == FinishStopSequence {
		met = s.write.form.automaton.Matches(s.write.form.shown.String())
	}
	return &met
}
