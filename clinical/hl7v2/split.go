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

// Patient is the id of the patient that the message's PID segment names, as it stands in the
// record, or "". It reads no more of the message than that.
func (m *Message) Patient() string {
	text, err := decode(m.Text)
	if err != nil {
		return ""
	}
	header, rest, _ := bytes.Cut(text, []byte{'\r'})
	var msg message
	if msg.header(string(header)) != nil {
		return ""
	}
	for len(rest) > 0 {
		var seg []byte
		seg, rest, _ = bytes.Cut(rest, []byte{'\r'})
		if len(seg) > 3 && string(seg[:3]) == "PID" && seg[3] == msg.d.field {
			s := segment{fields: strings.Split(string(seg), string(msg.d.field)), d: &msg.d}
			return patientID(s.field(3))
		}
	}
	return ""
}

// Results says whether the message is one of those that ParseMessages reads. One whose header
// cannot be read counts as such, so that reading it tells what is wrong.
func (m *Message) Results() bool {
	header, _, _ := bytes.Cut(m.Text, []byte{'\r'})
	var msg message
	if msg.header(string(header)) != nil {
		return true
	}
	s := segment{fields: strings.Split(string(header), string(msg.d.field)), d: &msg.d}
	kind := s.field(8).first() // MSH-1 is no field of its own here
	return results(kind.component(1), kind.component(2))
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

// All gives the messages in order, up to the first error.
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

// Next gives the next message, or io.EOF. After a *record.InvalidError, which names segments
// that stand in no message, the next call goes on behind them; a *record.LimitError and the
// reader's own errors are final.
func (s *Messages) Next() (Message, error) {
	m := Message{Name: s.name, Line: s.at, Text: append([]byte(nil), s.next...)}
	s.next = nil
	segments, stray := 0, 0
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
				s.next, s.at = append(s.next, seg...), s.line
				s.next = append(s.next, '\r')
				return m, nil
			}
			if stray > 0 {
				s.next, s.at = append(s.next, seg...), s.line
				s.next = append(s.next, '\r')
				return s.stray(m, stray)
			}
			m.Line = s.line
		case len(m.Text) == 0:
			if stray == 0 {
				stray = s.line
			}
			continue
		}
		if segments++; segments > s.lim.Segments {
			return m, &record.LimitError{Path: m.place(), What: "segments in one message", Limit: int64(s.lim.Segments)}
		}
		m.Text = append(append(m.Text, seg...), '\r')
		if int64(len(m.Text)) > s.lim.Bytes {
			return m, &record.LimitError{Path: m.place(), What: "bytes in one message", Limit: s.lim.Bytes}
		}
	}
	switch {
	case stray > 0:
		return s.stray(m, stray)
	case len(m.Text) == 0:
		return m, io.EOF
	}
	return m, nil
}

func (s *Messages) stray(m Message, line int) (Message, error) {
	m.Line = line
	return m, invalid(m.place(), "expected a segment MSH")
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
