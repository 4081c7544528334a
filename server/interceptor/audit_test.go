package interceptor_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/audit"
	"github.com/bedside-lm/bedside/server/interceptor"
	"github.com/bedside-lm/bedside/server/tenant"
)

// audited is a server whose calls are written down.
func audited(t *testing.T, maxBytes int64, handle func(context.Context) error) (s *system, dir string, log *audit.Log) {
	t.Helper()
	dir = t.TempDir()
	log, err := audit.Open(audit.Options{Dir: dir, MaxBytes: maxBytes, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return start(t, handle, func(o *interceptor.Options) { o.Audit = log }), dir, log
}

// calls are the lines of calls.
func calls(t *testing.T, dir string) (out []audit.Record, text string) {
	t.Helper()
	files, err := audit.Files(dir)
	require.NoError(t, err)
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		text += string(data)
	}
	for line := range strings.Lines(text) {
		var r audit.Record
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		if r.Method != "" {
			out = append(out, r)
		}
	}
	return out, text
}

func TestWhatIsWrittenDown(t *testing.T) {
	s, dir, log := audited(t, 0, func(ctx context.Context) error {
		interceptor.SetPatient(ctx, canary)
		return nil
	})
	ctx := metadata.AppendToOutgoingContext(deadline(t), audit.PurposeKey, "TREAT", tenant.Key, canary)
	_, err := s.generation.Generate(ctx, prompt())
	require.NoError(t, err)
	require.ErrorIs(t, s.stream(ctx, prompt()), io.EOF)
	source := &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_Hl7V2{Hl7V2: canary}}
	_, err = s.clinical.SummarizeRecord(ctx, &bedsidev1.SummarizeRecordRequest{Source: source})
	require.NoError(t, err)
	_, err = s.generation.Generate(ctx, &bedsidev1.GenerateRequest{})
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	_, err = s.health.Check(ctx, &healthgrpc.HealthCheckRequest{}) // probes are not written down
	require.NoError(t, err)
	s.stop()

	got, text := calls(t, dir)
	require.NotContains(t, text, "Zhang")
	require.Len(t, got, 6)
	patient := []string{audit.HashPatient(log.Key(), canary, canary)}
	for i, want := range []struct {
		event audit.Event
		model string
		code  string
	}{
		{audit.EventCall, "small", "OK"}, {audit.EventOpen, "", ""}, {audit.EventOpen, "small", ""}, {audit.EventEnd, "small", "OK"}, {audit.EventCall, "", "OK"},
		{audit.EventCall, "", "INVALID_ARGUMENT"},
	} {
		r := got[i]
		require.Equal(t, want.event, r.Event, i)
		require.Equal(t, want.model, r.Model, i)
		require.Equal(t, want.code, r.Code, i)
		require.Equal(t, "TREAT", r.Purpose, i)
		require.Equal(t, want.code != "", r.Milliseconds > 0, i)
	}
	require.Equal(t, patient, got[0].Patients)
	require.Equal(t, patient, got[2].Patients, "whose record it was showed after the first piece")
	require.Equal(t, []string{audit.HashRecord(log.Key(), []byte(canary))}, got[4].Records)
	require.Equal(t, patient, got[4].Patients)
}

func TestPurposeIsACode(t *testing.T) {
	s, dir, _ := audited(t, 0, fine)
	_, err := s.generation.Generate(metadata.AppendToOutgoingContext(deadline(t), audit.PurposeKey, canary), prompt())
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	require.Regexp(t, `^metadata\["x-purpose-of-use"\]: must be one code`, violations(t, err)[0])
	s.stop()
	got, text := calls(t, dir)
	require.Len(t, got, 1)
	require.NotContains(t, text, "Zhang")
}

// What cannot be written down is not answered, and once that is known, not even begun.
func TestNothingIsAnsweredUnwritten(t *testing.T) {
	begun := 0
	s, dir, log := audited(t, 1, func(context.Context) error { begun++; return nil }) // a file for every write
	_, err := s.generation.Generate(deadline(t), prompt())
	require.NoError(t, err)
	files, err := audit.Files(dir)
	require.NoError(t, err)
	// A full device where the next file would be.
	full := filepath.Join(dir, "audit-000003.jsonl")
	require.Equal(t, "audit-000002.jsonl", filepath.Base(files[len(files)-1]))
	require.NoError(t, os.Symlink("/dev/full", full))

	_, err = s.generation.Generate(deadline(t), prompt())
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.Equal(t, "AUDIT_UNAVAILABLE", detail[*errdetails.ErrorInfo](t, err).GetReason())
	require.Positive(t, detail[*errdetails.RetryInfo](t, err).GetRetryDelay().AsDuration())
	require.Equal(t, 2, begun)
	answers, err := s.generation.StreamGenerate(deadline(t), prompt())
	require.NoError(t, err)
	_, err = answers.Recv()
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.Equal(t, 2, begun)
	_, err = s.health.Check(deadline(t), &healthgrpc.HealthCheckRequest{})
	require.NoError(t, err)

	require.NoError(t, os.Remove(full))
	require.ErrorIs(t, s.stream(deadline(t), prompt()), io.EOF)
	require.NoError(t, os.Symlink("/dev/full", nextFile(t, dir)))
	answers, err = s.generation.StreamGenerate(deadline(t), prompt())
	require.NoError(t, err)
	_, err = answers.Recv() // its first answer waits for its line
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.NoError(t, os.Remove(nextFile(t, dir)))
	require.NoError(t, log.Ready())
}

// nextFile is where the log would go on next; a link that is there already counts as that.
func nextFile(t *testing.T, dir string) string {
	t.Helper()
	for n := 1; ; n++ {
		path := filepath.Join(dir, "audit-"+strings.Repeat("0", 5)+string(rune('0'+n))+".jsonl")
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
			return path
		}
		require.Less(t, n, 9)
	}
}
