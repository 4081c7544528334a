// Package sampling chooses the next token from a model's logits, and finds stop strings in the text.
//
// It is pure: what a Sampler returns depends on its Params, the ids it observed and the logits it was given, and
// on nothing else; the same request gives the same tokens whatever runs beside it.
package sampling

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// Limits of Params.
const (
	MaxMaxTokens   = 131072
	MaxTemperature = 10
	MaxPenalty     = 10
	MaxStops       = 16
	MaxStopBytes   = 256
	MaxLogprobs    = 20
)

// Params says how tokens are drawn. The steps apply in this order: repetition penalty, temperature, top-k, top-p, min-p.
type Params struct {
	// MaxTokens is the most tokens to write, 1 to MaxMaxTokens. A Sampler does not count; its caller does.
	MaxTokens int
	// Temperature divides the logits; 0 is greedy: the likeliest token, the lowest id among equals.
	Temperature float64
	// TopK keeps the k likeliest tokens (among equals the lower ids); 0 keeps all. Fan et al. 2018.
	TopK int
	// TopP keeps the likeliest tokens until their probabilities add up to TopP, 0 < TopP <= 1. Holtzman et al. 2020.
	TopP float64
	// MinP leaves out tokens less likely than MinP times the likeliest, 0 to 1. Nguyen et al. 2024.
	MinP float64
	// RepetitionPenalty divides the positive and multiplies the negative logits of tokens that were observed;
	// 1 changes nothing. Keskar et al. 2019 (CTRL, arXiv:1909.05858), over prompt and output as in transformers.
	RepetitionPenalty float64
	// Seed fixes the draws; nil draws a seed, which Sampler.Seed tells.
	Seed *uint64
	// Stop ends the text before the first of these strings; see StopMatcher.
	Stop []string
	// Logprobs asks for the chosen token's log probability and this many of the likeliest; 0 for none.
	Logprobs int
}

// Default returns greedy decoding of at most 256 tokens.
func Default() Params {
	return Params{MaxTokens: 256, TopP: 1, RepetitionPenalty: 1}
}

// Kind says what sort of failure an Error is.
type Kind int

// The kinds of Error.
const (
	// KindParams: a parameter is out of bounds. The request is at fault.
	KindParams Kind = iota + 1
	// KindLogits: the logits are no distribution. The model is at fault.
	KindLogits
)

// Error is the error type of this package.
type Error struct {
	Kind Kind
	// Field names the parameter in the API's spelling ("top_p", "stop[2]"), or "logits".
	Field  string
	Reason string
}

func (e *Error) Error() string { return e.Field + ": " + e.Reason }

// Validate returns an *Error for the first parameter that is out of bounds.
func (p Params) Validate() error {
	checks := []struct {
		field  string
		ok     bool
		reason string
	}{
		{"max_tokens", p.MaxTokens >= 1 && p.MaxTokens <= MaxMaxTokens, fmt.Sprintf("is %d; allowed is 1 to %d", p.MaxTokens, MaxMaxTokens)},
		{"temperature", p.Temperature >= 0 && p.Temperature <= MaxTemperature, fmt.Sprintf("is %v; allowed is 0 to %d", p.Temperature, MaxTemperature)},
		{"top_k", p.TopK >= 0 && p.TopK <= math.MaxInt32, fmt.Sprintf("is %d; allowed is 0 (all) and above", p.TopK)},
		{"top_p", p.TopP > 0 && p.TopP <= 1, fmt.Sprintf("is %v; allowed is above 0 to 1", p.TopP)},
		{"min_p", p.MinP >= 0 && p.MinP <= 1, fmt.Sprintf("is %v; allowed is 0 to 1", p.MinP)},
		{"repetition_penalty", p.RepetitionPenalty > 0 && p.RepetitionPenalty <= MaxPenalty, fmt.Sprintf("is %v; allowed is above 0 to %d", p.RepetitionPenalty, MaxPenalty)},
		{"logprobs", p.Logprobs >= 0 && p.Logprobs <= MaxLogprobs, fmt.Sprintf("is %d; allowed is 0 to %d", p.Logprobs, MaxLogprobs)},
		{"stop", len(p.Stop) <= MaxStops, fmt.Sprintf("has %d strings; at most %d are allowed", len(p.Stop), MaxStops)},
	}
	for _, c := range checks {
		if !c.ok {
			return &Error{Kind: KindParams, Field: c.field, Reason: c.reason}
		}
	}
	for i, stop := range p.Stop {
		field := fmt.Sprintf("stop[%d]", i)
		if stop == "" || len(stop) > MaxStopBytes {
			return &Error{Kind: KindParams, Field: field, Reason: fmt.Sprintf("is %d bytes long; allowed is 1 to %d", len(stop), MaxStopBytes)}
		}
		if !utf8.ValidString(stop) {
			return &Error{Kind: KindParams, Field: field, Reason: "is not valid UTF-8"}
		}
	}
	return nil
}
