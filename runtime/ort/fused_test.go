package ort

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/ort/internal/kernels"
)

// Where a slot's first tokens came from makes no difference to those after them.
func TestPrefixesAreCopied(t *testing.T) {
	m := openModel(t, testModel, testOptions)
	require.True(t, m.SlotMemory().Shared)
	text := randomTokens(1, 200)
	want := prefill(t, m, 0, text)
	for _, common := range []int{1, 20, 63, 64, 65, 130, 199} {
		prefill(t, m, 3, randomTokens(2, 190)) // what slot 3 held is no matter
		require.NoError(t, m.CopyPrefix(0, 3, common))
		out, err := m.Step(t.Context(), []Row{{Slot: 3, Start: common, Tokens: text[common:], LogitsFrom: len(text) - common - 1}})
		require.NoError(t, err)
		require.Equal(t, want, out.Row(0), "%d tokens in common", common)
	}
	for _, wrong := range [][3]int{{0, 0, 5}, {-1, 0, 5}, {0, 8, 5}, {0, 1, 0}, {0, 1, 513}} {
		require.ErrorIs(t, m.CopyPrefix(wrong[0], wrong[1], wrong[2]), ErrPlan)
	}
	require.NotEmpty(t, kernels.Name())
	other := opensDevice("gru")(t, Options{Threads: 1, Slots: 2, SlotCapacity: 40, MaxTokens: 64, MaxLogits: 64})
	require.ErrorIs(t, other.CopyPrefix(0, 1, 5), ErrPlan, "a state cannot be cut")
}

// What a step allocates does not depend on how many rows it has.
func TestStepsAllocateNothingByRow(t *testing.T) {
	m := opensFamily("llama")(t, Options{Threads: 1, Slots: 64, SlotCapacity: 64, MaxTokens: 64, MaxLogits: 64})
	rows := make([]Row, 64)
	for i := range rows {
		rows[i] = Row{Slot: i, Tokens: []int32{int32(i)}}
	}
	allocations := func(n int) float64 {
		return testing.AllocsPerRun(20, func() {
			_, err := m.Step(context.Background(), rows[:n])
			require.NoError(t, err)
		})
	}
	one, all := allocations(1), allocations(64)
	require.LessOrEqual(t, all, one)
	t.Logf("%v allocations a step", one)
}
