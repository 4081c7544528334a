package ort

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/bedside-lm/bedside/runtime/ort/internal/capi"
	"github.com/bedside-lm/bedside/runtime/tensor"
)

// Optimization says how far ONNX Runtime rewrites a graph before it runs it.
type Optimization int

// The levels of Optimization.
const (
	OptimizeAll      Optimization = iota
	OptimizeNone                  // the graph as it is
	OptimizeBasic                 // constant folding, redundant nodes
	OptimizeExtended              // and fusions
)

// level is ONNX Runtime's number for it.
func (o Optimization) level() int {
	switch o {
	case OptimizeNone:
		return 0
	case OptimizeBasic:
		return 1
	case OptimizeExtended:
		return 2
	default:
		return 99
	}
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TensorOptions are the settings of a TensorModel. The zero value suits most models.
type TensorOptions struct {
	Threads                int  // threads within an operator; 0: one a core
	InterOpThreads         int  // threads between operators, where Parallel is set; 0: one a core
	Parallel               bool // run independent operators side by side
	GraphOptimizationLevel Optimization
	NoArena                bool              // ask the system for memory each time instead of keeping it
	Config                 map[string]string // session configuration entries, under ONNX Runtime's names
	RunConfig              map[string]string // run configuration entries, likewise
}

// config adds what Bedside prefers where the caller says nothing.
func (o TensorOptions) config() map[string]string {
	// A thread with nothing to do sleeps: models share the machine, and one that waits in a loop takes a core from another.
	// Measured, two threads, a run each 5 ms on a busy machine: 2.6 ms of processor time a run, 4.7 with waiting in a loop.
	out := map[string]string{"session.intra_op.allow_spinning": "0", "session.inter_op.allow_spinning": "0"}
	maps.Copy(out, o.Config)
	return out
}

// maxCalls bounds the idle calls that are kept. More runs than this at once are no failure, only slower.
const maxCalls = 64

// TensorModel runs any ONNX model whose inputs and outputs are tensors.
type TensorModel struct {
	file            string
	inputs, outputs []tensor.Info
	takes           map[string]port
	gives           map[string]port

	idle chan *tensorCall
	// using is held for reading while a run is under way, and for writing to close.
	using   sync.RWMutex
	session *capi.Session // nil: closed
}

// port is where a name leads.
type port struct {
	kind  capi.Kind
	index int // among the session's of this kind
	info  tensor.Info
	rank  int // -1: any
}

// OpenTensorModel loads a model file, with the external data beside it. Init must have been called. What the model
// has that is not supported, and what ONNX Runtime says of a damaged file, comes as *OpenError.
func OpenTensorModel(path string, opt TensorOptions) (*TensorModel, error) {
	session, err := capi.Open(path, capi.Options{
		IntraOpThreads: opt.Threads, InterOpThreads: opt.InterOpThreads, Parallel: opt.Parallel,
		Optimization: opt.GraphOptimizationLevel.level(), NoArena: opt.NoArena, Config: opt.config(), RunConfig: opt.RunConfig,
	})
	if err != nil {
		return nil, &OpenError{File: filepath.Base(path), Reason: withoutFolder(err.Error(), path)}
	}
	m := &TensorModel{
		file: filepath.Base(path), session: session, idle: make(chan *tensorCall, maxCalls),
		takes: map[string]port{}, gives: map[string]port{},
	}
	if reason := m.describe(); reason != "" {
		session.Close()
		return nil, &OpenError{File: m.file, Reason: reason}
	}
	return m, nil
}

// withoutFolder takes out of ONNX Runtime's text where on this machine the model lies.
func withoutFolder(text, path string) string {
	folder := filepath.Dir(path)
	return strings.ReplaceAll(text, folder+string(filepath.Separator), "")
}

// describe reads what the model takes and gives, and returns what of it is not supported.
func (m *TensorModel) describe() string {
	for _, kind := range []capi.Kind{capi.Input, capi.Overridable, capi.Output} {
		for i, io := range m.session.IO(kind) {
			p, reason := newPort(kind, i, io)
			switch {
			case reason != "" && kind == capi.Overridable:
				continue // nobody needs to give it
			case reason != "":
				return reason
			case kind == capi.Output:
				m.gives[io.Name] = p
				m.outputs = append(m.outputs, p.info)
			default:
				m.takes[io.Name] = p
				m.inputs = append(m.inputs, p.info)
			}
		}
	}
	if len(m.outputs) == 0 {
		return "the model has no outputs"
	}
	return ""
}

func newPort(kind capi.Kind, i int, io capi.IO) (port, string) {
	what := "input"
	if kind == capi.Output {
		what = "output"
	}
	typ, ok := typeOf(io.Type)
	switch {
	case !io.Tensor:
		return port{}, fmt.Sprintf("%s %q is no tensor (sequences, maps and optional values are not supported)", what, io.Name)
	case !ok:
		return port{}, fmt.Sprintf("%s %q has an element type that is not supported (ONNX type %d)", what, io.Name, io.Type)
	case io.Rank > capi.MaxRank:
		return port{}, fmt.Sprintf("%s %q has %d dimensions; at most %d are supported", what, io.Name, io.Rank, capi.MaxRank)
	}
	p := port{kind: kind, index: i, rank: io.Rank}
	p.info = tensor.Info{Name: io.Name, Type: typ, Dims: io.Dims, DimNames: io.DimNames, Optional: kind == capi.Overridable}
	if !io.HasShape {
		p.rank, p.info.AnyRank = -1, true
	}
	return p, ""
}

// Inputs lists what the model takes, in the file's order, then what it has values of its own for.
func (m *TensorModel) Inputs() []tensor.Info { return slices.Clone(m.inputs) }

// Outputs lists what the model gives, in the file's order.
func (m *TensorModel) Outputs() []tensor.Info { return slices.Clone(m.outputs) }

// Run runs the model once and returns the outputs named, in that order; nil stands for all of them, in the order of
// Outputs. Inputs may come in any order, and are not changed; the outputs are the caller's. Any number of goroutines
// may call Run at once.
//
// An input that is unknown, missing, given twice or unlike what the model takes is *tensor.Error, an output
// that the model does not have *OutputError; both before anything runs. When ctx ends, the run stops after the operator
// that is under way, with ErrTerminated. A failure within the model is *RunError.
func (m *TensorModel) Run(ctx context.Context, inputs []tensor.Tensor, outputs []string) ([]tensor.Tensor, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%w: %w", ErrTerminated, context.Cause(ctx))
	}
	m.using.RLock()
	defer m.using.RUnlock()
	if m.session == nil {
		return nil, ErrClosed
	}
	c, err := m.take()
	if err != nil {
		return nil, err
	}
	out, err := m.run(ctx, c, inputs, outputs)
	m.put(c)
	return out, err
}

func (m *TensorModel) run(ctx context.Context, c *tensorCall, inputs []tensor.Tensor, outputs []string) ([]tensor.Tensor, error) {
	defer c.clear()
	if err := m.fill(c, inputs); err != nil {
		return nil, err
	}
	if err := m.ask(c, outputs); err != nil {
		return nil, err
	}
	if err := c.run(ctx); err != nil {
		return nil, err
	}
	return c.results()
}

// fill checks the inputs against what the model takes and hands them to the call.
func (m *TensorModel) fill(c *tensorCall, inputs []tensor.Tensor) error {
	required := 0
	for i := range inputs {
		t := &inputs[i]
		p, ok := m.takes[t.Name]
		if !ok {
			return &tensor.Error{Name: t.Name, Field: "name", Reason: "the model has no such input"}
		}
		for j := range i {
			if inputs[j].Name == t.Name {
				return &tensor.Error{Name: t.Name, Field: "name", Reason: "given twice"}
			}
		}
		if err := p.accept(t); err != nil {
			return err
		}
		required += number(p.kind == capi.Input)
		c.input(p, t)
	}
	if required == len(m.session.IO(capi.Input)) {
		return nil
	}
	for _, want := range m.inputs {
		if !want.Optional && !slices.ContainsFunc(inputs, func(t tensor.Tensor) bool { return t.Name == want.Name }) {
			return &tensor.Error{Name: want.Name, Field: "name", Reason: "missing"}
		}
	}
	return nil
}

// accept checks one input.
func (p port) accept(t *tensor.Tensor) error {
	want := p.info
	fail := func(field, format string, args ...any) error {
		return &tensor.Error{Name: t.Name, Field: field, Reason: fmt.Sprintf(format, args...)}
	}
	if t.Type != want.Type {
		return fail("datatype", "is %s, the model takes %s", t.Type, want.Type)
	}
	if len(t.Shape) > capi.MaxRank {
		return fail("shape", "has %d dimensions; at most %d are supported", len(t.Shape), capi.MaxRank)
	}
	if p.rank >= 0 {
		fits := len(t.Shape) == p.rank
		for d := 0; fits && d < p.rank; d++ {
			fits = want.Dims[d] < 0 || want.Dims[d] == t.Shape[d]
		}
		if !fits {
			return fail("shape", "is %s, the model takes %s", tensor.FormatShape(t.Shape), tensor.FormatShape(want.Dims))
		}
	}
	return t.Validate()
}

// ask asks the call for outputs.
func (m *TensorModel) ask(c *tensorCall, outputs []string) error {
	if outputs == nil {
		for i := range m.outputs {
			c.output(m.gives[m.outputs[i].Name])
		}
		return nil
	}
	if len(outputs) == 0 {
		return &OutputError{Reason: "none asked for"}
	}
	for i, name := range outputs {
		p, ok := m.gives[name]
		if !ok {
			return &OutputError{Name: name, Reason: "the model has no such output"}
		}
		if slices.Contains(outputs[:i], name) {
			return &OutputError{Name: name, Reason: "asked for twice"}
		}
		c.output(p)
	}
	return nil
}

// take finds an idle call or makes one.
func (m *TensorModel) take() (*tensorCall, error) {
	select {
	case c := <-m.idle:
		return c, nil
	default:
		return newTensorCall(m.session)
	}
}

func (m *TensorModel) put(c *tensorCall) {
	if c.err == nil {
		select {
		case m.idle <- c:
			return
		default:
		}
	}
	c.call.Free()
}

// Close waits for the runs under way and frees the model.
func (m *TensorModel) Close() error {
	m.using.Lock()
	defer m.using.Unlock()
	if m.session == nil {
		return nil
	}
	for len(m.idle) > 0 {
		(<-m.idle).call.Free()
	}
	m.session.Close()
	m.session = nil
	return nil
}
