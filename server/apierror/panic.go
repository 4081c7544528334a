package apierror

import (
	"fmt"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// PanicError is a panic that was caught. It holds what may be logged: where it happened, and of which type it was.
type PanicError struct {
	Kind  string
	Stack []string
}

func (e *PanicError) Error() string { return "panic: " + e.Kind }

// Recovered makes an error of what recover gave. What it was given, it drops: a panic's text may quote a request.
// Only the runtime's own errors (index out of range, nil pointer) are known not to.
func Recovered(v any) *PanicError {
	e := &PanicError{Kind: fmt.Sprintf("%T", v), Stack: stack()}
	if err, ok := v.(runtime.Error); ok {
		e.Kind += ": " + err.Error()
	}
	return e
}

// Catch calls f and turns a panic of it into a *PanicError.
func Catch(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = Recovered(v)
		}
	}()
	return f()
}

const maxFrames = 48

// stack lists the functions from the one that panicked outwards. Unlike debug.Stack it shows no argument values.
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
