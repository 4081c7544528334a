package hl7v2

import (
	"fmt"
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
)

// delimiters are those that MSH-1 and MSH-2 name.
type delimiters struct {
	field, component, repetition, escape, subcomponent byte
}

// message is a message cut into segments.
type message struct {
	d        delimiters
	segments []segment
}

// segment is one line of a message.
type segment struct {
	name   string
	number int // among the segments of its name, from 1
	fields []string
	d      *delimiters
}

// split cuts a message into segments and fields.
func split(text []byte, lim Limits) (*message, error) {
	m := &message{}
	counts := map[string]int{}
	for line, seg := range strings.Split(strings.TrimRight(string(text), "\r\n"), "\r") {
		if seg == "" {
			continue
		}
		if len(m.segments) >= lim.Segments {
			return nil, &record.LimitError{Path: "HL7v2", What: "segments in one message", Limit: int64(lim.Segments)}
		}
		if len(m.segments) == 0 {
			if err := m.header(seg); err != nil {
				return nil, err
			}
		}
		s := segment{d: &m.d}
		s.fields = strings.Split(seg, string(m.d.field))
		s.name = s.fields[0]
		if !segmentName(s.name) {
			return nil, invalid(fmt.Sprintf("segment %d", line+1), "expected a segment's name of three letters or digits")
		}
		counts[s.name]++
		s.number = counts[s.name]
		if s.name == "MSH" { // MSH-1 is the separator itself
			s.fields = append([]string{"MSH", string(m.d.field)}, s.fields[1:]...)
		}
		for n, f := range s.fields {
			if strings.ContainsFunc(f, control) {
				return nil, invalid(fmt.Sprintf("%s[%d]-%d", s.name, s.number, n), "a control character")
			}
		}
		m.segments = append(m.segments, s)
	}
	if len(m.segments) == 0 {
		return nil, invalid("HL7v2", "an empty message")
	}
	return m, nil
}

// control says whether a sign is none that a text may hold (FHIR R4, string).
func control(r rune) bool { return r < ' ' && r != '\t' && r != '\n' }

// header reads the delimiters.
func (m *message) header(seg string) error {
	if len(seg) < 8 || seg[:3] != "MSH" {
		return invalid("MSH[1]-1", "expected MSH, the field separator and four encoding characters")
	}
	m.d = delimiters{field: seg[3], component: seg[4], repetition: seg[5], escape: seg[6], subcomponent: seg[7]}
	used := map[byte]bool{}
	for _, c := range []byte{m.d.field, m.d.component, m.d.repetition, m.d.escape, m.d.subcomponent} {
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if used[c] || alnum || c <= ' ' || c >= 0x7f {
			return invalid("MSH[1]-2", "encoding characters must be five different signs")
		}
		used[c] = true
	}
	return nil
}

func segmentName(s string) bool {
	if len(s) != 3 {
		return false
	}
	for _, c := range []byte(s) {
		if !(c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') {
			return false
		}
	}
	return true
}

// value is a field, a repetition of one, or a component.
type value struct {
	raw string
	d   *delimiters
}

// field returns field n, from 1, which is empty where the segment has fewer.
func (s *segment) field(n int) value {
	if n >= len(s.fields) {
		return value{d: s.d}
	}
	return value{s.fields[n], s.d}
}

// isNull says whether a field says that there is no value, which is not the same as saying nothing.
func (v value) isNull() bool { return v.raw == `""` }

func (v value) empty() bool { return v.raw == "" }

// repetitions are the values of a field that may repeat.
func (v value) repetitions() []value {
	if v.raw == "" {
		return nil
	}
	parts := strings.Split(v.raw, string(v.d.repetition))
	out := make([]value, len(parts))
	for i, p := range parts {
		out[i] = value{p, v.d}
	}
	return out
}

// first is the first of a field's values.
func (v value) first() value {
	raw, _, _ := strings.Cut(v.raw, string(v.d.repetition))
	return value{raw, v.d}
}

// component returns the text of component n, from 1: of its first subcomponent, without the
// spaces around it.
func (v value) component(n int) string {
	rest := v.raw
	for ; n > 1; n-- {
		i := strings.IndexByte(rest, v.d.component)
		if i < 0 {
			return ""
		}
		rest = rest[i+1:]
	}
	if i := strings.IndexByte(rest, v.d.component); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.IndexByte(rest, v.d.subcomponent); i >= 0 {
		rest = rest[:i]
	}
	if rest == `""` {
		return ""
	}
	return strings.TrimSpace(v.unescape(rest))
}

// text is all of a value as text, components and all.
func (v value) text() string { return v.unescape(v.raw) }

// unescape decodes escape sequences (HL7 v2.8 section 2.7): the delimiters, line breaks and
// hexadecimal bytes; highlighting is taken away.
func (v value) unescape(s string) string {
	if strings.IndexByte(s, v.d.escape) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		i := strings.IndexByte(s, v.d.escape)
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		end := strings.IndexByte(s, v.d.escape)
		if end < 0 { // a lone escape character stands for itself
			b.WriteByte(v.d.escape)
			b.WriteString(s)
			break
		}
		v.sequence(&b, s[:end])
		s = s[end+1:]
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

func (v value) sequence(b *strings.Builder, code string) {
	switch {
	case code == "F":
		b.WriteByte(v.d.field)
	case code == "S":
		b.WriteByte(v.d.component)
	case code == "T":
		b.WriteByte(v.d.subcomponent)
	case code == "R":
		b.WriteByte(v.d.repetition)
	case code == "E":
		b.WriteByte(v.d.escape)
	case code == ".br" || code == ".sp":
		b.WriteByte('\n')
	case strings.HasPrefix(code, "X"):
		for hex := code[1:]; len(hex) >= 2; hex = hex[2:] {
			hi, lo := nibble(hex[0]), nibble(hex[1])
			if hi < 0 || lo < 0 {
				return
			}
			if c := byte(hi<<4 | lo); !control(rune(c)) { // the others are for printers
				b.WriteByte(c)
			}
		}
	}
}

func nibble(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
