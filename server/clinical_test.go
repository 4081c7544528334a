package server

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/convert"
)

// TestSummaryOfASampleRecord has the real model summarise a ward patient's record, whose facts are odd by design (the
// intensive-care record that "make run" shows takes twice the time), and all records as FHIR and as typed messages.
func TestSummaryOfASampleRecord(t *testing.T) {
	text, err := os.ReadFile("../testdata/records/diabetes-ward.fhir.json")
	require.NoError(t, err)
	s := startServer(t, nil)
	client := bedsidev1.NewClinicalServiceClient(dial(t, s))
	ask := func(source *bedsidev1.RecordSource, language string) *bedsidev1.SummarizeRecordResponse {
		resp, err := client.SummarizeRecord(t.Context(), &bedsidev1.SummarizeRecordRequest{Source: source, Language: language, IncludeFacts: true})
		require.NoError(t, err)
		return resp
	}
	fromJSON := &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: string(text)}}
	english := ask(fromJSON, "en")

	facts := map[string]bool{}
	for _, section := range english.GetSections() {
		require.NotEmpty(t, section.GetHeading())
		for _, fact := range section.GetFacts() {
			for _, id := range fact.GetEvidence() {
				facts[id] = true
			}
		}
	}
	for _, section := range english.GetSections() {
		for _, sentence := range section.GetSentences() {
			require.NotEmpty(t, sentence.GetEvidence(), "%s: a sentence rests on nothing", section.GetKind())
			for _, id := range sentence.GetEvidence() {
				require.True(t, facts[id], "evidence %s is no fact's", id)
			}
			require.NotZero(t, sentence.GetOrigin())
		}
	}
	counts := english.GetCounts()
	require.Greater(t, counts.GetModelSentences(), counts.GetRewrittenSentences()+counts.GetRenderedSentences(), "most sentences are the model's own")
	require.NotEmpty(t, english.GetNotice())
	require.True(t, strings.HasPrefix(english.GetModel().GetDigest(), "sha256:"))
	require.Positive(t, english.GetUsage().GetCompletionTokens())

	chinese := ask(fromJSON, "zh")
	require.Equal(t, "zh", chinese.GetLanguage())
	require.Len(t, chinese.GetSections(), len(english.GetSections()))
	kinds := map[string]bool{}
	for _, w := range chinese.GetWarnings() {
		kinds[w.GetKind()] = true
	}
	require.True(t, kinds["model-language"], "a model that writes no Chinese is not passed off as one that does")

	// The form of the record makes no difference.
	same := func(name, language string) {
		text, err := os.ReadFile("../testdata/records/" + name + ".fhir.json")
		require.NoError(t, err)
		rec, err := fhir.Parse(text, fhir.Limits{})
		require.NoError(t, err)
		filed := ask(&bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: string(text)}}, language)
		typed := ask(&bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_Record{Record: convert.RecordToProto(rec)}}, language)
		require.NotEmpty(t, filed.GetSections())
		require.Len(t, typed.GetSections(), len(filed.GetSections()))
		for i, section := range filed.GetSections() {
			require.Equal(t, section.String(), typed.GetSections()[i].String())
		}
	}
	same("sepsis-icu", "zh") // without the model
	same("minimal", "en")    // with it
}
