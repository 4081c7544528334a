package ort

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bedside-lm/bedside/runtime/ort/internal/capi"
)

// OpenError says why a model file cannot be used.
type OpenError struct {
	File   string // without its folder
	Reason string
}

func (e *OpenError) Error() string { return fmt.Sprintf("model file %s: %s", e.File, e.Reason) }

// OutputError says that an output cannot be had.
type OutputError struct {
	Name   string
	Reason string
}

func (e *OutputError) Error() string { return fmt.Sprintf("output %q: %s", e.Name, e.Reason) }

// RunError is a failure within the model, most often of inputs that do not fit one another.
type RunError struct {
	// Where names the operator and the node, as ONNX Runtime does; empty where it does not.
	Where string
	// Invalid: ONNX Runtime holds an argument to be invalid.
	Invalid bool
	// Detail is ONNX Runtime's whole text. It may quote elements of the inputs, so it has no place in a log or an answer.
	Detail string
}

func (e *RunError) Error() string {
	if e.Where == "" {
		return "the model failed on these inputs"
	}
	return "the model failed on these inputs: " + e.Where
}

func newRunError(err error) error {
	var e *capi.Error
	if !errors.As(err, &e) {
		return err
	}
	out := &RunError{Invalid: e.Code == capi.CodeInvalidArgument, Detail: e.Text}
	const before, after = "while running ", "Status Message:"
	if _, rest, ok := strings.Cut(e.Text, before); ok {
		if where, _, ok := strings.Cut(rest, after); ok {
			out.Where = strings.TrimSpace(where)
		}
	}
	return out
}
