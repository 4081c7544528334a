package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

func withDetails(code codes.Code, details ...protoadapt.MessageV1) error {
	s, err := status.New(code, "as scripted").WithDetails(details...)
	if err != nil {
		panic(err)
	}
	return s.Err()
}

func TestUsageErrors(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "expected one of"},
		{"fly", "unexpected argument fly"},
		{"generate", "a prompt is needed"},
		{"generate --file f x", "exclude each other"},
		{"generate --chat --raw x", "can't be used together"},
		{"generate --raw --system s x", "--system is part of a chat"},
		{"generate --max-tokens many x", "--max-tokens"},
		{"generate --timeout 0s x", "--timeout must be longer than nothing"},
		{"generate --insecure --ca f x", "goes with neither"},
		{"generate --cert f x", "go together"},
		{"serve --tls-cert f", "is needed with --tls-cert"},
		{"generate --output xml x", "--output must be one of"},
		{"summarize", "<records>"},
		{"summarize --lang fr x", "--lang must be one of"},
		{"serve --slots 0", "0 is outside 1 to 4096"},
		{"serve --listen 0.0.0.0:1", "add --expose"},
		{"serve --config /does/not/exist", "no such file"},
	} {
		got := command(t.Context(), strings.NewReader(""), strings.Fields(c.args)...)
		require.Equal(t, exitUsage, got.code, c.args)
		require.Contains(t, got.err, c.want, c.args)
		require.Contains(t, got.err, "\nhint: ")
		require.Empty(t, got.out)
	}
}

func TestHelp(t *testing.T) {
	for _, args := range []string{"--help", "serve --help", "generate --help", "summarize --help", "models list --help", "models load --help", "models unload --help", "models watch --help", "auth new-key --help", "audit verify --help", "audit hash --help", "version --help"} {
		got := command(t.Context(), nil, strings.Fields(args)...)
		require.Equal(t, exitOK, got.code, args)
		require.Contains(t, got.out, "Usage: bedside")
		require.Empty(t, got.err)
	}
	require.Contains(t, command(t.Context(), nil, "summarize", "--help").out, "bedside summarize --lang zh --facts patient.fhir.json")
}

func TestFailedCalls(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"violations", withDetails(codes.InvalidArgument, &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "sampling.max_tokens", Description: "must be at least 1"},
			{Field: "prompt", Description: "too\x1b[2J long"},
		}}, &errdetails.ErrorInfo{Reason: "PROMPT_TOO_LONG"}),
			"bedside: invalid request: as scripted\n  sampling.max_tokens: must be at least 1\n  prompt: too[2J long\n" +
				"hint: shorten the prompt, or start the server with a larger --slot-capacity\n"},
		{"full", withDetails(codes.ResourceExhausted, &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Hour)}),
			"bedside: server refused: as scripted\nhint: the server is busy: try again in 1h0m0s\n"},
		{"unknown model", status.Error(codes.NotFound, "unknown model"),
			"bedside: not found: unknown model\nhint: \"bedside models list\" shows what the server has\n"},
		{"internal", status.Error(codes.Internal, "error 12ab"),
			"bedside: server failed: error 12ab\nhint: the server's log has the cause under the id above\n"},
		{"draining", status.Error(codes.Unavailable, "draining"), "bedside: server not available: draining\nhint: is the server running"},
		{"late", status.Error(codes.DeadlineExceeded, "too late"), "bedside: out of time: too late\nhint: the call was given 5m0s; --timeout allows more\n"},
		{"other", status.Error(codes.DataLoss, "lost"), "bedside: DataLoss: lost\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			addr := (&scripted{err: c.err}).listen(t)
			for _, args := range [][]string{{"generate", "--raw", "x"}, {"models", "list"}, {"summarize", "-"}} {
				got := command(t.Context(), strings.NewReader("{}"), append(args, "--addr", addr)...)
				require.Equal(t, exitFailure, got.code)
				require.True(t, strings.HasPrefix(got.err, c.want), "%q", got.err)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	got := command(t.Context(), nil, "models", "list", "--addr", "127.0.0.1:1")
	require.Equal(t, exitFailure, got.code)
	require.True(t, strings.HasPrefix(got.err, "bedside: server not available: connection error"), "%q", got.err)
}

func TestTimeout(t *testing.T) {
	addr := (&scripted{block: true}).listen(t)
	got := command(t.Context(), nil, "generate", "--raw", "x", "--addr", addr, "--timeout", "50ms")
	require.Equal(t, exitFailure, got.code)
	require.Contains(t, got.err, "hint: the call was given 50ms")
}

func TestCancelledCall(t *testing.T) {
	asked := make(chan *bedsidev1.GenerateRequest, 1)
	addr := (&scripted{block: true, asked: asked, pieces: []*bedsidev1.StreamGenerateResponse{{Text: "so far"}}}).listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; time.Sleep(50 * time.Millisecond); cancel() }()
	got := command(ctx, nil, "generate", "--raw", "x", "--addr", addr)
	require.Equal(t, result{exitInterrupted, "so far\n", "bedside: interrupted\n"}, got)
}

// A real signal ends a real process.
func TestSignal(t *testing.T) {
	asked := make(chan *bedsidev1.GenerateRequest, 1)
	addr := (&scripted{block: true, asked: asked}).listen(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "generate", "--raw", "x", "--addr", addr)
	cmd.Env = append(os.Environ(), "BEDSIDE_TEST_AS_MAIN=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	<-asked
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	require.Error(t, cmd.Wait())
	require.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode())
	require.Equal(t, "bedside: interrupted\n", stderr.String())
}

func TestGenerateTellsOfATextCutOff(t *testing.T) {
	met := false
	addr := (&scripted{pieces: []*bedsidev1.StreamGenerateResponse{{Text: "{"}, {ConstraintMet: &met}}}).listen(t)
	got := command(t.Context(), nil, "generate", "--addr", addr, "--raw", "--regex", "x", "Hello")
	require.Equal(t, result{exitOK, "{\n", "bedside: the text was cut off before it had its form; a larger --max-tokens may help\n"}, got)
	got = command(t.Context(), nil, "generate", "--addr", addr, "--raw", "--regex", "x", "--choice", "y", "Hello")
	require.Equal(t, exitUsage, got.code)
}

func TestGenerateAsks(t *testing.T) {
	file := t.TempDir() + "/prompt.txt"
	require.NoError(t, os.WriteFile(file, []byte("from a file"), 0o600))
	for _, c := range []struct {
		template bool
		args     []string
		want     string
	}{
		{true, []string{"Hello"}, `{"chat":{"messages":[{"role":"user","content":"Hello"}]},"sampling":{}}`},
		{false, []string{"Hello"}, `{"prompt":"Hello","sampling":{}}`},
		{false, []string{"--chat", "Hello"}, `{"chat":{"messages":[{"role":"user","content":"Hello"}]},"sampling":{}}`},
		{true, []string{"--raw", "-"}, `{"prompt":"from standard input","sampling":{}}`},
		{true, []string{"--raw", "-f", file}, `{"prompt":"from a file","sampling":{}}`},
		{true, []string{"--system", "Be brief.", "-m", "m", "Hello"}, `{"model":"m","chat":{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hello"}]},"sampling":{}}`},
		{false, []string{"--choice", "yes, sir", "--choice", "no", "Hello"}, `{"prompt":"Hello","sampling":{},"constraint":{"choices":{"texts":["yes, sir","no"]}}}`},
		{false, []string{"--regex", `\d+`, "Hello"}, `{"prompt":"Hello","sampling":{},"constraint":{"regex":"\\d+"}}`},
		{false, []string{"--json-schema", file, "Hello"}, `{"prompt":"Hello","sampling":{},"constraint":{"jsonSchema":"from a file"}}`},
		{
			true,
			[]string{"--raw", "-n", "5", "--temperature", "0.5", "--top-k", "3", "--top-p", "0.25", "--min-p", "0.125", "--seed", "0", "--stop", "a,b", "--stop", "c", "--repetition-penalty", "1.5", "--logprobs", "2", "x"},
			`{"prompt":"x","sampling":{"maxTokens":5,"temperature":0.5,"topK":3,"topP":0.25,"minP":0.125,"seed":"0","stop":["a,b","c"],"repetitionPenalty":1.5,"logprobs":2}}`,
		},
	} {
		asked := make(chan *bedsidev1.GenerateRequest, 1)
		addr := (&scripted{chat: c.template, asked: asked}).listen(t)
		got := command(t.Context(), strings.NewReader("from standard input"), append([]string{"generate", "--addr", addr}, c.args...)...)
		require.Equal(t, exitOK, got.code, got.err)
		text, err := protojson.Marshal(<-asked)
		require.NoError(t, err)
		require.JSONEq(t, c.want, string(text))
	}
}
