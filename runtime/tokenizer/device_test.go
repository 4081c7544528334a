package tokenizer

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// device loads the tokenizer of the device language models, as their folder would hold it.
func device(tb testing.TB) *Tokenizer {
	tb.Helper()
	zipped, err := os.Open(filepath.Join("..", "..", "testdata", "tokenizer", "device-tokenizer.json.gz"))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = zipped.Close() }()
	unpacked, err := gzip.NewReader(zipped)
	if err != nil {
		tb.Fatal(err)
	}
	data, err := io.ReadAll(unpacked)
	if err != nil {
		tb.Fatal(err)
	}
	dir := tb.TempDir()
	config := `{"tokenizer_class":"PreTrainedTokenizerFast","bos_token":"<|bos|>","eos_token":"<|end|>","pad_token":"<|pad|>"}`
	for name, text := range map[string][]byte{tokenizerFile: data, configFile: []byte(config)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	tok, err := Load(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return tok
}

// TestDeviceTokenizerIsExact holds it to what Hugging Face's tokenizers gives 3,000 strings: prompts
// and answers in both languages, cut anywhere, and odd ones (scripts/golden/tokenizer_device.py).
func TestDeviceTokenizerIsExact(t *testing.T) {
	lines := readLines[corpusLine](t, "device.jsonl.gz")
	parsed := requireExact(t, device(t), lines)
	if len(lines) != 3000 || parsed < 700 {
		t.Errorf("%d strings, %d with special tokens", len(lines), parsed)
	}
}

// TestDeviceTokenizerKeepsDigitsApart: values generalise only where each digit is a token.
func TestDeviceTokenizerKeepsDigitsApart(t *testing.T) {
	tok := device(t)
	for _, text := range []string{"0123456789", "HR118↑ SBP88↓", "钾4.7 体重63.2", "K35.80", "n=12/19.4 h"} {
		digits, ids := 0, tok.Encode(text)
		for _, r := range text {
			if r >= '0' && r <= '9' {
				digits++
			}
		}
		alone := 0
		for _, id := range ids {
			if piece := tok.Decode([]int32{id}); len(piece) == 1 && piece[0] >= '0' && piece[0] <= '9' {
				alone++
			}
		}
		if alone != digits {
			t.Errorf("%q: %d of %d digits are tokens of their own", text, alone, digits)
		}
	}
}

func TestDeviceTokenizerHasItsSpecialTokensFirst(t *testing.T) {
	tok := device(t)
	names := []string{"<|end|>", "<|bos|>", "<|pad|>", "<|answer|>", "<|en|>", "<|zh|>", "<|text|>", "<|summary|>", "<|diagnosis|>", "<|treatment|>", "<|triples|>"}
	for want, name := range names {
		if id, ok := tok.SpecialID(name); !ok || id != int32(want) {
			t.Errorf("%s: id %d, %t; want %d", name, id, ok, want)
		}
	}
}
