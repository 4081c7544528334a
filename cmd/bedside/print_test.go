package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func summaryOf(language string) *bedsidev1.SummarizeRecordResponse {
	text := map[string][]string{
		"en": {
			"Vital signs", "The heart rate rose from 88 to 131 /min.", "Mean arterial pressure fell to 58 mm[Hg].",
			"Lactate 4.2 mmol/L, high.", "Heart rate: 131 /min at 08:00 (high).", "This supports a clinician and decides nothing.",
		},
		"zh": {
			"生命体征", "心率由 88 升至 131 次/分。", "平均动脉压降至 58 mmHg。",
			"乳酸 4.2 mmol/L，偏高。", "心率：08:00 为 131 次/分（偏高）。", "本内容仅供临床医生参考，不作任何决定。",
		},
	}[language]
	return &bedsidev1.SummarizeRecordResponse{
		Language: language,
		Sections: []*bedsidev1.SummarySection{{
			Kind: "vitals", Heading: text[0],
			Sentences: []*bedsidev1.SummarySentence{
				{Text: text[1], Evidence: []string{"Observation/hr-0600", "Observation/hr-0800"}, Origin: bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_MODEL},
				{Text: text[2] + "\x1b[2J\n", Evidence: []string{"Observation/map-0800"}, Origin: bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_REWRITTEN},
				{Text: text[3], Origin: bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_RENDERED, Failures: []*bedsidev1.CheckFailure{{Kind: "number", Message: "not in the record"}}},
			},
			Facts: []*bedsidev1.Fact{{Id: "vitals.1", Text: text[4], Evidence: []string{"Observation/hr-0800"}}},
		}},
		Warnings: []*bedsidev1.Warning{
			{Kind: "unknown-code", Path: "Bundle.entry[3].resource.code", Message: "code not known"},
			{Kind: "model-language", Message: "the model writes English only"},
		},
		Notice: text[5],
		Model:  &bedsidev1.ModelReference{Name: "smollm2-135m-instruct", Version: "1", Digest: "sha256:" + strings.Repeat("7a", 32)},
		Usage:  &bedsidev1.Usage{PromptTokens: 512, CompletionTokens: 96},
		Counts: &bedsidev1.SummaryCounts{ModelSentences: 1, RewrittenSentences: 1, RenderedSentences: 1},
	}
}

func someModels() []*bedsidev1.Model {
	return []*bedsidev1.Model{
		{
			Reference: &bedsidev1.ModelReference{Name: "device-lm", Version: "3", Digest: "sha256:0123456789abcdef0123"},
			Kind:      "gru", Precision: "fp32", Languages: []string{"zh", "en"}, License: "Apache-2.0",
			ContextLength: 512, State: bedsidev1.ModelState_MODEL_STATE_READY,
		},
		{
			Reference: &bedsidev1.ModelReference{Name: "smollm2-135m-instruct", Version: "1", Digest: "sha256:fedcba9876543210"},
			Kind:      "attention", Precision: "w8a8", Languages: []string{"en"}, License: "Apache-2.0",
			ContextLength: 8192, State: bedsidev1.ModelState_MODEL_STATE_READY, Default: true,
			Quality: &bedsidev1.Quality{MeanKl: 0.06},
		},
	}
}

func TestSummaryText(t *testing.T) {
	for _, language := range []string{"en", "zh"} {
		var out bytes.Buffer
		require.NoError(t, writeSummary(&out, summaryOf(language), 1234*time.Millisecond))
		golden(t, "summary."+language+".txt", out.String())
		require.NotContains(t, out.String(), "\x1b", "text from a model steers the terminal")
	}
}

// TestSummariesStream: sentences come one by one and read as the whole does, in every style; JSON and facts come whole.
func TestSummariesStream(t *testing.T) {
	fake := &scripted{styles: make(chan bedsidev1.SummaryStyle, 8)}
	addr := fake.listen(t)
	file := filepath.Join(t.TempDir(), "record.json")
	require.NoError(t, os.WriteFile(file, []byte("{}"), 0o600))
	for _, language := range []string{"en", "zh"} {
		whole := summaryOf(language)
		whole.Sections[0].Facts = nil
		var want bytes.Buffer
		require.NoError(t, writeSummary(&want, whole, 0))
		got := command(t.Context(), nil, "summarize", "--addr", addr, "--lang", language, "--style", "handover", file)
		require.Equal(t, exitOK, got.code, got.err)
		took := regexp.MustCompile(`[\d.]+ (s|秒)\n`)
		require.Equal(t, took.ReplaceAllString(want.String(), ""), took.ReplaceAllString(got.out, ""))
		require.Equal(t, bedsidev1.SummaryStyle_SUMMARY_STYLE_HANDOVER, <-fake.styles)
	}
	fake.err = status.Error(codes.ResourceExhausted, "full")
	require.NotEqual(t, exitOK, command(t.Context(), nil, "summarize", "--addr", addr, file).code)
}

func TestRecordText(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, writeRecord(&out, summaryOf("en")))
	golden(t, "record.en.txt", out.String())
}

func TestModelsText(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, writeModels(&out, someModels()))
	golden(t, "models.txt", out.String())
}

func TestJSONParsesBack(t *testing.T) {
	for _, m := range []proto.Message{summaryOf("en"), summaryOf("zh"), &bedsidev1.ListModelsResponse{Models: someModels()}} {
		for _, write := range []func() (string, error){
			func() (string, error) { var b bytes.Buffer; err := writeJSON(&b, m); return b.String(), err },
			func() (string, error) { var b bytes.Buffer; err := writeJSONLine(&b, m); return b.String(), err },
		} {
			text, err := write()
			require.NoError(t, err)
			require.True(t, json.Valid([]byte(text)))
			back := m.ProtoReflect().New().Interface()
			require.NoError(t, protojson.Unmarshal([]byte(text), back))
			require.True(t, proto.Equal(m, back))
		}
	}
	var out bytes.Buffer
	require.NoError(t, writeJSONLine(&out, summaryOf("zh")))
	require.Equal(t, 1, strings.Count(out.String(), "\n"))
}

func TestEvidence(t *testing.T) {
	for _, c := range []struct {
		ids  []string
		want string
	}{
		{nil, ""},
		{[]string{"Observation/a"}, " [Observation/a]"},
		{[]string{"Observation/a", "Observation/b", "Condition/c", "Observation/d"}, " [Observation/a, b; Condition/c; Observation/d]"},
		{[]string{"a", "b", "Observation/c"}, " [a, b; Observation/c]"},
	} {
		require.Equal(t, c.want, evidence(c.ids))
	}
}

func TestStreamedText(t *testing.T) {
	pieces := []*bedsidev1.StreamGenerateResponse{
		{Text: "心率"},
		{Text: ""},
		{Text: " 131\x1b]0;x\a", Logprobs: []*bedsidev1.TokenLogprobs{{
			Token: &bedsidev1.TokenLogprob{Piece: []byte(" 131"), Logprob: -0.25},
			Top:   []*bedsidev1.TokenLogprob{{Piece: []byte(" 131"), Logprob: -0.25}, {Piece: []byte{0xe5, 0xbf}, Logprob: -3}},
		}}},
	}
	for terminal, want := range map[bool]string{
		true:  "心率 131]0;x\n",
		false: "心率 131\x1b]0;x\a\n", // a pipe gets the model's own bytes
	} {
		var out bytes.Buffer
		text := &textStream{w: &out, filter: terminal}
		for _, p := range pieces {
			require.NoError(t, text.add(p))
		}
		require.NoError(t, text.end())
		require.Equal(t, want+`" 131"             -0.250   " 131" -0.250  "\xe5\xbf" -3.000`+"\n", out.String())
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("heart\u202e rate\x1b[31m 131\n")
	f.Add("心率\u200b\x9b")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range printable(s) {
			if unicode.IsControl(r) && r != '\n' && r != '\t' {
				t.Errorf("%q is left", r)
			}
		}
		if strings.ContainsAny(line(s), "\n\t\r") {
			t.Errorf("%q is more than a line", line(s))
		}
	})
}
