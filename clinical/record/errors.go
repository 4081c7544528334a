package record

import (
	"fmt"
	"strings"
)

// InvalidError says that an input cannot be read as a patient record. It names
// every violation found, up to a reader's own limit.
type InvalidError struct {
	Violations []Violation
}

// Violation is one thing wrong with an input. Neither field holds patient text.
type Violation struct {
	Path    string // such as "Bundle.entry[3].resource.valueQuantity.value"
	Message string // what is wrong and what is expected
}

func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Violations))
	for i, v := range e.Violations {
		parts[i] = fmt.Sprintf("%s: %s", v.Path, v.Message)
	}
	return strings.Join(parts, "; ")
}

// LimitError says that an input is larger than what is read.
type LimitError struct {
	Path  string
	What  string // such as "bytes", "entries", "nesting levels"
	Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: more than %d %s", e.Path, e.Limit, e.What)
}
