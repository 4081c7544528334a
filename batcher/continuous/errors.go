package continuous

import (
	"fmt"
	"time"
)

// Kind says what went wrong, for callers that map errors to status codes.
type Kind int

// The kinds of Error.
const (
	// KindInvalid: a field is out of range; Field names it.
	KindInvalid Kind = iota + 1
	// KindDuplicate: a request with this id has not ended yet.
	KindDuplicate
	// KindTooLong: prompt and answer together do not fit in a slot; Have and Limit say by how much.
	KindTooLong
	// KindQueueFull: Config.MaxQueue requests wait already; RetryAfter says when to come back.
	KindQueueFull
	// KindDraining: Drain was called, no new work is taken.
	KindDraining
)

// String returns the kind's name in snake case.
func (k Kind) String() string {
	switch k {
	case KindInvalid:
		return "invalid"
	case KindDuplicate:
		return "duplicate"
	case KindTooLong:
		return "too_long"
	case KindQueueFull:
		return "queue_full"
	case KindDraining:
		return "draining"
	}
	return fmt.Sprintf("kind(%d)", int(k))
}

// Error is the type of every error of this package.
type Error struct {
	Kind Kind
	// Field is the path of the field at fault, in snake case, such as "max_new_tokens"; empty where none is.
	Field string
	// Have is what there is or would be and Limit what is allowed (KindTooLong: tokens; KindQueueFull: requests).
	Have, Limit int
	// RetryAfter estimates when a place in the queue will be free (KindQueueFull only).
	RetryAfter time.Duration

	detail string
}

// Error describes the problem in one line. It holds numbers and field names only, never a request's content.
func (e *Error) Error() string {
	switch e.Kind {
	case KindTooLong:
		return fmt.Sprintf("prompt and answer need %d tokens, the limit is %d", e.Have, e.Limit)
	case KindQueueFull:
		return fmt.Sprintf("the queue is full: %d requests wait, retry after %v", e.Limit, e.RetryAfter)
	case KindDraining:
		return "no new requests are taken: shutting down"
	default:
		return e.Field + ": " + e.detail
	}
}

func invalid(field, detail string) *Error {
	return &Error{Kind: KindInvalid, Field: field, detail: detail}
}
