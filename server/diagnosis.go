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
	"github.com/bedside-lm/bedside/server/interceptor"
)

func (s *clinicalService) SuggestDiagnoses(ctx context.Context, req *bedsidev1.SuggestDiagnosesRequest) (*bedsidev1.SuggestDiagnosesResponse, error) {
	lm, release, err := s.deviceModel(ctx, diagnoses, req.GetModel())
	if err != nil {
		return nil, err
	}
	defer release()
	rec, err := prepared(ctx, req.GetSource(), s.limits)
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

// filed reads a record, and notes for the audit whose it is: every call that is given one reads it here.
func filed(ctx context.Context, src *bedsidev1.RecordSource, limits convert.Limits) (*record.PatientRecord, error) {
	rec, err := convert.Source(src, limits)
	if err != nil {
		return nil, err
	}
	interceptor.SetPatient(ctx, rec.Patient.ID)
	return rec, nil
}

// prepared reads and cleans a record.
func prepared(ctx context.Context, src *bedsidev1.RecordSource, limits convert.Limits) (*record.PatientRecord, error) {
	rec, err := filed(ctx, src, limits)
	if err != nil {
		return nil, err
	}
	return prepare.Run(rec, prepare.Options{}).Record, nil
}

// deviceModel finds the device language model that a request means for a function, as modelFor does. One that has learnt to
// suggest diagnoses has learnt treatments, too.
func (s *clinicalService) deviceModel(ctx context.Context, f function, name string) (*languageModel, func(), error) {
	lm, release, err := s.models.modelFor(ctx, f, name)
	if err != nil {
		return nil, nil, err
	}
	if lm.fit == nil {
		release()
		return nil, nil, wrongKind(notDeviceModel[f])
	}
	return lm, release, nil
}

// notDeviceModel says what is wrong with a model that is asked for a function.
var notDeviceModel = map[function]string{
	diagnoses:  "suggests no diagnoses: its folder has no " + diagnosis.FitName,
	treatments: "is no device model for diagnoses and treatments: its folder has no " + diagnosis.FitName,
}

// codesOf are the tokens that tell each of the fit's codes from the others. Those after them are all but certain.
func (lm *languageModel) codesOf(fit *diagnosis.Fit) [][]int32 {
	texts := make([][]int32, len(fit.Codes))
	for i, code := range fit.Codes {
		texts[i] = lm.tokenizer.Encode(code)
	}
	return beginnings(texts)
}

// scoreCodes gives the log probability of each of the fit's codes as the answer to a question.
func (lm *languageModel) scoreCodes(ctx context.Context, question string) ([]float64, error) {
	scored, err := lm.engine.Score(ctx, lm.tokenizer.Encode(question, tokenizer.WithSpecial()), lm.codes)
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
