package server

import (
	"cmp"
	"context"
	"time"

	"github.com/bedside-lm/bedside/clinical/diagnosis"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
	"github.com/bedside-lm/bedside/clinical/treatment"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/runtime/constrain"
	"github.com/bedside-lm/bedside/runtime/tokenizer"
	"github.com/bedside-lm/bedside/server/convert"
)

// treatmentTokens bounds a model's answer; a longer one is read as far as it goes.
const treatmentTokens = 96

func (s *clinicalService) SuggestTreatments(ctx context.Context, req *bedsidev1.SuggestTreatmentsRequest) (*bedsidev1.SuggestTreatmentsResponse, error) {
	lang := languageOf(req.GetLanguage())
	rec, err := prepared(ctx, req.GetSource(), s.limits)
	if err != nil {
		return nil, err
	}
	out := &bedsidev1.SuggestTreatmentsResponse{
		Language: string(lang), Notice: treatment.Notice(lang), Warnings: convert.WarningsToProto(rec.Notices),
	}
	if err := treatment.Fits(rec); err != nil {
		return nil, err
	}
	if err := s.settle(ctx, rec, req, out, lang); err != nil || out.Abstention != nil {
		return out, err
	}
	plan := treatment.Suggest(rec, []string{out.GetDiagnosis().GetCode()}, time.Time{})
	if why := plan.Abstained; why != "" {
		out.Abstention = convert.AbstentionToProto(why, lang)
		convert.AddTreatments(out, plan, nil, lang) // what was removed is told
		return out, nil
	}
	named, err := s.namedByModel(ctx, rec, req, out, lang)
	if err != nil {
		return nil, err
	}
	convert.AddTreatments(out, plan, named, lang)
	return out, nil
}

// settle says what is to be treated: what the request names, else the first suggestion, or why there is none.
func (s *clinicalService) settle(ctx context.Context, rec *record.PatientRecord, req *bedsidev1.SuggestTreatmentsRequest,
	out *bedsidev1.SuggestTreatmentsResponse, lang terms.Lang,
) error {
	if code := req.GetDiagnosis(); code != "" {
		out.Diagnosis = &bedsidev1.TreatedDiagnosis{Code: code, Name: code, Confirmed: true, Probability: 1}
		if e := diagnosis.Entry(code); e != nil {
			out.Diagnosis.Name = e.Name(lang)
		}
		return nil
	}
	lm, release, err := s.deviceModel(ctx, diagnoses, req.GetModel())
	if err != nil {
		return err
	}
	defer release()
	answer, err := diagnosis.Suggest(ctx, rec, lm.fit, lm.scoreCodes, diagnosis.Options{Lang: lang, Most: 1, NoReadings: true})
	if err != nil {
		return err
	}
	out.Model = lm.reference()
	if answer.Abstention != "" {
		out.Abstention = convert.AbstentionToProto(answer.Abstention, lang)
		return nil
	}
	first := answer.Suggestions[0]
	out.Diagnosis = &bedsidev1.TreatedDiagnosis{Code: first.Code, Name: first.Name, Probability: first.Probability}
	return nil
}

// namedByModel asks the device model, where there is one, which drugs it would order.
func (s *clinicalService) namedByModel(ctx context.Context, rec *record.PatientRecord, req *bedsidev1.SuggestTreatmentsRequest,
	out *bedsidev1.SuggestTreatmentsResponse, lang terms.Lang,
) ([]*terms.Entry, error) {
	if cmp.Or(req.GetModel(), s.models.defaults[treatments]) == "" {
		return nil, nil
	}
	lm, release, err := s.deviceModel(ctx, treatments, req.GetModel())
	if err != nil {
		return nil, err
	}
	defer release()
	out.Model = lm.reference()
	question, ok := diagnosis.TreatmentQuestion(rec, out.GetDiagnosis().GetCode(), lang)
	if !ok {
		return nil, nil
	}
	answer, err := lm.write(ctx, lm.tokenizer.Encode(question, tokenizer.WithSpecial()), treatmentTokens, constrain.Form{})
	return treatment.Named(answer), err
}
