package tokenizer

import (
	"fmt"
	"slices"
)

// templateDocument is a post-processor: what stands around every text.
type templateDocument struct {
	Type       string             `json:"type"`
	Processors []templateDocument `json:"processors"` // of a Sequence
	Single     []templateEntry    `json:"single"`
	Special    map[string]struct {
		IDs []int32 `json:"ids"`
	} `json:"special_tokens"`
}

type templateEntry struct {
	SpecialToken *struct {
		ID string `json:"id"`
	} `json:"SpecialToken"`
	Sequence *struct {
		ID string `json:"id"`
	} `json:"Sequence"`
}

// around returns the tokens before and after every text, by a TemplateProcessing of a vocabulary of so many ids.
func (p *templateDocument) around(path string, vocab int) (before, after []int32, err error) {
	if p.Type != "TemplateProcessing" {
		return nil, nil, unsupported(path+".type", "is %q, not TemplateProcessing", p.Type)
	}
	outside := func(id int32) bool { return id < 0 || int(id) >= vocab }
	texts := 0
	for i, entry := range p.Single {
		if entry.SpecialToken == nil {
			texts++
			continue
		}
		ids := p.Special[entry.SpecialToken.ID].IDs
		if len(ids) == 0 || len(ids) > maxTokenBytes || slices.ContainsFunc(ids, outside) {
			return nil, nil, invalid(fmt.Sprintf("%s.single[%d]", path, i), "names a token that special_tokens does not give ids of")
		}
		if texts == 0 {
			before = append(before, ids...)
		} else {
			after = append(after, ids...)
		}
	}
	if texts != 1 {
		return nil, nil, unsupported(path+".single", "holds %d texts, not one", texts)
	}
	return before, after, nil
}

// buildAround finds what a prompt begins with. ByteLevel as a post-processor moves offsets alone, which nobody asks for here; what
// others would put after a text is left out, for a prompt is there to be gone on with.
func (t *Tokenizer) buildAround(doc *document) error {
	p, path := doc.PostProcessor, field("post_processor")
	if p == nil {
		return nil
	}
	steps := []templateDocument{*p}
	if p.Type == "Sequence" {
		steps = p.Processors
	}
	for i := range steps {
		at := path
		if p.Type == "Sequence" {
			at = fmt.Sprintf("%s.processors[%d]", path, i)
		}
		if steps[i].Type == "ByteLevel" {
			continue
		}
		before, _, err := steps[i].around(at, len(t.tokens))
		if err != nil {
			return err
		}
		t.before = append(t.before, before...)
	}
	return nil
}

// EncodePrompt is Encode with WithSpecial for a text that a model is to go on with: the tokens that tokenizer.json puts before every
// text come first, such as Llama 3's and Gemma's beginning of text, unless the text begins with them itself.
func (t *Tokenizer) EncodePrompt(text string) []int32 {
	ids := t.Encode(text, WithSpecial())
	if len(ids) == 0 || len(t.before) <= len(ids) && slices.Equal(ids[:len(t.before)], t.before) {
		return ids
	}
	return append(slices.Clone(t.before), ids...)
}
