package ort

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/runtime/repository"
)

// TestRecurrentLogitsMatchNumpy holds every kind against a computation of ten lines in float64: whole, a token at a time, and
// in one step with the others.
func TestRecurrentLogitsMatchNumpy(t *testing.T) {
	data, err := os.ReadFile(deviceFolder + "golden.json")
	require.NoError(t, err)
	var golden map[string]struct {
		Prompts []struct {
			Tokens []int32   `json:"tokens"`
			Logits []float64 `json:"logits"`
		} `json:"prompts"`
	}
	require.NoError(t, json.Unmarshal(data, &golden))
	require.Len(t, golden, len(recurrentKinds))
	const tolerance = 1e-4
	for kind, g := range golden {
		require.NotEmpty(t, g.Prompts)
		m := opensDevice(kind)(t, Options{Threads: 2, Slots: 4, SlotCapacity: 64, MaxTokens: 64, MaxLogits: 64})
		for _, p := range g.Prompts {
			for _, chunks := range [][]int{nil, slices.Repeat([]int{1}, len(p.Tokens)), {7, 1, 2}} {
				got := prefill(t, m, 2, p.Tokens, chunks...)
				require.Len(t, got, len(p.Logits))
				for id, want := range p.Logits {
					require.InDelta(t, want, got[id], tolerance, "%s: token %d, chunks %v", kind, id, chunks)
				}
			}
		}
	}
}

func TestRecurrentStartsWhereTheSlotStands(t *testing.T) {
	m := opensDevice("lstm")(t, Options{Threads: 1, Slots: 2, SlotCapacity: 20, MaxTokens: 20, MaxLogits: 20})
	text := tinyTokens(4, 12)
	step := func(start, count int) error {
		_, err := m.Step(t.Context(), []Row{{Slot: 1, Start: start, Tokens: text[start : start+count]}})
		return err
	}
	require.ErrorIs(t, step(1, 2), ErrPlan, "nothing is there")
	require.NoError(t, step(0, 5))
	require.NoError(t, step(5, 3))
	require.NoError(t, step(5, 2), "the last row again, shorter")
	require.NoError(t, step(7, 2))
	require.ErrorIs(t, step(5, 1), ErrPlan, "two rows back")
	require.ErrorContains(t, step(8, 1), "[7 9]")
	require.NoError(t, step(9, 1))
	require.NoError(t, step(0, 3), "a sequence can always begin anew")
	require.ErrorIs(t, step(9, 1), ErrPlan, "and nothing is left of the one before")
	require.NoError(t, m.ReleaseSlot(1))
	require.ErrorIs(t, step(3, 1), ErrPlan)
}

// Whatever rows do to a slot, it must hold what the tokens before say.
func TestRecurrentSlotsAgainstAModel(t *testing.T) {
	opt := Options{Threads: 1, Slots: 3, SlotCapacity: 30, MaxTokens: 90, MaxLogits: 90}
	m, reference := opensDevice("lstm")(t, opt), opensDevice("lstm")(t, opt)
	rapid.Check(t, func(r *rapid.T) {
		texts := make([][]int32, opt.Slots) // what each slot was given
		previous := make([]int, opt.Slots)  // where its last row started
		for slot := range texts {
			require.NoError(r, m.ReleaseSlot(slot))
		}
		for range rapid.IntRange(1, 10).Draw(r, "steps") {
			var rows []Row
			for slot := range texts {
				if !rapid.Bool().Draw(r, "runs") {
					continue
				}
				start := rapid.SampledFrom([]int{0, previous[slot], len(texts[slot]), len(texts[slot])}).Draw(r, "start")
				n := rapid.IntRange(1, 5).Draw(r, "count")
				if start+n > opt.SlotCapacity {
					start = 0
				}
				tokens := tinyTokens(rapid.Uint64Range(0, 99).Draw(r, "text"), n)
				texts[slot] = append(slices.Clone(texts[slot][:start]), tokens...)
				previous[slot] = start
				rows = append(rows, Row{Slot: slot, Start: start, Tokens: tokens, LogitsFrom: n - 1})
			}
			if len(rows) == 0 {
				continue
			}
			out, err := m.Step(t.Context(), rows)
			require.NoError(r, err)
			for i, row := range rows {
				text := texts[row.Slot]
				want, err := reference.Step(t.Context(), []Row{{Tokens: text, LogitsFrom: len(text) - 1}})
				require.NoError(r, err)
				require.Equal(r, want.Row(0), out.Row(i))
			}
		}
	})
}

// A step that is stopped in the middle leaves its rows as they were: run again, it gives what it would have given.
func TestRecurrentStoppedStepChangesNothing(t *testing.T) {
	m := opensWide(repository.KindLSTM)(t, Options{Threads: 2, Slots: 4, SlotCapacity: 600, MaxTokens: 2048, MaxLogits: 4})
	text := wideTokens(9, 520)
	want := prefill(t, m, 0, text)
	prefill(t, m, 1, text[:20])
	rest := []Row{{Slot: 1, Start: 20, Tokens: text[20:], LogitsFrom: 499}, {Slot: 2, Tokens: text[:500], LogitsFrom: 500}}
	stopped := 0
	for i := range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Millisecond)
		if _, err := m.Step(ctx, rest); err != nil {
			require.ErrorIs(t, err, ErrTerminated)
			stopped++
		}
		cancel()
	}
	require.Positive(t, stopped)
	out, err := m.Step(t.Context(), rest)
	require.NoError(t, err)
	require.Equal(t, want, out.Row(0))
}

// A slot takes the same memory however long a sequence may get.
func TestRecurrentSlotsAreSmall(t *testing.T) {
	for kind, states := range map[string]int{repository.KindRNN: 1, repository.KindGRU: 1, repository.KindLSTM: 2} {
		mf := wideManifest(t, kind)
		for _, capacity := range []int{64, 65536} {
			m := openManifest(t, mf, Options{Threads: 1, Slots: 64, SlotCapacity: capacity, MaxTokens: 64, MaxLogits: 64})
			want := SlotMemory{Bytes: stateCopies * states * mf.NumLayers * mf.HiddenSize * float32Bytes, Constant: true}
			require.Equal(t, want, m.SlotMemory())
			require.LessOrEqual(t, want.Bytes, 16<<10)
		}
	}
}

func TestRecurrentSmallestSizes(t *testing.T) {
	for _, kind := range recurrentKinds {
		m := opensDevice(kind)(t, Options{Threads: 1, Slots: 1, SlotCapacity: 1, MaxTokens: 1, MaxLogits: 1})
		out, err := m.Step(t.Context(), []Row{{Slot: 0, Tokens: []int32{1}}})
		require.NoError(t, err)
		require.Len(t, out.Row(0), m.Manifest().VocabSize)
	}
}

func TestRecurrentRefusesAnotherGraph(t *testing.T) {
	initORT(t)
	for name, change := range map[string]func(*repository.Manifest){
		"more layers": func(m *repository.Manifest) { m.NumLayers++ },
		"width":       func(m *repository.Manifest) { m.HiddenSize *= 2 },
		"vocabulary":  func(m *repository.Manifest) { m.VocabSize *= 2 },
		"kind":        func(m *repository.Manifest) { m.Kind = repository.KindLSTM },
		"no file":     func(m *repository.Manifest) { m.Dir = t.TempDir() },
	} {
		mf, err := repository.Open(deviceFolder + "models/gru")
		require.NoError(t, err)
		change(mf)
		_, err = Open(mf, Options{Threads: 1, Slots: 2, SlotCapacity: 8, MaxTokens: 8, MaxLogits: 8})
		require.Error(t, err, name)
		require.ErrorContains(t, err, "model gru: ", name)
	}
}

func TestRecurrentThreads(t *testing.T) {
	for _, c := range []struct {
		kind                  string
		hidden, threads, want int
	}{
		{repository.KindRNN, 384, 16, 4}, {repository.KindRNN, 512, 16, 6}, {repository.KindRNN, 512, 2, 2},
		{repository.KindRNN, 128, 16, 16}, {repository.KindRNN, 144, 16, 1}, {repository.KindGRU, 512, 16, 16}, {repository.KindLSTM, 512, 0, 0},
	} {
		require.Equal(t, c.want, recurrentThreads(&repository.Manifest{Kind: c.kind, HiddenSize: c.hidden}, c.threads))
	}
	require.Positive(t, recurrentThreads(&repository.Manifest{Kind: repository.KindRNN, HiddenSize: 512}, 0))
}

func TestRecurrentRunsShareWhatPays(t *testing.T) {
	cost := recurrentRunCost(512)
	for name, c := range map[string]struct {
		rows []Row
		want [][]int // rows of each call
	}{
		"one":                        {rowsOf(3, 5), [][]int{{0}}},
		"decoding, far apart":        {rowsOf(63, 1, 0, 1, 9, 1), [][]int{{1, 2, 0}}},
		"two chunks alike":           {rowsOf(0, 128, 1, 100), [][]int{{0, 1}}},
		"a chunk beside a decoding":  {rowsOf(0, 1, 1, 128), [][]int{{0}, {1}}},
		"chunks beyond the places":   {rowsOf(0, 200, 1, 200, 2, 200), [][]int{{0, 1}, {2}}},
		"short ones beside decoding": {rowsOf(0, 1, 1, 2, 2, 1), [][]int{{0, 1, 2}}},
	} {
		var got [][]int
		for _, r := range groupRuns(c.rows, cost) {
			got = append(got, r.rows)
		}
		require.Equal(t, c.want, got, name)
	}
}
