package ort

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A slot that goes back to where it was gives what it gave there, whatever was run in between.
func TestSlotsGoBack(t *testing.T) {
	opt := Options{Threads: 1, Slots: 2, SlotCapacity: 40, MaxTokens: 64, MaxLogits: 64}
	for _, name := range append(slices.Clone(recurrentKinds), "gru-int8", "attention") {
		m := opensDevice(name)(t, opt)
		run := func(start int, tokens []int32) []float32 {
			t.Helper()
			logits, err := m.Step(t.Context(), []Row{{Slot: 1, Start: start, Tokens: tokens}})
			require.NoError(t, err, name)
			return slices.Clone(logits.Row(0))
		}
		text := tinyTokens(1, 20)
		run(0, text[:8])
		kept, err := m.Keep(1, 8)
		require.NoError(t, err, name)
		want := run(8, text[8:12])
		for _, other := range [][]int32{text[12:20], text[9:11]} {
			require.NoError(t, m.Return(1, kept))
			run(8, other)
			run(8+len(other), text[:5])
		}
		require.NoError(t, m.Return(1, kept))
		require.Equal(t, want, run(8, text[8:12]), name)
		_, err = m.Keep(2, 8)
		require.ErrorIs(t, err, ErrPlan)
		require.ErrorIs(t, m.Return(1, Kept{}), ErrPlan)
		if m.SlotMemory().Constant {
			_, err = m.Keep(1, 9)
			require.ErrorIs(t, err, ErrPlan, name)
		}
		require.NoError(t, m.Close())
		_, err = m.Keep(1, 8)
		require.ErrorIs(t, err, ErrClosed)
		require.ErrorIs(t, m.Return(1, kept), ErrClosed)
	}
}
