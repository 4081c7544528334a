package constrain

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// patterns cover what the compiler has a case for.
var patterns = []string{
	`abc`, `a|b|cd`, `[a-z]+`, `\d{1,3}(\.\d{1,2})?`, `(ab)*c?`, `a{3}`, `a{2,}b`, `a{0,3}`, `(a|ab)(c|bcd)`, `(?i)heart`,
	`^yes|no$`, `^(yes|no)$`, `^$`, `.*`, `.{3}`, `(?s).{2}`, `[^a-y]{1,4}`, `\p{Han}{1,3}`, `[一-龥]+`, `é|è`, `[\x{10000}-\x{10FFFF}]`,
	`\w+@\w+\.(com|org)`, `(a?){5}`, `(a*)*b`, `(|a)b`, `[[:upper:]]\S*`, `HR: \d+ (bpm|/min)`, `心率(为|是)?\d+次/分`, `a.c\nd`,
	`(?:(?:a|b){2}){2}`, `[\x{D7FF}-\x{E000}]`, `[\x{7F}-\x{80}][\x{7FF}-\x{800}][\x{FFFF}-\x{10000}]`,
}

// Random logits write texts that Go's own regexp matches as a whole, with forced tokens and without.
func TestRegexAgainstGo(t *testing.T) {
	w, v := testVocabulary()
	for i, pattern := range patterns {
		t.Run(pattern, func(t *testing.T) {
			g, err := Regex(pattern)
			a := compileFor(t, v, g, err)
			want := whole(pattern)
			for seed := range uint64(20) {
				out := write(t, w, a, 1000*uint64(i)+seed, 60, seed%2 == 0)
				if out.complete {
					require.True(t, want(out.text), "%q", out.text)
					require.True(t, a.Matches(out.text))
				}
			}
		})
	}
}

// The automaton takes a text exactly if Go's regexp matches it as a whole.
func TestRegexTakesWhatGoTakes(t *testing.T) {
	_, v := testVocabulary()
	texts := []string{
		"", "a", "b", "ab", "abc", "abcd", "abbcd", "aaa", "aaab", "aab", "c", "cd", "ababc", "123", "12.5", "1234", "12.345", "Heart", "HEART", "heart",
		"yes", "no", "yesno", "心", "心率", "心率为80次/分", "心率80次/分", "é", "è", "😀", "x@y.org", "x@y.net", "Hé!", "HR: 80 bpm", "HR: 80 /min", "HR: x",
		"a\nc", "abc\nd", "\n", "zz", "ſ", "K", "\ufffd", "\x7f߿\uffff", "\x80",
	}
	for _, pattern := range patterns {
		g, err := Regex(pattern)
		a := compileFor(t, v, g, err)
		want := whole(pattern)
		for _, text := range texts {
			if strings.ContainsRune(text, 0x7f) || text == "\x80" {
				continue // 0x80 alone is no UTF-8, which Go's regexp reads as U+FFFD
			}
			require.Equal(t, want(text), a.Matches(text), "%q of %q", text, pattern)
		}
	}
}

func TestRegexRefused(t *testing.T) {
	for pattern, kind := range map[string]Kind{
		`(`: KindInvalid, `a**`: KindInvalid, `\bMuster\b`: KindUnsupported, `a^b`: KindUnsupported, `(?m)^a$`: KindUnsupported, `(a$)b`: KindUnsupported,
		`(a$)*`: KindUnsupported, strings.Repeat("a", MaxPatternBytes+1): KindLimit, `(a{1000}){1000}`: KindInvalid, `[^\x00-\x{10FFFF}]`: KindEmpty,
		`(?=a)b`: KindInvalid, `(a)\1`: KindInvalid, "\xff": KindInvalid,
	} {
		_, err := Regex(pattern)
		requireKind(t, kind, err, pattern)
		require.NotContains(t, err.Error(), "Muster")
	}
}

func requireKind(t testing.TB, kind Kind, err error, what string) {
	t.Helper()
	var e *Error
	require.ErrorAs(t, err, &e, "%.80s", what)
	require.Equal(t, kind, e.Kind, "%.80s: %v", what, err)
}

// The mask, which is made from projected states, is what trying each token gives.
func TestMaskIsExact(t *testing.T) {
	w, v := testVocabulary()
	forms := append([]string{`a{1,40}b`, `(a{2,5} ){3,30}x`, `[a-z ]{30,35}`, `.{0,100}`, `("[a-z ]{0,20}", ){2,4}"."`, `(aa|a{3}){7,9}`, `a{17,}`, `( ?a){15,40}`}, patterns...)
	for i, pattern := range forms {
		g, err := Regex(pattern)
		a := compileFor(t, v, g, err)
		a.limit = 1 << 14 // so that tables are begun anew all the time
		m := a.Start()
		for step := range 60 {
			mask, err := m.Mask()
			require.NoError(t, err)
			want := exact(t, w, m)
			require.Equal(t, want, idsOf(mask), "%s, step %d", pattern, step)
			id := want[(i*31+step*17)%len(want)]
			require.NoError(t, m.Accept(id))
			if m.Finished() {
				break
			}
		}
	}
}

// whole matches a pattern against whole texts. Nothing is put around the pattern, whose end may be an open \Q.
func whole(pattern string) func(string) bool {
	re := regexp.MustCompile(pattern)
	re.Longest()
	return func(text string) bool {
		at := re.FindStringIndex(text)
		return at != nil && at[0] == 0 && at[1] == len(text)
	}
}

// FuzzRegex holds the automaton against Go's regexp on any pattern and text.
func FuzzRegex(f *testing.F) {
	for i, p := range patterns {
		f.Add(p, "heart 心率 80", uint64(i))
	}
	f.Add(`\Q`, "0", uint64(30))
	w, v := testVocabulary()
	f.Fuzz(func(t *testing.T, pattern, text string, seed uint64) {
		if len(pattern) > 200 || len(text) > 200 {
			return
		}
		g, err := Regex(pattern)
		if err != nil {
			var e *Error
			require.ErrorAs(t, err, &e)
			return
		}
		want := whole(pattern)
		a, err := v.Compile(g)
		if err != nil {
			requireKind(t, KindEmpty, err, pattern)
			return
		}
		if validFor(w, text) {
			require.Equal(t, want(text), a.Matches(text), "%q of %q", text, pattern)
		}
		if out := write(t, w, a, seed, 20, seed%2 == 0); out.complete {
			require.True(t, want(out.text), "%q of %q", out.text, pattern)
		}
	})
}

// validFor tells whether a text can be written with single bytes of a vocabulary.
func validFor(w words, text string) bool {
	for i := range len(text) {
		if w[text[i]] == "" {
			return false
		}
	}
	return strings.ToValidUTF8(text, "") == text
}

func TestChoices(t *testing.T) {
	w, v := testVocabulary()
	texts := []string{"yes", "no", "yes, but", "心率", "心", "not known"}
	g, err := Choices(texts)
	a := compileFor(t, v, g, err)
	seen := map[string]bool{}
	for seed := range uint64(200) {
		out := write(t, w, a, seed, 50, seed%2 == 0)
		require.True(t, out.complete)
		require.Contains(t, texts, out.text)
		seen[out.text] = true
	}
	require.Len(t, seen, len(texts))
}

func TestChoicesRefused(t *testing.T) {
	for _, c := range []struct {
		texts []string
		kind  Kind
		path  string
	}{
		{nil, KindLimit, ""}, {make([]string, MaxChoices+1), KindLimit, ""}, {[]string{"a", ""}, KindLimit, "[1]"},
		{[]string{"a", "b\xff"}, KindInvalid, "[1]"}, {[]string{strings.Repeat("a", MaxChoiceBytes+1)}, KindLimit, "[0]"},
	} {
		_, err := Choices(c.texts)
		requireKind(t, c.kind, err, fmt.Sprint(len(c.texts)))
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, c.path, e.Path)
	}
	_, v := testVocabulary()
	g, err := Choices([]string{"a\x01b"})
	require.NoError(t, err)
	_, err = v.Compile(g)
	requireKind(t, KindEmpty, err, "a byte without a token")
}
