package mllp

import (
	"errors"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Code is an acknowledgement's code (HL7 table 0008).
type Code string

// The codes.
const (
	Accept Code = "AA"
	Error  Code = "AE" // the message cannot be used as it is
	Reject Code = "AR" // it could not be taken now: send it again
)

// Ack is the acknowledgement of a message, in that message's delimiters: what it answers is read
// from the message's MSH segment as far as there is one. err is nil for Accept; of an error of
// the readers the first fault is told, of others nothing but that there is one.
func Ack(message []byte, err error, now time.Time) []byte {
	h := headerOf(message)
	code, condition, text := outcome(err)
	field := string(h.field)
	join := func(fields ...string) string { return strings.Join(fields, field) }
	component := string(h.encoding[0])
	kind := strings.Join([]string{"ACK", "R01", "ACK"}, component)
	var b strings.Builder
	b.WriteString(join("MSH", h.encoding, h.at(5), h.at(6), h.at(3), h.at(4), now.Format("20060102150405-0700"), "", kind, h.answer(), "P", h.version()))
	b.WriteString("\r" + join("MSA", string(code), h.at(10)) + "\r")
	if text != "" {
		// ERR-3 and ERR-4 are required since v2.5, ERR-8 is for a person to read.
		b.WriteString(join("ERR", "", "", strings.ReplaceAll(condition, "^", component), "E", "", "", "", h.escape(text)) + "\r")
	}
	return []byte(b.String())
}

// header is a message's MSH segment, as far as it can be read.
type header struct {
	field    byte
	encoding string
	fields   []string // MSH-1 is the separator, so MSH-n stands at n-1
}

const longestHeader = 4096

func headerOf(message []byte) *header {
	h := &header{field: '|', encoding: `^~\&`}
	line := string(message[:min(len(message), longestHeader)])
	if i := strings.IndexAny(line, "\r\n"); i >= 0 {
		line = line[:i]
	}
	if !strings.HasPrefix(line, "MSH") || len(line) < 8 {
		return h
	}
	fields := strings.Split(line, line[3:4])
	if len(fields[1]) < 4 || line[3] < ' ' {
		return h
	}
	h.field, h.encoding, h.fields = line[3], fields[1], fields
	return h
}

// at is field MSH-n, as it was sent.
func (h *header) at(n int) string {
	if n-1 >= len(h.fields) {
		return ""
	}
	return h.fields[n-1]
}

// answer is the acknowledgement's own control id; at most 20 characters until v2.5, and 199 since.
func (h *header) answer() string {
	const most = 199
	id := "ACK" + h.at(10)
	return id[:min(len(id), most)]
}

func (h *header) version() string {
	if v := h.at(12); v != "" {
		return v
	}
	return "2.6"
}

// escape writes a text so that no sign of it is a delimiter.
func (h *header) escape(s string) string {
	e := h.encoding[2:3]
	return strings.NewReplacer(
		e, e+"E"+e, string(h.field), e+"F"+e, h.encoding[:1], e+"S"+e, h.encoding[3:4], e+"T"+e, h.encoding[1:2], e+"R"+e, "\r", " ", "\n", " ",
	).Replace(s)
}

// The conditions of HL7 table 0357 that are told.
const (
	conditionData     = "102^Data type error^HL70357"
	conditionInternal = "207^Application internal error^HL70357"
)

func outcome(err error) (code Code, condition, text string) {
	if err == nil {
		return Accept, "", ""
	}
	if e, ok := errors.AsType[*record.InvalidError](err); ok && len(e.Violations) > 0 {
		return Error, conditionData, e.Violations[0].Path + ": " + e.Violations[0].Message
	}
	if e, ok := errors.AsType[*record.LimitError](err); ok {
		return Error, conditionInternal, e.Error()
	}
	return Reject, conditionInternal, "the message could not be stored; send it again"
}
