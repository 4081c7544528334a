package interceptor

import (
	"context"
	"fmt"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// panicError is a panic on its way to becoming a status. It holds what may be logged: where
// it happened, and of which type it was.
type panicError struct {
	kind  string
	stack []string
}

func (e *panicError) Error() string { return "panic: " + e.kind }

// recovered counts a panic. What it was given, it drops: a panic's text may quote a request.
// Only the runtime's own errors (index out of range, nil pointer) are known not to.
func (c *Chain) recovered(_ context.Context, p any) error {
	c.panics.Inc()
	e := &panicError{kind: fmt.Sprintf("%T", p), stack: stack()}
	if err, ok := p.(runtime.Error); ok {
		e.kind += ": " + err.Error()
	}
	return e
}

const maxFrames = 48

// stack lists the functions from the one that panicked outwards. Unlike debug.Stack it shows
// no argument values.
func stack() []string {
	var pcs [maxFrames + 16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	var out []string
	for {
		f, more := frames.Next()
		if f.Function == "runtime.gopanic" {
			out = out[:0] // what lies above is the recovery's own
		} else if f.Function != "" && !strings.HasPrefix(f.Function, "runtime.") && len(out) < maxFrames {
			out = append(out, f.Function+" "+path.Base(f.File)+":"+strconv.Itoa(f.Line))
		}
		if !more {
			return out
		}
	}
}
