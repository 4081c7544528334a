package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A stage of a pre-tokenizer takes a text that is not empty and returns the length in bytes of its first piece.
// Each is a scanner written for one published pattern; each reads a character at most a few times, so no input makes it slow.
type stage func(text string) int

// splitter cuts text into the pieces that merging never crosses.
type splitter struct {
	stages []stage
	// prefixSpace puts a space before each piece that has none when the last stage begins (ByteLevel's add_prefix_space).
	prefixSpace bool
}

func (s *splitter) split(text string, emit func(piece string)) {
	if text != "" {
		s.splitFrom(0, text, emit)
	}
}

func (s *splitter) splitFrom(at int, text string, emit func(piece string)) {
	last := at >= len(s.stages)-1
	if last && s.prefixSpace && text[0] != ' ' {
		text = " " + text
	}
	if at == len(s.stages) {
		emit(text)
		return
	}
	for text != "" {
		n := s.stages[at](text)
		if last {
			emit(text[:n])
		} else {
			s.splitFrom(at+1, text[:n], emit)
		}
		text = text[n:]
	}
}

type class uint8

const (
	other class = iota
	letter
	number
	space
)

var asciiClass = func() (table [utf8.RuneSelf]class) {
	for c := range table {
		table[c] = slowClass(rune(c))
	}
	return table
}()

func slowClass(r rune) class {
	switch {
	case unicode.IsLetter(r):
		return letter
	case unicode.IsNumber(r):
		return number
	case unicode.IsSpace(r):
		return space
	}
	return other
}

// next returns the class and length of the first character of text, or (space, 0) at its end.
func next(text string) (class, int) {
	if text == "" {
		return space, 0
	}
	if text[0] < utf8.RuneSelf {
		return asciiClass[text[0]], 1
	}
	r, n := utf8.DecodeRuneInString(text)
	return slowClass(r), n
}

// run returns the length of the run of class c at the start of text.
func run(text string, c class) int {
	length := 0
	for {
		got, n := next(text[length:])
		if n == 0 || got != c {
			return length
		}
		length += n
	}
}

// eachDigit is Digits with individual_digits: every numeric character alone.
func eachDigit(text string) int {
	if c, n := next(text); c == number {
		return n
	}
	return notNumbers(text)
}

// digitRuns is Digits without individual_digits.
func digitRuns(text string) int {
	if n := run(text, number); n > 0 {
		return n
	}
	return notNumbers(text)
}

func notNumbers(text string) int {
	length := 0
	for {
		c, n := next(text[length:])
		if n == 0 || c == number {
			return length
		}
		length += n
	}
}

// gpt2 is the pattern of GPT-2 (Radford et al. 2019), the one ByteLevel uses:
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func gpt2(text string) int {
	if text[0] == '\'' {
		for _, ending := range [...]string{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"} {
			if strings.HasPrefix(text, ending) {
				return len(ending)
			}
		}
	}
	lead := 0
	if text[0] == ' ' {
		lead = 1
	}
	if c, _ := next(text[lead:]); c != space {
		return lead + run(text[lead:], c)
	}
	return spaces(text)
}

// spaces is \s+(?!\S)|\s+ on a text that starts with a space: the run, but without its last character when a word follows.
func spaces(text string) int {
	length := run(text, space)
	if length == len(text) {
		return length
	}
	_, last := utf8.DecodeLastRuneInString(text[:length])
	if last == length {
		return length
	}
	return length - last
}

// cl100k is the pattern that Llama 3 (digits: 3) and Qwen 2 (digits: 1) share:
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
func cl100k(digits int) stage {
	return func(text string) int {
		if n := contraction(text); n > 0 {
			return n
		}
		first, n := next(text)
		switch {
		case first == letter:
			return run(text, letter)
		case first == number:
			return upTo(text, number, digits)
		case text[0] != '\r' && text[0] != '\n':
			if letters := run(text[n:], letter); letters > 0 {
				return n + letters
			}
		}
		lead := 0
		if text[0] == ' ' {
			lead = 1
		}
		if c, size := next(text[lead:]); size > 0 && c == other {
			end := lead + run(text[lead:], other)
			return end + newlines(text[end:])
		}
		if last := strings.LastIndexAny(text[:run(text, space)], "\r\n"); last >= 0 {
			return last + 1
		}
		return spaces(text)
	}
}

func upTo(text string, c class, most int) int {
	length := 0
	for range most {
		got, n := next(text[length:])
		if n == 0 || got != c {
			break
		}
		length += n
	}
	return length
}

func newlines(text string) int {
	return len(text) - len(strings.TrimLeft(text, "\r\n"))
}

// contraction is (?i:'s|'t|'re|'ve|'m|'ll|'d). Without case, s is also U+017F, the long s.
func contraction(text string) int {
	if text[0] != '\'' || len(text) < 2 {
		return 0
	}
	switch text[1] | 0x20 {
	case 's', 't', 'm', 'd':
		return 2
	}
	if strings.HasPrefix(text[1:], "ſ") {
		return 1 + len("ſ")
	}
	if len(text) < 3 {
		return 0
	}
	switch strings.ToLower(text[1:3]) {
	case "re", "ve", "ll":
		return 3
	}
	return 0
}
