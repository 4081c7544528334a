package tokenizer

import (
	"encoding/json"
	"fmt"
	"math"
)

// unigramDocument is tokenizer.json of a Unigram model as far as encoding depends on it.
type unigramDocument struct {
	AddedTokens   []addedEntry      `json:"added_tokens"`
	Normalizer    *normalizerEntry  `json:"normalizer"`
	PreTokenizer  *metaspaceEntry   `json:"pre_tokenizer"`
	PostProcessor *templateDocument `json:"post_processor"`
	Model         unigramModel      `json:"model"`
}

type normalizerEntry struct {
	Type        string            `json:"type"`
	Normalizers []normalizerEntry `json:"normalizers"`
	Charsmap    string            `json:"precompiled_charsmap"`
	Pattern     pattern           `json:"pattern"`
	Content     string            `json:"content"`
}

type metaspaceEntry struct {
	Type           string `json:"type"`
	Replacement    string `json:"replacement"`
	AddPrefixSpace *bool  `json:"add_prefix_space"`
	PrependScheme  string `json:"prepend_scheme"`
	Split          *bool  `json:"split"`
}

type unigramModel struct {
	Type         string  `json:"type"`
	UnkID        *int32  `json:"unk_id"`
	ByteFallback bool    `json:"byte_fallback"`
	Vocab        [][]any `json:"vocab"` // each ["text", score]; a type of its own would take three times as long to read
}

// LoadUnigram reads tokenizer.json of a Unigram model. Errors are of type *Error; what the file asks for and this
// package cannot do exactly is KindUnsupported, naming the field.
func LoadUnigram(dir string) (*Unigram, error) {
	data, err := readFile(dir, tokenizerFile, maxFileBytes)
	if err != nil {
		return nil, err
	}
	return parseUnigram(data)
}

func parseUnigram(data []byte) (*Unigram, error) {
	var doc unigramDocument
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, &Error{Kind: KindInvalid, Path: tokenizerFile, Reason: err.Error(), cause: err}
	}
	u := &Unigram{}
	for _, step := range []func(*unigramDocument) error{u.buildModel, u.buildNormalizer, checkMetaspace, u.buildTemplate} {
		if err := step(&doc); err != nil {
			return nil, err
		}
	}
	return u, nil
}

func (u *Unigram) buildModel(doc *unigramDocument) error {
	m := &doc.Model
	switch {
	case m.Type != "Unigram":
		return unsupported(field("model.type"), "is %q, not Unigram", m.Type)
	case m.ByteFallback:
		return unsupported(field("model.byte_fallback"), "is set")
	case len(m.Vocab) == 0 || len(m.Vocab) > maxVocab:
		return invalid(field("model.vocab"), "has %d pieces; 1 to %d are allowed", len(m.Vocab), maxVocab)
	case m.UnkID == nil || *m.UnkID < 0 || int(*m.UnkID) >= len(m.Vocab):
		return invalid(field("model.unk_id"), "is missing or no piece's")
	case len(doc.AddedTokens) > maxAdded:
		return invalid(field("added_tokens"), "has %d entries; at most %d are allowed", len(doc.AddedTokens), maxAdded)
	}
	special := map[string]bool{}
	for i, token := range doc.AddedTokens {
		if !token.Special {
			return unsupported(field(fmt.Sprintf("added_tokens[%d].special", i)), "is false")
		}
		special[token.Content] = true
	}
	list := make([]piece, 0, len(m.Vocab))
	least := math.Inf(1)
	for i, entry := range m.Vocab {
		text, score, ok := pieceOf(entry)
		if !ok {
			return invalid(field(fmt.Sprintf("model.vocab[%d]", i)), "is not a text of 1 to %d bytes and a number", maxTokenBytes)
		}
		least = min(least, score)
		u.scores = append(u.scores, score)
		if !special[text] && int32(i) != *m.UnkID {
			list = append(list, piece{text, int32(i)})
		}
	}
	u.unknown, u.unknownScore = *m.UnkID, least-unknownPenalty
	var twice int32
	if u.pieces, twice = newPieces(list); twice >= 0 {
		return invalid(field(fmt.Sprintf("model.vocab[%d]", twice)), "stands there twice")
	}
	return nil
}

func pieceOf(entry []any) (text string, score float64, ok bool) {
	if len(entry) != 2 {
		return "", 0, false
	}
	text, isText := entry[0].(string) // encoding/json gives valid UTF-8
	score, isNumber := entry[1].(float64)
	return text, score, isText && isNumber && text != "" && len(text) <= maxTokenBytes
}

// buildNormalizer takes a compiled table alone, or followed by the rule that makes one space of several, which Encode
// always keeps.
func (u *Unigram) buildNormalizer(doc *unigramDocument) error {
	n := doc.Normalizer
	if n == nil || n.Type != "Sequence" || len(n.Normalizers) != 2 {
		return unsupported(field("normalizer"), "is not a sequence of Precompiled and Replace")
	}
	first, second := n.Normalizers[0], n.Normalizers[1]
	if first.Type != "Precompiled" {
		return unsupported(field("normalizer.normalizers[0].type"), "is %q, not Precompiled", first.Type)
	}
	if second.Type != "Replace" || second.Pattern.Regex != " {2,}" || second.Content != " " {
		return unsupported(field("normalizer.normalizers[1]"), "is not the rule that makes one space of several")
	}
	var err error
	u.normalizer, err = parseCharsmap(first.Charsmap, field("normalizer.normalizers[0].precompiled_charsmap"))
	return err
}

func checkMetaspace(doc *unigramDocument) error {
	m := doc.PreTokenizer
	switch {
	case m == nil || m.Type != "Metaspace":
		return unsupported(field("pre_tokenizer"), "is not Metaspace")
	case m.Replacement != metaspace:
		return unsupported(field("pre_tokenizer.replacement"), "is not U+2581")
	case m.Split != nil && !*m.Split:
		return unsupported(field("pre_tokenizer.split"), "is false")
	case m.AddPrefixSpace != nil && !*m.AddPrefixSpace || m.PrependScheme != "" && m.PrependScheme != "always":
		return unsupported(field("pre_tokenizer.prepend_scheme"), "does not put a space before every text")
	}
	return nil
}

func (u *Unigram) buildTemplate(doc *unigramDocument) (err error) {
	if doc.PostProcessor != nil {
		u.before, u.after, err = doc.PostProcessor.around(field("post_processor"), len(u.scores))
	}
	return err
}
