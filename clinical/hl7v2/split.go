package hl7v2

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Message is one message of a stream.
type Message struct {
	Name string // of the stream, as it stands in errors
	Line int    // of its MSH segment, from 1; a segment is a line
	Text []byte // segments, each ended by a carriage return
}

func (m *Message) place() string {
	if m.Name == "" {
		return fmt.Sprintf("line %d", m.Line)
	}
	return fmt.Sprintf("%s:%d", m.Name, m.Line)
}

// Patient is the id that the message's PID segment names first, as it stands in the record,
// or "". It reads no more of the message than that.
func (m *Message) Patient() string {
	msg, err := split(m.Text, Limits{}.withDefaults())
	if err != nil {
		return ""
	}
	for i := range msg.segments {
		if s := &msg.segments[i]; s.name == "PID" {
			return safeID(s.field(3).repetition(0).component(1))
		}
	}
	return ""
}

// Messages splits a stream into messages, in the memory of one. Batch and file headers (FHS,
// BHS, BTS, FTS) and the framing bytes of MLLP are passed over.
type Messages struct {
	r    *bufio.Reader
	name string
	lim  Limits
	line int
	next []byte // the MSH segment that ended the last message
	at   int    // its line
	done bool
}

// NewMessages reads from r; name stands in errors.
func NewMessages(r io.Reader, name string, lim Limits) *Messages {
	return &Messages{r: bufio.NewReaderSize(r, 64<<10), name: name, lim: lim.withDefaults()}
}

// All gives the messages in order. An error comes last, with a message that names its place.
func (s *Messages) All() iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for {
			m, err := s.Next()
			if errors.Is(err, io.EOF) || !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// Next gives the next message, or io.EOF. Other errors are a *record.InvalidError, a
// *record.LimitError or the reader's own; none can be gone on from.
func (s *Messages) Next() (Message, error) {
	m := Message{Name: s.name, Line: s.at, Text: append([]byte(nil), s.next...)}
	s.next = nil
	segments := 0
	for !s.done {
		seg, err := s.segment()
		if errors.Is(err, io.EOF) {
			s.done = true
		} else if err != nil {
			return m, err
		}
		switch {
		case len(seg) == 0 || isBatch(seg):
			continue
		case bytes.HasPrefix(seg, []byte("MSH")):
			if len(m.Text) > 0 {
				s.next, s.at = append(seg, '\r'), s.line
				return m, nil
			}
			m.Line = s.line
		case len(m.Text) == 0:
			return m, s.fail(&m, "expected a segment MSH")
		}
		if segments++; segments > s.lim.Segments {
			return m, &record.LimitError{Path: m.place(), What: "segments in one message", Limit: int64(s.lim.Segments)}
		}
		m.Text = append(append(m.Text, seg...), '\r')
		if int64(len(m.Text)) > s.lim.Bytes {
			return m, &record.LimitError{Path: m.place(), What: "bytes in one message", Limit: s.lim.Bytes}
		}
	}
	if len(m.Text) == 0 {
		return m, io.EOF
	}
	return m, nil
}

func (s *Messages) fail(m *Message, message string) error {
	m.Line = s.line
	return invalid(m.place(), "%s", message)
}

func isBatch(seg []byte) bool {
	if len(seg) < 3 {
		return false
	}
	switch string(seg[:3]) {
	case "FHS", "BHS", "BTS", "FTS":
		return true
	}
	return false
}

// segment reads up to a carriage return or line feed, which it takes away.
func (s *Messages) segment() ([]byte, error) {
	s.line++
	var out []byte
	for {
		c, err := s.r.ReadByte()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return out, io.EOF
			}
			return nil, fmt.Errorf("reading HL7 v2: %w", err)
		}
		switch c {
		case '\r':
			if next, err := s.r.Peek(1); err == nil && next[0] == '\n' {
				_, _ = s.r.ReadByte()
			}
			return out, nil
		case '\n':
			return out, nil
		case 0x0b, 0x1c: // MLLP's start and end
			continue
		}
		if len(out) >= s.lim.SegmentBytes {
			m := Message{Name: s.name, Line: s.line}
			return nil, &record.LimitError{Path: m.place(), What: "bytes in one segment", Limit: int64(s.lim.SegmentBytes)}
		}
		out = append(out, c)
	}
}

// safeID makes a FHIR id of what a message calls something: letters, digits, hyphens and full
// stops stay, others become hyphens.
func safeID(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '-'
	}, strings.TrimSpace(s))
	return s[:min(len(s), 64)]
}
