package ort

import (
	"flag"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/repository"
)

// TestRecurrentBitsDoNotDependOnOthers has texts of all lengths take turns as a scheduler would have them, in up to 64 slots;
// each text's logits must be the bits that it gives alone and whole, at the size that is served, for any number of threads.
func TestRecurrentBitsDoNotDependOnOthers(t *testing.T) {
	for _, kind := range recurrentKinds {
		mf := wideManifest(t, kind)
		for threads, texts := range map[int]int{1: *invariantTexts, 2: *invariantTexts, 16: *invariantTexts / 4} {
			opt := Options{Threads: threads, Slots: 64, SlotCapacity: 160, MaxTokens: 96, MaxLogits: 96}
			m, reference := openManifest(t, mf, opt), openManifest(t, mf, opt)
			require.True(t, m.Manifest().BatchInvariant, "%s, %d threads", kind, threads)
			compareAlone(t, m, reference, texts, rand.New(rand.NewPCG(uint64(threads), 3)))
		}
	}
}

// invariantTexts is how many texts are compared of each kind; the figures of scripts/export/README.md took 200.
var invariantTexts = flag.Int("texts", 8, "texts that the test of bits compares")

// compareAlone runs random steps, and each text that has ended also alone, until so many have.
func compareAlone(t *testing.T, m, alone *LanguageModel, texts int, random *rand.Rand) {
	t.Helper()
	type sequence struct {
		text []int32
		done int
		got  []float32
	}
	opt, vocab := m.Options(), m.Manifest().VocabSize
	running, compared := make([]sequence, opt.Slots), 0
	for step := 0; compared < texts; step++ {
		var rows []Row
		busy := 1 << random.IntN(7) // slots that take part, from one to all
		left := opt.MaxTokens
		for slot := range busy {
			s := &running[slot]
			if s.done == len(s.text) {
				*s = sequence{text: wideTokens(random.Uint64(), 1+random.IntN(40))}
			}
			n := min([]int{1, 1, 1, 2, 3, 17, 40}[random.IntN(7)], len(s.text)-s.done, left)
			if n == 0 {
				continue
			}
			left -= n
			rows = append(rows, Row{Slot: slot, Start: s.done, Tokens: s.text[s.done : s.done+n]})
		}
		random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		out, err := m.Step(t.Context(), rows)
		require.NoError(t, err)
		for i, row := range rows {
			s := &running[row.Slot]
			s.got = append(s.got, out.Row(i)...)
			if s.done += len(row.Tokens); s.done < len(s.text) {
				continue
			}
			want, err := alone.Step(t.Context(), []Row{{Tokens: s.text}})
			require.NoError(t, err)
			require.Len(t, s.got, len(s.text)*vocab)
			require.True(t, slices.Equal(want.Row(0), s.got), "step %d: %d tokens in slot %d", step, len(s.text), row.Slot)
			compared++
		}
	}
}

// TestRecurrentTwoRowsAreNeeded keeps the reason for leastRows current: should one row alone give the same bits some day, the
// second can go.
func TestRecurrentTwoRowsAreNeeded(t *testing.T) {
	m := opensWide(repository.KindRNN)(t, Options{Threads: 1, Slots: 2, SlotCapacity: 64, MaxTokens: 64, MaxLogits: 64})
	text := wideTokens(3, 40)
	want := prefill(t, m, 0, text)
	g := m.graph.(*recurrentGraph)
	g.least = 1
	require.NotEqual(t, want, prefill(t, m, 0, text))
	invariant, err := g.probe(m.Manifest(), m.Options())
	require.NoError(t, err)
	require.False(t, invariant, "what is tried at loading finds it too")
	require.False(t, withoutInvariance(m.Manifest()).BatchInvariant)
	require.True(t, m.Manifest().BatchInvariant, "the caller's manifest stays as it was")
}
