package server

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

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

	streamed(t, client)
	longStay(t, client)
}

// streamed holds a streamed answer to the one that comes when it is whole.
func streamed(t *testing.T, client bedsidev1.ClinicalServiceClient) {
	text, err := os.ReadFile("../testdata/records/minimal.fhir.json")
	require.NoError(t, err)
	request := &bedsidev1.SummarizeRecordRequest{
		Source: &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: string(text)}},
		Style:  bedsidev1.SummaryStyle_SUMMARY_STYLE_HANDOVER, IncludeFacts: true,
	}
	whole, err := client.SummarizeRecord(t.Context(), request)
	require.NoError(t, err)
	stream, err := client.StreamSummarizeRecord(t.Context(), request)
	require.NoError(t, err)
	var last *bedsidev1.SummarizeRecordResponse
	said := map[string][]string{}
	for {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		require.Nil(t, last, "a message behind the last")
		if last = piece.GetSummary(); last == nil {
			require.NotEmpty(t, piece.GetHeading())
			said[piece.GetSection()] = append(said[piece.GetSection()], piece.GetSentence().String())
		} else {
			require.Nil(t, piece.GetSentence())
		}
	}
	facts := 0
	for _, section := range whole.GetSections() {
		var want []string
		for _, x := range section.GetSentences() {
			want = append(want, x.String())
		}
		require.Equal(t, want, said[section.GetKind()])
		facts += len(section.GetFacts())
	}
	require.Positive(t, facts)
	for _, section := range last.GetSections() {
		require.Empty(t, section.GetSentences())
		facts -= len(section.GetFacts())
	}
	require.Zero(t, facts, "the last message has the facts")
	whole.Sections, last.Sections = nil, nil
	require.True(t, proto.Equal(whole, last), "%v, %v", whole, last)
	require.Equal(t, request.GetStyle(), last.GetStyle())

	none, err := client.StreamSummarizeRecord(t.Context(), &bedsidev1.SummarizeRecordRequest{Source: request.GetSource(), TokenBudget: -1, Style: 9})
	require.NoError(t, err)
	_, err = none.Recv()
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	require.ErrorContains(t, err, "style: value must be one of the defined enum values (and 1 more)")
}

// longStay has the real model summarise two weeks of readings in windows: what was critical on one day alone is told.
func longStay(t *testing.T, client bedsidev1.ClinicalServiceClient) {
	rec := &bedsidev1.PatientRecord{Patient: &bedsidev1.Patient{Id: "p", Sex: "female", BirthDate: "1958-05-01"}}
	for day := range 12 {
		value := "4.1"
		if day == 3 || day == 4 {
			value = "6." + strconv.Itoa(day)
		}
		rec.Observations = append(rec.Observations, &bedsidev1.Observation{
			Id: fmt.Sprintf("k-%d", day), Start: fmt.Sprintf("2026-03-%02dT08:00:00Z", 1+day), Status: "final",
			Code:  &bedsidev1.Concept{Codings: []*bedsidev1.Coding{{System: "http://loinc.org", Code: "2823-3"}}},
			Value: &bedsidev1.Value{Value: &bedsidev1.Value_Quantity{Quantity: &bedsidev1.Quantity{Value: value, Unit: "mmol/L", Code: "mmol/L"}}},
		})
	}
	for _, language := range []string{"en", "zh"} {
		answer, err := client.SummarizeRecord(t.Context(), &bedsidev1.SummarizeRecordRequest{
			Source: &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_Record{Record: rec}}, Language: language,
			Style: bedsidev1.SummaryStyle_SUMMARY_STYLE_BRIEF, TokenBudget: 32,
		})
		require.NoError(t, err)
		require.EqualValues(t, 12, answer.GetWindows())
		text := answer.String()
		for _, want := range []string{"6.3", "6.4", "Observation/k-3", "Observation/k-4"} {
			require.Contains(t, text, want)
		}
		require.Equal(t, language == "en", answer.GetUsage().GetCompletionTokens() > 0)
	}
}
