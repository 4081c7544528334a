package constrain

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/sampling"
)

// words is a small vocabulary: every byte of UTF-8, and some longer tokens. Its last token ends texts, the one before
// is special.
type words []string

func (w words) VocabSize() int { return len(w) }
func (w words) TokenBytes(id int32) string {
	if id < 0 || int(id) >= len(w) {
		return ""
	}
	return w[id]
}
func (w words) IsSpecial(id int32) bool { return int(id) >= len(w)-2 }

// encode cuts a text greedily: the longest token at each place.
func (w words) encode(text string) []int32 {
	var ids []int32
	for text != "" {
		best := -1
		for id, t := range w[:len(w)-2] {
			if t != "" && strings.HasPrefix(text, t) && (best < 0 || len(t) > len(w[best])) {
				best = id
			}
		}
		if best < 0 {
			return ids
		}
		ids = append(ids, int32(best))
		text = text[len(w[best]):]
	}
	return ids
}

func (w words) end() int32 { return int32(len(w) - 1) }

// testWords are 256 bytes and tokens such as a byte-level vocabulary has.
func testWords() words {
	var w words
	for b := range 256 {
		if b == 0xC0 || b == 0xC1 || b >= 0xF5 || b < ' ' && b != '\n' && b != '\t' {
			w = append(w, "") // no token, as in SmolLM2's vocabulary
			continue
		}
		w = append(w, string([]byte{byte(b)}))
	}
	w = append(w, `{"`, `": `, `": "`, `", "`, `"}`, `"]`, `, `, `[]`, `{}`, ` "`, `""`, `}, {"`, "true", "false", "null", "ab", "abc", "心率", "血", "\xe5\xbf", "the ",
		"heart rate", "10", "12", "0.", "00", "  ", "                    ", "the quick brown fox jumps", "aa", "aaa", "name", "value", `\n`, `\"`, "yes", "no", "ye")
	return append(w, "<|special|>", "<|end|>")
}

func testVocabulary() (words, *Vocabulary) {
	w := testWords()
	return w, NewVocabulary(w, len(w)+5, []int32{w.end()})
}

// outcome is a text that random logits wrote.
type outcome struct {
	text     string
	complete bool
	tokens   int
	forced   int
}

// write draws tokens by random logits until the text ends, or for limit tokens. From the middle on, tokens that close
// something are made likelier, so that texts without a bound come to their end.
func write(t testing.TB, w words, a *Automaton, seed uint64, limit int, force bool) outcome {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	p := sampling.Default()
	p.Temperature, p.Seed = 1, &seed
	sampler, err := sampling.New(p)
	require.NoError(t, err)
	m := a.Start()
	logits := make([]float32, a.vocabulary.size)
	var out outcome
	for !m.Finished() && out.tokens < limit {
		if force {
			forced := m.ForcedTokens(w.encode)
			for _, id := range forced {
				require.NoError(t, m.Accept(id))
				out.text += w[id]
			}
			if out.forced += len(forced); m.Finished() {
				break
			}
		}
		mask, err := m.Mask()
		require.NoError(t, err)
		for i := range logits {
			logits[i] = float32(r.NormFloat64() * 3)
			if out.tokens > limit/2 && (i == int(w.end()) || i < len(w) && w[i] != "" && strings.ContainsAny(w[i][:1], `"]}`)) {
				logits[i] += 20
			}
		}
		token, err := sampler.SampleMasked(logits, mask)
		require.NoError(t, err, "a state without a token, after %q", out.text)
		if token.ID == w.end() {
			require.True(t, m.Complete(), "ended within %q", out.text)
			require.NoError(t, m.Accept(token.ID))
			break
		}
		require.NoError(t, m.Accept(token.ID), "the mask allows a token that the automaton does not, after %q", out.text)
		out.text += w[token.ID]
		out.tokens++
	}
	out.complete = m.Complete()
	return out
}

// exact returns the mask by trying every token on its own, without projection.
func exact(t testing.TB, w words, m *Matcher) []int32 {
	t.Helper()
	var ids []int32
	for id := range int32(len(w)) {
		probe := *m
		if probe.Accept(id) == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

func idsOf(mask []uint64) []int32 {
	var ids []int32
	for id := range int32(64 * len(mask)) {
		if mask[id>>6]>>(id&63)&1 != 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

func compileFor(t testing.TB, v *Vocabulary, g *Grammar, err error) *Automaton {
	t.Helper()
	require.NoError(t, err)
	a, err := v.Compile(g)
	require.NoError(t, err)
	return a
}
