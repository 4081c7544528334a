package ort

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"

	"github.com/bedside-lm/bedside/runtime/repository"
)

// recurrentGraph is the `recurrent` graph that scripts/export/README.md describes: a sequence is a state for each layer, of
// the same size however long it is. A call gathers its rows' states, runs, and puts the new ones back; slots that do not
// take part cost nothing.
type recurrentGraph struct {
	session *session
	states  *stateSlots
	feeds   *recurrentFeeds
	least   int // rows of a call
}

// stateNames are what each kind of cell keeps.
var stateNames = map[string][]string{
	repository.KindRNN:  {"h"},
	repository.KindGRU:  {"h"},
	repository.KindLSTM: {"h", "c"},
}

// openRecurrent opens the graph, and says whether a row's logits keep their bits among others on this processor.
func openRecurrent(mf *repository.Manifest, opt Options) (*recurrentGraph, bool, error) {
	g := &recurrentGraph{least: leastRows(mf.Kind)}
	err := g.open(mf, opt)
	invariant := false
	if err == nil {
		invariant, err = g.probe(mf, opt)
	}
	if err != nil {
		return nil, false, errors.Join(err, g.close())
	}
	return g, invariant, nil
}

func (g *recurrentGraph) open(mf *repository.Manifest, opt Options) error {
	names := stateNames[mf.Kind]
	inputs, outputs := []string{"input_ids", "sequence_lens", "logits_index"}, []string{"logits"}
	for l := range mf.NumLayers {
		for _, name := range names {
			inputs = append(inputs, fmt.Sprintf("past.%d.%s", l, name))
			outputs = append(outputs, fmt.Sprintf("present.%d.%s", l, name))
		}
	}
	var err error
	if g.session, err = openSession(mf.Path("model.onnx"), inputs, outputs, recurrentThreads(mf, opt.Threads)); err != nil {
		return err
	}
	blocks := mf.NumLayers * len(names)
	if g.states, err = newStateSlots(blocks, opt.Slots, mf.HiddenSize); err != nil {
		return err
	}
	g.feeds, err = newRecurrentFeeds(opt, mf.VocabSize, blocks, mf.HiddenSize)
	return err
}

// leastRows is how many rows a call needs for its sums not to depend on how many there are. ONNX Runtime lays out the
// weights of LSTM and GRU when it loads them, and multiplies by what it laid out the same way for any number of rows; the
// weights of RNN it multiplies by as they lie, and there one row alone takes another kernel, which rounds otherwise.
func leastRows(kind string) int {
	if kind == repository.KindRNN {
		return 2
	}
	return 1
}

// recurrentThreads bounds the threads of an RNN. ONNX Runtime deals a product's columns out to threads in blocks of 16, more
// threads for more rows. A thread with 64 columns or fewer sums more of a column at once than one with more does (128 at a
// time), so where a sum is longer than that each thread must have 80 columns, or bits would depend on the number of rows:
// with 16 threads they did. LSTM and GRU, whose weights are laid out beforehand, know no such rule.
func recurrentThreads(mf *repository.Manifest, threads int) int {
	const block, most, least = 16, 128, 5
	if mf.Kind != repository.KindRNN || mf.HiddenSize <= most {
		return threads
	}
	if threads == 0 {
		threads = goruntime.NumCPU()
	}
	return min(threads, max(1, mf.HiddenSize/(block*least)))
}

// What a call of this graph costs, in places: the call itself, and each step of its longest row, which reads the recurrent
// weights once. BenchmarkRecurrentCall measures them (two cores, hidden size 384 to 512, busy: a place 0.12 to 0.2 ms, a step
// 0.16 to 0.24 ms, a call 0.8 ms and more).
const (
	recurrentCallCost = 6.0
	recurrentStepCost = 1.5
)

// recurrentRunCost is the cost of a call of at most so many places.
func recurrentRunCost(places int) func(run) float64 {
	return func(r run) float64 {
		if len(r.rows) > 1 && len(r.rows)*r.width > places {
			return joinNever
		}
		return recurrentCallCost + recurrentStepCost*float64(r.width) + float64(len(r.rows)*r.width)
	}
}

func (g *recurrentGraph) step(ctx context.Context, rows []Row, out [][]float32) error {
	for i, r := range rows {
		if _, ok := g.states.find(r.Slot, r.Start); r.Start > 0 && !ok {
			return fmt.Errorf("%w: row %d starts after %d tokens; its slot holds the state after %v", ErrPlan, i, r.Start, g.states.held[r.Slot].at)
		}
	}
	used := 0
	for _, r := range groupRuns(rows, recurrentRunCost(len(g.feeds.ids))) {
		n, err := g.call(ctx, rows, r, used, out)
		if err != nil {
			return err
		}
		used += n
	}
	return nil
}

// call runs one group of rows, its logits behind the first offset rows of logits, and says how many rows of logits it gave.
func (g *recurrentGraph) call(ctx context.Context, rows []Row, r run, offset int, out [][]float32) (int, error) {
	f := g.feeds
	c := f.fill(rows, r, g.least)
	for at, i := range r.rows {
		g.states.load(rows[i].Slot, rows[i].Start, f.stateOf(f.before, at))
	}
	t, err := f.bind(c, offset)
	defer t.close()
	if err != nil {
		return 0, err
	}
	if err := g.session.run(ctx, t.inputs, t.outputs); err != nil {
		return 0, err
	}
	from := offset * f.vocab
	for at, i := range r.rows {
		row := rows[i]
		g.states.store(row.Slot, row.Start, row.Start+len(row.Tokens), f.stateOf(f.after, at))
		size := (len(row.Tokens) - row.LogitsFrom) * f.vocab
		out[i] = f.logits[from : from+size : from+size]
		from += size
	}
	return c.logits, nil
}

func (g *recurrentGraph) memory() SlotMemory {
	return SlotMemory{Bytes: g.states.slotBytes(), Constant: true}
}

func (g *recurrentGraph) keep(slot, tokens int) ([]float32, error) {
	return g.states.keep(slot, tokens)
}

func (g *recurrentGraph) restore(slot, tokens int, state []float32) {
	g.states.restore(slot, tokens, state)
}

func (g *recurrentGraph) copyPrefix(int, int, int) {}

func (g *recurrentGraph) release(slot int) error { return g.states.release(slot) }

func (g *recurrentGraph) close() error {
	var errs []error
	if g.session != nil {
		errs = append(errs, g.session.close())
	}
	if g.states != nil {
		errs = append(errs, g.states.close())
	}
	if g.feeds != nil {
		errs = append(errs, g.feeds.close())
	}
	return errors.Join(errs...)
}
