package hl7v2

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Texts gives the comments of messages that Parse takes: their NTE segments, those that follow one another as one text. It gives
// the first record.MaxTexts of them. Values that are texts (OBX of the types TX and FT) are observations.
func Texts(data []byte, lim Limits) []record.Text {
	lim = lim.withDefaults()
	var out []record.Text
	messages := NewMessages(bytes.NewReader(data), "", lim)
	for m, err := range messages.All() {
		if err != nil {
			return out
		}
		decoded, err := decode(m.Text)
		if err != nil {
			return out
		}
		cut, err := split(decoded, lim)
		if err != nil {
			return out
		}
		out = append(out, comments(cut)...)
		if len(out) > record.MaxTexts {
			return out[:record.MaxTexts]
		}
	}
	return out
}

// comments are the texts of one message.
func comments(m *message) []record.Text {
	var out []record.Text
	control := record.IDOf(m.segments[0].field(10).component(1))
	var at record.DateTime
	following := false
	for i := range m.segments {
		s := &m.segments[i]
		if s.name == "OBR" || s.name == "OBX" {
			at = timeOf(s)
		}
		if s.name != "NTE" {
			following = false
			continue
		}
		var lines []string
		for _, v := range s.field(3).repetitions() {
			lines = append(lines, v.text())
		}
		text := strings.TrimSpace(strings.Join(lines, "\n"))
		if text == "" {
			continue
		}
		if last := len(out) - 1; following && last >= 0 {
			out[last].Text = record.CutText(out[last].Text + "\n" + text)
			continue
		}
		out = append(out, record.Text{ID: fmt.Sprintf("NTE/%s#%d", control, s.number), Text: record.CutText(text), Time: at})
		following = true
	}
	return out
}

// timeOf is when what an OBR or OBX tells of was so; a time of day without a zone is left out.
func timeOf(s *segment) record.DateTime {
	field := 7
	if s.name == "OBX" {
		field = 14
	}
	at, zoned, err := parseTime(s.field(field).component(1), time.UTC)
	if err != nil || !zoned && at.Precision == record.PrecisionSecond {
		return record.DateTime{}
	}
	return at
}
