// Package batch asks the same about many records and writes an answer a line, in the order of the records, so that a
// run that was ended can go on behind its last whole line.
package batch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/bedside-lm/bedside/cmd/bedside/internal/records"
)

// Question is what is asked about each record.
type Question struct {
	// Call is the method's name, such as "SuggestDiagnoses".
	Call string `json:"call"`
	// Request is the request message without a record, as protojson on one line: all that an answer depends on besides
	// the record and the model.
	Request json.RawMessage `json:"request"`
}

// Entry is one line of the output: the question, which record, and the answer or why there is none.
type Entry struct {
	Question

	Input string `json:"input"`
	Line  int    `json:"line,omitempty"` // 0 where a whole file is the record
	// ID is the patient's id in the record, empty where it could not be read.
	ID string `json:"id,omitempty"`
	// Digest is that of the record's text, so that another input is not taken for this one. What could not be read has none.
	Digest string `json:"digest,omitempty"`

	Response json.RawMessage `json:"response,omitempty"` // the response message in protojson
	Error    *Failure        `json:"error,omitempty"`
}

// Failure says why a record has no answer. It holds no patient text.
type Failure struct {
	Code       string      `json:"code"`             // of gRPC, such as "INVALID_ARGUMENT"
	Reason     string      `json:"reason,omitempty"` // of google.rpc.ErrorInfo
	Message    string      `json:"message"`
	Violations []Violation `json:"violations,omitempty"`
}

// Violation is one thing wrong with a record.
type Violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

// start is how every line begins, which tells a line that was cut off from a file of someone else's.
const start = `{"call":"`

// line is the entry on a line of its own.
func (e *Entry) line() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out) // it ends the line
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil, fmt.Errorf("answer as JSON: %w", err)
	}
	return out.Bytes(), nil
}

// parse reads a line back.
func parse(line []byte) (*Entry, error) {
	var e Entry
	if !bytes.HasPrefix(line, []byte(start)) {
		return nil, errForeign
	}
	if err := json.Unmarshal(line, &e); err != nil || (e.Response == nil) == (e.Error == nil) {
		return nil, errForeign
	}
	return &e, nil
}

// entryOf is the entry of a record that has no answer yet.
func entryOf(q Question, r *records.Record) *Entry {
	e := &Entry{Question: q, Input: r.Input, Line: r.Line}
	if r.Err == nil {
		sum := sha256.Sum256([]byte(r.Text))
		e.Digest = "sha256:" + hex.EncodeToString(sum[:])
	}
	return e
}

// differs says in what an entry that was written answers something other than what is asked now; "" where it does not.
func (e *Entry) differs(now *Entry) string {
	switch {
	case e.Call != now.Call:
		return fmt.Sprintf("it answers %s, not %s", e.Call, now.Call)
	case !bytes.Equal(e.Request, now.Request):
		return fmt.Sprintf("it was asked with other settings: %s, not %s", e.Request, now.Request)
	case e.Line != now.Line || e.Digest != now.Digest:
		return fmt.Sprintf("it answers another record than the one that the input has there (%s)", place(now))
	}
	return ""
}

func place(e *Entry) string {
	r := records.Record{Input: e.Input, Line: e.Line}
	return r.Place()
}
