package ort

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/runtime/repository"
)

// subject is a model that keeps what Step promises.
type subject struct {
	open   func(t testing.TB, opt Options) *LanguageModel
	opt    Options
	prompt []int32
	// tolerance is how far logits may lie apart that were computed among other rows; 0: not a bit.
	tolerance float64
}

func subjects() map[string]subject {
	packed := Options{Threads: 2, Slots: 8, SlotCapacity: 192, MaxTokens: 256, MaxLogits: 64}
	wide := Options{Threads: 2, Slots: 8, SlotCapacity: 192, MaxTokens: 256, MaxLogits: 64}
	tiny := Options{Threads: 1, Slots: 8, SlotCapacity: 60, MaxTokens: 64, MaxLogits: 64}
	all := map[string]subject{
		"packed": {
			open: func(t testing.TB, opt Options) *LanguageModel { return openModel(t, testModel, opt) },
			opt:  packed, prompt: randomTokens(1, 150),
		},
		"genai, float32":  {open: opensGenAI("fused"), opt: tiny, prompt: tinyTokens(1, 50), tolerance: 1e-5},
		"genai, float16":  {open: opensGenAI("separate"), opt: tiny, prompt: tinyTokens(1, 50), tolerance: 1e-2},
		"attention, tiny": {open: opensDevice("attention"), opt: tiny, prompt: tinyTokens(1, 50)},
		"gru, int8":       {open: opensDevice("gru-int8"), opt: tiny, prompt: tinyTokens(1, 50)},
	}
	for _, name := range families {
		all[name+", tiny"] = subject{open: opensFamily(name), opt: tiny, prompt: tinyTokens(1, 50)}
	}
	for _, kind := range recurrentKinds {
		all[kind+", tiny"] = subject{open: opensDevice(kind), opt: tiny, prompt: tinyTokens(1, 50)}
		all[kind+", wide"] = subject{open: opensWide(kind), opt: wide, prompt: wideTokens(1, 150)}
	}
	return all
}

func opensGenAI(form string) func(testing.TB, Options) *LanguageModel {
	return func(t testing.TB, opt Options) *LanguageModel {
		t.Helper()
		initORT(t)
		mf, err := repository.OpenGenAI("../../testdata/genai/" + form)
		require.NoError(t, err)
		m, err := Open(mf, opt)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, m.Close()) })
		return m
	}
}

// tinyTokens are tokens of the vocabulary of the test decoders.
func tinyTokens(seed uint64, n int) []int32 {
	out := randomTokens(seed, n)
	for i := range out {
		out[i] %= 256
	}
	return out
}

// other is a second text of n tokens, made of the prompt's.
func (s subject) other(shift, n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = s.prompt[(i*7+shift)%len(s.prompt)]
	}
	return out
}

func (s subject) equal(t testing.TB, want, got []float32, what ...any) {
	t.Helper()
	if s.tolerance == 0 {
		require.Equal(t, want, got, what...)
		return
	}
	require.Len(t, got, len(want), what...)
	for i := range want {
		require.InDelta(t, want[i], got[i], s.tolerance, what...)
	}
}

func TestConformance(t *testing.T) {
	for name, s := range subjects() {
		t.Run(name, func(t *testing.T) {
			m := s.open(t, s.opt)
			alone := prefill(t, m, 0, s.prompt)
			for name, check := range map[string]func(*testing.T, subject, *LanguageModel, []float32){
				"chunks": checkChunks, "neighbours": checkNeighbours, "idle slots keep what they hold": checkIdle,
				"full slots keep what they hold": checkFull, "every position's logits": checkPositions,
				"one token at a time, among any": checkSingles, "released slot starts anew": checkRelease,
				"a stopped step harms no other": checkStopped, "a released slot holds nothing": checkResidue,
			} {
				t.Run(name, func(t *testing.T) { check(t, s, m, alone) })
			}
		})
	}
}

func checkChunks(t *testing.T, s subject, m *LanguageModel, alone []float32) {
	n := len(s.prompt)
	for _, chunks := range [][]int{{1, 2, 3, 5, 7}, {n / 9, n / 3}, {n - 2}, {n / 3, n / 3}} {
		s.equal(t, alone, prefill(t, m, 3, s.prompt, chunks...), "chunks %v", chunks)
	}
}

func checkNeighbours(t *testing.T, s subject, m *LanguageModel, alone []float32) {
	n := len(s.prompt)
	cut := n * 2 / 3
	prefill(t, m, 5, s.prompt[:cut])
	prefill(t, m, 1, s.other(2, n/4))
	prefill(t, m, 7, s.other(3, n/2))
	out, err := m.Step(t.Context(), []Row{
		{Slot: 1, Start: n / 4, Tokens: []int32{77}},
		{Slot: 5, Start: cut, Tokens: s.prompt[cut:], LogitsFrom: n - cut - 1},
		{Slot: 7, Start: n / 2, Tokens: []int32{78}},
		{Slot: 0, Start: 0, Tokens: s.other(4, n/5), LogitsFrom: n / 5},
	})
	require.NoError(t, err)
	s.equal(t, alone, out.Row(1))
	require.Empty(t, out.Row(3))
}

func checkIdle(t *testing.T, s subject, m *LanguageModel, alone []float32) {
	n := len(s.prompt)
	prefill(t, m, 4, s.prompt[:n-2])
	for i := range 3 {
		// Slots 3 and 5 run, 4 between them is idle: rows of one token share a call with it.
		_, err := m.Step(t.Context(), []Row{
			{Slot: 3, Start: i, Tokens: s.prompt[i : i+1]}, {Slot: 5, Start: i, Tokens: s.prompt[i : i+1]},
		})
		require.NoError(t, err)
	}
	out, err := m.Step(t.Context(), []Row{{Slot: 4, Start: n - 2, Tokens: s.prompt[n-2:], LogitsFrom: 1}})
	require.NoError(t, err)
	s.equal(t, alone, out.Row(0))
}

// A slot may be full and its last row run again, which is what a prompt as long as the slot comes to.
func checkFull(t *testing.T, s subject, m *LanguageModel, _ []float32) {
	full := s.other(5, s.opt.SlotCapacity)
	n := len(full)
	want := prefill(t, m, 1, full, n-2)
	_, err := m.Step(t.Context(), []Row{{Slot: 0, Tokens: full[:1]}, {Slot: 2, Tokens: full[:1]}})
	require.NoError(t, err)
	out, err := m.Step(t.Context(), []Row{{Slot: 1, Start: n - 2, Tokens: full[n-2:], LogitsFrom: 1}})
	require.NoError(t, err)
	s.equal(t, want, out.Row(0))
}

func checkPositions(t *testing.T, s subject, m *LanguageModel, alone []float32) {
	n, vocab := len(s.prompt), m.Manifest().VocabSize
	from := n - n/3
	out, err := m.Step(t.Context(), []Row{{Slot: 2, Tokens: s.prompt, LogitsFrom: from}})
	require.NoError(t, err)
	require.Len(t, out.Row(0), (n-from)*vocab)
	last, middle := slices.Clone(out.Row(0)[(n-from-1)*vocab:]), slices.Clone(out.Row(0)[4*vocab:5*vocab])
	s.equal(t, alone, last)
	s.equal(t, prefill(t, m, 6, s.prompt[:from+5]), middle)
}

func checkSingles(t *testing.T, s subject, m *LanguageModel, _ []float32) {
	n := len(s.prompt)
	prefill(t, m, 0, s.prompt[:n-1])
	single := func(rows ...Row) []float32 {
		out, err := m.Step(t.Context(), append([]Row{{Slot: 0, Start: n - 1, Tokens: s.prompt[n-1:]}}, rows...))
		require.NoError(t, err)
		return slices.Clone(out.Row(0))
	}
	want := single()
	s.equal(t, want, single(Row{Slot: 1, Tokens: s.prompt[:1]}))
	s.equal(t, want, single(Row{Slot: 7, Tokens: s.prompt[:1]}))
	s.equal(t, want, single(Row{Slot: 1, Tokens: s.prompt[:3], LogitsFrom: 2}, Row{Slot: 2, Tokens: s.prompt[:n/2], LogitsFrom: n / 2}))
}

func checkRelease(t *testing.T, s subject, m *LanguageModel, alone []float32) {
	require.NoError(t, m.ReleaseSlot(0))
	s.equal(t, alone, prefill(t, m, 0, s.prompt))
	require.ErrorIs(t, m.ReleaseSlot(s.opt.Slots), ErrPlan)
}

func checkStopped(t *testing.T, s subject, m *LanguageModel, alone []float32) {
	prefill(t, m, 6, s.prompt[:len(s.prompt)-1], len(s.prompt)-2)
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	_, err := m.Step(ctx, []Row{{Slot: 5, Tokens: s.prompt[:2]}})
	require.ErrorIs(t, err, ErrTerminated)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	s.equal(t, alone, prefill(t, m, 0, s.prompt))
	n := len(s.prompt)
	out, err := m.Step(t.Context(), []Row{{Slot: 6, Start: n - 2, Tokens: s.prompt[n-2:], LogitsFrom: 1}})
	require.NoError(t, err)
	s.equal(t, alone, out.Row(0))
}

// A real model is slow enough to be stopped in the middle.
func TestStepStopsWhileItRuns(t *testing.T) {
	m := openModel(t, testModel, testOptions)
	tokens := randomTokens(5, 256)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := m.Step(ctx, []Row{{Slot: 0, Tokens: tokens, LogitsFrom: 255}})
	require.ErrorIs(t, err, ErrTerminated)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	out, err := m.Step(t.Context(), []Row{{Slot: 0, Tokens: tokens[:4], LogitsFrom: 3}})
	require.NoError(t, err, "a terminated step does not harm the next one")
	require.Equal(t, prefill(t, m, 1, tokens[:4]), append([]float32(nil), out.Row(0)...))
}

func TestStepRefuses(t *testing.T) {
	for name, s := range subjects() {
		m := s.open(t, s.opt)
		vocab, capacity := int32(m.Manifest().VocabSize), s.opt.SlotCapacity
		many := make([]int32, s.opt.MaxTokens+1)
		for what, rows := range map[string][]Row{
			"slot too high":     {{Slot: s.opt.Slots, Tokens: []int32{1}}},
			"slot negative":     {{Slot: -1, Tokens: []int32{1}}},
			"slot twice":        {{Slot: 1, Tokens: []int32{1}}, {Slot: 1, Tokens: []int32{1}}},
			"no tokens":         {{Slot: 1}},
			"beyond the slot":   {{Slot: 1, Start: capacity - 1, Tokens: []int32{1, 2}}},
			"token too high":    {{Slot: 1, Tokens: []int32{vocab}}},
			"token negative":    {{Slot: 1, Tokens: []int32{-1}}},
			"logits past end":   {{Slot: 1, Tokens: []int32{1}, LogitsFrom: 2}},
			"too many tokens":   {{Slot: 1, Tokens: many, LogitsFrom: len(many)}, {Slot: 2, Tokens: many, LogitsFrom: len(many)}},
			"start is negative": {{Slot: 1, Start: -1, Tokens: []int32{1}}},
		} {
			_, err := m.Step(t.Context(), rows)
			require.ErrorIs(t, err, ErrPlan, fmt.Sprintf("%s: %s", name, what))
		}
	}
}
