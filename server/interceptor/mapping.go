package interceptor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bedside-lm/bedside/server/apierror"
)

// internalError is what the log keeps of an error that no rule maps. Its caller learns the
// id alone.
type internalError struct {
	id    string
	types string
}

func (c *Chain) mapUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	resp, err := handler(ctx, req)
	if err != nil {
		return nil, c.mapError(ctx, err)
	}
	return resp, nil
}

func (c *Chain) mapStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if err := handler(srv, stream); err != nil {
		return c.mapError(stream.Context(), err)
	}
	return nil
}

// mapError gives err its status.
func (c *Chain) mapError(ctx context.Context, err error) error {
	a, ok := describe(endedBy(ctx, err))
	if !ok {
		a = c.unexpected(ctx, err)
	}
	return a.status().Err()
}

// Status is mapError for services that answer several requests in one call and tell each its
// own error.
func (c *Chain) Status(ctx context.Context, err error) *status.Status {
	return status.Convert(c.mapError(ctx, err))
}

// Recovered turns what recover gave into an error for Status, and counts the panic.
func (c *Chain) Recovered(ctx context.Context, v any) error { return c.recovered(ctx, v) }

// unexpected hides an error that no rule maps behind an id. Its text may quote anything, a
// request too, so the log gets its types, and the text only where it was asked for.
func (c *Chain) unexpected(ctx context.Context, err error) answer {
	e := &internalError{id: randomID(), types: errorTypes(err)}
	if call := callOf(ctx); call != nil {
		call.setInternal(e)
	}
	attrs := []slog.Attr{slog.String("error_id", e.id), slog.String("request_id", RequestID(ctx))}
	if p, ok := errors.AsType[*apierror.PanicError](err); ok {
		c.logger.LogAttrs(ctx, slog.LevelError, "panic", append(attrs, slog.String("value", p.Kind), slog.Any("stack", p.Stack))...)
	} else if c.logText {
		c.logger.LogAttrs(ctx, slog.LevelDebug, "internal error", append(attrs, slog.String("text", err.Error()))...)
	}
	return answer{
		code: codes.Internal, reason: reasonInternal, metadata: map[string]string{"error_id": e.id},
		message: "internal error " + e.id + ": the server's log says more",
	}
}

const maxErrorTypes = 8

// errorTypes lists the types of err and of what it wraps, outermost first.
func errorTypes(err error) string {
	var types []string
	for queue := []error{err}; len(queue) > 0 && len(types) < maxErrorTypes; {
		e := queue[0]
		queue = queue[1:]
		types = append(types, fmt.Sprintf("%T", e))
		switch w := e.(type) { //nolint:errorlint // this walks the chain itself
		case interface{ Unwrap() error }:
			if inner := w.Unwrap(); inner != nil {
				queue = append(queue, inner)
			}
		case interface{ Unwrap() []error }:
			queue = append(queue, w.Unwrap()...)
		}
	}
	return strings.Join(types, " > ")
}
