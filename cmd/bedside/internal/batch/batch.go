package batch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"sync"

	"github.com/bedside-lm/bedside/cmd/bedside/internal/records"
)

// ErrUnfinished is given where records are left without an answer: the run was ended.
var ErrUnfinished = errors.New("ended before all records had an answer")

// Job is a run.
type Job struct {
	Question Question
	Records  iter.Seq2[records.Record, error]
	// Written are the answers of a run that this one goes on with, in the order of the records; nil for none.
	Written iter.Seq2[*Entry, error]
	// Path is what Written comes from, for errors.
	Path string
	// Ask asks about one record, and gives the patient's id and the answer in protojson. A *Failure is the record's own; any other
	// error ends the run. It is called by several goroutines.
	Ask func(context.Context, *records.Record) (id string, response json.RawMessage, err error)
	// AtOnce is how many records are asked about at once; at least 1.
	AtOnce int
	// Write is called with one line after another.
	Write func(line []byte) error
	// Tell is called after each record; may be nil.
	Tell func(Counts)
}

// Counts are what a run has come to.
type Counts struct {
	Records int // with an answer or an error, in all
	Written int // of them by an earlier run
	Failed  int // of them with an error
	// First is the place of the first that failed, and Why the error's message.
	First, Why string
}

// Error makes a failure an error, for Job.Ask to give.
func (f *Failure) Error() string { return f.Message }

// waiting is how many answers for each record that is asked about may wait for an earlier one, so that one that takes
// long holds up nothing.
const waiting = 4

// errEnd is the outcome behind the last record.
var errEnd = errors.New("end")

// outcome is what became of one record, or of reading the input.
type outcome struct {
	entry   *Entry
	written bool
	err     error
}

type task struct {
	record records.Record
	entry  *Entry
	done   chan<- outcome
}

// Run asks about all records. When ctx ends, it writes what is answered up to the first record that is not, and gives
// ErrUnfinished.
func Run(ctx context.Context, job Job) (Counts, error) {
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	order := make(chan chan outcome, waiting*job.AtOnce)
	tasks := make(chan task)
	go job.read(working, order, tasks)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel() // before waiting
	for range job.AtOnce {
		workers.Go(func() { job.work(working, tasks) })
	}
	var n Counts
	for {
		slot, more := next(working, order)
		if !more {
			return n, ErrUnfinished
		}
		o, answered := next(working, slot)
		switch {
		case !answered:
			return n, ErrUnfinished
		case errors.Is(o.err, errEnd):
			return n, nil
		case o.err != nil && ctx.Err() != nil:
			return n, ErrUnfinished // the call was ended, and says so
		}
		if err := job.take(&n, o); err != nil {
			return n, err
		}
	}
}

// next receives, also what is there already when ctx ends.
func next[T any](ctx context.Context, from <-chan T) (T, bool) {
	select {
	case v, ok := <-from:
		return v, ok
	case <-ctx.Done():
	}
	select {
	case v, ok := <-from:
		return v, ok
	default:
		var none T
		return none, false
	}
}

// take writes an answer and counts it.
func (j *Job) take(n *Counts, o outcome) error {
	if o.err != nil {
		return o.err
	}
	if !o.written {
		line, err := o.entry.line()
		if err != nil {
			return err
		}
		if err := j.Write(line); err != nil {
			return err
		}
	} else {
		n.Written++
	}
	n.Records++
	if f := o.entry.Error; f != nil {
		if n.Failed++; n.Failed == 1 {
			n.First, n.Why = place(o.entry), f.Message
		}
	}
	if j.Tell != nil {
		j.Tell(*n)
	}
	return nil
}

// read hands the records out, those first for which nothing is to be done.
func (j *Job) read(ctx context.Context, order chan<- chan outcome, tasks chan<- task) {
	place := func() (chan<- outcome, bool) {
		slot := make(chan outcome, 1)
		select {
		case order <- slot:
			return slot, true
		case <-ctx.Done():
			return nil, false
		}
	}
	err := j.each(func(o outcome, r *records.Record) bool {
		slot, ok := place()
		if !ok {
			return false
		}
		if r == nil {
			slot <- o
			return true
		}
		select {
		case tasks <- task{*r, o.entry, slot}:
			return true
		case <-ctx.Done():
			return false
		}
	})
	if slot, ok := place(); ok {
		slot <- outcome{err: cmp.Or(err, errEnd)}
	}
}

// each calls visit with every record that is to be asked about, and with every outcome that is known without. It holds
// what was written against the records.
func (j *Job) each(visit func(outcome, *records.Record) bool) error {
	written := func() (*Entry, error, bool) { return nil, nil, false }
	if j.Written != nil {
		pull, stop := iter.Pull2(j.Written)
		defer stop()
		written = pull
	}
	line := 0
	for r, err := range j.Records {
		if err != nil {
			return err
		}
		e := entryOf(j.Question, &r)
		before, err, have := written()
		switch {
		case err != nil:
			return err
		case have:
			line++
			if why := before.differs(e); why != "" {
				return &RefusedError{Path: j.Path, Line: line, Why: why}
			}
			before.Response = nil // it is written, and can be large
			if !visit(outcome{entry: before, written: true}, nil) {
				return ErrUnfinished
			}
		case r.Err != nil:
			e.Error = &Failure{Code: "INVALID_ARGUMENT", Message: r.Err.Error()}
			if !visit(outcome{entry: e}, nil) {
				return ErrUnfinished
			}
		default:
			if !visit(outcome{entry: e}, &r) {
				return ErrUnfinished
			}
		}
	}
	if _, err, more := written(); err != nil || more {
		return errors.Join(err, &RefusedError{Path: j.Path, Line: line + 1, Why: "it answers a record that the input does not have"})
	}
	return nil
}

// work asks.
func (j *Job) work(ctx context.Context, tasks <-chan task) {
	for {
		t, more := next(ctx, tasks)
		if !more {
			return
		}
		var err error
		t.entry.ID, t.entry.Response, err = j.Ask(ctx, &t.record)
		failure, own := errors.AsType[*Failure](err)
		switch {
		case own:
			t.entry.Error, t.entry.Response = failure, nil
			t.done <- outcome{entry: t.entry}
		case err != nil:
			t.done <- outcome{err: err}
		default:
			t.done <- outcome{entry: t.entry}
		}
	}
}
