package ort

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// golden holds logits of the same weights computed by transformers;
// scripts/golden/make_logits.py makes it.
type golden struct {
	ProbeIDs []int `json:"probe_ids"`
	Prompts  []struct {
		ID     string       `json:"id"`
		Tokens []int32      `json:"tokens"`
		Top    [][2]float64 `json:"top"`
		Probe  []float64    `json:"probe"`
	} `json:"prompts"`
}

// TestFloat32LogitsMatchTransformers holds the whole way from export to slots against an
// independent implementation, several prompts to a step.
func TestFloat32LogitsMatchTransformers(t *testing.T) {
	data, err := os.ReadFile("../../testdata/golden/logits/smollm2-135m-instruct.json")
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(data, &g))
	require.Len(t, g.Prompts, 50)

	const tolerance = 1e-3
	opt := Options{Threads: 2, Slots: 5, SlotCapacity: 512, MaxTokens: 2048, MaxLogits: 5}
	m := openModel(t, testModel+"-fp32", opt)
	for first := 0; first < len(g.Prompts); first += opt.Slots {
		batch := g.Prompts[first:min(first+opt.Slots, len(g.Prompts))]
		rows := make([]Row, len(batch))
		for i, p := range batch {
			rows[i] = Row{Slot: i, Tokens: p.Tokens, LogitsFrom: len(p.Tokens) - 1}
		}
		out, err := m.Step(t.Context(), rows)
		require.NoError(t, err)
		for i, p := range batch {
			logits := out.Row(i)
			for _, top := range p.Top {
				require.InDelta(t, top[1], logits[int(top[0])], tolerance, "%s: token %v", p.ID, top[0])
			}
			for j, id := range g.ProbeIDs {
				require.InDelta(t, p.Probe[j], logits[id], tolerance, "%s: token %d", p.ID, id)
			}
		}
	}
}
