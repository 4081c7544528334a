package tokenizer

import "fmt"

// Kind says what sort of failure an Error is, for callers that map it to a status.
type Kind int

// The kinds of Error.
const (
	// KindMissing: a file that the model folder must hold is not there or cannot be read.
	KindMissing Kind = iota + 1
	// KindInvalid: a file contradicts its own format or goes beyond a limit.
	KindInvalid
	// KindUnsupported: a file is well formed but asks for something this package does not do.
	KindUnsupported
	// KindMessages: the chat messages are not ones the template can render. The caller's input is at fault.
	KindMessages
)

// Error is the error type of this package. Its text holds no part of any message or text that was encoded.
type Error struct {
	Kind Kind
	// Path names the file and field ("tokenizer.json: model.type") or the argument ("messages[2].role").
	Path string
	// Reason says what is wrong there.
	Reason string
	cause  error
}

func (e *Error) Error() string { return e.Path + ": " + e.Reason }

// Unwrap returns the underlying error. When rendering failed it may quote messages: do not log it.
func (e *Error) Unwrap() error { return e.cause }

func invalid(path, format string, args ...any) *Error {
	return &Error{Kind: KindInvalid, Path: path, Reason: fmt.Sprintf(format, args...)}
}

func unsupported(path, format string, args ...any) *Error {
	return &Error{Kind: KindUnsupported, Path: path, Reason: fmt.Sprintf(format, args...)}
}
