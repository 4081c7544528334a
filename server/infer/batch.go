package infer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/tensor"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/watchdog"
)

// part is one request's share of a run, with the run's times.
type part struct {
	outputs                []tensor.Tensor
	err                    error
	input, compute, output time.Duration
}

// OutputError says that a model's outputs do not have a row for each row of its inputs, so that nobody can tell whose
// they are. The model's configuration says that it batches; its graph does not.
type OutputError struct {
	Output string
	Shape  []int64
	Rows   int // that the inputs had
}

func (e *OutputError) Error() string {
	return fmt.Sprintf("the model's output %s has shape %s for a batch of %d rows: it cannot be served with max_batch_size above 0",
		e.Output, tensor.FormatShape(e.Shape), e.Rows)
}

// run is the batcher's: it runs requests of one group together. Values of one request may make the run fail for all,
// or go on for ever, so after a failure each half runs by itself, and in the end only what is at fault has failed.
func (m *Model) run(ctx context.Context, batch []*Checked) ([]*part, error) {
	return m.runAll(ctx, batch, false)
}

func (m *Model) runAll(ctx context.Context, batch []*Checked, again bool) (parts []*part, err error) {
	watched, done := m.dog.Watch(ctx, again)
	err = apierror.Catch(func() (err error) {
		parts, err = m.together(watched, batch)
		return err
	})
	done()
	switch {
	case err == nil || !ofValues(err) || ctx.Err() != nil || m.dog.IsStuck():
		return parts, err
	case len(batch) == 1 && !again && errors.Is(err, watchdog.ErrHung): // it may have been the machine that stood still
		return m.runAll(ctx, batch, true)
	case len(batch) == 1:
		return parts, err
	}
	parts = make([]*part, 0, len(batch))
	for _, half := range [][]*Checked{batch[:len(batch)/2], batch[len(batch)/2:]} {
		answered, err := m.runAll(ctx, half, true)
		if err != nil {
			answered = make([]*part, len(half))
			for i := range answered {
				answered[i] = &part{err: err}
			}
		}
		parts = append(parts, answered...)
	}
	return parts, nil
}

// ofValues says whether what failed may be one request's doing.
func ofValues(err error) bool {
	if _, failed := errors.AsType[*ort.RunError](err); failed || errors.Is(err, watchdog.ErrHung) {
		return true
	}
	_, panicked := errors.AsType[*apierror.PanicError](err)
	return panicked
}

func (m *Model) together(ctx context.Context, batch []*Checked) ([]*part, error) {
	began := time.Now()
	rows := 0
	for _, c := range batch {
		rows += c.Rows
	}
	inputs, err := concat(batch)
	if err != nil {
		return nil, err
	}
	inputs = m.shapes.Inputs(inputs)
	ready := time.Now()
	outputs, err := m.session.Run(ctx, inputs, batch[0].Outputs)
	if err != nil {
		return nil, err
	}
	ran := time.Now()
	if m.signature.MaxBatch > 0 {
		for _, out := range outputs {
			if len(out.Shape) == 0 || out.Shape[0] != int64(rows) {
				return nil, &OutputError{Output: out.Name, Shape: out.Shape, Rows: rows}
			}
		}
	}
	parts := split(m.shapes.Outputs(outputs), batch)
	input, compute, output := ready.Sub(began), ran.Sub(ready), time.Since(ran)
	for _, p := range parts {
		p.input, p.compute, p.output = input, compute, output
	}
	m.stats.Executed(rows, input, compute, output)
	m.metrics.ran(rows, compute)
	return parts, nil
}

// concat joins the inputs of a batch; those of a single request pass as they are.
func concat(batch []*Checked) ([]tensor.Tensor, error) {
	if len(batch) == 1 {
		return batch[0].Inputs, nil
	}
	out := make([]tensor.Tensor, len(batch[0].Inputs))
	column := make([]tensor.Tensor, len(batch))
	for i := range out {
		for j, c := range batch {
			column[j] = c.Inputs[i]
		}
		var err error
		if out[i], err = tensor.Concat(column); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// split gives each request its rows of the outputs; they share the run's memory.
func split(outputs []tensor.Tensor, batch []*Checked) []*part {
	if len(batch) == 1 {
		return []*part{{outputs: outputs}}
	}
	parts := make([]*part, len(batch))
	from := int64(0)
	for i, c := range batch {
		to := from + int64(c.Rows)
		p := &part{outputs: make([]tensor.Tensor, len(outputs))}
		for j, out := range outputs {
			p.outputs[j] = out.Slice(from, to)
		}
		parts[i], from = p, to
	}
	return parts
}

// join puts the outputs of a request's parts together again.
func join(pieces [][]tensor.Tensor) ([]tensor.Tensor, error) {
	out := make([]tensor.Tensor, len(pieces[0]))
	column := make([]tensor.Tensor, len(pieces))
	for i := range out {
		for j, piece := range pieces {
			column[j] = piece[i]
		}
		var err error
		if out[i], err = tensor.Concat(column); err != nil {
			return nil, err
		}
	}
	return out, nil
}
