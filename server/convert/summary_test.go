package convert_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/summary"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/convert"
)

// broken is a model whose run failed with a text that nobody but the log's reader should see.
type broken struct{}

func (broken) Write(context.Context, summary.Prompt) (string, error) {
	return "", errors.New("secret of the engine room")
}

func sample(t *testing.T) *record.PatientRecord {
	t.Helper()
	data, err := os.ReadFile("../../testdata/records/sepsis-icu.fhir.json")
	require.NoError(t, err)
	rec, err := fhir.Parse(data, fhir.Limits{})
	require.NoError(t, err)
	return rec
}

// The real pipeline on the sample, up to the model: what the answer holds is what was found.
func TestSummaryOfTheSample(t *testing.T) {
	rec := sample(t)
	for _, lang := range []render.Lang{render.English, render.Chinese} {
		doc := render.Render(rec, render.Options{Lang: lang})
		s, err := summary.Summarize(t.Context(), doc, broken{}, summary.Options{})
		require.NoError(t, err)
		out := convert.SummaryToProto(rec, doc, s, true)

		require.Equal(t, string(lang), out.GetLanguage())
		require.Equal(t, s.Notice, out.GetNotice())
		require.Zero(t, out.GetCounts().GetModelSentences())
		sentences, facts := 0, 0
		for _, section := range out.GetSections() {
			require.NotEmpty(t, section.GetHeading())
			sentences += len(section.GetSentences())
			facts += len(section.GetFacts())
			for _, sentence := range section.GetSentences() {
				require.Equal(t, bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_RENDERED, sentence.GetOrigin())
				require.NotEmpty(t, sentence.GetText())
			}
		}
		require.Equal(t, int(out.GetCounts().GetRenderedSentences()), sentences)
		all := 0
		for _, section := range doc.Sections {
			all += len(section.Facts)
		}
		require.Equal(t, all, facts)

		require.Len(t, out.GetWarnings(), len(rec.Notices)+len(doc.Notices)+len(s.Warnings))
		last := out.GetWarnings()[len(out.GetWarnings())-1]
		if lang == render.Chinese {
			require.Equal(t, "model-language", last.GetKind())
		} else {
			require.Equal(t, "model-writer", last.GetKind())
		}
		require.NotContains(t, out.String(), "engine room")
		require.Contains(t, out.String(), "Observation/")

		for _, section := range convert.SummaryToProto(rec, doc, s, false).GetSections() {
			require.Empty(t, section.GetFacts())
		}
	}
}

func TestSummaryFields(t *testing.T) {
	doc := &render.Document{
		Lang:    render.English,
		Notices: []record.Notice{{Path: "who", Kind: render.NoticeTruncated, Message: "2 facts left out"}},
		Sections: []render.Section{
			{Kind: render.SectionWho, Heading: "Patient", Facts: []render.Fact{{ID: "who.1", Text: "A woman.", Evidence: []string{"Patient/p"}}}},
			{Kind: render.SectionVitals, Heading: "Vital signs"},
			{Kind: render.SectionOpen, Heading: "Open points", Facts: []render.Fact{{ID: "open.1", Text: "None."}}},
		},
	}
	s := &summary.Summary{
		Lang: render.English, Notice: "decides nothing",
		Sections: []summary.Section{{Kind: render.SectionOpen, Heading: "Open points", Sentences: []summary.Sentence{
			{Text: "a", Origin: summary.Model, Evidence: []string{"Observation/a", "Observation/b"}},
			{Text: "b", Origin: summary.Rewritten, Reasons: []summary.CheckFailure{{Kind: summary.FailNumber, Text: "no such number"}}},
			{Text: "c", Origin: summary.Rendered},
		}}},
		Warnings: []summary.Warning{{Kind: summary.WarnWriter, Section: render.SectionOpen, Message: "the model failed"}, {Kind: summary.WarnNoAllergies, Message: "none"}},
		Style:    summary.Plain, Windows: 7,
		Stats: summary.Stats{Sentences: map[summary.Origin]int{summary.Model: 1, summary.Rewritten: 2, summary.Rendered: 3}},
	}
	rec := &record.PatientRecord{Notices: []record.Notice{{Path: "Bundle.entry[3]", Kind: record.NoticeDuplicate, Message: "kept once"}}}
	want := &bedsidev1.SummarizeRecordResponse{
		Language: "en", Notice: "decides nothing",
		Sections: []*bedsidev1.SummarySection{
			{Kind: "who", Heading: "Patient", Facts: []*bedsidev1.Fact{{Id: "who.1", Text: "A woman.", Evidence: []string{"Patient/p"}}}},
			{Kind: "open", Heading: "Open points", Facts: []*bedsidev1.Fact{{Id: "open.1", Text: "None."}}, Sentences: []*bedsidev1.SummarySentence{
				{Text: "a", Origin: bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_MODEL, Evidence: []string{"Observation/a", "Observation/b"}},
				{
					Text: "b", Origin: bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_REWRITTEN,
					Failures: []*bedsidev1.CheckFailure{{Kind: "number", Message: "no such number"}},
				},
				{Text: "c", Origin: bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_RENDERED},
			}},
		},
		Warnings: []*bedsidev1.Warning{
			{Kind: "duplicate", Path: "Bundle.entry[3]", Message: "kept once"},
			{Kind: "truncated", Path: "who", Message: "2 facts left out"},
			{Kind: "model-writer", Path: "open", Message: "the model failed"},
			{Kind: "no-allergies", Message: "none"},
		},
		Counts:  &bedsidev1.SummaryCounts{ModelSentences: 1, RewrittenSentences: 2, RenderedSentences: 3},
		Windows: 7,
	}
	requireSame(t, want, convert.SummaryToProto(rec, doc, s, true))

	// In a style with sections of its own the facts stand behind them.
	s.Style = summary.Brief
	s.Sections[0].Kind = summary.SectionSummary
	brief := convert.SummaryToProto(rec, doc, s, true)
	require.Equal(t, bedsidev1.SummaryStyle_SUMMARY_STYLE_BRIEF, brief.GetStyle())
	var kinds []string
	for _, section := range brief.GetSections() {
		kinds = append(kinds, section.GetKind())
	}
	require.Equal(t, []string{"summary", "who", "open"}, kinds)
	require.Len(t, convert.WithoutSentences(brief).GetSections(), 2)
}

func TestStyles(t *testing.T) {
	for number := range bedsidev1.SummaryStyle_name {
		style := bedsidev1.SummaryStyle(number)
		require.Equal(t, style == bedsidev1.SummaryStyle_SUMMARY_STYLE_UNSPECIFIED, convert.Style(style) == summary.Plain, style)
	}
}
