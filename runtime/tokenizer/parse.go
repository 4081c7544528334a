package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
)

// document is tokenizer.json as far as encoding and decoding depend on it. Truncation and padding are the caller's business
// here, so they are not read.
type document struct {
	AddedTokens   []addedEntry      `json:"added_tokens"`
	Normalizer    *component        `json:"normalizer"`
	PreTokenizer  *component        `json:"pre_tokenizer"`
	PostProcessor *templateDocument `json:"post_processor"`
	Decoder       *component        `json:"decoder"`
	Model         model             `json:"model"`
}

type addedEntry struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

type component struct {
	Type             string      `json:"type"`
	PreTokenizers    []component `json:"pretokenizers"`
	Decoders         []component `json:"decoders"`
	Content          string      `json:"content"`
	Pattern          pattern     `json:"pattern"`
	Behavior         string      `json:"behavior"`
	Invert           bool        `json:"invert"`
	IndividualDigits bool        `json:"individual_digits"`
	AddPrefixSpace   *bool       `json:"add_prefix_space"`
	UseRegex         *bool       `json:"use_regex"`
}

type pattern struct {
	Regex  string `json:"Regex"`
	String string `json:"String"`
}

type model struct {
	Type         string           `json:"type"`
	Dropout      *float64         `json:"dropout"`
	UnkToken     *string          `json:"unk_token"`
	Prefix       *string          `json:"continuing_subword_prefix"`
	Suffix       *string          `json:"end_of_word_suffix"`
	ByteFallback bool             `json:"byte_fallback"`
	IgnoreMerges bool             `json:"ignore_merges"`
	Vocab        map[string]int32 `json:"vocab"`
	Merges       []mergeEntry     `json:"merges"`
}

// mergeEntry is ["a","b"] or, in older files, "a b".
type mergeEntry [2]string

func (m *mergeEntry) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		var parts []string
		if err := json.Unmarshal(data, &parts); err != nil || len(parts) != 2 {
			return fmt.Errorf("a merge is not two strings")
		}
		*m = mergeEntry(parts)
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("a merge is neither a string nor two strings")
	}
	left, right, ok := strings.Cut(text, " ")
	if !ok {
		return fmt.Errorf("a merge has no space between its two tokens")
	}
	*m = mergeEntry{left, right}
	return nil
}

// parse builds a Tokenizer from the bytes of a tokenizer.json.
func parse(data []byte) (*Tokenizer, error) {
	var doc document
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, &Error{Kind: KindInvalid, Path: tokenizerFile, Reason: err.Error(), cause: err}
	}
	t := &Tokenizer{bos: -1, eos: -1}
	steps := []func(*document) error{
		checkModel, t.buildNormalizer, t.buildSplitter, checkDecoder, t.buildVocab, t.buildAdded, t.buildBPE, t.buildAround,
	}
	for _, step := range steps {
		if err := step(&doc); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func field(path string) string { return tokenizerFile + ": " + path }

func checkModel(doc *document) error {
	m := &doc.Model
	empty := func(s *string) bool { return s == nil || *s == "" }
	switch {
	case m.Type != "BPE":
		return unsupported(field("model.type"), "is %q; only BPE over bytes is supported", m.Type)
	case m.Dropout != nil && *m.Dropout != 0:
		return unsupported(field("model.dropout"), "is %g; only deterministic encoding is supported", *m.Dropout)
	case !empty(m.Prefix):
		return unsupported(field("model.continuing_subword_prefix"), "is set")
	case !empty(m.Suffix):
		return unsupported(field("model.end_of_word_suffix"), "is set")
	case len(m.Vocab) == 0:
		return invalid(field("model.vocab"), "is empty")
	case len(m.Vocab) > maxVocab:
		return invalid(field("model.vocab"), "has %d tokens; at most %d are allowed", len(m.Vocab), maxVocab)
	case len(m.Merges) > maxMerges:
		return invalid(field("model.merges"), "has %d entries; at most %d are allowed", len(m.Merges), maxMerges)
	case len(doc.AddedTokens) > maxAdded:
		return invalid(field("added_tokens"), "has %d entries; at most %d are allowed", len(doc.AddedTokens), maxAdded)
	}
	return nil
}

func checkDecoder(doc *document) error {
	if doc.Model.ByteFallback {
		return checkSentenceDecoder(doc.Decoder)
	}
	if doc.Decoder == nil || doc.Decoder.Type != "ByteLevel" {
		return unsupported(field("decoder"), "is not ByteLevel")
	}
	return nil
}

func (t *Tokenizer) buildNormalizer(doc *document) error {
	if doc.Model.ByteFallback {
		return checkSentenceNormalizer(doc.Normalizer)
	}
	if doc.Normalizer == nil {
		return nil
	}
	if doc.Normalizer.Type != "NFC" {
		return unsupported(field("normalizer.type"), "is %q; only NFC or none is supported", doc.Normalizer.Type)
	}
	t.nfc = true
	return nil
}

func (t *Tokenizer) buildSplitter(doc *document) error {
	if doc.Model.ByteFallback {
		return checkSentenceSplitter(doc.PreTokenizer) // and the whole text is one piece
	}
	if doc.PreTokenizer == nil {
		return unsupported(field("pre_tokenizer"), "is missing; a ByteLevel one is needed")
	}
	list, path := []component{*doc.PreTokenizer}, "pre_tokenizer"
	if doc.PreTokenizer.Type == "Sequence" {
		list, path = doc.PreTokenizer.PreTokenizers, "pre_tokenizer.pretokenizers"
	}
	for i := range list {
		at := field(path)
		if doc.PreTokenizer.Type == "Sequence" {
			at = field(fmt.Sprintf("%s[%d]", path, i))
		}
		last := i == len(list)-1
		if last != (list[i].Type == "ByteLevel") {
			return unsupported(at+".type", "is %q; ByteLevel must be the last step, and only that", list[i].Type)
		}
		if err := t.addStage(&list[i], at); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		return unsupported(field(path), "is empty; a ByteLevel step is needed")
	}
	return nil
}

func (t *Tokenizer) addStage(c *component, path string) error {
	s := &t.splitter
	switch c.Type {
	case "Digits":
		if c.IndividualDigits {
			s.stages = append(s.stages, eachDigit)
		} else {
			s.stages = append(s.stages, digitRuns)
		}
	case "Split":
		if c.Behavior != "Isolated" || c.Invert {
			return unsupported(path, "behavior is %q, invert is %t; only Isolated without invert is supported", c.Behavior, c.Invert)
		}
		scanner, ok := patterns[c.Pattern.Regex]
		if !ok {
			return unsupported(path+".pattern", "is %.200q; the patterns of GPT-2, Llama 3 and Qwen 2 are supported", c.Pattern.Regex+c.Pattern.String)
		}
		s.stages = append(s.stages, scanner)
	case "ByteLevel":
		// Both default to true in files older than the fields.
		if c.UseRegex == nil || *c.UseRegex {
			s.stages = append(s.stages, gpt2)
		} else {
			s.stages = append(s.stages, func(text string) int { return len(text) })
		}
		s.prefixSpace = c.AddPrefixSpace == nil || *c.AddPrefixSpace
	default:
		return unsupported(path+".type", "is %q; Digits, Split and ByteLevel are supported", c.Type)
	}
	return nil
}

// patterns are the Split patterns that have a scanner, as published.
var patterns = map[string]stage{
	`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`:                                          gpt2,
	`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`: cl100k(3),
	`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`:      cl100k(1),
}
