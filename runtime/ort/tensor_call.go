package ort

import (
	"context"
	"fmt"
	"slices"

	"github.com/bedside-lm/bedside/runtime/ort/internal/capi"
	"github.com/bedside-lm/bedside/runtime/tensor"
)

// onnxTypes are the numbers that ONNX gives the types.
var onnxTypes = [...]int{
	tensor.FP32: 1, tensor.Uint8: 2, tensor.Int8: 3, tensor.Uint16: 4, tensor.Int16: 5, tensor.Int32: 6, tensor.Int64: 7,
	tensor.Bytes: 8, tensor.Bool: 9, tensor.FP16: 10, tensor.FP64: 11, tensor.Uint32: 12, tensor.Uint64: 13, tensor.BF16: 16,
}

func typeOf(onnxType int) (tensor.Type, bool) {
	t := slices.Index(onnxTypes[:], onnxType)
	return tensor.Type(max(t, 0)), t > 0
}

// tensorCall is what one run needs; it serves many, one after another.
type tensorCall struct {
	call    *capi.Call
	asked   []port
	text    []byte // of input strings
	lengths []uint64
	err     error // why it can serve no more
}

func newTensorCall(s *capi.Session) (*tensorCall, error) {
	call, err := s.NewCall()
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime: %w", err)
	}
	return &tensorCall{call: call}, nil
}

// input hands a checked tensor over. Its memory is used until clear.
func (c *tensorCall) input(p port, t *tensor.Tensor) {
	if t.Type != tensor.Bytes {
		data := tensor.Aligned(t.Data, t.Type.Size())
		c.call.Input(p.kind, p.index, onnxTypes[t.Type], t.Shape, data, nil)
		return
	}
	from, first := len(c.text), len(c.lengths)
	for _, s := range t.Strings {
		c.text = append(c.text, s...)
		c.lengths = append(c.lengths, uint64(len(s)))
	}
	c.call.Input(p.kind, p.index, onnxTypes[t.Type], t.Shape, c.text[from:], c.lengths[first:])
}

func (c *tensorCall) output(p port) {
	c.asked = append(c.asked, p)
	c.call.Output(p.index)
}

// run runs the call and stops it when ctx ends.
func (c *tensorCall) run(ctx context.Context) error {
	if ctx.Done() == nil {
		return c.done(c.call.Run())
	}
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(fired)
		_ = c.call.Stop() // sets a flag
	})
	err := c.call.Run()
	if stop() {
		return c.done(err)
	}
	<-fired
	c.err = c.call.Unstop()
	if err == nil {
		return nil // it was done before the signal came
	}
	return fmt.Errorf("%w: %w", ErrTerminated, context.Cause(ctx))
}

func (c *tensorCall) done(err error) error {
	if err != nil {
		return newRunError(err)
	}
	return nil
}

// results copies the outputs, each in one piece.
func (c *tensorCall) results() ([]tensor.Tensor, error) {
	out := make([]tensor.Tensor, len(c.asked))
	for i, p := range c.asked {
		t := &out[i]
		t.Name, t.Type = p.info.Name, p.info.Type
		if got := c.call.Type(i); got != onnxTypes[t.Type] {
			return nil, &RunError{Where: fmt.Sprintf("output %q has not the type that the file says", t.Name)}
		}
		t.Shape = c.call.Dims(i, nil)
		if t.Type == tensor.Bytes {
			strings, err := c.call.Strings(i)
			if err != nil {
				return nil, newRunError(err)
			}
			t.Strings = strings
			continue
		}
		t.Data = append([]byte{}, c.call.Data(i, t.Type.Size())...)
	}
	return out, nil
}

// maxKeptText bounds the memory that a call keeps for strings.
const maxKeptText = 1 << 20

func (c *tensorCall) clear() {
	c.call.Clear()
	c.asked = c.asked[:0]
	c.text, c.lengths = c.text[:0], c.lengths[:0]
	if cap(c.text)+8*cap(c.lengths) > maxKeptText {
		c.text, c.lengths = nil, nil
	}
}
