package convert

import (
	"slices"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/summary"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// SummaryToProto writes all of an answer but which model gave it and what that took:
// sections with sentences, and with the document's facts if asked for; the warnings of
// reading, rendering and writing, in this order; notice and counts.
func SummaryToProto(rec *record.PatientRecord, doc *render.Document, s *summary.Summary, facts bool) *bedsidev1.SummarizeRecordResponse {
	out := &bedsidev1.SummarizeRecordResponse{
		Language: string(s.Lang), Sections: toEach(s.Sections, sectionTo), Notice: s.Notice,
		Warnings: slices.Concat(
			WarningsToProto(rec.Notices), WarningsToProto(doc.Notices), toEach(s.Warnings, summaryWarningTo),
		),
		Counts: &bedsidev1.SummaryCounts{
			ModelSentences:     count(s.Stats.Sentences[summary.Model]),
			RewrittenSentences: count(s.Stats.Sentences[summary.Rewritten]),
			RenderedSentences:  count(s.Stats.Sentences[summary.Rendered]),
		},
		Style: styles[s.Style], Windows: count(s.Windows),
	}
	if facts {
		addFacts(out, doc)
	}
	return out
}

// Language is the language that a request names, English where it names none.
func Language(s string) render.Lang {
	if s == "" {
		return render.English
	}
	return render.Lang(s)
}

var styles = map[summary.Style]bedsidev1.SummaryStyle{
	summary.Plain:     bedsidev1.SummaryStyle_SUMMARY_STYLE_UNSPECIFIED,
	summary.Brief:     bedsidev1.SummaryStyle_SUMMARY_STYLE_BRIEF,
	summary.Handover:  bedsidev1.SummaryStyle_SUMMARY_STYLE_HANDOVER,
	summary.Discharge: bedsidev1.SummaryStyle_SUMMARY_STYLE_DISCHARGE,
}

// Style is the style that a request asks for.
func Style(s bedsidev1.SummaryStyle) summary.Style {
	for style, have := range styles {
		if have == s {
			return style
		}
	}
	return summary.Plain
}

// WithoutSentences leaves of an answer what its sentences do not tell: sections stay where they have facts.
func WithoutSentences(out *bedsidev1.SummarizeRecordResponse) *bedsidev1.SummarizeRecordResponse {
	out.Sections = slices.DeleteFunc(out.GetSections(), func(s *bedsidev1.SummarySection) bool {
		s.Sentences = nil
		return len(s.GetFacts()) == 0
	})
	return out
}

func count(n int) int32 { return int32(n) }

// addFacts puts every section's facts beside its sentences. A section that the summary
// passes over gets its facts all the same; in a style with sections of its own, behind those.
func addFacts(out *bedsidev1.SummarizeRecordResponse, doc *render.Document) {
	var all, behind []*bedsidev1.SummarySection
	for _, section := range doc.Sections {
		i := slices.IndexFunc(out.Sections, func(s *bedsidev1.SummarySection) bool { return s.GetKind() == string(section.Kind) })
		switch {
		case i >= 0:
			out.Sections[i].Facts = FactsToProto(section.Facts)
			all = append(all, out.Sections[i])
		case len(section.Facts) > 0:
			s := &bedsidev1.SummarySection{Kind: string(section.Kind), Heading: section.Heading, Facts: FactsToProto(section.Facts)}
			all, behind = append(all, s), append(behind, s)
		}
	}
	if out.GetStyle() == bedsidev1.SummaryStyle_SUMMARY_STYLE_UNSPECIFIED {
		out.Sections = all
		return
	}
	out.Sections = append(out.Sections, behind...)
}

func sectionTo(s summary.Section) *bedsidev1.SummarySection {
	return &bedsidev1.SummarySection{Kind: string(s.Kind), Heading: s.Heading, Sentences: toEach(s.Sentences, SentenceToProto)}
}

// SentenceToProto writes one sentence.
func SentenceToProto(s summary.Sentence) *bedsidev1.SummarySentence {
	return &bedsidev1.SummarySentence{
		Text: s.Text, Evidence: s.Evidence, Origin: origins[s.Origin],
		Failures: toEach(s.Reasons, func(f summary.CheckFailure) *bedsidev1.CheckFailure {
			return &bedsidev1.CheckFailure{Kind: string(f.Kind), Message: f.Text}
		}),
	}
}

var origins = map[summary.Origin]bedsidev1.SentenceOrigin{
	summary.Model:     bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_MODEL,
	summary.Rewritten: bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_REWRITTEN,
	summary.Rendered:  bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_RENDERED,
}

// summaryWarningTo leaves out the error behind a warning: its text is not for callers.
func summaryWarningTo(w summary.Warning) *bedsidev1.Warning {
	kind := string(w.Kind)
	if w.Kind == summary.WarnLanguage || w.Kind == summary.WarnWriter {
		kind = "model-" + kind
	}
	return &bedsidev1.Warning{Kind: kind, Path: string(w.Section), Message: w.Message}
}
