package dynamic

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind says what went wrong, for callers that map errors to status codes.
type Kind int

// The kinds of Error.
const (
	// KindInvalid: a field is out of range; Field names it.
	KindInvalid Kind = iota + 1
	// KindQueueFull: as many requests wait as may; RetryAfter says when to come back.
	KindQueueFull
	// KindDisplaced: the queue is full and the request gave its place to a tenant that used less than its share. To
	// the caller it is the same as KindQueueFull.
	KindDisplaced
	// KindTooLate: so many requests wait already that this one's deadline would most likely pass first. To the caller
	// it is the same as KindQueueFull.
	KindTooLate
	// KindTimeout: the request waited for longer than its queue's policy allows.
	KindTimeout
	// KindExpired: the request's deadline passed.
	KindExpired
	// KindCancelled: the caller went away.
	KindCancelled
	// KindDraining: Drain was called, no new work is taken.
	KindDraining
	// KindStopped: Close was called before the request was done.
	KindStopped
	// KindFailed: the run broke its contract (it panicked or gave a wrong number of results). An error that the run
	// returns is passed on as it is.
	KindFailed
)

// String returns the kind's name in snake case.
func (k Kind) String() string {
	switch k {
	case KindInvalid:
		return "invalid"
	case KindQueueFull:
		return "queue_full"
	case KindDisplaced:
		return "displaced"
	case KindTooLate:
		return "too_late"
	case KindTimeout:
		return "timeout"
	case KindExpired:
		return "expired"
	case KindCancelled:
		return "cancelled"
	case KindDraining:
		return "draining"
	case KindStopped:
		return "stopped"
	case KindFailed:
		return "failed"
	}
	return fmt.Sprintf("kind(%d)", int(k))
}

// Error is the type of every error of this package.
type Error struct {
	Kind Kind
	// Field is the path of the field at fault, in snake case, such as "size"; empty where none is.
	Field string
	// Have is how many requests wait or would and Limit how many may (KindQueueFull only).
	Have, Limit int
	// RetryAfter estimates when a place in the queue will be free (KindQueueFull, KindDisplaced and
	// KindTooLate only).
	RetryAfter time.Duration

	detail string
	cause  error
}

// ErrStopped says that a batcher was closed before the request was done; compare with errors.Is.
var ErrStopped = &Error{Kind: KindStopped}

// Error describes the problem in one line. It holds numbers and field names only, never a request's content.
func (e *Error) Error() string {
	switch e.Kind {
	case KindQueueFull:
		return fmt.Sprintf("the queue is full: %d requests wait, %d may; retry after %v", e.Have, e.Limit, e.RetryAfter)
	case KindDisplaced:
		return fmt.Sprintf("the queue is full and another tenant's turn came first; retry after %v", e.RetryAfter)
	case KindTooLate:
		return fmt.Sprintf("more requests wait than the deadline leaves time for; retry after %v", e.RetryAfter)
	case KindTimeout:
		return "the request waited for longer than its queue allows"
	case KindExpired:
		return "the request's deadline passed"
	case KindCancelled:
		return "the request was cancelled"
	case KindDraining:
		return "no new requests are taken: shutting down"
	case KindStopped:
		return "stopped before the request was done"
	case KindFailed:
		return "the batch failed: " + e.detail
	default:
		return e.Field + ": " + e.detail
	}
}

// Unwrap returns the context's error for KindCancelled and KindExpired where a context was the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is says that two errors are of the same kind, where target is [ErrStopped].
func (e *Error) Is(target error) bool { return target == error(ErrStopped) && e.Kind == KindStopped }

func invalid(field, detail string) *Error {
	return &Error{Kind: KindInvalid, Field: field, detail: detail}
}

func kindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindFailed
}

// ended is the error of a request whose context has ended.
func ended(ctx context.Context) *Error {
	kind := KindCancelled
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		kind = KindExpired
	}
	return &Error{Kind: kind, cause: ctx.Err()}
}
