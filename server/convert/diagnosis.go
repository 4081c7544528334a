package convert

import (
	"github.com/bedside-lm/bedside/clinical/diagnosis"
	"github.com/bedside-lm/bedside/clinical/terms"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// DiagnosesToProto writes all of an answer but which model gave it and the record's warnings.
func DiagnosesToProto(a *diagnosis.Answer, fit *diagnosis.Fit) *bedsidev1.SuggestDiagnosesResponse {
	out := &bedsidev1.SuggestDiagnosesResponse{
		Language: string(a.Lang), Suggestions: toEach(a.Suggestions, suggestionTo), Scope: a.Scope(),
		WindowHours: count(a.Window.Hours()), Measures: count(a.Measures), LaterReadings: count(a.LeftOut),
		Notice: diagnosis.Notice(a.Lang, fit),
		RedFlags: toEach(a.RedFlags, func(f diagnosis.RedFlag) *bedsidev1.RedFlag {
			return &bedsidev1.RedFlag{Text: f.Text, Evidence: f.Evidence, Source: f.Source}
		}),
	}
	if a.Abstention != "" {
		out.Abstention = AbstentionToProto(a.Abstention, a.Lang)
	}
	return out
}

// AbstentionToProto says why nothing is suggested.
func AbstentionToProto[R interface {
	~string
	Text(lang terms.Lang) string
}](why R, lang terms.Lang) *bedsidev1.Abstention {
	return &bedsidev1.Abstention{Reason: string(why), Message: why.Text(lang)}
}

func suggestionTo(s diagnosis.Suggestion) *bedsidev1.DiagnosisSuggestion {
	return &bedsidev1.DiagnosisSuggestion{
		Code: s.Code, Name: s.Name, Probability: s.Probability,
		ReadingsFor: toEach(s.For, weightTo), ReadingsAgainst: toEach(s.Against, weightTo),
		NextTests: toEach(s.Next, func(t diagnosis.Test) *bedsidev1.NextTest {
			return &bedsidev1.NextTest{Code: t.Code, Name: t.Name, Source: t.Source}
		}),
	}
}

func weightTo(w diagnosis.Weight) *bedsidev1.ReadingWeight {
	return &bedsidev1.ReadingWeight{Code: w.Code, Text: w.Text, Change: w.Change, Evidence: w.Evidence}
}
