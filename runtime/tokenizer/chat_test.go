package tokenizer

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

type chatGolden struct {
	Templates map[string]string `json:"templates"`
	Names     map[string]string `json:"names"`
	Cases     []struct {
		Template string    `json:"template"`
		Messages []Message `json:"messages"`
		Add      bool      `json:"add"`
		Text     string    `json:"text"`
		Error    bool      `json:"error"`
		IDs      []int32   `json:"ids"`
	} `json:"cases"`
}

// templateFrom writes a template and its token names into a folder and loads it from there.
func templateFrom(t *testing.T, source string, names map[string]string) (*ChatTemplate, error) {
	t.Helper()
	dir := t.TempDir()
	config, err := json.Marshal(names)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, configFile), config, 0o600)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, templateFile), []byte(source), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return LoadChatTemplate(dir)
}

func TestChatsAreExact(t *testing.T) {
	tok := smol(t)
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "tokenizer", "chat.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden chatGolden
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	templates := map[string]*ChatTemplate{}
	for name, source := range golden.Templates {
		if templates[name], err = templateFrom(t, source, golden.Names); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for n, c := range golden.Cases {
		got, err := templates[c.Template].Render(c.Messages, c.Add)
		if (err != nil) != c.Error {
			t.Errorf("case %d (%s): error %v, %v; want one: %t", n, c.Template, err, errors.Unwrap(err), c.Error)
		} else if got != c.Text {
			t.Errorf("case %d (%s): Render\n got %q\nwant %q", n, c.Template, got, c.Text)
		}
		ids, err := tok.EncodeChat(templates[c.Template], c.Messages, c.Add)
		if (err != nil) != c.Error {
			t.Errorf("case %d (%s): EncodeChat: %v; want an error: %t", n, c.Template, err, c.Error)
		}
		if c.IDs != nil && !slices.Equal(ids, c.IDs) {
			t.Errorf("case %d (%s): EncodeChat\n got %v\nwant %v", n, c.Template, ids, c.IDs)
		}
	}
}

func TestModelFolderHasTheTemplate(t *testing.T) {
	tok := smol(t)
	template, err := LoadChatTemplate(modelDir(t))
	if err != nil {
		t.Fatal(err)
	}
	ids, err := tok.EncodeChat(template, []Message{{"system", "s"}, {"user", "u"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	const want = "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nu<|im_end|>\n<|im_start|>assistant\n"
	if got := tok.Decode(ids, WithSpecial()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzEncodeChat looks for a content that becomes a special token.
func FuzzEncodeChat(f *testing.F) {
	tok := smol(f)
	template, err := LoadChatTemplate(modelDir(f))
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"<|im_end|>", "<|im_end|", ">", "<", "\ufdd0<\ufdd1|im_end|>", " <|endoftext|> ", "a\xff<|im_start|>\x04"} {
		f.Add(text, text)
	}
	special := func(t *testing.T, first, second string) (n int, text string) {
		ids, err := tok.EncodeChat(template, []Message{{"system", first}, {"user", second}}, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if tok.IsSpecial(id) {
				n++
			}
		}
		return n, tok.Decode(ids, WithSpecial())
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		const want = 5
		n, text := special(t, first, second)
		if n != want {
			t.Fatalf("%q, %q: %d special tokens, not %d", first, second, n, want)
		}
		for _, content := range []string{first, second} {
			if valid := ValidText(content); encodable(tok, valid) && !strings.Contains(text, valid) {
				t.Fatalf("%q is not in the chat %q", valid, text)
			}
		}
	})
}

// encodable tells whether every byte of text has a token.
func encodable(tok *Tokenizer, text string) bool {
	for i := range len(text) {
		if tok.bpe.bytes[text[i]] < 0 {
			return false
		}
	}
	return true
}

func TestTemplateLimits(t *testing.T) {
	cases := map[string]struct{ source, reason string }{
		"loops":      {`{% for a in range(4000) %}{% for b in range(4000) %}{% for c in range(4000) %}{% endfor %}{% endfor %}{% endfor %}`, "takes longer"},
		"output":     {`{{ messages[0].content * 3000000 }}`, "writes more"},
		"range":      {`{% for a in range(100000) %}{% endfor %}`, "cannot render"},
		"endless":    {`{% for a in range(0, 10, 0) %}{% endfor %}`, "cannot render"},
		"raise":      {`{{ raise_exception('secret ' + messages[0].content) }}`, "refuses them"},
		"panic":      {`{{ 'a' * -1 }}{{ messages.none.none }}{{ messages[0].content.nothing() }}`, "cannot render"},
		"other call": {`{{ lipsum() }}`, "cannot render"},
		"clock":      {`{{ strftime_now('%Y') }}`, "cannot render"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			template, err := templateFrom(t, c.source, nil)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, err = template.Render([]Message{{"user", "private"}}, false)
			var e *Error
			if !errors.As(err, &e) || e.Kind != KindMessages || !strings.Contains(e.Reason, c.reason) {
				t.Fatalf("got %v, want one that says %q", err, c.reason)
			}
			if strings.Contains(err.Error(), "private") {
				t.Errorf("the error quotes a message: %v", err)
			}
			if took := time.Since(began); took > 3*maxRenderTime {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestTemplatesThatAreRefused(t *testing.T) {
	for _, source := range []string{
		`{% include '/etc/passwd' %}`, `{% import 'x' as y %}`, `{% extends 'x' %}`, `{% from 'x' import y %}`,
		`{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}`, `{% for a in messages recursive %}{{ loop(messages) }}{% endfor %}`,
		`{% if %}`, `{% for %}`, `{{ 'open`, `{% endfor %}`, strings.Repeat(" ", maxTemplateBytes+1),
	} {
		_, err := templateFrom(t, source, nil)
		var e *Error
		if !errors.As(err, &e) || e.Kind != KindUnsupported && e.Kind != KindInvalid || len(err.Error()) > 500 {
			t.Errorf("%.80q: got %v", source, err)
		}
	}
}

func TestMessagesThatAreRefused(t *testing.T) {
	tok := smol(t)
	template, err := LoadChatTemplate(modelDir(t))
	if err != nil {
		t.Fatal(err)
	}
	marks := ""
	for r := rune(0xFDD0); r <= 0xFDEF; r++ {
		marks += string(r)
	}
	cases := map[string]struct {
		messages []Message
		path     string
	}{
		"none":     {nil, "messages"},
		"too many": {slices.Repeat([]Message{{"user", "u"}}, maxMessages+1), "messages"},
		"role":     {[]Message{{"user", "u"}, {"system<|im_end|>", "private"}}, "messages[1].role"},
		"too long": {[]Message{{"user", strings.Repeat("a", maxChatBytes)}, {"user", "b"}}, "messages[1].content"},
		"marks":    {[]Message{{"user", marks}}, "messages"},
	}
	for name, c := range cases {
		_, err := tok.EncodeChat(template, c.messages, true)
		var e *Error
		if !errors.As(err, &e) || e.Kind != KindMessages || e.Path != c.path || strings.Contains(err.Error(), "private") {
			t.Errorf("%s: got %v, want one about %s", name, err, c.path)
		}
	}
}
