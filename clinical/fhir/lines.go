package fhir

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Line is one line of newline-delimited JSON: a resource, or a Bundle.
type Line struct {
	Name   string // of the file, as errors give it: "Observation.ndjson"
	Number int    // from 1
	Offset int64  // in bytes, of the line's first byte in the file
	Text   []byte // without its end
}

// String returns where the line stands, such as "Observation.ndjson:17".
func (l Line) String() string { return l.Name + ":" + strconv.Itoa(l.Number) }

// Clone returns the line with a text of its own.
func (l Line) Clone() Line {
	l.Text = bytes.Clone(l.Text)
	return l
}

// Lines reads the lines of one file of a bulk export
// (https://hl7.org/fhir/uv/bulkdata/export.html, format NDJSON) in memory for the longest
// of them. It is for one goroutine.
type Lines struct {
	in     *bufio.Reader
	limit  int64
	name   string
	number int
	offset int64  // of the next line
	long   []byte // collects a line that is longer than in's buffer
	err    error  // the reader's end
}

const readAhead = 64 << 10

// NewLines reads r, which errors call name. A line is at most lim.Bytes long.
func NewLines(r io.Reader, name string, lim Limits) *Lines {
	return &Lines{in: bufio.NewReaderSize(r, readAhead), limit: lim.withDefaults().Bytes, name: name}
}

// Next returns the next line that is not blank, or io.EOF. The line's text is valid until
// the next call. A line that is too long is a *record.LimitError, and the next call goes on
// behind it; an error of the file itself is wrapped, and final.
func (l *Lines) Next() (Line, error) {
	for l.err == nil {
		line, err := l.read()
		if err != nil {
			return Line{}, err
		}
		if len(bytes.TrimSpace(line.Text)) > 0 {
			return line, nil
		}
	}
	return Line{}, l.err
}

// Number is that of the line that Next came to last, whether it gave it or not.
func (l *Lines) Number() int { return l.number }

// read reads one line, blank or not.
func (l *Lines) read() (Line, error) {
	l.number++
	line := Line{Name: l.name, Number: l.number, Offset: l.offset}
	text, err := l.upToEnd()
	if err != nil {
		if l.err = err; !errors.Is(err, io.EOF) {
			l.err = fmt.Errorf("reading %s: %w", line, err)
			return Line{}, l.err
		}
	}
	line.Text = trimmed(text, line.Number)
	if int64(len(line.Text)) > l.limit {
		return Line{}, &record.LimitError{Path: line.String(), What: "bytes in a line", Limit: l.limit}
	}
	return line, nil
}

// upToEnd reads on behind the next line end, and returns what it read: all of it, or more
// than the limit.
func (l *Lines) upToEnd() ([]byte, error) {
	const around = len("\ufeff") + len("\r\n")
	l.long = l.long[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		l.offset += int64(len(part))
		full := errors.Is(err, bufio.ErrBufferFull)
		if !full && len(l.long) == 0 {
			return part, err
		}
		if int64(len(l.long)) <= l.limit+int64(around) {
			l.long = append(l.long, part...)
		}
		if !full {
			return l.long, err
		}
	}
}

// trimmed takes off the line's end and, from a file's first line, the byte order mark.
func trimmed(text []byte, number int) []byte {
	text = bytes.TrimSuffix(text, []byte("\n"))
	text = bytes.TrimSuffix(text, []byte("\r"))
	if number == 1 {
		text = bytes.TrimPrefix(text, []byte("\ufeff"))
	}
	return text
}
