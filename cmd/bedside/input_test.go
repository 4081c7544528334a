package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// endless has more to read than any limit.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	if len(p) > 0 {
		p[0] = 'x'
	}
	for n := 1; n < len(p); n *= 2 {
		copy(p[n:], p[:n]) // byte by byte, 64 MiB take seconds under the race detector
	}
	e.read += int64(len(p))
	return len(p), nil
}

func TestReadText(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	a := &app{ctx: t.Context(), in: strings.NewReader("from standard input")}
	text, err := a.readText("-", 100)
	require.NoError(t, err)
	require.Equal(t, "from standard input", text)
	text, err = a.readText(write("exact", strings.Repeat("x", 100)), 100)
	require.NoError(t, err)
	require.Len(t, text, 100)

	for _, c := range []struct{ path, want string }{
		{write("large", strings.Repeat("x", 101)), "large: larger than 100 bytes"},
		{write("empty", " \n"), "empty: holds nothing"},
		{write("latin1", "Herzfrequenz f\xfcr"), "latin1: byte 14 is not UTF-8 text"},
		{filepath.Join(dir, "none"), "none: no such file or directory"},
		{dir, ": is a directory"},
	} {
		_, err := a.readText(c.path, 100)
		require.ErrorContains(t, err, c.want)
	}
}

func TestStandardInputIsBounded(t *testing.T) {
	in := &endless{}
	got := command(t.Context(), in, "summarize", "-")
	require.Equal(t, exitFailure, got.code)
	require.Equal(t, "bedside: standard input: larger than 64 MiB\n", got.err)
	require.Less(t, in.read, int64(maxRecordBytes+1<<20))
}

func TestWaitingForInputIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	in, writer := io.Pipe()
	defer writer.Close()
	time.AfterFunc(20*time.Millisecond, cancel)
	got := command(ctx, in, "summarize", "-")
	require.Equal(t, exitInterrupted, got.code)
}

// lockedBuffer may be written to from several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			terminal, quiet bool
			want            string
		}{
			{true, false, "\rworking ... 0.1 s\rworking ... 0.2 s\r\x1b[K"},
			{true, true, ""},
			{false, false, ""},
		} {
			var w lockedBuffer
			p := (&app{err: &w, errIsTTY: c.terminal}).progress("working", c.quiet)
			time.Sleep(250 * time.Millisecond)
			p.stop()
			p.stop() // callers stop it early and again when they return
			require.Equal(t, c.want, w.String())
		}
	})
}
