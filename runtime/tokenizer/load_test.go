package tokenizer

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// small is a tokenizer.json of our own; the tests change one thing in it.
const small = `{
 "added_tokens": [{"id": 5, "content": "<|end|>", "special": true}, {"id": 6, "content": "<note>", "special": false}],
 "normalizer": null,
 "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, {"type": "ByteLevel", "add_prefix_space": false}]},
 "decoder": {"type": "ByteLevel"},
 "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "Ġ": 2, "ab": 3, "Ġab": 4}, "merges": ["a b", ["Ġ", "ab"]]}
}`

func TestParseSmall(t *testing.T) {
	tok, err := parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	ids := tok.Encode("ab ab<note><|end|>", WithSpecial())
	if got, want := tok.Decode(ids), "ab ab<note>"; got != want || len(ids) != 4 {
		t.Errorf("%v decodes to %q, want %q", ids, got, want)
	}
	if _, ok := tok.EOS(); ok {
		t.Error("EOS is known without a tokenizer_config.json")
	}
}

// What Llama 3's, Gemma's and Qwen's files have as post-processors.
func TestPromptsBeginAsTheFileSays(t *testing.T) {
	const template = `{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|end|>"}}, {"Sequence": {"id": "A"}}],
		"special_tokens": {"<|end|>": {"ids": [5]}}}`
	for processor, want := range map[string][]int32{
		`null`:                  {3},
		`{"type": "ByteLevel"}`: {3},
		template:                {5, 3},
		`{"type": "Sequence", "processors": [{"type": "ByteLevel"}, ` + template + `]}`: {5, 3},
	} {
		tok, err := parse([]byte(strings.Replace(small, `"decoder"`, `"post_processor": `+processor+`, "decoder"`, 1)))
		if err != nil {
			t.Fatalf("%s: %v", processor, err)
		}
		for text, want := range map[string][]int32{"ab": want, "<|end|>ab": {5, 3}, "": nil} {
			if got := tok.EncodePrompt(text); !slices.Equal(got, want) {
				t.Errorf("%s: %q is %v, want %v", processor, text, got, want)
			}
		}
		if got := tok.Encode("ab"); !slices.Equal(got, []int32{3}) {
			t.Errorf("%s: a text that is no prompt is %v", processor, got)
		}
	}
}

func TestParseNamesWhatIsWrong(t *testing.T) {
	cases := []struct {
		old, new string
		kind     Kind
		path     string
	}{
		{`"decoder"`, `"post_processor": {"type": "BertProcessing"}, "decoder"`, KindUnsupported, "post_processor.type"},
		{`"decoder"`, `"post_processor": {"type": "Sequence", "processors": [{"type": "TemplateProcessing"}]}, "decoder"`,
			KindUnsupported, "post_processor.processors[0].single"},
		{`"type": "BPE"`, `"type": "Unigram"`, KindUnsupported, "model.type"},
		{`"type": "BPE"`, `"type": "BPE", "dropout": 0.1`, KindUnsupported, "model.dropout"},
		{`"type": "BPE"`, `"type": "BPE", "byte_fallback": true`, KindUnsupported, "normalizer"},
		{`"type": "BPE"`, `"type": "BPE", "end_of_word_suffix": "</w>"`, KindUnsupported, "model.end_of_word_suffix"},
		{`"type": "BPE"`, `"type": "BPE", "continuing_subword_prefix": "##"`, KindUnsupported, "model.continuing_subword_prefix"},
		{`"type": "BPE"`, `"type": "BPE", "unk_token": "<|end|>"`, KindUnsupported, "model.unk_token"},
		{`{"a": 0, "b": 1, "Ġ": 2, "ab": 3, "Ġab": 4}`, `{}`, KindInvalid, "model.vocab"},
		{`"b": 1`, `"b": 0`, KindInvalid, "model.vocab"},
		{`"b": 1`, `"b": -1`, KindInvalid, "model.vocab"},
		{`"b": 1`, `"b": 1048576`, KindInvalid, "model.vocab"},
		{`"b": 1`, `"b": 1, "": 9`, KindInvalid, "model.vocab"},
		{`"a b"`, `"b a"`, KindInvalid, "model.merges[0]"},
		{`["Ġ", "ab"]`, `["Ġ", "b"]`, KindInvalid, "model.merges[1]"},
		{`"a b"`, `"ab"`, KindInvalid, ""},
		{`"a b"`, `7`, KindInvalid, ""},
		{`["Ġ", "ab"]`, `["Ġ"]`, KindInvalid, ""},
		{`"id": 5, "content": "<|end|>"`, `"id": 3, "content": "ab"`, KindUnsupported, "model.merges[0]"},
		{`"id": 5, "content": "<|end|>"`, `"id": 4, "content": "<|end|>"`, KindInvalid, "added_tokens[0]"},
		{`"id": 5, "content": "<|end|>"`, `"id": 5, "content": "ab"`, KindInvalid, "added_tokens[0].id"},
		{`"content": "<note>"`, `"content": "<"`, KindUnsupported, "added_tokens[1].content"},
		{`"content": "<note>"`, `"content": "<note>", "rstrip": true`, KindUnsupported, "added_tokens[1]"},
		{`"normalizer": null`, `"normalizer": {"type": "Lowercase"}`, KindUnsupported, "normalizer.type"},
		{`"decoder": {"type": "ByteLevel"}`, `"decoder": null`, KindUnsupported, "decoder"},
		{`{"type": "Digits", "individual_digits": true}`, `{"type": "Metaspace"}`, KindUnsupported, "pre_tokenizer.pretokenizers[0].type"},
		{`{"type": "Digits", "individual_digits": true}, `, `{"type": "Split", "behavior": "Isolated", "pattern": {"Regex": "x+"}}, `, KindUnsupported, "pre_tokenizer.pretokenizers[0].pattern"},
		{`{"type": "Digits", "individual_digits": true}, `, `{"type": "Split", "behavior": "Removed"}, `, KindUnsupported, "pre_tokenizer.pretokenizers[0]"},
		{`, {"type": "ByteLevel", "add_prefix_space": false}`, ``, KindUnsupported, "pre_tokenizer.pretokenizers[0].type"},
		{`"pre_tokenizer": {`, `"pre_tokenizer": null, "x": {`, KindUnsupported, "pre_tokenizer"},
		{`"decoder"`, `decoder`, KindInvalid, ""},
	}
	for _, c := range cases {
		if !strings.Contains(small, c.old) {
			t.Fatalf("the small tokenizer has no %s", c.old)
		}
		_, err := parse([]byte(strings.Replace(small, c.old, c.new, 1)))
		var e *Error
		if !errors.As(err, &e) || e.Kind != c.kind {
			t.Errorf("%s instead of %s: got %v (%+v)", c.new, c.old, err, e)
			continue
		}
		if want := field(c.path); c.path != "" && e.Path != want {
			t.Errorf("%s instead of %s: the error names %q, want %q", c.new, c.old, e.Path, want)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	load := func(files map[string]string) (*Tokenizer, error) {
		dir := t.TempDir()
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return Load(dir)
	}
	tok, err := load(map[string]string{tokenizerFile: small, configFile: `{"eos_token": {"content": "<|end|>"}, "bos_token": null}`})
	if err != nil {
		t.Fatal(err)
	}
	if id, ok := tok.EOS(); id != 5 || !ok {
		t.Errorf("EOS is %d (%t)", id, ok)
	}
	cases := []struct {
		files map[string]string
		kind  Kind
		path  string
	}{
		{nil, KindMissing, tokenizerFile},
		{map[string]string{tokenizerFile: small, configFile: `{"eos_token": "<|stop|>"}`}, KindInvalid, configFile + ": eos_token"},
		{map[string]string{tokenizerFile: small, configFile: `[]`}, KindInvalid, configFile},
		{map[string]string{tokenizerFile: small, configFile: `{"eos_token": 7}`}, KindInvalid, configFile},
	}
	for _, c := range cases {
		_, err := load(c.files)
		var e *Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.Path != c.path {
			t.Errorf("got %v, want kind %d at %s", err, c.kind, c.path)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(strings.Replace(small, `"add_prefix_space": false`, `"use_regex": false`, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := parse(data)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if !json.Valid(data) {
			t.Fatal("invalid JSON was accepted")
		}
		for _, text := range []string{"ab <note> 12 \x00<|end|>", "  'S\r\n"} {
			tok.Decode(tok.Encode(text, WithSpecial()))
		}
	})
}
