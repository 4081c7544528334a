// Package modelconfig reads the configuration of a tensor model, config.pbtxt, in the format of Triton Inference Server.
//
// What a configuration asks for is either done or refused by name: no setting that would change what a model does is
// passed over. Bedside's own settings are parameters:
//
//	parameters { key: "bedside.adaptive_delay" value { string_value: "false" } }
//
// Where the meanings differ from Triton's, the reason is that one session serves all instances of a model, on the CPU.
package modelconfig

import "fmt"

// Error says what is wrong with a configuration, or what of it cannot be done.
type Error struct {
	// Field is the path of the field at fault, such as "input[0].dims"; empty where the text could not be read.
	Field string
	// Line and Column, from 1, are where the text could not be read; 0 otherwise.
	Line, Column int
	Reason       string
}

func (e *Error) Error() string {
	switch {
	case e.Field != "":
		return "config.pbtxt: " + e.Field + ": " + e.Reason
	case e.Line > 0:
		return fmt.Sprintf("config.pbtxt: line %d:%d: %s", e.Line, e.Column, e.Reason)
	}
	return "config.pbtxt: " + e.Reason
}

func fail(field, format string, args ...any) *Error {
	return &Error{Field: field, Reason: fmt.Sprintf(format, args...)}
}
