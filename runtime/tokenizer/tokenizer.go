package tokenizer

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Tokenizer encodes text to ids and decodes ids to text. It never changes after Load and is safe for concurrent use.
type Tokenizer struct {
	splitter splitter
	bpe      bpe
	nfc      bool
	tokens   []string // the bytes of each id; "" where there is no such token
	special  []bool   // by id
	added    added
	before   []int32 // what every prompt begins with
	bos, eos int32   // -1 when tokenizer_config.json names none
}

// Option changes how special tokens are treated in one call.
type Option func(*options)

type options struct{ special bool }

// WithSpecial makes Encode parse special tokens in the text, and Decode and NewStream keep them in theirs.
// Never encode text from outside with it: such text could then speak as another role.
func WithSpecial() Option { return func(o *options) { o.special = true } }

func apply(opts []Option) (o options) {
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// Encode returns the ids of text (up to 2 GiB), in time n log n in its length. No token is added before or after.
// Invalid UTF-8 is first replaced as ValidText does. Bytes that the vocabulary has no token for are left out.
func (t *Tokenizer) Encode(text string, opts ...Option) []int32 {
	text = ValidText(text)
	ids := make([]int32, 0, len(text)/3+1)
	if !apply(opts).special {
		return t.encodeOrdinary(text, ids)
	}
	return t.encodeParsing(text, ids, "")
}

// encodeParsing encodes text with its special tokens parsed. Where ignored is not empty it is taken out of the
// ordinary text between them, after they have been found.
func (t *Tokenizer) encodeParsing(text string, ids []int32, ignored string) []int32 {
	ordinary := func(s string) {
		if ignored != "" {
			s = strings.ReplaceAll(s, ignored, "")
		}
		ids = t.encodeOrdinary(s, ids)
	}
	start := 0
	for at := 0; at < len(text); {
		token, ok := t.added.at(text[at:])
		if !ok {
			at++
			continue
		}
		ordinary(text[start:at])
		ids = append(ids, token.id)
		at += len(token.text)
		start = at
	}
	ordinary(text[start:])
	return ids
}

func (t *Tokenizer) encodeOrdinary(text string, ids []int32) []int32 {
	if t.nfc {
		text = norm.NFC.String(text)
	}
	t.splitter.split(text, func(piece string) { ids = t.bpe.encode(piece, ids) })
	return ids
}

// Decode returns the text of ids as valid UTF-8. Special tokens are left out unless WithSpecial is given; ids that
// are no token's are left out.
func (t *Tokenizer) Decode(ids []int32, opts ...Option) string {
	o := apply(opts)
	var out strings.Builder
	for _, id := range ids {
		out.WriteString(t.text(id, o))
	}
	return ValidText(out.String())
}

func (t *Tokenizer) text(id int32, o options) string {
	if id < 0 || int(id) >= len(t.tokens) || t.special[id] && !o.special {
		return ""
	}
	return t.tokens[id]
}

// VocabSize returns the highest id plus one, special tokens included. A model's logits may be wider (padding).
func (t *Tokenizer) VocabSize() int { return len(t.tokens) }

// TokenBytes returns the bytes that id stands for, which need not be whole characters, or "" when it is no token's.
// A special token's are those of its name; ask IsSpecial before taking them for text.
func (t *Tokenizer) TokenBytes(id int32) string { return t.text(id, options{special: true}) }

// IsSpecial tells whether id is a special (control) token.
func (t *Tokenizer) IsSpecial(id int32) bool {
	return id >= 0 && int(id) < len(t.special) && t.special[id]
}

// SpecialID returns the id of the added token whose text is exactly text, such as "<|im_end|>".
func (t *Tokenizer) SpecialID(text string) (int32, bool) {
	token, ok := t.added.at(text)
	return token.id, ok && token.text == text
}

// BOS returns the id of the token that begins a sequence, if tokenizer_config.json names one.
func (t *Tokenizer) BOS() (int32, bool) { return t.bos, t.bos >= 0 }

// EOS returns the id of the token that ends an answer, if tokenizer_config.json names one.
func (t *Tokenizer) EOS() (int32, bool) { return t.eos, t.eos >= 0 }

// added finds added tokens in text, the longest first, by their first byte.
type added struct{ byFirst [256][]addedToken }

type addedToken struct {
	text string
	id   int32
}

func newAdded(tokens []addedToken) (a added) {
	for _, token := range tokens {
		first := token.text[0]
		a.byFirst[first] = append(a.byFirst[first], token)
	}
	for _, list := range a.byFirst {
		slices.SortFunc(list, func(x, y addedToken) int { return len(y.text) - len(x.text) })
	}
	return a
}

// at returns the longest added token that text starts with.
func (a *added) at(text string) (addedToken, bool) {
	if text == "" {
		return addedToken{}, false
	}
	for _, token := range a.byFirst[text[0]] {
		if strings.HasPrefix(text, token.text) {
			return token, true
		}
	}
	return addedToken{}, false
}
