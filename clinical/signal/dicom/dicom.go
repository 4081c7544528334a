// Package dicom describes DICOM files (https://www.dicomstandard.org/current, PS3.5 and
// PS3.10) by their tags: what kind of image it is, of which part of the body, how large, when
// and with what it was taken. It looks at no pixel and says nothing about what the image shows.
//
// Tags are read by a list of those that are wanted. Everything else is skipped by its length
// and never held: names, numbers and birth dates of patients (group 0010), staff, institutions,
// descriptions that people type.
//
// The reader is this package's own. The library that there is for Go reads every value into
// memory first, names included, takes lengths as the file gives them, and calls itself for each nested
// sequence: 60 megabytes of nesting end the process with a stack overflow, which Go cannot
// recover from. This one walks the file once, in constant memory and without recursion.
package dicom

import (
	"fmt"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/signal"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Limits bound what is read; more is a *record.LimitError. A field that is zero or less takes
// its default.
type Limits struct {
	Bytes    int64 // of the file; default 512 MiB. Nothing of it is copied.
	Elements int   // that are walked over; default 1 million
	Depth    int   // of nested sequences; default 64
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 512 << 20
	}
	if l.Elements <= 0 {
		l.Elements = 1_000_000
	}
	if l.Depth <= 0 {
		l.Depth = 64
	}
	return l
}

// Describer describes DICOM files. The zero value is ready, with the default limits.
type Describer struct{ Limits Limits }

var _ signal.Describer = Describer{}

// Describe says what the file's tags say. The error is a *record.InvalidError or a
// *record.LimitError.
func (d Describer) Describe(data []byte, lang terms.Lang) (*signal.Description, error) {
	tags, err := readTags(data, d.Limits.withDefaults())
	if err != nil {
		return nil, err
	}
	return describe(tags, lang), nil
}

func invalid(at int, format string, args ...any) *record.InvalidError {
	return &record.InvalidError{Violations: []record.Violation{{
		Path: fmt.Sprintf("file.byte[%d]", at), Message: fmt.Sprintf(format, args...),
	}}}
}
