package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server"
)

// These tests run the real server and the real model ("make setup" fetches it).

var minimalRecord = filepath.Join("..", "..", "testdata", "records", "minimal.fhir.json")

func TestGenerateInThisProcess(t *testing.T) {
	args := []string{"generate", "--raw", "--max-tokens", "8", "Hello"}
	first := command(t.Context(), nil, args...)
	require.Equal(t, exitOK, first.code, first.err)
	require.NotEmpty(t, strings.TrimSpace(first.out))
	require.Empty(t, first.err, "nothing but the text is written where nobody watches")

	again := command(t.Context(), nil, append(args, "--output", "json")...)
	require.Equal(t, exitOK, again.code, again.err)
	var text strings.Builder
	var last *bedsidev1.StreamGenerateResponse
	for line := range strings.Lines(again.out) {
		last = &bedsidev1.StreamGenerateResponse{}
		require.NoError(t, protojson.Unmarshal([]byte(line), last))
		text.WriteString(last.GetText())
	}
	require.Equal(t, strings.TrimSuffix(first.out, "\n"), strings.TrimSuffix(text.String(), "\n"), "greedy text differs")
	require.EqualValues(t, 8, last.GetUsage().GetCompletionTokens())
	require.Equal(t, bedsidev1.FinishReason_FINISH_REASON_LENGTH, last.GetFinishReason())
}

// TestServe starts a server with the demonstration of a record, calls it as the command
// line does, and ends it as a signal does.
func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, log lockedBuffer
	pages := filepath.Join(t.TempDir(), "pages")
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"serve", "--listen", "127.0.0.1:0", "--http-listen", "", "--demo", minimalRecord, "--demo-report", pages},
			&app{in: strings.NewReader(""), out: &out, err: &log, start: server.Start})
	}()
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "Serving until interrupted") || len(code) > 0 },
		5*time.Minute, 50*time.Millisecond)
	require.Empty(t, code, "the server ended: %s%s", out.String(), log.String())
	require.Regexp(t, `(?s)===== The record as text.*Patient/.*===== Summary =====.*\(record\).*===== 摘要 =====.*\(病历\).*No model here suggests diagnoses.*===== Knowledge graph =====.*statements`, out.String())
	for language, title := range map[string]string{"en": "<h2>Summary</h2>", "zh": "<h2>摘要</h2>"} {
		path := filepath.Join(pages, "report."+language+".html")
		require.Contains(t, out.String(), path)
		page, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(page), title)
		require.Contains(t, string(page), `<li id="s1">`)
	}
	addr := regexp.MustCompile(`gRPC +(\S+)`).FindStringSubmatch(out.String())[1]

	t.Run("summarize", func(t *testing.T) { summarizes(t, addr) })
	t.Run("models", func(t *testing.T) {
		got := command(t.Context(), nil, "models", "list", "--addr", addr)
		require.Equal(t, exitOK, got.code, got.err)
		require.Contains(t, got.out, "smollm2-135m-instruct (default)")
	})
	t.Run("bad requests", func(t *testing.T) {
		got := command(t.Context(), nil, "generate", "--addr", addr, "--top-p", "3", "--max-tokens=-1", "Hello")
		require.Equal(t, exitFailure, got.code)
		require.Contains(t, got.err, "  sampling.top_p: ")
		require.Contains(t, got.err, "  sampling.max_tokens: ")
		got = command(t.Context(), strings.NewReader(`{"resourceType":"Bundle","entry":3}`), "summarize", "--addr", addr, "-")
		require.Equal(t, exitFailure, got.code)
		require.Contains(t, got.err, "Bundle.entry")
		got = command(t.Context(), nil, "generate", "--addr", addr, "--model", "none", "Hello")
		require.Equal(t, exitFailure, got.code)
		require.Contains(t, got.err, "bedside models list")
	})

	cancel()
	require.Equal(t, exitOK, <-code, log.String())
	require.Contains(t, out.String(), "Draining")
}

// A first signal lets running requests finish, a second one ends the process.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	serve := exec.CommandContext(t.Context(), os.Args[0], "serve", "--listen", "127.0.0.1:0", "--http-listen", "", "--shutdown-grace", "5m")
	serve.Env = append(os.Environ(), "BEDSIDE_TEST_AS_MAIN=1")
	var out lockedBuffer
	serve.Stdout = &out
	require.NoError(t, serve.Start())
	said := func(what string) func() bool {
		return func() bool { return strings.Contains(out.String(), what) }
	}
	require.Eventually(t, said("gRPC"), time.Minute, 20*time.Millisecond)
	addr := regexp.MustCompile(`gRPC +(\S+)`).FindStringSubmatch(out.String())[1]

	var text lockedBuffer
	code := make(chan int, 1)
	go func() {
		code <- run(t.Context(), []string{"generate", "--raw", "--max-tokens", "2000", "--addr", addr, "Once upon a time"},
			&app{out: &text, err: io.Discard})
	}()
	require.Eventually(t, func() bool { return text.String() != "" }, time.Minute, 5*time.Millisecond)
	require.NoError(t, serve.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, said("Draining"), time.Minute, 5*time.Millisecond)
	written := text.String()
	require.Eventually(t, func() bool { return len(text.String()) > len(written) }, time.Minute, 5*time.Millisecond, "the running request was cut off")
	require.NoError(t, serve.Process.Signal(syscall.SIGTERM))
	require.Error(t, serve.Wait())
	status, ok := serve.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	require.Equal(t, syscall.SIGTERM, status.Signal())
	require.Equal(t, exitFailure, <-code)
}

func summarizes(t *testing.T, addr string) {
	record, err := os.ReadFile(minimalRecord)
	require.NoError(t, err)
	var bundle struct {
		Entry []struct{ Resource struct{ ResourceType string } }
	}
	require.NoError(t, json.Unmarshal(record, &bundle))
	known := map[string]bool{}
	for _, e := range bundle.Entry {
		known[e.Resource.ResourceType] = true
	}
	for _, lang := range []string{"en", "zh"} {
		got := command(t.Context(), strings.NewReader(string(record)), "summarize", "--addr", addr, "--lang", lang, "--output", "json", "--facts", "-")
		require.Equal(t, exitOK, got.code, got.err)
		var summary bedsidev1.SummarizeRecordResponse
		require.NoError(t, protojson.Unmarshal([]byte(got.out), &summary))
		require.Equal(t, lang, summary.GetLanguage())
		require.NotEmpty(t, summary.GetSections())
		require.NotEmpty(t, summary.GetNotice())
		for _, section := range summary.GetSections() {
			for _, s := range section.GetSentences() {
				for _, id := range s.GetEvidence() {
					// What has no id of its own is given one, so only the kind can be held against the record.
					kind, _, _ := strings.Cut(id, "/")
					require.True(t, known[kind], "%s is not in the record", id)
				}
			}
		}
	}
	got := command(t.Context(), nil, "summarize", "--addr", addr, "--lang", "zh", minimalRecord)
	require.Equal(t, exitOK, got.code, got.err)
	require.Contains(t, got.out, "模型：smollm2-135m-instruct")
}
