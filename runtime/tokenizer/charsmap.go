package tokenizer

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

// charsmap is the normalizer that SentencePiece compiles into a model (precompiled_charsmap): what replaces what, found
// through a double array (darts-clone, Yata et al. 2007).
type charsmap struct {
	units  []uint32
	output string // replacements, each ended by a zero byte
	// plain are the ASCII characters that stay as they are.
	plain [utf8.RuneSelf]bool
}

// longestGrapheme is the length in bytes below which a whole grapheme cluster is looked up, as in Hugging Face's normalizer.
const longestGrapheme = 5

// parseCharsmap reads a precompiled_charsmap: base64 of the array's length in bytes, the array, the replacements.
func parseCharsmap(text, path string) (*charsmap, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, &Error{Kind: KindInvalid, Path: path, Reason: "is not base64", cause: err}
	}
	if len(data) < 4 {
		return nil, invalid(path, "is too short to hold its own length")
	}
	size := uint64(binary.LittleEndian.Uint32(data))
	data = data[4:]
	if size > uint64(len(data)) || size%4 != 0 || size == 0 {
		return nil, invalid(path, "its array of %d bytes does not fit in %d", size, len(data))
	}
	c := &charsmap{units: make([]uint32, size/4), output: string(data[size:])}
	for i := range c.units {
		c.units[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	if !utf8.ValidString(c.output) {
		return nil, invalid(path, "its replacements are not valid UTF-8")
	}
	for b := range c.plain {
		_, mapped := c.find(string(rune(b)))
		c.plain[b] = !mapped
	}
	return c, nil
}

// find returns what replaces key. It is the replacement of key's shortest prefix that has one, which is what the
// reference takes.
func (c *charsmap) find(key string) (string, bool) {
	node := offset(c.units[0])
	for i := range len(key) {
		label := uint32(key[i])
		if label == 0 {
			break
		}
		node ^= label
		if node >= uint32(len(c.units)) {
			break
		}
		unit := c.units[node]
		if unit&(1<<31|0xFF) != label {
			break
		}
		node ^= offset(unit)
		if unit>>8&1 == 1 { // has a value
			return c.replacement(node)
		}
	}
	return "", false
}

func offset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

func (c *charsmap) replacement(node uint32) (string, bool) {
	if node >= uint32(len(c.units)) {
		return "", false
	}
	start := c.units[node] &^ (1 << 31)
	if start >= uint32(len(c.output)) || !utf8.RuneStart(c.output[start]) {
		return "", false
	}
	text, _, _ := strings.Cut(c.output[start:], "\x00")
	return text, true
}

// normalize returns text, valid UTF-8, with everything replaced that has a replacement: grapheme clusters of at most
// longestGrapheme bytes as a whole, longer ones character by character.
func (c *charsmap) normalize(text string) string {
	var out strings.Builder
	out.Grow(len(text))
	for text != "" {
		if n := c.plainPrefix(text); n > 0 {
			out.WriteString(text[:n])
			text = text[n:]
			continue
		}
		clusters := graphemes.FromString(text)
		clusters.Next()
		cluster := clusters.Value()
		c.write(&out, cluster)
		text = text[len(cluster):]
	}
	return out.String()
}

// plainPrefix is how many bytes at the beginning of text are ASCII that stays, each followed by ASCII or the end, so that
// each is a grapheme cluster of its own.
func (c *charsmap) plainPrefix(text string) int {
	n := 0
	for n < len(text) && text[n] < utf8.RuneSelf && c.plain[text[n]] {
		n++
	}
	if n > 0 && n < len(text) && text[n] >= utf8.RuneSelf {
		n--
	}
	return n
}

func (c *charsmap) write(out *strings.Builder, cluster string) {
	if len(cluster) <= longestGrapheme {
		if text, ok := c.find(cluster); ok {
			out.WriteString(text)
			return
		}
	}
	for cluster != "" {
		_, n := utf8.DecodeRuneInString(cluster)
		text, ok := c.find(cluster[:n])
		if !ok {
			text = cluster[:n]
		}
		out.WriteString(text)
		cluster = cluster[n:]
	}
}
