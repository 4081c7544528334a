package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// answered is a line of what a command writes about many records.
type answered struct {
	Call, Input, ID string
	Line            int
	Request         json.RawMessage
	Response        json.RawMessage
	Error           *struct {
		Code, Message string
	}
}

func answers(t *testing.T, text string) []answered {
	t.Helper()
	var out []answered
	for line := range strings.Lines(text) {
		var a answered
		require.NoError(t, json.Unmarshal([]byte(line), &a), line)
		out = append(out, a)
	}
	return out
}

func bundles(patients ...string) string {
	var out strings.Builder
	for _, id := range patients {
		fmt.Fprintf(&out, `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":%q}}]}`+"\n", id)
	}
	return out.String()
}

func TestManyRecords(t *testing.T) {
	addr := (&scripted{refuse: "p-bad"}).listen(t)
	dir := t.TempDir()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte(bundles("p-3")))
	require.NoError(t, errors.Join(err, z.Close()))
	plain, zipped, out := filepath.Join(dir, "a.ndjson"), filepath.Join(dir, "b.ndjson.gz"), filepath.Join(dir, "out.ndjson")
	require.NoError(t, os.WriteFile(plain, []byte(bundles("p-1")+"\n"+bundles("p-bad")), 0o600))
	require.NoError(t, os.WriteFile(zipped, packed.Bytes(), 0o600))

	got := command(t.Context(), strings.NewReader(bundles("p-4")), "summarize", "--addr", addr, "--lang", "zh", "--concurrency", "2", plain, zipped, "-")
	require.Equal(t, exitSomeFailed, got.code, got.err)
	require.Contains(t, got.err, "1 of 4 records have no answer; the first, "+plain+": line 3: no record")
	lines := answers(t, got.out)
	require.Len(t, lines, 4)
	for i, want := range []answered{
		{Input: plain, Line: 1, ID: "p-1"}, {Input: plain, Line: 3, ID: "p-bad"}, {Input: zipped, Line: 1, ID: "p-3"}, {Input: "-", Line: 1, ID: "p-4"},
	} {
		require.Equal(t, want, answered{Input: lines[i].Input, Line: lines[i].Line, ID: lines[i].ID})
		require.JSONEq(t, `{"language":"zh"}`, string(lines[i].Request))
		if want.ID == "p-bad" {
			require.Equal(t, "INVALID_ARGUMENT", lines[i].Error.Code)
			continue
		}
		var summary bedsidev1.SummarizeRecordResponse
		require.NoError(t, protojson.Unmarshal(lines[i].Response, &summary))
		require.Equal(t, "zh", summary.GetLanguage())
	}

	// Into a file, twice, then with other settings.
	args := []string{"summarize", "--addr", addr, "--out", out, zipped}
	require.Equal(t, exitOK, command(t.Context(), nil, args...).code)
	again := command(t.Context(), nil, args...)
	require.Equal(t, exitOK, again.code)
	require.Equal(t, "1 records, 1 of them by an earlier run\n", again.err)
	other := command(t.Context(), nil, append(args, "--facts")...)
	require.Equal(t, exitFailure, other.code)
	require.Contains(t, other.err, "out.ndjson: line 1: it was asked with other settings")

	require.Equal(t, exitFailure, command(t.Context(), nil, "summarize", "--addr", addr, plain, filepath.Join(dir, "none.ndjson")).code)
	for _, wrong := range [][]string{{"--concurrency", "0", plain}, {"--lines", plain}, {"-", "-"}} {
		require.Equal(t, exitUsage, command(t.Context(), nil, append([]string{"treat"}, wrong...)...).code, wrong)
	}
}

func TestARunEndsWithTheServer(t *testing.T) {
	addr := (&scripted{err: status.Error(codes.FailedPrecondition, "no such model")}).listen(t)
	out := filepath.Join(t.TempDir(), "out.ndjson")
	got := command(t.Context(), strings.NewReader(bundles("a", "b")), "summarize", "--addr", addr, "--out", out, "-")
	require.Equal(t, exitFailure, got.code)
	require.Contains(t, got.err, "not possible now: no such model")
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Empty(t, text, "an error that is no record's own became an answer")
}

// A run that is killed goes on behind its last whole line.
func TestKilledRunGoesOn(t *testing.T) {
	dir := t.TempDir()
	in, out, whole := filepath.Join(dir, "in.ndjson"), filepath.Join(dir, "out.ndjson"), filepath.Join(dir, "whole.ndjson")
	patients := make([]string, 60)
	for i := range patients {
		patients[i] = fmt.Sprintf("p-%d", i)
	}
	require.NoError(t, os.WriteFile(in, []byte(bundles(patients...)), 0o600))
	hold := make(chan struct{})
	addr := (&scripted{hold: "p-30", until: hold}).listen(t)
	killed := exec.CommandContext(t.Context(), os.Args[0], "summarize", "--addr", addr, "--out", out, in)
	killed.Env = append(os.Environ(), "BEDSIDE_TEST_AS_MAIN=1")
	require.NoError(t, killed.Start())
	lines := func() int { text, _ := os.ReadFile(out); return bytes.Count(text, []byte("\n")) }
	require.Eventually(t, func() bool { return lines() == 30 }, time.Minute, 10*time.Millisecond)
	require.NoError(t, killed.Process.Kill())
	require.Error(t, killed.Wait())
	close(hold)
	f, err := os.OpenFile(out, os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = f.WriteString(`{"call":"SummarizeRe`) // as where the process dies within a write
	require.NoError(t, errors.Join(err, f.Close()))

	got := command(t.Context(), nil, "summarize", "--addr", addr, "--out", out, in)
	require.Equal(t, exitOK, got.code, got.err)
	require.Equal(t, "60 records, 30 of them by an earlier run\n", got.err)
	require.Equal(t, exitOK, command(t.Context(), nil, "summarize", "--addr", addr, "--out", whole, in).code)
	a, err := os.ReadFile(out)
	require.NoError(t, err)
	b, err := os.ReadFile(whole)
	require.NoError(t, err)
	require.Equal(t, string(b), string(a))
}
