// Package infer runs tensor models: any ONNX file, behind a dynamic batcher.
//
// A request is held against the model's signature, waits in the batcher, shares a run with requests of its shapes,
// and gets its own rows of the outputs back.
package infer

import (
	"context"
	"time"

	"github.com/bedside-lm/bedside/batcher/dynamic"
	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/tensor"
	"github.com/bedside-lm/bedside/server/modelconfig"
	"github.com/bedside-lm/bedside/server/watchdog"
)

// Model is one loaded version of a tensor model. It is safe for concurrent use.
type Model struct {
	config    *inference.ModelConfig
	signature *Signature
	session   *ort.TensorModel
	shapes    *modelconfig.Shapes
	batcher   *dynamic.Batcher[*Checked, *part]
	whole     int // rows that every request counts as, so that none shares a run; 0: its own
	stats     Statistics
	metrics   *metrics
	dog       *watchdog.Dog // nil: nothing watches the runs
}

// newModel puts a session behind a batcher. cfg is complete.
func newModel(cfg *inference.ModelConfig, session *ort.TensorModel, batching dynamic.Config, set *MetricSet, version int64, dog *watchdog.Dog) (*Model, error) {
	m := &Model{config: cfg, session: session, shapes: modelconfig.NewShapes(cfg), dog: dog}
	var err error
	if m.signature, err = NewSignature(cfg); err != nil {
		return nil, err
	}
	batching = batching.WithDefaults()
	if cfg.GetDynamicBatching() == nil {
		m.whole = batching.MaxBatchSize
	}
	if m.batcher, err = dynamic.New(batching, m.run, nil); err != nil {
		return nil, err
	}
	m.signature.maxParts = places(batching)
	m.metrics = set.forModel(cfg.GetName(), version, m.depth)
	return m, nil
}

// places is how many requests the shortest queue takes, and so the most parts of one request.
func places(cfg dynamic.Config) int {
	n := cfg.MaxQueue
	shorten := func(p dynamic.QueuePolicy) {
		if p.MaxQueueSize > 0 {
			n = min(n, p.MaxQueueSize)
		}
	}
	shorten(cfg.DefaultQueuePolicy)
	for _, p := range cfg.PriorityQueuePolicy {
		shorten(p)
	}
	return n
}

// depth tells how many requests wait at each priority level; a model without levels has level 0.
func (m *Model) depth() map[int]int {
	out := map[int]int{}
	first := min(1, m.batcher.Config().PriorityLevels)
	for i, n := range m.batcher.Stats().QueuedByLevel {
		out[first+i] = n
	}
	return out
}

// Config is the configuration in force, completed from the model's file.
func (m *Model) Config() *inference.ModelConfig { return m.config }

// Signature is what the model takes and gives.
func (m *Model) Signature() *Signature { return m.signature }

// Statistics gives the counts since the model was loaded.
func (m *Model) Statistics() *inference.ModelStatistics { return m.stats.Proto() }

// Close ends the model. What still runs or waits ends with dynamic.ErrStopped: let requests end first.
func (m *Model) Close() error {
	m.batcher.Close()
	m.metrics.release()
	return m.session.Close()
}

// Infer runs one request. Errors are *apierror.FieldError for what does not fit the model, *dynamic.Error for what the
// queue refused, and those of runtime/ort.
func (m *Model) Infer(ctx context.Context, r *Request) (Response, error) {
	began := time.Now()
	c, err := m.signature.Check(r)
	if err != nil {
		m.metrics.failed(err)
		return Response{}, err
	}
	item := dynamic.Item{Size: c.Rows, Group: c.group, Priority: r.Priority, Timeout: r.Timeout, Tenant: r.Tenant}
	if deadline, ok := ctx.Deadline(); ok {
		item.Deadline = deadline
	}
	var out Response
	var times Times
	if limit := m.signature.MaxBatch; limit > 0 && c.Rows > limit {
		out.Outputs, times, err = m.inParts(ctx, c, item)
	} else {
		out.Outputs, times, err = m.atOnce(ctx, c, item)
	}
	times.Total = time.Since(began)
	if err != nil {
		m.stats.Failed(times.Total)
		m.metrics.failed(err)
		return Response{}, err
	}
	m.stats.Succeeded(c.Rows, times)
	m.metrics.succeeded(times)
	return out, nil
}

func (m *Model) atOnce(ctx context.Context, c *Checked, item dynamic.Item) ([]tensor.Tensor, Times, error) {
	if m.whole > 0 {
		item.Size = m.whole
	}
	res, err := m.batcher.Do(ctx, c, item)
	if err != nil {
		return nil, Times{}, err
	}
	p := res.Value
	return p.outputs, Times{Queue: res.Queue, Input: p.input, Compute: p.compute, Output: p.output}, p.err
}

// inParts runs a request that has more rows than a batch may: its parts are admitted together or not at all.
func (m *Model) inParts(ctx context.Context, c *Checked, item dynamic.Item) ([]tensor.Tensor, Times, error) {
	var parts []*Checked
	var items []dynamic.Item
	for from := 0; from < c.Rows; from += m.signature.MaxBatch {
		to := min(from+m.signature.MaxBatch, c.Rows)
		part := &Checked{Inputs: make([]tensor.Tensor, len(c.Inputs)), Outputs: c.Outputs, Rows: to - from, group: c.group}
		for i, in := range c.Inputs {
			part.Inputs[i] = in.Slice(int64(from), int64(to))
		}
		item.Size = part.Rows
		if m.whole > 0 {
			item.Size = m.whole
		}
		parts, items = append(parts, part), append(items, item)
	}
	results, err := m.batcher.DoAll(ctx, parts, items)
	if err != nil {
		return nil, Times{}, err
	}
	times := Times{Queue: results[0].Queue}
	pieces := make([][]tensor.Tensor, len(results))
	for i, res := range results {
		p := res.Value
		if p.err != nil {
			return nil, Times{}, p.err
		}
		pieces[i] = p.outputs
		times.Queue = min(times.Queue, res.Queue)
		times.Input += p.input
		times.Compute += p.compute
		times.Output += p.output
	}
	began := time.Now()
	outputs, err := join(pieces)
	times.Output += time.Since(began)
	return outputs, times, err
}
