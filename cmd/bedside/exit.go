package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bedside "github.com/bedside-lm/bedside/clients/go"
	"github.com/bedside-lm/bedside/server/config"
)

// The exit codes.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitSomeFailed  = 3   // of many records, some have no answer
	exitInterrupted = 130 // as a shell counts SIGINT
)

// usageError says that the command line cannot be understood.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// callError is a failed call, with what its command line had to do with it.
type callError struct {
	err  error
	conn *connection
}

// Error is the server's own message: gRPC wraps the last of several attempts.
func (e *callError) Error() string {
	if s, ok := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](e.err); ok {
		return s.GRPCStatus().Message()
	}
	return e.err.Error()
}

func (e *callError) Unwrap() error { return e.err }

// report writes what went wrong and what to do about it, and gives the exit code.
func report(ctx context.Context, w io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil {
		fmt.Fprintln(w, "bedside: interrupted")
		return exitInterrupted
	}
	if usage, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintf(w, "bedside: %s\n", printable(usage.Error()))
		fmt.Fprintln(w, `hint: "bedside --help" lists the commands, "bedside COMMAND --help" a command's flags and examples`)
		return exitUsage
	}
	if setting, ok := errors.AsType[*config.Error](err); ok {
		fmt.Fprintf(w, "bedside: %s\n", printable(setting.Error()))
		fmt.Fprintln(w, `hint: a setting comes from its flag, else its BEDSIDE_ variable, else --config; see "bedside serve --help"`)
		return exitUsage
	}
	if some, ok := errors.AsType[*someFailedError](err); ok {
		fmt.Fprintf(w, "bedside: %s\n", printable(some.Error()))
		return exitSomeFailed
	}
	call, ok := errors.AsType[*callError](err)
	if !ok {
		fmt.Fprintf(w, "bedside: %s\n", printable(err.Error()))
		return exitFailure
	}
	fmt.Fprintf(w, "bedside: %s: %s\n", codeName(status.Code(call.err)), printable(call.Error()))
	for _, v := range bedside.Violations(call.err) {
		fmt.Fprintf(w, "  %s: %s\n", printable(v.Field), printable(v.Description))
	}
	if hint := hint(call); hint != "" {
		fmt.Fprintln(w, "hint:", hint)
	}
	return exitFailure
}

var codeNames = map[codes.Code]string{
	codes.InvalidArgument:    "invalid request",
	codes.NotFound:           "not found",
	codes.Unavailable:        "server not available",
	codes.ResourceExhausted:  "server refused",
	codes.DeadlineExceeded:   "out of time",
	codes.Unimplemented:      "not offered by this server",
	codes.Internal:           "server failed",
	codes.FailedPrecondition: "not possible now",
	codes.Unauthenticated:    "server does not know the caller",
	codes.PermissionDenied:   "not allowed",
}

func codeName(code codes.Code) string {
	if name, ok := codeNames[code]; ok {
		return name
	}
	return code.String()
}

func hint(e *callError) string {
	switch status.Code(e.err) {
	case codes.Unauthenticated:
		return "--token-file names a file with a token or an API key, --cert and --key a client certificate"
	case codes.Unavailable:
		if e.conn.Addr == "" || bedside.Reason(e.err) == "AUDIT_UNAVAILABLE" {
			return ""
		}
		return "is the server running and ready? Addresses beyond this machine are spoken to through TLS unless --insecure is given. Without --addr the command runs alone"
	case codes.DeadlineExceeded:
		return fmt.Sprintf("the call was given %v; --timeout allows more", e.conn.Timeout)
	case codes.NotFound:
		return `"bedside models list" shows what the server has`
	case codes.ResourceExhausted:
		if after, ok := bedside.RetryAfter(e.err); ok {
			return fmt.Sprintf("the server is busy: try again in %v", after)
		}
	case codes.InvalidArgument:
		switch bedside.Reason(e.err) {
		case "PROMPT_TOO_LONG":
			return "shorten the prompt, or start the server with a larger --slot-capacity"
		case "RECORD_TOO_LARGE":
			return "split the record, for instance by encounter"
		}
	case codes.Internal:
		return "the server's log has the cause under the id above"
	default:
	}
	return ""
}
