package ort

import (
	"context"
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/runtime/repository"
)

var recurrentKinds = []string{repository.KindRNN, repository.KindLSTM, repository.KindGRU}

const deviceFolder = "../../testdata/device/"

// opensDevice opens a tiny model that scripts/testmodels wrote.
func opensDevice(name string) func(testing.TB, Options) *LanguageModel {
	return func(t testing.TB, opt Options) *LanguageModel {
		t.Helper()
		mf, err := repository.Open(deviceFolder + "models/" + name)
		require.NoError(t, err)
		return openManifest(t, mf, opt)
	}
}

func openManifest(t testing.TB, mf *repository.Manifest, opt Options) *LanguageModel {
	t.Helper()
	initORT(t)
	m, err := Open(mf, opt)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// opensWide opens a model of the size that is served, of random weights.
func opensWide(kind string) func(testing.TB, Options) *LanguageModel {
	return func(t testing.TB, opt Options) *LanguageModel {
		t.Helper()
		return openManifest(t, wideManifest(t, kind), opt)
	}
}

// wideManifest fills the data file that a committed graph lacks.
func wideManifest(t testing.TB, kind string) *repository.Manifest {
	t.Helper()
	data, err := os.ReadFile(deviceFolder + "wide/" + kind + "/" + repository.ManifestName)
	require.NoError(t, err)
	var mf struct {
		repository.Manifest
		DataBytes int `json:"data_bytes"`
	}
	require.NoError(t, json.Unmarshal(data, &mf))
	mf.Dir = t.TempDir()
	graph, err := os.ReadFile(deviceFolder + "wide/" + kind + "/model.onnx")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(mf.Path("model.onnx"), graph, 0o600))
	// Of variance 1/width, so that neither states nor logits vanish or saturate.
	random, bound := rand.New(rand.NewPCG(1, 2)), math.Sqrt(3/float64(mf.HiddenSize))
	weights := make([]byte, 0, mf.DataBytes)
	for len(weights) < mf.DataBytes {
		bits := math.Float32bits(float32((2*random.Float64() - 1) * bound))
		weights = append(weights, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
	}
	require.NoError(t, os.WriteFile(filepath.Join(mf.Dir, "model.onnx.data"), weights, 0o600))
	return &mf.Manifest
}

// wideTokens are tokens of the wide models' vocabulary.
func wideTokens(seed uint64, n int) []int32 {
	out := randomTokens(seed, n)
	for i := range out {
		out[i] %= 6144
	}
	return out
}

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

// TestRecurrentBitsDoNotDependOnOthers has texts of all lengths take turns as a scheduler would have them, in up to 64 slots;
// each text's logits must be the bits that it gives alone and whole, at the size that is served, for any number of threads.
func TestRecurrentBitsDoNotDependOnOthers(t *testing.T) {
	for _, kind := range recurrentKinds {
		for threads, texts := range map[int]int{1: *invariantTexts, 2: *invariantTexts, 16: *invariantTexts / 4} {
			opt := Options{Threads: threads, Slots: 64, SlotCapacity: 160, MaxTokens: 96, MaxLogits: 96}
			mf := wideManifest(t, kind)
			m, reference := openManifest(t, mf, opt), openManifest(t, mf, opt)
			require.True(t, m.Manifest().BatchInvariant, "%s, %d threads", kind, threads)
			compareAlone(t, m, reference, texts, rand.New(rand.NewPCG(uint64(threads), 3)))
		}
	}
}

// invariantTexts is how many texts are compared of each kind; the figures of scripts/export/README.md took 200.
var invariantTexts = flag.Int("texts", 12, "texts that the test of bits compares")

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
	m.graph.(*recurrentGraph).least = 1
	require.NotEqual(t, want, prefill(t, m, 0, text))
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
		for _, capacity := range []int{64, 65536} {
			m := opensWide(kind)(t, Options{Threads: 1, Slots: 64, SlotCapacity: capacity, MaxTokens: 64, MaxLogits: 64})
			mf := m.Manifest()
			want := SlotMemory{Bytes: stateCopies * states * mf.NumLayers * mf.HiddenSize * float32Bytes, Constant: true}
			require.Equal(t, want, m.SlotMemory())
			require.LessOrEqual(t, want.Bytes, 16<<10)
		}
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
