// Package hl7v2 reads HL7 Version 2 messages (2.3 to 2.8) of results, ORU^R01, into a patient's
// record: as analysers and laboratories send them, with LOINC codes, and as bedside devices do
// by the IHE device enterprise communication profile (PCD-01), with codes of ISO/IEEE 11073.
//
// Like the FHIR reader it is strict with what it reads, and names each fault by segment, field
// and component ("OBX[12]-5.1"), all of them together; it counts what it does not read. Names,
// addresses and other direct identifiers are never read.
package hl7v2

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Limits bound what is read; more is a *record.LimitError. A field that is zero or less takes
// its default.
type Limits struct {
	Bytes        int64 // of all messages about one patient; default 64 MiB
	Segments     int   // of one message; default 100,000
	SegmentBytes int   // of one segment; default 1 MiB
	Repetitions  int   // of one field; default 1,000
	// Violations is how many are collected before the reader gives up; default 20.
	Violations int
	// Notices is how many are kept; a last one says how many more there were. Default 1,000.
	Notices int
	// Location is the zone of times that name none in messages that name none in MSH-7;
	// default UTC, with a notice.
	Location *time.Location
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 64 << 20
	}
	for _, f := range []struct {
		field *int
		value int
	}{{&l.Segments, 100_000}, {&l.SegmentBytes, 1 << 20}, {&l.Repetitions, 1000}, {&l.Violations, 20}, {&l.Notices, 1000}} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	return l
}

// Parse reads one or more messages about one patient. The record shares no memory with data.
// The error is a *record.InvalidError or a *record.LimitError.
func Parse(data []byte, lim Limits) (*record.PatientRecord, error) {
	lim = lim.withDefaults()
	if int64(len(data)) > lim.Bytes {
		return nil, &record.LimitError{Path: "HL7v2", What: "bytes", Limit: lim.Bytes}
	}
	messages := NewMessages(bytes.NewReader(data), "", lim)
	r := newReader(lim)
	n := 0
	for m, err := range messages.All() {
		if err != nil {
			return nil, err
		}
		n++
		r.begin(n, m.Line)
		if err := r.message(m.Text); err != nil {
			return nil, err
		}
		if len(r.violations) >= lim.Violations {
			break
		}
	}
	if n == 0 {
		return nil, invalid("HL7v2", "no message: expected a segment MSH")
	}
	return r.result()
}

// ParseMessages is Parse for messages that were split and grouped by patient before; name and
// lines stand in its errors.
func ParseMessages(ms []Message, lim Limits) (*record.PatientRecord, error) {
	lim = lim.withDefaults()
	r := newReader(lim)
	left := lim.Bytes
	for i, m := range ms {
		if left -= int64(len(m.Text)); left < 0 {
			return nil, &record.LimitError{Path: m.place(), What: "bytes about one patient", Limit: lim.Bytes}
		}
		r.begin(i+1, m.Line)
		r.file = m.Name
		if err := r.message(m.Text); err != nil {
			return nil, err
		}
	}
	if len(ms) == 0 {
		return nil, invalid("HL7v2", "no message: expected a segment MSH")
	}
	return r.result()
}

func invalid(path, message string) *record.InvalidError {
	return &record.InvalidError{Violations: []record.Violation{{Path: path, Message: message}}}
}

// charsets are the values of MSH-18 (HL7 table 0211) that are read.
var charsets = map[string]encoding.Encoding{
	"": nil, "ASCII": nil, "UNICODE UTF-8": nil, "UTF-8": nil, "8859/1": charmap.ISO8859_1,
	"GB 18030-2000": simplifiedchinese.GB18030, "GB18030": simplifiedchinese.GB18030,
}

// charset is what MSH-18 of a message names, in capitals.
func charset(header []byte) string {
	if len(header) < 8 {
		return ""
	}
	d := delimiters{field: header[3], component: header[4], repetition: header[5], escape: header[6], subcomponent: header[7]}
	fields := strings.Split(string(header), string(d.field))
	if len(fields) < 18 {
		return ""
	}
	return strings.ToUpper(value{fields[17], &d}.first().component(1))
}

// decode gives a message in UTF-8. That comes before anything is cut: in GB 18030 the second
// byte of a sign may be that of a delimiter.
func decode(text []byte) ([]byte, error) {
	header, _, _ := bytes.Cut(text, []byte{'\r'})
	enc, known := charsets[charset(header)]
	switch {
	case !known:
		return nil, invalid("MSH[1]-18", "unknown character set; expected UNICODE UTF-8, ASCII, 8859/1 or GB 18030-2000")
	case enc == nil:
		if !utf8.Valid(text) {
			return nil, invalid("MSH[1]-18", "the message is not in the character set that it names (UTF-8 where none is)")
		}
		return text, nil
	}
	out, err := enc.NewDecoder().Bytes(text)
	if err != nil || bytes.ContainsRune(out, utf8.RuneError) {
		return nil, invalid("MSH[1]-18", "the message is not in the character set that it names")
	}
	return out, nil
}
