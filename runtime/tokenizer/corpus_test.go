package tokenizer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// requireExact holds a tokenizer to what the reference gave, and returns how many lines hold special tokens.
func requireExact(t *testing.T, tok *Tokenizer, lines []corpusLine) (parsed int) {
	t.Helper()
	for n, line := range lines {
		text := line.text()
		if got := tok.Encode(text); !slices.Equal(got, line.IDs) {
			t.Errorf("line %d: Encode(%q)\n got %v\nwant %v", n, text, got, line.IDs)
		}
		want := line.IDs
		if line.Special != nil {
			want = line.Special
			parsed++
		}
		if got := tok.Encode(text, WithSpecial()); !slices.Equal(got, want) {
			t.Errorf("line %d: Encode(%q, WithSpecial())\n got %v\nwant %v", n, text, got, want)
		}
		if got := tok.Decode(line.IDs); got != line.decoded() {
			t.Errorf("line %d: Decode\n got %q\nwant %q", n, got, line.decoded())
		}
	}
	return parsed
}

func TestCorpusIsExact(t *testing.T) {
	lines, broken := corpus(t), 0
	parsed := requireExact(t, smol(t), lines)
	for _, line := range lines {
		if line.Text == nil {
			broken++
		}
	}
	if broken < 100 || parsed < 100 {
		t.Errorf("the corpus holds only %d strings of invalid UTF-8 and %d with special tokens", broken, parsed)
	}
}

type decodeLine struct {
	IDs     []int32 `json:"i"`
	With    string  `json:"d"`
	Without string  `json:"k"`
}

func TestDecodeOfAnyIDsIsExact(t *testing.T) {
	tok := smol(t)
	for n, line := range readLines[decodeLine](t, "decode.jsonl.gz") {
		if got := tok.Decode(line.IDs, WithSpecial()); got != line.With {
			t.Errorf("line %d: Decode(%v, WithSpecial())\n got %q\nwant %q", n, line.IDs, got, line.With)
		}
		if got := tok.Decode(line.IDs); got != line.Without {
			t.Errorf("line %d: Decode(%v)\n got %q\nwant %q", n, line.IDs, got, line.Without)
		}
	}
}

// variants are other families' settings over the same vocabulary, as in scripts/golden/tokenizer_corpus.py.
var variants = map[string]string{
	"gpt2":        `{"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":true}}`,
	"gpt2-prefix": `{"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true,"use_regex":true}}`,
	"llama3":      `{"pre_tokenizer":` + splitThenBytes(`\\p{N}{1,3}`) + `,"ignore_merges":true}`,
	"qwen2":       `{"pre_tokenizer":` + splitThenBytes(`\\p{N}`) + `,"normalizer":{"type":"NFC"}}`,
}

func splitThenBytes(digits string) string {
	regex := `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|` + digits + `| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`
	return `{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"` + regex + `"},"behavior":"Isolated","invert":false},` +
		`{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}`
}

// variant loads the model's tokenizer with some settings changed.
func variant(t *testing.T, changes string) *Tokenizer {
	t.Helper()
	var doc map[string]any
	data, err := os.ReadFile(filepath.Join(modelDir(t), tokenizerFile))
	if err == nil {
		err = json.Unmarshal(data, &doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	var changed map[string]any
	if err := json.Unmarshal([]byte(changes), &changed); err != nil {
		t.Fatal(err)
	}
	doc["pre_tokenizer"], doc["normalizer"] = changed["pre_tokenizer"], changed["normalizer"]
	doc["model"].(map[string]any)["ignore_merges"] = changed["ignore_merges"] == true
	if data, err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	tok, err := parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

type variantLine struct {
	N   int                `json:"n"`
	IDs map[string][]int32 `json:"v"`
	Not []string           `json:"x"`
}

func TestOtherFamiliesAreExact(t *testing.T) {
	lines, golden := corpus(t), readLines[variantLine](t, "variants.jsonl.gz")
	for name, changes := range variants {
		t.Run(name, func(t *testing.T) {
			tok, differing := variant(t, changes), 0
			for _, g := range golden {
				if slices.Contains(g.Not, name) {
					continue
				}
				want, ok := g.IDs[name]
				if !ok {
					want = lines[g.N].IDs
				} else {
					differing++
				}
				if got := tok.Encode(lines[g.N].text()); !slices.Equal(got, want) {
					t.Errorf("line %d: Encode(%q)\n got %v\nwant %v", g.N, lines[g.N].text(), got, want)
				}
			}
			if differing == 0 {
				t.Error("the golden file shows no difference to the model's own settings")
			}
		})
	}
}
