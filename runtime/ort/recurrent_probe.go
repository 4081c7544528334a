package ort

import (
	"context"
	"fmt"
	"slices"

	"github.com/bedside-lm/bedside/runtime/repository"
)

// probeTokens is the length of the text that a model is tried with when it is loaded.
const probeTokens = 9

// probe runs a text whole, token by token and among other rows. A graph that is not what its manifest says fails here, not
// at the first request; and where these ways do not give the same bits, which on another kind of processor they may not,
// the model is served, but without the promise.
func (g *recurrentGraph) probe(mf *repository.Manifest, opt Options) (bool, error) {
	text := make([]int32, min(probeTokens, opt.MaxTokens, opt.SlotCapacity))
	for i := range text {
		text[i] = int32((i*7919 + 1) % mf.VocabSize)
	}
	last := func(rows ...Row) ([]float32, error) {
		out := make([][]float32, len(rows))
		if err := g.step(context.Background(), rows, out); err != nil {
			return nil, fmt.Errorf("the graph does not run as its manifest says: %w", err)
		}
		return slices.Clone(out[0]), nil
	}
	whole, err := last(Row{Tokens: text, LogitsFrom: len(text) - 1})
	if err != nil {
		return false, err
	}
	var parts []float32
	for i := range text {
		if parts, err = last(Row{Start: i, Tokens: text[i : i+1]}); err != nil {
			return false, err
		}
	}
	invariant := slices.Equal(whole, parts)
	among := []Row{{Tokens: text, LogitsFrom: len(text) - 1}}
	for slot := 1; slot < opt.Slots && (slot+1)*len(text) <= opt.MaxTokens; slot++ {
		n := 1 + slot%len(text)
		among = append(among, Row{Slot: slot, Tokens: text[:n], LogitsFrom: n})
	}
	company, err := last(among...)
	if err != nil {
		return false, err
	}
	invariant = invariant && slices.Equal(whole, company)
	for slot := range among {
		if err := g.release(slot); err != nil {
			return false, err
		}
	}
	return invariant, nil
}
