package summary

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on what a writer's text may be; the rest of it is not read.
const (
	maxText      = 16 << 10 // bytes of one answer
	maxSentences = 64       // sentences of one answer
	maxSentence  = 600      // characters of a sentence that is checked at all
	maxItems     = 80       // numbers, names and times of a sentence that is checked
)

var listMark = regexp.MustCompile(`^\s*(?:[-*•·>#]+|\d{1,2}[.)、])\s+`)

// abbreviations end in a full stop that ends no sentence.
var abbreviations = map[string]bool{
	"dr": true, "mr": true, "mrs": true, "ms": true, "prof": true, "vs": true, "e.g": true, "i.e": true,
	"approx": true, "etc": true, "fig": true, "max": true, "min": true, "resp": true, "a.m": true, "p.m": true, "c": true,
}

// Split cuts text into sentences, English and Chinese: at ".", "!" and "?" before a
// space, at "。", "！" and "？", and at line ends. Decimals and common abbreviations
// do not end a sentence. List marks are dropped, white space is made single.
func Split(text string) []string {
	if len(text) > maxText {
		text = text[:maxText]
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	var out []string
	for line := range strings.Lines(text) {
		line = listMark.ReplaceAllString(line, "")
		for line != "" && len(out) < maxSentences {
			n := sentenceEnd(line)
			if s := tidy(line[:n]); strings.IndexFunc(s, wordRune) >= 0 {
				out = append(out, s)
			}
			line = line[n:]
		}
	}
	return out
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// sentenceEnd returns the number of bytes of the first sentence of a line.
func sentenceEnd(line string) int {
	for i, r := range line {
		n := i + utf8.RuneLen(r)
		switch r {
		case '。', '！', '？':
		case '.', '!', '?':
			next, _ := utf8.DecodeRuneInString(strings.TrimLeft(line[n:], `"')]”`))
			if n < len(line) && next != utf8.RuneError && !unicode.IsSpace(next) || r == '.' && abbreviation(line[:i]) {
				continue
			}
		default:
			continue
		}
		return n + len(line[n:]) - len(strings.TrimLeft(line[n:], `"')]”’）`))
	}
	return len(line)
}

func abbreviation(before string) bool {
	word := before[strings.LastIndexAny(before, " \t(")+1:]
	return abbreviations[strings.ToLower(word)]
}

// tidy makes one line of a sentence: single spaces, no control characters.
func tidy(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
