// Package apierror holds the errors that the services themselves find. Like the errors of
// the packages beneath them they carry a type, and server/interceptor gives each its
// gRPC status.
package apierror

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bedside-lm/bedside/runtime/constrain"
)

// NotFoundError says that a request names something that the server does not have.
type NotFoundError struct {
	Kind string // what was looked for, such as "model"
	// Name is what the request asked for. It is the caller's text, so it stands neither in
	// Error nor in the status.
	Name  string
	Known []string // the names that would have been found
}

func (e *NotFoundError) Error() string {
	if len(e.Known) == 0 {
		return "unknown " + e.Kind + "; there is none"
	}
	return fmt.Sprintf("unknown %s; known: %s", e.Kind, strings.Join(e.Known, ", "))
}

// FieldError says that one field of a request is wrong where the rules of the protocol
// files cannot say so.
type FieldError struct {
	Field   string // path in the request, such as "chat.messages[2].content"
	Message string // what is wrong and what is expected, without the caller's text
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

// NoModelError says that the server has no model for what a request asks.
type NoModelError struct {
	Function string // such as "diagnoses"
	Remedy   string // what to do about it
}

func (e *NoModelError) Error() string { return "there is no model for " + e.Function + ": " + e.Remedy }

// Constraint gives an error about a text's form the field of the request that it concerns; other errors stay as they are.
// base is where the form stands: a list's items follow it in brackets, the places of a schema go into the message.
func Constraint(base string, err error) error {
	e, ok := errors.AsType[*constrain.Error](err)
	switch {
	case !ok || e.Kind == constrain.KindToken: // a token is of the engine's choosing
		return err
	case strings.HasPrefix(e.Path, "["):
		return &FieldError{Field: base + e.Path, Message: e.Reason}
	}
	return &FieldError{Field: base, Message: e.Error()}
}
