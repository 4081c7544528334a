package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// Stream decodes ids as they come. The concatenation of what Push and Flush return is what Decode gives for the
// same ids, and every part is valid UTF-8. A Stream is for one goroutine.
type Stream struct {
	tokenizer *Tokenizer
	options   options
	pending   string // the beginning of a character, at most 3 bytes
}

// NewStream returns a Stream; WithSpecial makes it keep special tokens.
func (t *Tokenizer) NewStream(opts ...Option) *Stream {
	return &Stream{tokenizer: t, options: apply(opts)}
}

// Push adds one id and returns the text that is certain now: whole characters only, perhaps none.
func (s *Stream) Push(id int32) string {
	token := s.tokenizer.text(id, s.options)
	if s.pending == "" && utf8.ValidString(token) {
		return token
	}
	var out strings.Builder
	s.pending = appendValid(&out, s.pending+token)
	return out.String()
}

// Flush ends the text: a character that never became whole comes out as U+FFFD. The Stream can be used again after.
func (s *Stream) Flush() string {
	if s.pending == "" {
		return ""
	}
	s.pending = ""
	return replacement
}
