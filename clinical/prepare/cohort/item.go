package cohort

import (
	"encoding/binary"
	"errors"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Item is one piece of the input that is about one patient: a line of NDJSON, a message, a row.
type Item struct {
	Patient string
	Shared  bool // belongs to no one patient, and many may name it
	Format  Format
	File    int // index of the input
	Line    int // where it begins, from 1
	Text    []byte
}

// Problem is one thing wrong with the input.
type Problem struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

// Reject is a piece of the input, or all of a patient's, that could not be used. It holds no
// patient text.
type Reject struct {
	File     string    `json:"file,omitempty"`
	Line     int       `json:"line,omitempty"`
	Patient  string    `json:"patient,omitempty"`
	Problems []Problem `json:"problems"`
}

// problems turns a reader's error into what is told, and says whether it was the input's fault.
func problems(err error) ([]Problem, bool) {
	if e, ok := errors.AsType[*record.InvalidError](err); ok {
		out := make([]Problem, len(e.Violations))
		for i, v := range e.Violations {
			out[i] = Problem{v.Path, v.Message}
		}
		return out, true
	}
	if e, ok := errors.AsType[*record.LimitError](err); ok {
		return []Problem{{e.Path, e.Error()}}, true
	}
	return nil, false
}

// formats are single bytes in a segment.
var formats = []Format{FormatFHIR, FormatHL7v2, FormatCSV}

func formatByte(f Format) byte {
	for i, have := range formats {
		if have == f {
			return byte(i)
		}
	}
	return 0
}

// appendItem writes an item into a segment.
func appendItem(b []byte, it *Item) []byte {
	b = appendBytes(b, []byte(it.Patient))
	b = append(b, formatByte(it.Format))
	b = binary.AppendUvarint(b, uint64(it.File))
	b = binary.AppendUvarint(b, uint64(it.Line))
	return appendBytes(b, it.Text)
}

func appendBytes[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// errDamaged says that a file of the work folder is not what was written.
var errDamaged = errors.New("damaged")

// scan reads back what was appended. Its first fault sticks.
type scan struct {
	b   []byte
	bad bool
}

func (s *scan) uvarint() uint64 {
	v, n := binary.Uvarint(s.b)
	if n <= 0 {
		s.bad, s.b = true, nil
		return 0
	}
	s.b = s.b[n:]
	return v
}

func (s *scan) bytes() []byte {
	n := s.uvarint()
	if n > uint64(len(s.b)) {
		s.bad, s.b = true, nil
		return nil
	}
	out := s.b[:n:n]
	s.b = s.b[n:]
	return out
}

func (s *scan) byte() byte {
	if len(s.b) == 0 {
		s.bad = true
		return 0
	}
	c := s.b[0]
	s.b = s.b[1:]
	return c
}

// items calls visit with each item of a partition's stretch, which share its memory.
func items(stretch []byte, visit func(Item)) error {
	s := scan{b: stretch}
	for len(s.b) > 0 {
		it := Item{Patient: string(s.bytes()), Format: formats[min(int(s.byte()), len(formats)-1)], File: int(s.uvarint()), Line: int(s.uvarint()), Text: s.bytes()}
		if s.bad {
			return errDamaged
		}
		visit(it)
	}
	return nil
}
