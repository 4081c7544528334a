// Package fhir reads HL7 FHIR R4 (https://hl7.org/fhir/R4), JSON format, into a
// patient's record: a Bundle, one resource alone, or the lines of a bulk export (NDJSON)
// that are about one patient. It writes records as Bundles, too.
//
// It is strict with what it reads: a field of the wrong type, a code outside a
// required binding, a missing required field, a unit that contradicts its code are
// each named by their path, all of them together, and nothing is returned. It is
// lenient with what it does not need: unknown resource types are counted, unknown
// fields and extensions are passed over, codes that nobody knows are kept.
//
// Names, addresses and other direct identifiers are never read.
package fhir

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
	"github.com/bedside-lm/bedside/clinical/record"
)

// Limits bound what is read; more is a *record.LimitError. A field that is zero or
// less takes its default. What a record costs in memory is bounded by Bytes: at
// worst about ten times as much, for a text of nothing but waveforms.
type Limits struct {
	Bytes       int64 // of the whole text, or of all lines about a patient; default 64 MiB
	Entries     int   // of a Bundle, or of all lines about a patient; default 100,000
	Depth       int   // nested objects and arrays; default 64, at most 1,000
	Values      int   // JSON values in one entry; default 250,000
	StringBytes int   // of a text that is read, other than a waveform; default 1 MiB (R4 section 2.24.0.1)
	Samples     int   // of one waveform, over all its dimensions; default 10 million
	Codings     int   // of one CodeableConcept; default 50
	Contained   int   // resources inside a resource; default 200

	// Violations is how many are collected before the reader gives up; default 20.
	Violations int
	// Notices is how many are kept; a last one says how many more there were. Default 1,000.
	Notices int
}

const (
	maxDepth           = 1000    // keeps the parser's recursion far from the end of the stack
	defaultStringBytes = 1 << 20 // R4 section 2.24.0.1
	defaultViolations  = 20
)

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 64 << 20
	}
	for _, f := range []struct {
		field *int
		value int
	}{
		{&l.Entries, 100_000}, {&l.Depth, 64}, {&l.Values, 250_000}, {&l.StringBytes, defaultStringBytes}, {&l.Samples, 10_000_000},
		{&l.Codings, 50}, {&l.Contained, 200}, {&l.Violations, defaultViolations}, {&l.Notices, 1000},
	} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	l.Depth = min(l.Depth, maxDepth)
	return l
}

// Read reads a Bundle or resource from r, at most lim.Bytes of it. The error is a
// *record.InvalidError, a *record.LimitError, or one of r's own, wrapped.
func Read(r io.Reader, lim Limits) (*record.PatientRecord, error) {
	lim = lim.withDefaults()
	data, err := io.ReadAll(io.LimitReader(r, lim.Bytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading FHIR JSON: %w", err)
	}
	return Parse(data, lim)
}

// Parse reads a Bundle or resource. The record shares no memory with data. The
// error is a *record.InvalidError or a *record.LimitError.
func Parse(data []byte, lim Limits) (*record.PatientRecord, error) {
	lim = lim.withDefaults()
	if int64(len(data)) > lim.Bytes {
		return nil, &record.LimitError{Path: bundle, What: "bytes", Limit: lim.Bytes}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	return newReader(newSource([]text{{data: data}}, false, lim), lim).run()
}

const bundle = "Bundle"

func invalid(path, msg string) *record.InvalidError {
	return &record.InvalidError{Violations: []record.Violation{{Path: path, Message: msg}}}
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

// position gives a byte of a text as a line and a column (characters, from 1) for a person
// with an editor. The text begins in the given line.
func position(data []byte, offset, first int) (line, column int) {
	before := data[:offset]
	line = bytes.Count(before, []byte{'\n'}) + first
	return line, utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
}

// broken turns the JSON parser's error about a text into the record's.
func broken(t *text, name string, err error) error {
	var syntax *tree.SyntaxError
	if errors.As(err, &syntax) {
		line, column := position(t.data, syntax.Offset, t.number())
		return invalid(name, fmt.Sprintf("malformed JSON at line %d, column %d: %s", line, column, syntax.Msg))
	}
	var limit *tree.LimitError
	if errors.As(err, &limit) {
		return &record.LimitError{Path: name, What: limit.What, Limit: int64(limit.Limit)}
	}
	return err
}
