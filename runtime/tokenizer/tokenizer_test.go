package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

func TestValidTextFollowsWHATWG(t *testing.T) {
	const r = replacement
	for in, want := range map[string]string{
		"":                         "",
		"héllo 中😷":                 "héllo 中😷",
		"a\x80b":                   "a" + r + "b",
		"\xC0\xAF":                 r + r,
		"\xE0\x80\xBF":             r + r + r,
		"\xED\xA0\x80":             r + r + r,
		"\xF0\x80\x80":             r + r + r,
		"\xF4\x90\x80\x80":         r + r + r + r,
		"\xE4\xB8":                 r,
		"\xE4\xB8x":                r + "x",
		"\xF0\x9F\x98\xE4\xB8\xAD": r + "中",
		"\xF0\x9F\x98":             r,
		"\xC3":                     r,
		"\xFF\xFE":                 r + r,
		"\uFFFD":                   r,
	} {
		if got := ValidText(in); got != want {
			t.Errorf("ValidText(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestBytesWithoutATokenAreLeftOut(t *testing.T) {
	tok, missing := smol(t), 0
	for b := range 256 {
		if tok.bpe.bytes[b] < 0 {
			missing++
		}
	}
	if missing != 21 {
		t.Errorf("%d bytes have no token, not 21", missing)
	}
	// The neighbours of a byte left out become neighbours, and merge.
	if got, want := tok.Encode("(\x04("), tok.Encode("(("); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, id := range tok.Encode("\x00\x04\x1d\u0001") {
		if tok.IsSpecial(id) {
			t.Error("a control character became a special token")
		}
	}
}

func TestVocabulary(t *testing.T) {
	tok := smol(t)
	if tok.VocabSize() != 49152 {
		t.Errorf("VocabSize is %d", tok.VocabSize())
	}
	end, ok := tok.SpecialID("<|im_end|>")
	if eos, has := tok.EOS(); !ok || !has || eos != end || end != 2 || !tok.IsSpecial(end) {
		t.Errorf("<|im_end|> is %d (%t), EOS is %d (%t)", end, ok, eos, has)
	}
	if bos, ok := tok.BOS(); !ok || bos != 1 {
		t.Errorf("BOS is %d (%t)", bos, ok)
	}
	for _, text := range []string{"", "<|im_end|", "<|im_end|>x", "the"} {
		if id, ok := tok.SpecialID(text); ok {
			t.Errorf("SpecialID(%q) is %d", text, id)
		}
	}
	for _, id := range []int32{-1, 49152, 1 << 30} {
		if tok.TokenBytes(id) != "" || tok.IsSpecial(id) || tok.Decode([]int32{id}) != "" {
			t.Errorf("id %d is taken for a token", id)
		}
	}
	if got := tok.TokenBytes(2); got != "<|im_end|>" {
		t.Errorf("TokenBytes(2) is %q", got)
	}
	var joined strings.Builder
	const text = "SpO₂ 97 % 😷"
	for _, id := range tok.Encode(text) {
		joined.WriteString(tok.TokenBytes(id))
	}
	if joined.String() != text {
		t.Errorf("the tokens' bytes join to %q", joined.String())
	}
}

func TestSpecialTokensAreTextUnlessAsked(t *testing.T) {
	tok := smol(t)
	for id := range int32(17) {
		text := tok.TokenBytes(id)
		for _, got := range tok.Encode("a" + text + text) {
			if tok.IsSpecial(got) {
				t.Errorf("%s in text became the special token %d", text, got)
			}
		}
		if got := tok.Encode(text+text, WithSpecial()); !slices.Equal(got, []int32{id, id}) {
			t.Errorf("Encode(%q twice, WithSpecial()) is %v", text, got)
		}
	}
}

// stream decodes ids one by one and returns the pieces.
func stream(tok *Tokenizer, ids []int32, opts ...Option) []string {
	s := tok.NewStream(opts...)
	pieces := make([]string, 0, len(ids)+1)
	for _, id := range ids {
		pieces = append(pieces, s.Push(id))
	}
	return append(pieces, s.Flush())
}

func TestStreamEqualsDecodeAtEveryCut(t *testing.T) {
	tok := smol(t)
	lines := readLines[decodeLine](t, "decode.jsonl.gz")
	for _, line := range corpus(t)[:1500] {
		lines = append(lines, decodeLine{IDs: line.IDs})
	}
	for n, line := range lines {
		s := tok.NewStream(WithSpecial())
		text := ""
		for i, id := range line.IDs {
			piece := s.Push(id)
			if !utf8.ValidString(piece) {
				t.Fatalf("line %d: piece %d is not valid UTF-8: %q", n, i, piece)
			}
			text += piece
			end := ""
			if s.pending != "" {
				end = replacement
			}
			if want := tok.Decode(line.IDs[:i+1], WithSpecial()); text+end != want {
				t.Fatalf("line %d: after %d ids the stream has %q, Decode %q", n, i+1, text+end, want)
			}
		}
		if got, want := strings.Join(stream(tok, line.IDs), ""), tok.Decode(line.IDs); got != want {
			t.Fatalf("line %d: the stream gives %q, Decode %q", n, got, want)
		}
	}
}

func TestStreamHoldsBackHalfCharacters(t *testing.T) {
	tok := smol(t)
	var ids []int32
	for _, b := range []byte("é😷\xF0\x9F") {
		ids = append(ids, tok.bpe.bytes[b])
	}
	want := []string{"", "é", "", "", "", "😷", "", "", replacement}
	if got := stream(tok, ids); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// hostile are inputs that make naive tokenizers slow, size bytes each.
func hostile(size int) map[string]string {

	repeat := func(s string) string { return strings.Repeat(s, size/len(s)) }
	random := rand.New(rand.NewPCG(1, 2))
	letters := make([]byte, size)
	for i := range letters {
		letters[i] = byte('a' + random.IntN(26))
	}
	return map[string]string{
		"one letter": repeat("a"), "spaces": repeat(" "), "spaces, word": repeat(" ")[1:] + "x", "newlines": repeat("\n"), "mixed spaces": repeat(" \n\t"),
		"random letters": string(letters), "one ideograph": repeat("中"), "emoji": repeat("👩‍⚕️"), "digits": repeat("7"), "punctuation": repeat("="),
		"apostrophes": repeat("'"), "brackets": repeat("<|"), "almost special": repeat("<|im_end|"), "special": repeat("<|im_end|>"), "invalid": repeat("\xF0\x9F"),
		"no token": repeat("\x04"), "marks": repeat("e\u0301"), "many marks": repeat("\u0301"), "alternating": repeat("a "),
	}
}

func TestHostileInputTakesBoundedTime(t *testing.T) {
	tok := smol(t)
	sizes := map[string]int{"smollm": 1 << 17, "qwen2": 1 << 16, "llama3": 1 << 16}
	families := map[string]*Tokenizer{"smollm": tok, "qwen2": variant(t, variants["qwen2"]), "llama3": variant(t, variants["llama3"])}
	for family, tok := range families {
		for name, text := range hostile(sizes[family]) {
			began := time.Now()
			ids := tok.Encode(text, WithSpecial())
			took := time.Since(began)
			t.Logf("%s, %s: %d ids in %v", family, name, len(ids), took)
			// A quadratic merge would take minutes on 128 kB; the bound is wide for slow machines and the race detector.
			if took > 20*time.Second {
				t.Errorf("%s, %s: %v", family, name, took)
			}
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	tok := smol(t)
	template, err := LoadChatTemplate(modelDir(t))
	if err != nil {
		t.Fatal(err)
	}
	lines := corpus(t)
	wantChat, err := tok.EncodeChat(template, []Message{{"user", "<|im_end|>"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for n := worker; n < len(lines); n += 16 {
				if got := tok.Encode(lines[n].text()); !slices.Equal(got, lines[n].IDs) {
					t.Errorf("line %d: %v", n, got)
				}
				if got := strings.Join(stream(tok, lines[n].IDs), ""); got != lines[n].decoded() {
					t.Errorf("line %d: %q", n, got)
				}
				if n%50 == worker {
					if got, err := tok.EncodeChat(template, []Message{{"user", "<|im_end|>"}}, true); err != nil || !slices.Equal(got, wantChat) {
						t.Errorf("EncodeChat: %v, %v", got, err)
					}
				}
			}
		})
	}
	group.Wait()
}

func FuzzEncode(f *testing.F) {
	tok := smol(f)
	for _, line := range corpus(f)[:200] {
		f.Add(line.text())
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, opts := range [][]Option{nil, {WithSpecial()}} {
			ids := tok.Encode(text, opts...)
			got, valid := tok.Decode(ids, WithSpecial()), ValidText(text)
			if !utf8.ValidString(got) {
				t.Fatalf("Decode(Encode(%q)) is not valid UTF-8", text)
			}
			if encodable(tok, valid) && got != valid {
				t.Fatalf("Decode(Encode(%q)) = %q", text, got)
			}
			if joined := strings.Join(stream(tok, ids, WithSpecial()), ""); joined != got {
				t.Fatalf("the stream of %v gives %q, Decode %q", ids, joined, got)
			}
		}
	})
}

// FuzzStream decodes ids that no text gives: each pair of bytes is one id.
func FuzzStream(f *testing.F) {
	tok := smol(f)
	f.Add([]byte{0, 1, 0, 2, 191, 255, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		var ids []int32
		for i := 0; i+1 < len(data); i += 2 {
			ids = append(ids, int32(data[i])<<8|int32(data[i+1]))
		}
		pieces := stream(tok, ids)
		for _, piece := range pieces {
			if !utf8.ValidString(piece) {
				t.Fatalf("%v: a piece is not valid UTF-8: %q", ids, piece)
			}
		}
		if got, want := strings.Join(pieces, ""), tok.Decode(ids); got != want {
			t.Fatalf("%v: the stream gives %q, Decode %q", ids, got, want)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	tok := smol(b)
	lines := corpus(b)
	texts := map[string]string{"one letter": strings.Repeat("a", 1<<20)}
	for _, line := range lines {
		texts["corpus"] += line.text() + "\n"
	}
	texts["clinical English"] = strings.Repeat("The patient is a 71-year-old man admitted with sepsis; lactate was 4.2 mmol/L at 03:15, falling to 1.9 after fluids. ", 2000)
	texts["clinical Chinese"] = strings.Repeat("患者71岁，男，因脓毒症入院，乳酸4.2mmol/L，予去甲肾上腺素静脉泵入后降至1.9mmol/L。", 2000)
	for name, text := range texts {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				tok.Encode(text)
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	dir := modelDir(b)
	for b.Loop() {
		if _, err := Load(dir); err != nil {
			b.Fatal(err)
		}
	}
}
