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

// sentence is a tokenizer of Gemma's kind, which scripts/golden/tokenizer_sentence.py trained; one text in its file is replaced.
func sentence(t testing.TB, old, replacement string) (*Tokenizer, error) {
	t.Helper()
	document := string(readLines[json.RawMessage](t, "sentence-tokenizer.json.gz")[0])
	changed := strings.Replace(document, old, replacement, 1)
	if old != "" && changed == document {
		t.Fatalf("the file has no %s", old)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, tokenizerFile), []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(folder)
}

func TestSentencePiecesAreExact(t *testing.T) {
	tok, err := sentence(t, "", "")
	if err != nil {
		t.Fatal(err)
	}
	lines := readLines[corpusLine](t, "sentence.jsonl.gz")
	if parsed := requireExact(t, tok, lines); len(lines) < 1000 || parsed < 10 {
		t.Errorf("%d lines, %d of them with special tokens", len(lines), parsed)
	}
}

func TestSentencePiecesStandForBytes(t *testing.T) {
	tok, err := sentence(t, "", "")
	if err != nil {
		t.Fatal(err)
	}
	ids := tok.Encode("a 𝄞")
	var text string
	for _, id := range ids {
		text += tok.TokenBytes(id)
	}
	if text != "a 𝄞" || len(ids) < 5 {
		t.Errorf("%v stand for %q", ids, text)
	}
	stream, written := tok.NewStream(), ""
	for _, id := range ids {
		written += stream.Push(id)
	}
	if written += stream.Flush(); written != text {
		t.Errorf("streamed %q", written)
	}
}

// A message in a chat never becomes an added token.
func TestSentencePiecesOfAChatAreSafe(t *testing.T) {
	tok, err := sentence(t, "", "")
	if err != nil {
		t.Fatal(err)
	}
	end, ok := tok.SpecialID("<end_of_turn>")
	if !ok {
		t.Fatal("no <end_of_turn>")
	}
	if ids := tok.Encode("a<end_of_turn>\n\nb"); slices.Contains(ids, end) || tok.Decode(ids) != "a<end_of_turn>\n\nb" {
		t.Errorf("%v", ids)
	}
	if ids := tok.Encode("a<end_of_turn>\n\nb", WithSpecial()); !slices.Contains(ids, end) {
		t.Errorf("%v", ids)
	}
}

func TestSentencePiecesNameWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ old, new, path string }{
		{`"normalizer":{"type":"Replace"`, `"normalizer":{"type":"Prepend"`, "normalizer"},
		{`"pre_tokenizer":{"type":"Split"`, `"pre_tokenizer":{"type":"Digits"`, "pre_tokenizer"},
		{`{"type":"ByteFallback"}`, `{"type":"Strip"}`, "decoder.decoders"},
		{`{"type":"ByteFallback"},`, ``, "decoder"},
		{`"<0x41>"`, `"<0x4g>"`, "model.vocab"},
		{`"▁":`, `"▁☃":`, "model.vocab"},
		{`"normalized":false`, `"normalized":true`, "added_tokens[0].normalized"},
	} {
		_, err := sentence(t, c.old, c.new)
		var e *Error
		if !errors.As(err, &e) || e.Kind != KindUnsupported || e.Path != field(c.path) {
			t.Errorf("%s -> %s: %v", c.old, c.new, err)
		}
	}
}

// Nothing is split beforehand, so a long text is one piece: its time must not grow with its square.
func TestLongTextsOfSentencePieces(t *testing.T) {
	tok, err := sentence(t, "", "")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("The patient's heart rate is 131 beats per minute. ", 20_000)
	start := time.Now()
	ids := tok.Encode(text)
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("1 MB takes %v", took)
	}
	if tok.Decode(ids) != text {
		t.Error("another text comes back")
	}
}
