package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bedside-lm/bedside/batcher/continuous"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/watchdog"
)

// attempt runs rows and uses their logits. Where several fail together, each half runs again by itself, so that in the end
// only the row at fault has failed: a row's logits are the same in any company, and what a step that failed wrote to a
// slot is written again. It returns ErrStopped, and leaves the rows, where the engine is to stop.
func (e *Engine) attempt(ctx context.Context, planned []continuous.Row, rows []ort.Row, results []continuous.Result, again bool) error {
	logits, err := e.run(ctx, rows, again)
	if e.prepared != nil {
		<-e.prepared
	}
	switch {
	case err == nil:
		e.advance(planned, rows, results, logits, time.Now())
		return nil
	case ctx.Err() != nil:
		return ErrStopped // the engine's own doing, no fault of the model
	}
	e.metrics.fault(err)
	if len(rows) == 1 && !again && errors.Is(err, watchdog.ErrHung) && !e.dog.IsStuck() {
		// It may have been the machine that stood still.
		return e.attempt(ctx, planned, rows, results, true)
	}
	if len(rows) == 1 || e.dog.IsStuck() {
		for _, r := range planned {
			e.sequences[r.ID].failure = err
		}
		return nil
	}
	half := len(rows) / 2
	if err := e.attempt(ctx, planned[:half], rows[:half], results[:half], true); err != nil {
		return err
	}
	return e.attempt(ctx, planned[half:], rows[half:], results[half:], true)
}

// run is one step of the model, under the watchdog's eyes.
func (e *Engine) run(ctx context.Context, rows []ort.Row, again bool) (logits ort.Logits, err error) {
	ctx, done := e.dog.Watch(ctx, again)
	defer done()
	err = apierror.Catch(func() (err error) {
		logits, err = e.model.Step(ctx, rows)
		return err
	})
	return logits, err
}

// advance gives every row its logits. Rows know nothing of one another, so they are spread over the processors, and one
// that panics fails alone.
func (e *Engine) advance(planned []continuous.Row, rows []ort.Row, results []continuous.Result, logits ort.Logits, now time.Time) {
	parallel(len(rows), func(i int) {
		s := e.sequences[planned[i].ID]
		s.failure = apierror.Catch(func() error {
			results[i] = s.take(planned[i], rows[i], logits.Row(i), now, e.eos)
			return s.failure
		})
		if s.failure != nil {
			results[i] = continuous.Result{ID: planned[i].ID, Outcome: continuous.OutcomeFail}
		}
	})
	for i, r := range planned {
		s := e.sequences[r.ID]
		s.observe(e.metrics)
		e.prefixes.ran(s, r, results[i])
		e.metrics.drafted(r.Drafted, results[i].Accepted)
		if s.score != nil && r.Samples && s.finish == 0 && s.failure == nil {
			s.failure = apierror.Catch(func() error { return s.score.turn(e.model, r.Slot, s.prompt) })
			if s.failure != nil {
				results[i] = continuous.Result{ID: r.ID, Outcome: continuous.OutcomeFail}
			}
		}
		if _, ok := errors.AsType[*apierror.PanicError](s.failure); ok {
			e.metrics.fault(s.failure)
		}
	}
}

// errStuck is what callers are told whose step could not be stopped.
var errStuck = fmt.Errorf("%w: %w", ErrFailed, watchdog.ErrHung)

// Healthy says whether the engine can work: nil, or why it cannot, most likely until the process is started anew.
func (e *Engine) Healthy() error {
	if fault := e.broken.Load(); fault != nil {
		return fault
	}
	if e.dog.Overdue() {
		return errStuck
	}
	return nil
}

// Abandon says that the step that runs will never end, as the watchdog does.
func (e *Engine) Abandon() { e.dog.Abandon() }

// guard ends all sequences where the loop itself panics, which would be a defect of the scheduler: to go on would leave
// callers waiting for ever, and to end the process would end the other models' calls.
func (e *Engine) guard() {
	if v := recover(); v != nil {
		fault := apierror.Recovered(v)
		e.broken.Store(fault)
		e.metrics.fault(fault)
		e.stopAll()
	}
}
