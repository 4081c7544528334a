// Package records reads patients' records from files, one a file or one a line, packed or not.
package records

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
)

// Stdin is the name that stands for standard input.
const Stdin = "-"

// MaxBytes is the size of the largest record.
const MaxBytes = 64 << 20

// Record is one record as it was filed.
type Record struct {
	Input string // as the command line names it
	Line  int    // from 1; 0 where the whole file is the record
	Text  string // UTF-8
	HL7   bool   // HL7 v2 messages; else FHIR in JSON
	// Err says why there is no text: too long, empty, or not UTF-8. It holds none of the text.
	Err error
}

// Place says where the record stands, such as "ward.ndjson: line 3".
func (r *Record) Place() string {
	if r.Line == 0 {
		return r.Input
	}
	return fmt.Sprintf("%s: line %d", r.Input, r.Line)
}

// ByLine says whether a file of this name holds a record a line: .ndjson and .jsonl, packed (.gz) or not. So does
// standard input.
func ByLine(name string) bool {
	plain, _ := packed(name)
	ext := strings.ToLower(filepath.Ext(plain))
	return name == Stdin || ext == ".ndjson" || ext == ".jsonl"
}

func packed(name string) (plain string, zipped bool) {
	if strings.EqualFold(filepath.Ext(name), ".gz") {
		return name[:len(name)-len(".gz")], true
	}
	return name, false
}

// Read gives the records of the inputs in their order. What is wrong with one record is its Err, and the next follows;
// an error ends the reading. Each range over it reads anew, standard input of course once. Blank lines are passed over.
func Read(stdin io.Reader, inputs ...string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for _, name := range inputs {
			more, err := one(stdin, name, yield)
			if err != nil {
				yield(Record{}, err)
				return
			}
			if !more {
				return
			}
		}
	}
}

// one reads one input. more is false where the reader has had enough.
func one(stdin io.Reader, name string, yield func(Record, error) bool) (more bool, err error) {
	from := stdin
	if name != Stdin {
		f, err := os.Open(name)
		if err != nil {
			return false, err
		}
		defer f.Close() // it was read alone
		from = f
	}
	plain, zipped := packed(name)
	if zipped {
		if from, err = gzip.NewReader(bufio.NewReader(from)); err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
	}
	if ByLine(name) {
		return lines(fhir.NewLines(from, name, fhir.Limits{Bytes: MaxBytes}), name, yield)
	}
	text, err := io.ReadAll(io.LimitReader(from, MaxBytes+1))
	if err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	r := Record{Input: name, HL7: strings.EqualFold(filepath.Ext(plain), ".hl7")}
	r.set(text)
	return yield(r, nil), nil
}

func lines(in *fhir.Lines, name string, yield func(Record, error) bool) (more bool, err error) {
	for {
		line, err := in.Next()
		r := Record{Input: name, Line: line.Number}
		limit, long := errors.AsType[*record.LimitError](err)
		switch {
		case errors.Is(err, io.EOF):
			return true, nil
		case long:
			r.Line, r.Err = in.Number(), fmt.Errorf("larger than %d %s", limit.Limit, limit.What)
		case err != nil:
			return false, err
		default:
			r.set(line.Text)
		}
		if !yield(r, nil) {
			return false, nil
		}
	}
}

func (r *Record) set(text []byte) {
	switch at := NotUTF8(text); {
	case len(text) > MaxBytes:
		r.Err = fmt.Errorf("larger than %d MiB", MaxBytes>>20)
	case len(bytes.TrimSpace(text)) == 0:
		r.Err = errors.New("holds nothing")
	case at >= 0:
		r.Err = fmt.Errorf("byte %d is not UTF-8 text", at)
	default:
		r.Text = string(text)
	}
}

// NotUTF8 is the offset of the first byte that is not UTF-8, or -1.
func NotUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}
