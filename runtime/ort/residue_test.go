package ort

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// slotMemory is all that a model keeps of a slot, piece by piece: what another tenant's sequence finds there.
func slotMemory(t testing.TB, m *LanguageModel, slot int) [][]byte {
	t.Helper()
	ofCache := func(c *slotCache) (out [][]byte) {
		for b := range c.blocks() {
			from := b*c.blockBytes() + slot*c.slotBytes()
			out = append(out, c.memory.bytes[from:from+c.slotBytes()])
		}
		return out
	}
	switch g := m.graph.(type) {
	case *packedGraph:
		return ofCache(g.cache)
	case *genaiGraph:
		return ofCache(g.cache)
	case *recurrentGraph:
		from := slot * g.states.slotBytes()
		return [][]byte{g.states.memory.bytes[from : from+g.states.slotBytes()]}
	}
	require.Fail(t, "a kind of model whose memory nobody looks at")
	return nil
}

func empty(pieces [][]byte) bool {
	for _, p := range pieces {
		if bytes.Count(p, []byte{0}) != len(p) {
			return false
		}
	}
	return true
}

// checkResidue: a released slot holds not one byte of what it held, the slots beside it hold what they did, and what runs
// around it later leaves nothing there.
func checkResidue(t *testing.T, s subject, m *LanguageModel, _ []float32) {
	n := len(s.prompt)
	for slot := range 4 {
		prefill(t, m, slot, s.prompt[:n-slot-3])
		require.False(t, empty(slotMemory(t, m, slot)), "slot %d holds its sequence", slot)
	}
	beside := bytes.Clone(bytes.Join(append(slotMemory(t, m, 1), slotMemory(t, m, 3)...), nil))
	require.NoError(t, m.ReleaseSlot(2))
	require.True(t, empty(slotMemory(t, m, 2)), "what the slot held is gone")
	require.Equal(t, beside, bytes.Join(append(slotMemory(t, m, 1), slotMemory(t, m, 3)...), nil), "and nothing of the slots beside it")
	// Graphs of onnxruntime-genai write the key and value of a padding token where a row has nothing to do.
	around := func(token int32) []byte {
		_, err := m.Step(t.Context(), []Row{
			{Slot: 1, Start: n - 4, Tokens: []int32{token}}, {Slot: 3, Start: n - 6, Tokens: []int32{token + 1}},
		})
		require.NoError(t, err)
		left := bytes.Clone(bytes.Join(slotMemory(t, m, 2), nil))
		require.NoError(t, m.ReleaseSlot(2))
		return left
	}
	require.Equal(t, around(s.prompt[0]), around(s.prompt[1]), "what is left there after its neighbours' step tells of them")
	if _, pads := m.graph.(*genaiGraph); !pads {
		require.True(t, empty([][]byte{around(s.prompt[0])}), "its neighbours' step left something in it")
	}
}
