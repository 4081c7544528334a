package ort

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/runtime/repository"
)

// TestGenAILogitsMatchNumpy holds decoders in onnxruntime-genai's layout against an independent computation.
func TestGenAILogitsMatchNumpy(t *testing.T) {
	data, err := os.ReadFile("../../testdata/genai/golden.json")
	require.NoError(t, err)
	var g struct {
		Prompts []struct {
			Tokens []int32   `json:"tokens"`
			Logits []float64 `json:"logits"`
		} `json:"prompts"`
	}
	require.NoError(t, json.Unmarshal(data, &g))
	require.NotEmpty(t, g.Prompts)
	opt := Options{Threads: 1, Slots: 8, SlotCapacity: 64, MaxTokens: 128, MaxLogits: 8}
	for form, tolerance := range map[string]float64{"fused": 2e-5, "separate": 2e-2} {
		m := opensGenAI(form)(t, opt)
		var rows []Row
		for i, p := range g.Prompts {
			rows = append(rows, Row{Slot: 2 * i, Tokens: p.Tokens, LogitsFrom: len(p.Tokens) - 1})
		}
		out, err := m.Step(t.Context(), rows)
		require.NoError(t, err)
		for i, p := range g.Prompts {
			require.Len(t, out.Row(i), len(p.Logits))
			for id, want := range p.Logits {
				require.InDelta(t, want, out.Row(i)[id], tolerance, "%s: prompt %d, token %d", form, i, id)
			}
		}
	}
}

// Sequences of all lengths take turns as a scheduler would have them; each must give what it gives alone.
func TestGenAISequencesDoNotMix(t *testing.T) {
	opt := Options{Threads: 1, Slots: 6, SlotCapacity: 40, MaxTokens: 64, MaxLogits: 64}
	m := opensGenAI("fused")(t, opt)
	reference := opensGenAI("fused")(t, opt)
	type sequence struct {
		text []int32
		done int
	}
	rapid.Check(t, func(r *rapid.T) {
		running := make([]*sequence, opt.Slots)
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			var rows []Row
			for slot := range running {
				if !rapid.Bool().Draw(r, "runs") {
					continue
				}
				s := running[slot]
				if s == nil || s.done == len(s.text) {
					n := rapid.IntRange(1, opt.SlotCapacity).Draw(r, "length")
					s = &sequence{text: tinyTokens(rapid.Uint64Range(0, 99).Draw(r, "text"), n)}
					running[slot] = s
					require.NoError(r, m.ReleaseSlot(slot))
				}
				n := min(rapid.SampledFrom([]int{1, 1, 1, 2, 7}).Draw(r, "count"), len(s.text)-s.done)
				rows = append(rows, Row{Slot: slot, Start: s.done, Tokens: s.text[s.done : s.done+n], LogitsFrom: n - 1})
				s.done += n
			}
			if len(rows) == 0 {
				continue
			}
			out, err := m.Step(t.Context(), rows)
			require.NoError(r, err)
			for i, row := range rows {
				text := running[row.Slot].text[:row.Start+len(row.Tokens)]
				want, err := reference.Step(t.Context(), []Row{{Slot: 0, Tokens: text, LogitsFrom: len(text) - 1}})
				require.NoError(r, err)
				require.InDeltaSlice(r, want.Row(0), out.Row(i), 1e-5, "slot %d, %d tokens", row.Slot, len(text))
			}
		}
	})
}

func TestGenAIRefusesWhatASlotDoesNotHold(t *testing.T) {
	m := opensGenAI("fused")(t, Options{Threads: 1, Slots: 1, SlotCapacity: 10, MaxTokens: 10, MaxLogits: 10})
	_, err := m.Step(t.Context(), []Row{{Slot: 0, Start: 1, Tokens: []int32{1}}})
	require.ErrorIs(t, err, ErrPlan)
	require.ErrorContains(t, err, "holds 0")
}

func TestGenAISmallestSizes(t *testing.T) {
	for _, form := range []string{"fused", "separate"} {
		m := opensGenAI(form)(t, Options{Threads: 1, Slots: 1, SlotCapacity: 1, MaxTokens: 1, MaxLogits: 1})
		_, err := m.Step(t.Context(), []Row{{Slot: 0, Tokens: []int32{1}}})
		require.NoError(t, err)
	}
}

func TestGenAIWindowNeedsRoom(t *testing.T) {
	mf, err := repository.OpenGenAI("../../testdata/genai/fused")
	require.NoError(t, err)
	mf.GenAI.Window = 40
	_, err = Open(mf, Options{Slots: 1, SlotCapacity: 39, MaxTokens: 8, MaxLogits: 8})
	require.ErrorContains(t, err, "slots of 39 tokens, but its layers look back 40")
}

// Configurations that do not describe the graph beside them.
func TestGenAIRefusesAnotherGraph(t *testing.T) {
	initORT(t)
	config := func(form string) string {
		data, err := os.ReadFile(filepath.Join("../../testdata/genai", form, repository.GenAIConfigName))
		require.NoError(t, err)
		return string(data)
	}
	graph := func(form string) string { return filepath.Join("../../testdata/genai", form, "model.onnx") }
	for name, c := range map[string]struct{ config, graph, want string }{
		"no such input":  {strings.Replace(config("fused"), `"input_ids": "input_ids"`, `"input_ids": "tokens"`, 1), graph("fused"), `no "tokens"`},
		"no such output": {strings.Replace(config("fused"), `present.%d.key`, `kept.%d.key`, 1), graph("fused"), `no "kept.0.key"`},
		"unnamed input":  {config("fused"), graph("separate"), `takes "position_ids"`},
		"more layers":    {strings.Replace(config("fused"), `"num_hidden_layers": 2`, `"num_hidden_layers": 3`, 1), graph("fused"), `no "past_key_values.2.key"`},
		"fewer layers":   {strings.Replace(config("fused"), `"num_hidden_layers": 2`, `"num_hidden_layers": 1`, 1), graph("fused"), `takes "past_key_values.1.`},
		"heads":          {strings.Replace(config("fused"), `"head_size": 16`, `"head_size": 8`, 1), graph("fused"), `is FP32 [-1,1,-1,16], want FP32 [-1,1,-1,8]`},
		"vocabulary":     {strings.Replace(config("fused"), `"vocab_size": 256`, `"vocab_size": 250`, 1), graph("fused"), `"logits" is FP32 [-1,-1,256], want FP32 [-1,-1,250]`},
		"no decoder":     {config("fused"), "../../testdata/models/simple/1/model.onnx", "the cache is of type"},
		"damaged":        {config("fused"), "../../testdata/models/broken/1/model.onnx", "Protobuf parsing failed"},
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, repository.GenAIConfigName), []byte(c.config), 0o600))
		data, err := os.ReadFile(c.graph)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "model.onnx"), data, 0o600))
		mf, err := repository.OpenGenAI(dir)
		require.NoError(t, err, name)
		_, err = Open(mf, Options{Slots: 1, SlotCapacity: 8, MaxTokens: 8, MaxLogits: 8})
		require.ErrorContains(t, err, c.want, name)
	}
}
