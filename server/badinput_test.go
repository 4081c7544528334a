package server

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
)

// canary stands in every refused input below; it must come back in no error and no log.
const canary = "Zhang Sanfeng 13800138000"

// fields returns the paths of an error's field violations.
func fields(err error) []string {
	var out []string
	for _, d := range status.Convert(err).Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				out = append(out, v.GetField())
			}
		}
	}
	return out
}

func TestBadGenerationRequestsAreNamed(t *testing.T) {
	var log bytes.Buffer
	cfg := defaults(t)
	s, err := Start(t.Context(), cfg, slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Shutdown(t.Context())) })
	client := bedsidev1.NewGenerationServiceClient(dial(t, s))
	with := func(sampling *bedsidev1.Sampling) *bedsidev1.GenerateRequest {
		return &bedsidev1.GenerateRequest{Input: &bedsidev1.GenerateRequest_Prompt{Prompt: canary}, Sampling: sampling}
	}
	for name, c := range map[string]struct {
		req   *bedsidev1.GenerateRequest
		code  codes.Code
		field string
	}{
		"no input":              {&bedsidev1.GenerateRequest{}, codes.InvalidArgument, "input"},
		"empty prompt":          {&bedsidev1.GenerateRequest{Input: &bedsidev1.GenerateRequest_Prompt{}}, codes.InvalidArgument, "prompt"},
		"negative max_tokens":   {with(&bedsidev1.Sampling{MaxTokens: ptr(int32(-5))}), codes.InvalidArgument, "sampling.max_tokens"},
		"negative temperature":  {with(&bedsidev1.Sampling{Temperature: -1}), codes.InvalidArgument, "sampling.temperature"},
		"top_p over 1":          {with(&bedsidev1.Sampling{TopP: ptr(float32(1.5))}), codes.InvalidArgument, "sampling.top_p"},
		"empty stop string":     {with(&bedsidev1.Sampling{Stop: []string{"a", ""}}), codes.InvalidArgument, "sampling.stop[1]"},
		"prompt over context":   {&bedsidev1.GenerateRequest{Input: &bedsidev1.GenerateRequest_Prompt{Prompt: strings.Repeat(canary, 500)}}, codes.InvalidArgument, "sampling.max_tokens"},
		"max_tokens over it":    {with(&bedsidev1.Sampling{MaxTokens: ptr(int32(100000))}), codes.InvalidArgument, "sampling.max_tokens"},
		"unknown model":         {&bedsidev1.GenerateRequest{Model: canary, Input: &bedsidev1.GenerateRequest_Prompt{Prompt: "a"}}, codes.NotFound, ""},
		"unknown role":          {chatRequest(canary, "hello"), codes.InvalidArgument, "chat.messages[0].role"},
		"chat without messages": {&bedsidev1.GenerateRequest{Input: &bedsidev1.GenerateRequest_Chat{Chat: &bedsidev1.Chat{}}}, codes.InvalidArgument, "chat.messages"},
		"nothing to tokenize":   {&bedsidev1.GenerateRequest{Input: &bedsidev1.GenerateRequest_Prompt{Prompt: "\x04"}}, codes.InvalidArgument, "prompt"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.Generate(t.Context(), c.req)
			require.Equal(t, c.code, status.Code(err), "%v", err)
			if c.field != "" {
				require.Contains(t, fields(err), c.field, "%v", err)
			}
			stream, streamErr := client.StreamGenerate(t.Context(), c.req)
			require.NoError(t, streamErr)
			_, _, streamErr = collect(stream)
			require.Equal(t, c.code, status.Code(streamErr))
			require.NotContains(t, err.Error()+streamErr.Error(), "Sanfeng")
		})
	}
	require.NotEmpty(t, log.String())
	require.NotContains(t, log.String(), "Sanfeng")
}

func chatRequest(role, content string) *bedsidev1.GenerateRequest {
	return &bedsidev1.GenerateRequest{Input: &bedsidev1.GenerateRequest_Chat{Chat: &bedsidev1.Chat{
		Messages: []*bedsidev1.ChatMessage{{Role: role, Content: content}},
	}}}
}

func TestBadRecordsAreNamed(t *testing.T) {
	s := startServer(t, func(c *config.Config) { c.MaxRecordBytes = 1 << 20 })
	client := bedsidev1.NewClinicalServiceClient(dial(t, s))
	bundle := func(resources ...string) string {
		for i, r := range resources {
			resources[i] = `{"resource":` + r + `}`
		}
		return `{"resourceType":"Bundle","type":"collection","entry":[` + strings.Join(resources, ",") + `]}`
	}
	const patient = `{"resourceType":"Patient","id":"p"}`
	observation := func(quantity string) string {
		return `{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},
			"subject":{"reference":"Patient/p"},"effectiveDateTime":"2026-01-01T08:00:00Z","valueQuantity":` + quantity + `}`
	}
	for name, c := range map[string]struct {
		json  string
		code  codes.Code
		field string
	}{
		"malformed":           {`{"resourceType":"Bundle","` + canary, codes.InvalidArgument, "Bundle"},
		"empty record":        {`{"resourceType":"Bundle","type":"collection"}`, codes.InvalidArgument, "Bundle"},
		"value is no number":  {bundle(patient, observation(`{"value":"`+canary+`"}`)), codes.InvalidArgument, "Bundle.entry[1].resource.valueQuantity.value"},
		"contradictory units": {bundle(patient, observation(`{"value":80,"unit":"kPa","system":"http://unitsofmeasure.org","code":"mm[Hg]"}`)), codes.InvalidArgument, "Bundle.entry[1].resource.valueQuantity.unit"},
		"too large":           {strings.Repeat(" ", 2<<20) + `{}`, codes.InvalidArgument, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.SummarizeRecord(t.Context(), &bedsidev1.SummarizeRecordRequest{
				Source: &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: c.json}},
			})
			require.Equal(t, c.code, status.Code(err), "%v", err)
			if c.field != "" {
				require.Contains(t, fields(err), c.field, "%v", err)
			}
			require.NotContains(t, err.Error(), "Sanfeng")
		})
	}
	t.Run("100 MB message", func(t *testing.T) {
		_, err := client.SummarizeRecord(t.Context(), &bedsidev1.SummarizeRecordRequest{
			Source: &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: strings.Repeat(" ", 100<<20)}},
		})
		require.Equal(t, codes.ResourceExhausted, status.Code(err), "%v", err)
	})
	t.Run("invalid UTF-8", func(t *testing.T) {
		_, err := client.SummarizeRecord(t.Context(), &bedsidev1.SummarizeRecordRequest{
			Source: &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: "{\xff}"}},
		})
		require.Error(t, err) // refused by protobuf itself, on the way out
	})
}
