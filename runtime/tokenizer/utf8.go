package tokenizer

import (
	"strings"
	"unicode/utf8"
)

const replacement = "\uFFFD"

type sequenceKind int

const (
	complete   sequenceKind = iota // one character
	broken                         // can never become a character
	incomplete                     // the text ends inside a character
)

// sequence measures the first UTF-8 sequence of s, which must not be empty: n bytes of the given kind.
// A broken one is a maximal subpart (Unicode 3.9, table 3-7).
func sequence(s string) (n int, kind sequenceKind) {
	first := s[0]
	if first < utf8.RuneSelf {
		return 1, complete
	}
	need, low, high := 0, byte(0x80), byte(0xBF)
	switch {
	case first >= 0xC2 && first <= 0xDF:
		need = 1
	case first >= 0xE0 && first <= 0xEF:
		need = 2
	case first >= 0xF0 && first <= 0xF4:
		need = 3
	default:
		return 1, broken
	}
	switch first {
	case 0xE0:
		low = 0xA0
	case 0xED:
		high = 0x9F
	case 0xF0:
		low = 0x90
	case 0xF4:
		high = 0x8F
	}
	for n = 1; n <= need; n++ {
		if n == len(s) {
			return n, incomplete
		}
		if s[n] < low || s[n] > high {
			return n, broken
		}
		low, high = 0x80, 0xBF
	}
	return n, complete
}

// ValidText returns text with everything that is not valid UTF-8 replaced by U+FFFD, by the rule of the package comment.
func ValidText(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var out strings.Builder
	rest := appendValid(&out, text)
	if rest != "" {
		out.WriteString(replacement)
	}
	return out.String()
}

// appendValid writes text to out, broken sequences replaced, and returns what stands incomplete at its end (at most 3 bytes).
func appendValid(out *strings.Builder, text string) (rest string) {
	for text != "" {
		n, kind := sequence(text)
		switch kind {
		case complete:
			out.WriteString(text[:n])
		case broken:
			out.WriteString(replacement)
		case incomplete:
			return text
		}
		text = text[n:]
	}
	return ""
}
