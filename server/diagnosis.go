package server

import (
	"cmp"
	"context"

	"github.com/bedside-lm/bedside/clinical/diagnosis"
	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/runtime/tokenizer"
	"github.com/bedside-lm/bedside/server/convert"
)

func (s *clinicalService) SuggestDiagnoses(ctx context.Context, req *bedsidev1.SuggestDiagnosesRequest) (*bedsidev1.SuggestDiagnosesResponse, error) {
	lm, release, err := s.diagnostician(ctx, req.GetModel())
	if err != nil {
		return nil, err
	}
	defer release()
	rec, err := s.prepared(req.GetSource())
	if err != nil {
		return nil, err
	}
	answer, err := diagnosis.Suggest(ctx, rec, lm.fit, lm.scoreCodes, diagnosis.Options{
		Lang: languageOf(req.GetLanguage()), Most: int(req.GetMaxSuggestions()), NoReadings: req.GetOmitReadings(),
	})
	if err != nil {
		return nil, err
	}
	out := convert.DiagnosesToProto(answer, lm.fit)
	out.Warnings = convert.WarningsToProto(rec.Notices)
	out.Model = lm.reference()
	return out, nil
}

// prepared reads and cleans a record.
func (s *clinicalService) prepared(src *bedsidev1.RecordSource) (*record.PatientRecord, error) {
	rec, err := convert.Source(src, s.limits)
	if err != nil {
		return nil, err
	}
	return prepare.Run(rec, prepare.Options{}).Record, nil
}

// diagnostician finds the model that suggests diagnoses, as languageModel does.
func (s *clinicalService) diagnostician(ctx context.Context, name string) (*languageModel, func(), error) {
	lm, release, err := s.models.modelFor(ctx, diagnoses, name)
	if err != nil {
		return nil, nil, err
	}
	if lm.fit == nil {
		release()
		return nil, nil, wrongKind("suggests no diagnoses: its folder has no " + diagnosis.FitName)
	}
	return lm, release, nil
}

// scoreCodes gives the log probability of each of the fit's codes as the answer to a question: of the tokens that tell it from
// the others, since those after them are all but certain.
func (lm *languageModel) scoreCodes(ctx context.Context, question string) ([]float64, error) {
	texts := make([][]int32, len(lm.fit.Codes))
	for i, code := range lm.fit.Codes {
		texts[i] = lm.tokenizer.Encode(code)
	}
	scored, err := lm.engine.Score(ctx, lm.tokenizer.Encode(question, tokenizer.WithSpecial()), beginnings(texts))
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(scored))
	for i, tokens := range scored {
		for _, t := range tokens {
			out[i] += t.Logprob
		}
	}
	return out, nil
}

// beginnings are the shortest beginnings of texts that tell them from one another. A text that is the beginning of another stays
// whole.
func beginnings(texts [][]int32) [][]int32 {
	out := make([][]int32, len(texts))
	for i, text := range texts {
		n := 1
		for j, other := range texts {
			if i != j {
				n = max(n, 1+shared(text, other))
			}
		}
		out[i] = text[:min(n, len(text))]
	}
	return out
}

// shared is how many tokens two texts begin with alike.
func shared(a, b []int32) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// languageOf is the language that a request asks for.
func languageOf(asked string) terms.Lang { return terms.Lang(cmp.Or(asked, string(terms.English))) }
