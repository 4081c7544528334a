package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func openLog(t testing.TB, opt Options) *Log {
	t.Helper()
	if opt.Logger == nil {
		opt.Logger = quiet()
	}
	l, err := Open(opt)
	require.NoError(t, err)
	return l
}

func call(n int) *Record {
	return &Record{Event: EventCall, Method: fmt.Sprintf("/s/M%d", n), Code: "OK"}
}

// written makes a log of n calls and gives its folder.
func written(t testing.TB, n int, opt Options) string {
	t.Helper()
	if opt.Dir == "" {
		opt.Dir = t.TempDir()
	}
	l := openLog(t, opt)
	for i := range n {
		require.NoError(t, l.Append(call(i)))
	}
	require.NoError(t, l.Close())
	return opt.Dir
}

// verified looks through the log of a folder, and wants it whole.
func verified(t *testing.T, dir string) *Verifier {
	t.Helper()
	v, problems := verify(t, dir)
	require.Empty(t, problems)
	require.True(t, v.FromStart)
	return v
}

func verify(t testing.TB, dir string, heads ...Head) (*Verifier, []Problem) {
	t.Helper()
	key, err := ReadKey(filepath.Join(dir, keyName))
	require.NoError(t, err)
	v := &Verifier{Key: key, Heads: heads}
	files, err := Files(dir)
	require.NoError(t, err)
	var all []Problem
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		problems, err := v.Verify(bytes.NewReader(data))
		require.NoError(t, err)
		all = append(all, problems...)
	}
	return v, all
}

func records(t *testing.T, dir string) (out []Record) {
	t.Helper()
	files, err := Files(dir)
	require.NoError(t, err)
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		for line := range strings.Lines(string(data)) {
			var r Record
			require.NoError(t, json.Unmarshal([]byte(line), &r))
			out = append(out, r)
		}
	}
	return out
}

func events(t *testing.T, dir string) (out []Event) {
	t.Helper()
	for _, r := range records(t, dir) {
		out = append(out, r.Event)
	}
	return out
}

func TestLogGoesOnWhereItWas(t *testing.T) {
	dir := written(t, 2, Options{})
	require.Equal(t, []Event{EventStart, EventCall, EventCall, EventStop}, events(t, dir))
	written(t, 1, Options{Dir: dir})
	require.Equal(t, []Event{EventStart, EventCall, EventCall, EventStop, EventStart, EventCall, EventStop}, events(t, dir))
	v := verified(t, dir)
	require.True(t, v.Ended)
	require.Equal(t, int64(7), v.Head.Seq)
	for _, name := range []string{keyName, fileName(1)} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
}

func TestOneProcessWrites(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, Options{Dir: dir})
	_, err := Open(Options{Dir: dir, Logger: quiet()})
	require.ErrorContains(t, err, "another process")
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Append(call(0)), os.ErrClosed)
	require.NoError(t, openLog(t, Options{Dir: dir}).Close())
}

// A process that is killed while it writes leaves a piece of a line, wherever it was cut.
func TestTornLine(t *testing.T) {
	whole, err := os.ReadFile(filepath.Join(written(t, 2, Options{}), fileName(1)))
	require.NoError(t, err)
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for cut := last + 1; cut < len(whole); cut += 41 {
		dir := t.TempDir()
		l := openLog(t, Options{Dir: dir})
		require.NoError(t, l.Append(call(0)))
		require.NoError(t, l.Close())
		f, err := os.OpenFile(filepath.Join(dir, fileName(1)), os.O_WRONLY|os.O_APPEND, 0)
		require.NoError(t, err)
		_, err = f.Write(whole[last:cut])
		require.NoError(t, errors.Join(err, f.Close()))
		_, problems := verify(t, dir)
		require.NotEmpty(t, problems)

		written(t, 1, Options{Dir: dir})
		verified(t, dir)
		require.Equal(t, []Event{EventStart, EventCall, EventStop, EventRepair, EventCall, EventStop}, events(t, dir))
		require.Equal(t, int64(cut-last), records(t, dir)[3].Bytes)
	}
}

func TestNothingIsWrittenBehindALineThatIsNone(t *testing.T) {
	dir := written(t, 1, Options{})
	f, err := os.OpenFile(filepath.Join(dir, fileName(1)), os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = f.WriteString("someone's note\n")
	require.NoError(t, errors.Join(err, f.Close()))
	_, err = Open(Options{Dir: dir, Logger: quiet()})
	require.ErrorContains(t, err, "audit verify")
}

func TestRotation(t *testing.T) {
	dir := written(t, 40, Options{MaxBytes: 2000})
	files, err := Files(dir)
	require.NoError(t, err)
	require.Greater(t, len(files), 4)
	v := verified(t, dir)
	require.True(t, v.Ended)
	written(t, 1, Options{Dir: dir})
	verified(t, dir)

	// A file that is taken out is missed.
	require.NoError(t, os.Remove(files[2]))
	_, problems := verify(t, dir)
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].What, "missing")
}

func TestCheckpointsReachTheServersLog(t *testing.T) {
	var out bytes.Buffer
	dir := t.TempDir()
	l := openLog(t, Options{Dir: dir, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	var wg sync.WaitGroup
	for i := range checkEvery + 1 { // together, so that they are flushed together
		wg.Go(func() {
			if err := l.Append(call(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.NoError(t, l.Close())
	require.Contains(t, events(t, dir), EventCheck)
	var heads []Head
	for line := range strings.Lines(out.String()) {
		_, rest, ok := strings.Cut(line, "head=")
		require.True(t, ok, line)
		text, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		h, err := ParseHead(text)
		require.NoError(t, err)
		heads = append(heads, h)
	}
	require.Len(t, heads, 2)
	v, problems := verify(t, dir, heads...)
	require.Empty(t, problems)
	require.Empty(t, v.MissingHeads())

	// An end that was cut off whole shows in nothing else.
	path := filepath.Join(dir, fileName(1))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	cut := bytes.LastIndexByte(data[:len(data)-1], '\n') + 1
	require.NoError(t, os.WriteFile(path, data[:cut], 0o600))
	v, problems = verify(t, dir, heads...)
	require.Empty(t, problems)
	require.False(t, v.Ended)
	require.Equal(t, heads[1:], v.MissingHeads())
}

func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			l := openLog(b, Options{Dir: b.TempDir()})
			b.SetParallelism(callers)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := l.Append(&Record{
						Event: EventCall, RequestID: "0011223344556677", Method: "/bedside.v1.ClinicalService/SummarizeRecord", Subject: "dr-wang",
						By: "token", Roles: []string{"clinician"}, Tenant: "ward-3", Purpose: "TREAT", Records: []string{noLine},
						Patients: []string{noLine}, Model: "bedside-gru", Digest: "sha256:" + noLine, Code: "OK", Milliseconds: 12.5,
					}); err != nil {
						b.Error(err)
					}
				}
			})
			b.StopTimer()
			if err := l.Close(); err != nil {
				b.Error(err)
			}
		})
	}
}

// A clock that is set back or forward changes the times in the log, and nothing else: lines are in order by their numbers.
func TestTheClockJumps(t *testing.T) {
	at, lines := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), 0
	dir := written(t, 20, Options{Now: func() time.Time {
		lines++
		return at.Add([]time.Duration{0, -48 * time.Hour, 400 * 24 * time.Hour}[lines%3])
	}})
	require.EqualValues(t, 22, verified(t, dir).Head.Seq, "with its first and its last line")
}
