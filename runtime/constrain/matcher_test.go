package constrain

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func texts(w words, ids []int32) (out []string) {
	for _, id := range ids {
		out = append(out, w[id])
	}
	return out
}

// Forced tokens are cut as the encoder cuts them, up to where the model could go on with a longer one.
func TestForcedTokens(t *testing.T) {
	w, v := testVocabulary()
	for _, c := range []struct {
		pattern string
		forced  string
		tokens  []string
	}{
		{`abcd`, "abcd", []string{"abc", "d"}},
		{`abc|abd`, "ab", nil}, // "abc" is a token too
		{`xab(c|d)`, "xab", []string{"x"}},
		{`heart rate [0-9]+`, "heart rate ", []string{"heart rate", " "}},
		{`heart rate (x|  )`, "heart rate ", []string{"heart rate"}}, // "  " may follow
		{`(heart rate )?x`, "", nil},
		{`yes.*`, "yes", []string{"yes"}},
		{`a{3}`, "aaa", []string{"aaa"}},
		{`心率\d`, "心率", []string{"心率"}},
		{`\{"name": "[a-z]*"\}`, `{"name": "`, []string{`{"`, "name", `": "`}},
		{`[a-z]`, "", nil},
	} {
		g, err := Regex(c.pattern)
		m := compileFor(t, v, g, err).Start()
		require.Equal(t, c.forced, m.Forced(), c.pattern)
		require.Equal(t, c.tokens, texts(w, m.ForcedTokens(w.encode)), c.pattern)
	}
}

// Bytes that are forced within a character, or that the tokenizer writes otherwise, are left to the model.
func TestForcedTokensOfPartsOfCharacters(t *testing.T) {
	w, v := testVocabulary()
	g, err := Regex(`[心怦]率x`)
	m := compileFor(t, v, g, err).Start()
	require.NoError(t, m.Accept(int32(0xE5)))
	require.NotEmpty(t, m.Forced())
	require.Empty(t, m.ForcedTokens(func(string) []int32 { return w.encode("\ufffd") }))
}

func TestAccept(t *testing.T) {
	w, v := testVocabulary()
	g, err := Choices([]string{"ab", "abc"})
	a := compileFor(t, v, g, err)
	m := a.Start()
	requireKind(t, KindToken, m.Accept(w.end()), "the end before the text is complete")
	requireKind(t, KindToken, m.Accept(w.end()-1), "a special token")
	requireKind(t, KindToken, m.Accept(int32('b')), "another letter")
	requireKind(t, KindToken, m.Accept(-1), "no token")
	requireKind(t, KindToken, m.Accept(int32(len(w)+3)), "a token beyond the tokenizer's")
	require.NoError(t, m.Accept(int32('a')))
	require.False(t, m.Complete())
	require.NoError(t, m.Accept(int32('b')))
	require.True(t, m.Complete())
	require.False(t, m.Finished())
	mask, err := m.Mask()
	require.NoError(t, err)
	require.Equal(t, []int32{'c', w.end()}, idsOf(mask))
	require.NoError(t, m.Accept(w.end()))
	require.True(t, m.Finished())
	requireKind(t, KindToken, m.Accept(int32('c')), "a token after the end")
}

// Long bounds cost what short ones do, and states that no token can tell apart share their mask.
func TestBoundsCostNothing(t *testing.T) {
	_, v := testVocabulary()
	schema := `{"type": "array", "maxItems": 100000, "items": {"type": "object", "required": ["name", "value"], "properties":
		{"name": {"type": "string", "maxLength": 100000}, "value": {"type": "array", "maxItems": 50000, "items": {"type": "string", "minLength": 500, "maxLength": 1000}}}}}`
	g, err := JSONSchema([]byte(schema))
	a := compileFor(t, v, g, err)
	require.Less(t, len(a.graph.nodes), 300)
	m := a.Start()
	accept := func(text string) {
		for i := range len(text) {
			require.NoError(t, m.Accept(int32(text[i])))
			_, err := m.Mask()
			require.NoError(t, err)
		}
	}
	accept(`[`)
	item := `{"name": "` + strings.Repeat("x", 300) + `", "value": []}`
	accept(item)
	before := len(m.table.masks)
	for range 20 {
		accept(`, ` + item)
	}
	require.LessOrEqual(t, len(m.table.masks), before+25, "the same places of later items have masks of their own")
}

// What is kept stays within its bound.
func TestMemoryIsBounded(t *testing.T) {
	w, v := testVocabulary()
	g, err := Regex(`([a-z]{0,20} ?(x|y)?[0-9]{0,30}){0,20}`)
	a := compileFor(t, v, g, err)
	a.limit = 1 << 16
	for seed := range uint64(4) {
		write(t, w, a, seed, 150, false)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	require.Less(t, a.table.spent, 1<<20)
}

// A form whose next tokens take too much memory to tell is given up by name, not by running out.
func TestAmbiguityIsBounded(t *testing.T) {
	_, v := testVocabulary()
	g := newGraph()
	inner := g.cat(g.repeat(g.optional(g.lit("a")), 0, 300), g.optional(g.lit("b")))
	grammar, err := g.grammar(g.cat(g.repeat(inner, 0, 300), g.lit("c")))
	a := compileFor(t, v, grammar, err)
	_, err = a.Start().Mask()
	requireKind(t, KindLimit, err, "mask")
	require.Equal(t, "is too ambiguous: what may come next takes more memory to tell than is allowed", err.Error())
}

// One automaton serves many texts at once.
func TestAutomatonIsSafe(t *testing.T) {
	w, v := testVocabulary()
	g, err := JSONSchema([]byte(`{"type": "array", "minItems": 2, "maxItems": 5, "items": {"type": "string", "maxLength": 9}}`))
	a := compileFor(t, v, g, err)
	a.limit = 1 << 15
	var want [16]outcome
	for i := range want {
		want[i] = write(t, w, a, uint64(i), 300, i%2 == 0)
	}
	var wg sync.WaitGroup
	var got [16]outcome
	for i := range got {
		wg.Go(func() { got[i] = write(t, w, a, uint64(i), 300, i%2 == 0) })
	}
	wg.Wait()
	require.Equal(t, want, got)
}
