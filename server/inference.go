package server

import (
	"context"

	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/server/engine"
	"github.com/bedside-lm/bedside/server/oip"
)

// inferenceModels is the registry as the inference protocol's service sees it.
type inferenceModels struct{ *registry }

// Acquire holds a version of a model.
func (m inferenceModels) Acquire(ctx context.Context, name, version string) (oip.Lease, error) {
	h, err := m.acquire(ctx, name, version)
	if err != nil {
		return oip.Lease{}, err
	}
	return oip.Lease{Model: h.Model().inference, Version: h.Spec().Version, Release: h.Release}, nil
}

// Index lists every version of every model.
func (m inferenceModels) Index() []repository.Status { return m.index() }

// Load loads a model, where the control mode allows it.
func (m inferenceModels) Load(ctx context.Context, name string) error { return m.load(ctx, name) }

// Unload ends a model, where the control mode allows it.
func (m inferenceModels) Unload(ctx context.Context, name string) error { return m.unload(ctx, name) }

// textGenerator is a language model as the inference protocol's service sees it.
type textGenerator struct{ *languageModel }

// Generate continues a prompt, piece by piece.
func (g textGenerator) Generate(ctx context.Context, r oip.TextRequest, yield func(string) error) (oip.TextSummary, error) {
	prompt, err := g.encode(r.Prompt, nil)
	if err != nil {
		return oip.TextSummary{}, err
	}
	g.boundTokens(&r.Sampling, len(prompt))
	if r.Priority > g.engine.PriorityLevels() {
		r.Priority = 0 // Triton takes a level that there is not for the default, too
	}
	gen, err := g.engine.Generate(ctx, engine.Request{Prompt: prompt, Sampling: r.Sampling, Priority: r.Priority, Form: r.Form})
	if err != nil {
		return oip.TextSummary{}, err
	}
	for ev := range gen.Events() {
		if ev.Text == "" {
			continue // held back: the text comes with a later piece
		}
		if err := yield(ev.Text); err != nil {
			return oip.TextSummary{}, err
		}
	}
	if err := gen.Err(); err != nil {
		return oip.TextSummary{}, err
	}
	s := gen.Summary()
	return oip.TextSummary{
		FinishReason: finishWords[s.Finish], PromptTokens: s.PromptTokens, CompletionTokens: s.CompletionTokens, Queue: s.Queue,
		ConstraintMet: s.ConstraintMet,
	}, nil
}

var finishWords = map[engine.FinishReason]string{
	engine.FinishStop: "stop", engine.FinishLength: "length", engine.FinishStopSequence: "stop_sequence",
}
