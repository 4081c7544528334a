package repository

import "fmt"

// Kind says what went wrong with a model, for callers that map errors to status codes.
type Kind int

// The kinds of ModelError.
const (
	// KindInvalid: an argument is malformed; Field names it.
	KindInvalid Kind = iota + 1
	// KindUnknownModel: no repository has a model of the name.
	KindUnknownModel
	// KindUnknownVersion: the model has no such version.
	KindUnknownVersion
	// KindNotReady: the model is known but takes no requests; Reason says why.
	KindNotReady
	// KindLoadFailed: the folder cannot be loaded; Reason says why.
	KindLoadFailed
	// KindControlMode: loading and unloading on demand needs ModeExplicit.
	KindControlMode
	// KindClosed: the manager is closed.
	KindClosed
)

// String returns the kind's name in snake case.
func (k Kind) String() string {
	switch k {
	case KindInvalid:
		return "invalid"
	case KindUnknownModel:
		return "unknown_model"
	case KindUnknownVersion:
		return "unknown_version"
	case KindNotReady:
		return "not_ready"
	case KindLoadFailed:
		return "load_failed"
	case KindControlMode:
		return "control_mode"
	case KindClosed:
		return "closed"
	}
	return fmt.Sprintf("kind(%d)", int(k))
}

// ModelError is the type of every error that a Manager finds itself; where a caller's context ends it returns that
// context's error.
type ModelError struct {
	Kind    Kind
	Name    string
	Version int64  // 0 where no one version is meant
	Field   string // KindInvalid: the argument, such as "model_version"
	// Reason is in words, with paths relative to the repository's root.
	Reason string
	// Err is what Operations or the file system reported; it may hold absolute paths, so it is for logs.
	Err error
}

// Error describes the problem in one line, without absolute paths and without a name that only the caller knows.
func (e *ModelError) Error() string {
	which := fmt.Sprintf("model %q", e.Name)
	if e.Version > 0 {
		which += fmt.Sprintf(" version %d", e.Version)
	}
	switch e.Kind {
	case KindInvalid:
		return e.Field + ": " + e.Reason
	case KindUnknownModel:
		return "unknown model"
	case KindUnknownVersion:
		return fmt.Sprintf("model %q has no version %d", e.Name, e.Version)
	case KindNotReady:
		return which + " is not ready: " + e.Reason
	case KindControlMode:
		return "models are loaded and unloaded on demand only with the model control mode \"explicit\""
	case KindClosed:
		return "no models are served: shutting down"
	default:
		return which + " cannot be loaded: " + e.Reason
	}
}

func (e *ModelError) Unwrap() error { return e.Err }

// ErrControlMode is what Load and Unload return unless the manager runs in ModeExplicit.
var ErrControlMode error = &ModelError{Kind: KindControlMode}

// errClosed is returned by everything once Close was called.
var errClosed error = &ModelError{Kind: KindClosed}

// PanicError is a panic inside Operations, taken for the failure of the one model.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }
