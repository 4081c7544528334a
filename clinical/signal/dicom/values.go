package dicom

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// text returns a value without its padding: spaces, and a null after an odd number of bytes.
func text(b []byte) string { return strings.Trim(string(b), " \x00") }

// codeString returns a value of representation CS, or "": capital letters, digits, "_" and
// spaces, at most 16. What people type does not pass.
func (t *tags) codeString(tag tag) string {
	s := text(t.values[tag])
	s, _, _ = strings.Cut(s, `\`)
	if len(s) > 16 {
		return ""
	}
	for _, c := range s {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != ' ' {
			return ""
		}
	}
	return s
}

// identifier returns a code of a terminology or its scheme, or "": printable ASCII without
// spaces, at most 16 (PS3.3 section 8.1: SH).
func identifier(b []byte) string {
	s := text(b)
	if len(s) > 16 {
		return ""
	}
	for _, c := range s {
		if c <= ' ' || c > '~' {
			return ""
		}
	}
	return s
}

// words returns the name of a maker or a model, or "". Outside ASCII it needs a data set in UTF-8.
func (t *tags) words(tag tag) string {
	s := text(t.values[tag])
	if len(s) > 64*utf8.UTFMax || !utf8.ValidString(s) {
		return ""
	}
	wide := t.codeString(tagCharacterSet) == "ISO_IR 192"
	for _, c := range s {
		if c < ' ' || c == 127 || c == utf8.RuneError || c > '~' && !wide {
			return ""
		}
	}
	return s
}

// short reads a number of representation US, and ok where there is one above 0.
func (t *tags) short(tag tag) (n int, ok bool) {
	b := t.values[tag]
	if len(b) < 2 {
		return 0, false
	}
	n = int(binary.LittleEndian.Uint16(b))
	if t.big {
		n = int(binary.BigEndian.Uint16(b))
	}
	return n, n > 0
}

// integer reads a number of representation IS.
func (t *tags) integer(tag tag) (n int, ok bool) {
	n, err := strconv.Atoi(text(t.values[tag]))
	return n, err == nil && n > 0 && n <= math.MaxInt32
}

// decimals reads numbers of representation DS, which stand apart by backslashes.
func (t *tags) decimals(tag tag) []float64 {
	var out []float64
	for _, s := range strings.Split(text(t.values[tag]), `\`) {
		v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil || !(v > 0 && v < 1e6) || strings.ContainsAny(s, "xXpP_") {
			return nil
		}
		out = append(out, v)
	}
	return out
}

// acquired returns when the image was taken, as far as it is filed: "2026-03-02T04:05:06", a
// day alone, or "".
func (t *tags) acquired() string {
	moment := text(t.values[tagAcquisitionMoment])
	if len(moment) >= 14 {
		if at, err := time.Parse("20060102150405", moment[:14]); err == nil {
			return at.Format("2006-01-02T15:04:05")
		}
	}
	day := text(t.values[tagAcquisitionDate])
	if clock := text(t.values[tagAcquisitionTime]); len(clock) >= 6 {
		if at, err := time.Parse("20060102150405", day+clock[:6]); err == nil {
			return at.Format("2006-01-02T15:04:05")
		}
	}
	for _, s := range []string{day, text(t.values[tagStudyDate])} {
		if at, err := time.Parse("20060102", s); err == nil {
			return at.Format("2006-01-02")
		}
	}
	return ""
}
