package ort

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"

	onnx "github.com/yalue/onnxruntime_go"
	"golang.org/x/sys/cpu"
)

// session is a loaded language model's graph, and the means to stop a run of it.
type session struct {
	onnx *onnx.DynamicAdvancedSession
	stop *onnx.RunOptions
	err  error // why it can no longer run
}

// stopSpinning is ONNX Runtime's name for this: its threads wait in a loop for an operator's next part, but sleep as soon as a run
// has ended. Else they would hold on to the processors that sample what comes next.
const stopSpinning = "session.force_spinning_stop"

// openSession loads a graph whose runs bind these inputs and outputs, in this order.
func openSession(path string, inputs, outputs []string, threads int) (*session, error) {
	opts, err := onnx.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer func() { _ = opts.Destroy() }()
	err = errors.Join(
		opts.SetIntraOpNumThreads(threads),
		opts.SetInterOpNumThreads(1),
		// Every step has other shapes: a memory plan a shape would pile up.
		opts.SetMemPattern(false),
		opts.SetGraphOptimizationLevel(onnx.GraphOptimizationLevelEnableAll),
		opts.AddSessionConfigEntry(stopSpinning, "1"),
	)
	if goruntime.GOARCH == "amd64" && !cpu.X86.HasAVX512VNNI && !cpu.X86.HasAVXVNNI {
		// Without VNNI the fast 8-bit product overflows its 16-bit sums; this takes the exact
		// one. With VNNI products are exact anyway, and it would make prompts 1.5 times slower.
		err = errors.Join(err, opts.AddSessionConfigEntry("session.x64quantprecision", "1"))
	}
	if err != nil {
		return nil, fmt.Errorf("session options: %w", err)
	}
	s := &session{}
	if s.onnx, err = onnx.NewDynamicAdvancedSession(path, inputs, outputs, opts); err != nil {
		return nil, fmt.Errorf("load the graph: %w", err)
	}
	if s.stop, err = onnx.NewRunOptions(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// run runs the graph and stops it when ctx ends.
func (s *session) run(ctx context.Context, inputs, outputs []onnx.Value) error {
	if s.err != nil {
		return s.err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrTerminated, context.Cause(ctx))
	}
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(fired)
		_ = s.stop.Terminate() // fails only for a destroyed handle, and this one is alive
	})
	err := s.onnx.RunWithOptions(inputs, outputs, s.stop)
	if stop() {
		if err != nil {
			return fmt.Errorf("run: %w", err)
		}
		return nil
	}
	<-fired
	if e := s.stop.UnsetTerminate(); e != nil {
		s.err = fmt.Errorf("the model cannot run again: %w", e)
	}
	if err == nil {
		return nil // it was done before the signal came
	}
	return fmt.Errorf("%w: %w", ErrTerminated, context.Cause(ctx))
}

func (s *session) close() error {
	var errs []error
	if s.onnx != nil {
		errs = append(errs, s.onnx.Destroy())
	}
	if s.stop != nil {
		errs = append(errs, s.stop.Destroy())
	}
	return errors.Join(errs...)
}

// tensors are the values that one run binds.
type tensors struct {
	inputs, outputs []onnx.Value
	own             []onnx.Value // those to destroy
}

// add makes a value that lives as long as t.
func (t *tensors) add(v onnx.Value, err error) (onnx.Value, error) {
	if err != nil {
		return nil, fmt.Errorf("bind: %w", err)
	}
	t.own = append(t.own, v)
	return v, nil
}

func (t *tensors) close() {
	for _, v := range t.own {
		// Destroying a tensor over memory of ours frees a handle; it cannot fail in a
		// way that matters here.
		_ = v.Destroy()
	}
}
