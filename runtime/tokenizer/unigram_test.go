package tokenizer

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var sharedUnigram struct {
	once      sync.Once
	tokenizer *Unigram
	err       error
}

// e5 returns the embedding model's tokenizer, which the tests share as a server would.
func e5(tb testing.TB) *Unigram {
	tb.Helper()
	dir := filepath.Join(filepath.Dir(modelDir(tb)), "multilingual-e5-small")
	sharedUnigram.once.Do(func() { sharedUnigram.tokenizer, sharedUnigram.err = LoadUnigram(dir) })
	if sharedUnigram.err != nil {
		tb.Fatalf("%v: run `make setup` first", sharedUnigram.err)
	}
	return sharedUnigram.tokenizer
}

// TestUnigramIsExact compares with 7,500 strings of scripts/golden/tokenizer_unigram.py: the corpus, and more that try the
// normalizer.
func TestUnigramIsExact(t *testing.T) {
	u, shared := e5(t), corpus(t)
	lines := readLines[corpusLine](t, "unigram.jsonl.gz")
	if len(lines) != len(shared)+2500 {
		t.Fatalf("there are %d lines", len(lines))
	}
	unknown := 0
	for n, line := range lines {
		if n < len(shared) {
			line.Text, line.Bytes = shared[n].Text, shared[n].Bytes
		}
		got, _ := u.Encode(line.text(), 0)
		if !slices.Equal(got, line.IDs) {
			t.Errorf("line %d: Encode(%q)\n got %v\nwant %v", n, line.text(), got, line.IDs)
		}
		if slices.Contains(got, u.unknown) {
			unknown++
		}
	}
	if unknown < 1000 {
		t.Errorf("only %d strings have a character without a piece", unknown)
	}
}

func TestUnigramNeverWritesSpecialTokens(t *testing.T) {
	u := e5(t)
	for _, text := range []string{"<s>", "</s>", "a</s>b", "</s></s>", "<pad><mask>", "<unk>", "\u2581<s>", "<s", "＜s＞"} {
		ids, _ := u.Encode(text, 0)
		for _, id := range ids[1 : len(ids)-1] {
			if id < 3 || id == 250001 {
				t.Errorf("Encode(%q) has the special token %d: %v", text, id, ids)
			}
		}
	}
}

func TestUnigramCutsAtTheLimit(t *testing.T) {
	u := e5(t)
	const text = "one two three 四五六七八九十 eleven"
	whole, truncated := u.Encode(text, 0)
	if truncated || whole[0] != 0 || whole[len(whole)-1] != 2 {
		t.Fatalf("Encode gives %v, truncated %t", whole, truncated)
	}
	for limit := 2; limit <= len(whole)+2; limit++ {
		got, truncated := u.Encode(text, limit)
		want := whole
		if limit < len(whole) {
			want = append(slices.Clone(whole[:limit-1]), 2)
		}
		if !slices.Equal(got, want) || truncated != (limit < len(whole)) {
			t.Errorf("limit %d: %v, truncated %t; want %v", limit, got, truncated, want)
		}
	}
	if got, truncated := u.Encode("", 1); !slices.Equal(got, []int32{0, 2}) || truncated {
		t.Errorf("an empty text gives %v", got)
	}
}

func TestUnigramTakesBoundedTime(t *testing.T) {
	u := e5(t)
	inputs := hostile(1 << 18)
	inputs["ligatures that grow elevenfold"] = strings.Repeat("ﷺ", 1<<18/3)
	inputs["long pieces"] = strings.Repeat("▬", 1<<18/3)
	for name, text := range inputs {
		began := time.Now()
		ids, _ := u.Encode(text, 0)
		took := time.Since(began)
		t.Logf("%s: %d ids in %v", name, len(ids), took)
		// The bound is wide for slow machines and the race detector; quadratic work would take minutes.
		if took > 20*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
}

func normalizer(charsmap string) map[string]any {
	return map[string]any{"type": "Sequence", "normalizers": []any{
		map[string]any{"type": "Precompiled", "precompiled_charsmap": charsmap},
		map[string]any{"type": "Replace", "pattern": map[string]any{"Regex": " {2,}"}, "content": " "},
	}}
}

// tinyUnigram is a whole tokenizer.json of six pieces, with some fields replaced.
func tinyUnigram(t testing.TB, changes map[string]any) []byte {
	t.Helper()
	array := []byte{4, 0, 0, 0, 0, 0, 0, 0, 'x', 0}
	doc := map[string]any{
		"added_tokens":  []any{map[string]any{"id": 0, "content": "<s>", "special": true}},
		"normalizer":    normalizer(base64.StdEncoding.EncodeToString(array)),
		"pre_tokenizer": map[string]any{"type": "Metaspace", "replacement": metaspace, "add_prefix_space": true},
		"post_processor": map[string]any{
			"type":           "TemplateProcessing",
			"single":         []any{map[string]any{"SpecialToken": map[string]any{"id": "<s>"}}, map[string]any{"Sequence": map[string]any{"id": "A"}}},
			"special_tokens": map[string]any{"<s>": map[string]any{"ids": []int{0}}},
		},
		"model": map[string]any{"type": "Unigram", "unk_id": 1, "vocab": []any{
			[]any{"<s>", 0}, []any{"<unk>", 0}, []any{metaspace, -3}, []any{"a", -2}, []any{"ab", -2.5}, []any{metaspace + "a", -4},
		}},
	}
	for path, value := range changes {
		parent, names := any(doc), strings.Split(path, ".")
		for _, name := range names[:len(names)-1] {
			parent = parent.(map[string]any)[name]
		}
		parent.(map[string]any)[names[len(names)-1]] = value
	}
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestUnigramTakesTheLikeliestPieces(t *testing.T) {
	u, err := parseUnigram(tinyUnigram(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]int32{
		"":         {0},
		"a":        {0, 5},          // one piece of -4 before two of -3 and -2
		"ab":       {0, 2, 4},       // -3 -2.5; the other way has an unknown character
		"aab":      {0, 5, 4},       // -4 -2.5
		"xyz":      {0, 2, 1},       // unknown characters in a row are one token
		"x a  a":   {0, 2, 1, 5, 5}, // spaces in a row are one
		"<s>":      {0, 2, 1},       // never the special token
		"a\xffa":   {0, 5, 1, 3},    // a broken byte is U+FFFD, which has no piece
		"\u2581a":  {0, 5},          // as if it were a space
		" a ":      {0, 5, 2},
		"a\u2581b": {0, 5, 2, 1},
	} {
		if got, _ := u.Encode(text, 0); !slices.Equal(got, want) {
			t.Errorf("Encode(%q) = %v, want %v", text, got, want)
		}
	}
}

func TestUnigramRefusesWhatItCannotDo(t *testing.T) {
	const charsmap = "normalizer.normalizers[0].precompiled_charsmap"
	precompiled := func(text string) map[string]any { return map[string]any{"normalizer": normalizer(text)} }
	encoded := base64.StdEncoding.EncodeToString
	for name, c := range map[string]struct {
		changes map[string]any
		kind    Kind
		path    string
	}{
		"another model":               {map[string]any{"model.type": "BPE"}, KindUnsupported, "model.type"},
		"byte fallback":               {map[string]any{"model.byte_fallback": true}, KindUnsupported, "model.byte_fallback"},
		"no vocabulary":               {map[string]any{"model.vocab": []any{}}, KindInvalid, "model.vocab"},
		"unknown out of range":        {map[string]any{"model.unk_id": 6}, KindInvalid, "model.unk_id"},
		"no unknown":                  {map[string]any{"model.unk_id": nil}, KindInvalid, "model.unk_id"},
		"piece twice":                 {map[string]any{"model.vocab": []any{[]any{"a", 0}, []any{"b", 0}, []any{"a", 0}}}, KindInvalid, "model.vocab[2]"},
		"empty piece":                 {map[string]any{"model.vocab": []any{[]any{"a", 0}, []any{"", 0}}}, KindInvalid, "model.vocab[1]"},
		"piece without score":         {map[string]any{"model.vocab": []any{[]any{"a", 0}, []any{"a"}}}, KindInvalid, "model.vocab[1]"},
		"piece with a text for score": {map[string]any{"model.vocab": []any{[]any{"a", 0}, []any{"a", "0"}}}, KindInvalid, "model.vocab[1]"},
		"vocabulary of another kind":  {map[string]any{"model.vocab": map[string]any{"a": 0}}, KindInvalid, ""},
		"ordinary added token":        {map[string]any{"added_tokens": []any{map[string]any{"content": "x"}}}, KindUnsupported, "added_tokens[0].special"},
		"no normalizer":               {map[string]any{"normalizer": nil}, KindUnsupported, "normalizer"},
		"charsmap not base64":         {precompiled("*"), KindInvalid, charsmap},
		"charsmap too short":          {precompiled(encoded([]byte{1, 0})), KindInvalid, charsmap},
		"charsmap cut off":            {precompiled(encoded([]byte{8, 0, 0, 0, 0, 0, 0, 0})), KindInvalid, charsmap},
		"charsmap not UTF-8":          {precompiled(encoded([]byte{4, 0, 0, 0, 0, 0, 0, 0, 0xFF})), KindInvalid, charsmap},
		"another pre-tokenizer":       {map[string]any{"pre_tokenizer.type": "ByteLevel"}, KindUnsupported, "pre_tokenizer"},
		"another replacement":         {map[string]any{"pre_tokenizer.replacement": "_"}, KindUnsupported, "pre_tokenizer.replacement"},
		"words together":              {map[string]any{"pre_tokenizer.split": false}, KindUnsupported, "pre_tokenizer.split"},
		"no space before":             {map[string]any{"pre_tokenizer.prepend_scheme": "never"}, KindUnsupported, "pre_tokenizer.prepend_scheme"},
		"another template":            {map[string]any{"post_processor.type": "BertProcessing"}, KindUnsupported, "post_processor.type"},
		"template without text":       {map[string]any{"post_processor.single": []any{}}, KindUnsupported, "post_processor.single"},
		"template's token":            {map[string]any{"post_processor.special_tokens": map[string]any{}}, KindInvalid, "post_processor.single[0]"},
		"template's id":               {map[string]any{"post_processor.special_tokens": map[string]any{"<s>": map[string]any{"ids": []int{6}}}}, KindInvalid, "post_processor.single[0]"},
	} {
		_, err := parseUnigram(tinyUnigram(t, c.changes))
		e, ok := errors.AsType[*Error](err)
		switch {
		case !ok:
			t.Errorf("%s: %v", name, err)
		case e.Kind != c.kind || c.path != "" && e.Path != field(c.path):
			t.Errorf("%s: kind %d at %q (%v), want %d at %q", name, e.Kind, e.Path, err, c.kind, c.path)
		}
	}
	_, err := LoadUnigram(t.TempDir())
	if e, ok := errors.AsType[*Error](err); !ok || e.Kind != KindMissing {
		t.Errorf("an empty folder: %v", err)
	}
}

// e5Charsmap is the embedding model's compiled normalizer. It is cut out of the file: reading that as JSON takes seconds
// in each process of a fuzzer.
func e5Charsmap(tb testing.TB) string {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(filepath.Dir(modelDir(tb)), "multilingual-e5-small", tokenizerFile))
	if err != nil {
		tb.Fatalf("%v: run `make setup` first", err)
	}
	_, data, _ = bytes.Cut(data, []byte(`"precompiled_charsmap":"`))
	data, _, _ = bytes.Cut(data, []byte(`"`))
	return string(data)
}

func FuzzUnigram(f *testing.F) {
	pieces := []any{[]any{"<s>", 0}, []any{"<unk>", 0}}
	for i, text := range strings.Fields("\u2581 \u2581a a aa aaa ab b 心 心率 率 e é \u0301 fi i 9 , < s > <s> \uFFFD ▬▬▬▬ ▬") {
		pieces = append(pieces, []any{text, -2 - float64(i%7)})
	}
	pieces = slices.DeleteFunc(pieces, func(p any) bool { return p.([]any)[0] == "<s>" && p.([]any)[1] != 0 })
	u, err := parseUnigram(tinyUnigram(f, map[string]any{
		"model.vocab": pieces, "normalizer": normalizer(e5Charsmap(f)),
	}))
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"", "aab x\u2581", "e\u0301ﬁ\r\n", "</s>\x00<s>", "\xF0\x9F", "心率 ，90", "\u0600\u0600a\u0e33"} {
		f.Add([]byte(text), uint8(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, limit uint8) {
		whole, _ := u.Encode(string(data), 0)
		for _, id := range whole[len(u.before):] {
			if id < 1 || int(id) >= u.VocabSize() {
				t.Fatalf("Encode(%q) has the id %d", data, id)
			}
		}
		cut, truncated := u.Encode(string(data), int(limit))
		if limit > 0 && (len(cut) > int(limit) || truncated != (len(whole) > int(limit))) {
			t.Fatalf("Encode(%q, %d) has %d ids of %d, truncated %t", data, limit, len(cut), len(whole), truncated)
		}
		if !slices.Equal(cut, whole[:len(cut)]) {
			t.Fatalf("Encode(%q, %d) does not begin as the whole does", data, limit)
		}
	})
}

// FuzzCharsmap reads any bytes as a compiled normalizer and uses it.
func FuzzCharsmap(f *testing.F) {
	f.Add([]byte{4, 0, 0, 0, 0, 0, 0, 0, 'x', 0}, "a e\u0301")
	f.Add([]byte{12, 0, 0, 0, 0, 4, 0, 0, 0x61, 1, 0, 0, 0, 0, 0, 0x80, 'x', 0}, "abc\xff")
	if charsmap, err := base64.StdEncoding.DecodeString(e5Charsmap(f)); err != nil {
		f.Fatal(err)
	} else {
		f.Add(charsmap[:4096], "ﬁ ½ ｶﾞ")
	}
	f.Fuzz(func(_ *testing.T, data []byte, text string) {
		c, err := parseCharsmap(base64.StdEncoding.EncodeToString(data), "charsmap")
		if err == nil {
			c.normalize(ValidText(text))
		}
	})
}

func BenchmarkUnigram(b *testing.B) {
	u := e5(b)
	for name, text := range map[string]string{
		"en": strings.Repeat("The arterial line reads 82/45 mmHg and the trace is damped. ", 20),
		"zh": strings.Repeat("动脉血压82/45 mmHg，波形减弱，请检查管路。", 20),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				u.Encode(text, 0)
			}
		})
	}
}
