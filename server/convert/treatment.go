package convert

import (
	"slices"

	"github.com/bedside-lm/bedside/clinical/terms"
	"github.com/bedside-lm/bedside/clinical/treatment"
	"github.com/bedside-lm/bedside/clinical/treatment/rules"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// AddTreatments writes a plan, what a model named first.
func AddTreatments(out *bedsidev1.SuggestTreatmentsResponse, plan *treatment.Plan, named []*terms.Entry, lang terms.Lang) {
	out.Patient = plan.Known(lang)
	for _, i := range plan.Order(named) {
		s := treatmentTo(&plan.Items[i], lang)
		s.NamedByModel = treatment.NamedBy(named, &plan.Items[i]) >= 0
		for _, row := range plan.Suggested[i] {
			if text := row.Source.Text(); !slices.Contains(s.Sources, text) {
				s.Sources = append(s.Sources, text)
			}
		}
		out.Suggestions = append(out.Suggestions, s)
	}
}

func treatmentTo(it *rules.Item, lang terms.Lang) *bedsidev1.TreatmentSuggestion {
	out := &bedsidev1.TreatmentSuggestion{
		Kind: string(it.Proposal.Kind), Name: it.Proposal.Name, Code: it.Proposal.Code, Verdict: string(it.Verdict), Lines: it.Lines(lang),
	}
	if it.Entry != nil {
		out.Name = it.Entry.Name(lang)
	}
	for i := range it.Findings {
		out.Findings = append(out.Findings, treatmentFindingTo(&it.Findings[i], lang))
	}
	for i := range it.Doses {
		out.Doses = append(out.Doses, it.Doses[i].Line(lang))
	}
	return out
}

func treatmentFindingTo(f *rules.Finding, lang terms.Lang) *bedsidev1.TreatmentFinding {
	out := &bedsidev1.TreatmentFinding{
		Rule: f.Rule.ID, Severity: string(f.Rule.Severity), Text: f.Text(lang), Source: f.Rule.Source.Text(), Decided: f.Fired(),
	}
	for _, a := range f.Against {
		if a.Evidence != "" {
			out.Evidence = append(out.Evidence, a.Evidence)
		}
	}
	for i := range f.Values {
		out.Evidence = append(out.Evidence, f.Values[i].Evidence...)
	}
	return out
}
