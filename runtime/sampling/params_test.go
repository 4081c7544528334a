package sampling

import (
	"errors"
	"math"
	"testing"
)

func TestValidateNamesTheField(t *testing.T) {
	nan := math.NaN()
	cases := map[string][]func(*Params){
		"max_tokens":         {func(p *Params) { p.MaxTokens = 0 }, func(p *Params) { p.MaxTokens = -1 }, func(p *Params) { p.MaxTokens = MaxMaxTokens + 1 }},
		"temperature":        {func(p *Params) { p.Temperature = -0.1 }, func(p *Params) { p.Temperature = nan }, func(p *Params) { p.Temperature = math.Inf(1) }},
		"top_k":              {func(p *Params) { p.TopK = -1 }},
		"top_p":              {func(p *Params) { p.TopP = 0 }, func(p *Params) { p.TopP = 1.01 }, func(p *Params) { p.TopP = nan }},
		"min_p":              {func(p *Params) { p.MinP = -0.1 }, func(p *Params) { p.MinP = 1.1 }, func(p *Params) { p.MinP = nan }},
		"repetition_penalty": {func(p *Params) { p.RepetitionPenalty = 0 }, func(p *Params) { p.RepetitionPenalty = 11 }, func(p *Params) { p.RepetitionPenalty = nan }},
		"logprobs":           {func(p *Params) { p.Logprobs = -1 }, func(p *Params) { p.Logprobs = 21 }},
		"stop":               {func(p *Params) { p.Stop = make([]string, 17) }},
		"stop[1]":            {func(p *Params) { p.Stop = []string{"a", ""} }, func(p *Params) { p.Stop = []string{"a", "\xff"} }, func(p *Params) { p.Stop = []string{"a", string(make([]byte, 257))} }},
	}
	if err := Default().Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	for field, changes := range cases {
		for i, change := range changes {
			p := Default()
			change(&p)
			_, err := New(p)
			var e *Error
			if !errors.As(err, &e) || e.Kind != KindParams || e.Field != field {
				t.Errorf("%s, case %d: got %v", field, i, err)
			}
		}
	}
}
