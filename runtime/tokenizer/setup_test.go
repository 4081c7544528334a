package tokenizer

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// modelDir returns the folder of the model that set-up exports; without it a test fails rather than skips.
func modelDir(tb testing.TB) string {
	tb.Helper()
	root := os.Getenv("BEDSIDE_MODELS")
	if root == "" {
		cache := os.Getenv("BEDSIDE_CACHE")
		if cache == "" {
			base, err := os.UserCacheDir()
			if err != nil {
				tb.Fatal(err)
			}
			cache = filepath.Join(base, "bedside")
		}
		root = filepath.Join(cache, "models")
	}
	dir := filepath.Join(root, "smollm2-135m-instruct")
	if _, err := os.Stat(filepath.Join(dir, tokenizerFile)); err != nil {
		tb.Fatalf("no tokenizer.json in %s: run `make setup` first", dir)
	}
	return dir
}

var shared struct {
	once      sync.Once
	tokenizer *Tokenizer
	err       error
}

// smol returns the one Tokenizer that the tests share, as a server would.
func smol(tb testing.TB) *Tokenizer {
	tb.Helper()
	dir := modelDir(tb)
	shared.once.Do(func() { shared.tokenizer, shared.err = Load(dir) })
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	return shared.tokenizer
}

// readLines reads testdata/tokenizer/name, gzipped JSON lines.
func readLines[T any](tb testing.TB, name string) []T {
	tb.Helper()
	file, err := os.Open(filepath.Join("..", "..", "testdata", "tokenizer", name))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	zipped, err := gzip.NewReader(file)
	if err != nil {
		tb.Fatal(err)
	}
	decoder := json.NewDecoder(bufio.NewReader(zipped))
	var lines []T
	for decoder.More() {
		var line T
		if err := decoder.Decode(&line); err != nil {
			tb.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

// corpusLine is a line of corpus.jsonl.gz; scripts/golden/tokenizer_corpus.py says what its fields mean.
type corpusLine struct {
	Text    *string `json:"t"`
	Bytes   []byte  `json:"b"`
	IDs     []int32 `json:"i"`
	Special []int32 `json:"s"`
	Decoded *string `json:"d"`
}

func (l corpusLine) text() string {
	if l.Text != nil {
		return *l.Text
	}
	return string(l.Bytes)
}

func (l corpusLine) decoded() string {
	if l.Decoded != nil {
		return *l.Decoded
	}
	return ValidText(l.text())
}

func corpus(tb testing.TB) []corpusLine {
	tb.Helper()
	lines := readLines[corpusLine](tb, "corpus.jsonl.gz")
	if len(lines) != 5000 {
		tb.Fatalf("the corpus has %d lines, not 5000", len(lines))
	}
	return lines
}
