package tokenizer

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// SentencePiece's BPE, as tokenizer.json has it for Gemma: a space becomes spaceMark, nothing is split beforehand, merging begins
// with characters, and one that the vocabulary lacks is given by the tokens <0x00> to <0xFF> of its bytes.

const spaceMark = "▁" // U+2581

func checkSentenceNormalizer(c *component) error {
	if c == nil || c.Type != "Replace" || c.Pattern.String != " " || c.Content != spaceMark {
		return unsupported(field("normalizer"), "is not the one that writes a space as U+2581, which model.byte_fallback goes with here")
	}
	return nil
}

// After the normalizer there is no space left to split at.
func checkSentenceSplitter(c *component) error {
	if c != nil && (c.Type != "Split" || c.Pattern.String != " " || c.Invert) {
		return unsupported(field("pre_tokenizer"), "is not a split at spaces, the only one that goes with model.byte_fallback here")
	}
	return nil
}

func checkSentenceDecoder(c *component) error {
	if c == nil || c.Type != "Sequence" || len(c.Decoders) != 3 {
		return unsupported(field("decoder"), "is not a sequence of Replace, ByteFallback and Fuse")
	}
	replace := c.Decoders[0]
	if replace.Type != "Replace" || replace.Pattern.String != spaceMark || replace.Content != " " ||
		c.Decoders[1].Type != "ByteFallback" || c.Decoders[2].Type != "Fuse" {
		return unsupported(field("decoder.decoders"), "are not Replace (U+2581 by a space), ByteFallback and Fuse")
	}
	return nil
}

// sentenceBytes returns the bytes that a vocabulary entry stands for.
func sentenceBytes(entry string) string {
	if value, ok := byteToken(entry); ok {
		return string([]byte{value})
	}
	return strings.ReplaceAll(entry, spaceMark, " ")
}

// byteToken reads <0x00> to <0xFF>.
func byteToken(entry string) (byte, bool) {
	if len(entry) != len("<0x00>") || entry[:3] != "<0x" || entry[5] != '>' {
		return 0, false
	}
	value, err := strconv.ParseUint(entry[3:5], 16, 8)
	return byte(value), err == nil
}

// buildCharacters finds the tokens that merging begins with.
func (t *Tokenizer) buildCharacters(vocab map[string]int32) error {
	b := &t.bpe
	b.runes = make(map[rune]int32)
	for entry, id := range vocab {
		if t.special[id] {
			continue
		}
		if value, ok := byteToken(entry); ok {
			b.bytes[value] = id
		} else if r, n := utf8.DecodeRuneInString(entry); n == len(entry) && r != ' ' {
			b.runes[r] = id
		}
	}
	mark, _ := utf8.DecodeRuneInString(spaceMark)
	id, ok := b.runes[mark]
	if !ok {
		return unsupported(field("model.vocab"), "has no token U+2581, which stands for a space")
	}
	b.runes[' '] = id
	for value, id := range b.bytes {
		if id < 0 {
			return unsupported(field("model.vocab"), "has no token <0x%02X>, and so not every text", value)
		}
	}
	return nil
}
