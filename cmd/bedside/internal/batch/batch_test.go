package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bedside-lm/bedside/cmd/bedside/internal/records"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errBroken = errors.New("connection lost")

// some records: "bad…" fails, "" cannot be read, "lost" ends the run.
func some(texts ...string) iter.Seq2[records.Record, error] {
	return func(yield func(records.Record, error) bool) {
		for i, text := range texts {
			r := records.Record{Input: "ward.ndjson", Line: i + 1, Text: text}
			if text == "" {
				r.Err = errors.New("holds nothing")
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func answer(_ context.Context, r *records.Record) (string, json.RawMessage, error) {
	switch {
	case r.Text == "lost":
		return "", nil, errBroken
	case strings.HasPrefix(r.Text, "bad"):
		return "", nil, &Failure{Code: "INVALID_ARGUMENT", Message: "no Bundle", Violations: []Violation{{"Bundle.type", "required"}}}
	}
	text, err := json.Marshal(map[string]string{"about": r.Text})
	return "p-" + r.Text, text, err
}

func jobOf(texts ...string) Job {
	return Job{
		Question: Question{Call: "SuggestDiagnoses", Request: json.RawMessage(`{"language":"en"}`)},
		Records:  some(texts...), Ask: answer, AtOnce: 3,
	}
}

// runInto runs a job into a file, as a command does.
func runInto(ctx context.Context, path string, job Job) (Counts, error) {
	f, err := Open(path)
	if err != nil {
		return Counts{}, err
	}
	job.Path, job.Written = path, f.Entries()
	job.Write = func(line []byte) error { _, err := f.Write(line); return err }
	n, err := Run(ctx, job)
	return n, errors.Join(err, f.Close())
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

var texts = []string{"a<b>", "bad", "", "心", "e", "bad too", "g"}

func TestLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.ndjson")
	n, err := runInto(t.Context(), path, jobOf(texts...))
	require.NoError(t, err)
	require.Equal(t, Counts{Records: 7, Failed: 3, First: "ward.ndjson: line 2", Why: "no Bundle"}, n)
	lines := strings.Split(read(t, path), "\n")
	require.Len(t, lines, 8)
	asked := `{"call":"SuggestDiagnoses","request":{"language":"en"},"input":"ward.ndjson",`
	require.Equal(t, asked+`"line":3,"error":{"code":"INVALID_ARGUMENT","message":"holds nothing"}}`, lines[2])
	require.Equal(t, asked+`"line":1,"id":"p-a<b>","digest":"sha256:4e07dd897a73c6b3e863d4c8d4bc4ff01aaddc23063d92877ad0a37c548751c6","response":{"about":"a<b>"}}`,
		strings.ReplaceAll(strings.ReplaceAll(lines[0], `\u003c`, "<"), `\u003e`, ">"))
	for i, text := range texts {
		e, err := parse([]byte(lines[i]))
		require.NoError(t, err)
		require.Equal(t, i+1, e.Line)
		require.Equal(t, text == "" || strings.HasPrefix(text, "bad"), e.Error != nil)
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "others can read what is said about patients")
}

// Wherever a run is cut off, another one ends with the same file, and asks about nothing twice.
func TestGoesOn(t *testing.T) {
	dir := t.TempDir()
	_, err := runInto(t.Context(), filepath.Join(dir, "whole"), jobOf(texts...))
	require.NoError(t, err)
	whole := read(t, filepath.Join(dir, "whole"))
	path := filepath.Join(dir, "cut")
	for cut := range len(whole) + 1 {
		if end := strings.LastIndex(whole[:cut], "\n") + 1; cut-end > 11 && cut%97 != 0 {
			continue // each takes a disk's time
		}
		require.NoError(t, os.WriteFile(path, []byte(whole[:cut]), 0o600))
		var asked atomic.Int32
		job := jobOf(texts...)
		job.Ask = func(ctx context.Context, r *records.Record) (string, json.RawMessage, error) {
			asked.Add(1)
			return answer(ctx, r)
		}
		n, err := runInto(t.Context(), path, job)
		require.NoError(t, err, cut)
		require.Equal(t, whole, read(t, path), cut)
		require.Equal(t, strings.Count(whole[:cut], "\n"), n.Written)
		require.Equal(t, 7, n.Records)
		require.Equal(t, 3, n.Failed)
		require.LessOrEqual(t, int(asked.Load()), 7-n.Written)
	}
}

func TestRefusesWhatIsNotItsOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.ndjson")
	_, err := runInto(t.Context(), path, jobOf("a", "b", "c"))
	require.NoError(t, err)
	own := read(t, path)
	other := jobOf("a", "b", "c")
	other.Question.Request = json.RawMessage(`{"language":"zh"}`)
	another := jobOf("a", "b", "c")
	another.Question.Call = "SummarizeRecord"
	for name, c := range map[string]struct {
		have string
		job  Job
		want string
	}{
		"other settings":    {own, other, `out.ndjson: line 1: it was asked with other settings: {"language":"en"}, not {"language":"zh"}`},
		"other call":        {own, another, "line 1: it answers SuggestDiagnoses, not SummarizeRecord"},
		"another record":    {own, jobOf("a", "x", "c"), "line 2: it answers another record than the one that the input has there (ward.ndjson: line 2)"},
		"shorter input":     {own, jobOf("a", "b"), "line 3: it answers a record that the input does not have"},
		"no input":          {own, jobOf(), "line 1: it answers a record"},
		"other lines":       {"# Notes\n", jobOf("a"), "line 1: it is no answer"},
		"neither answer":    {`{"call":"SuggestDiagnoses","request":{}}` + "\n", jobOf("a"), "line 1: it is no answer"},
		"another beginning": {"precious", jobOf("a"), "it is no answer"},
		"behind own lines":  {own + "precious", jobOf("a", "b", "c", "d"), "it is no answer"},
		"an empty line":     {"\n\n" + own[:100] + "x\n", jobOf("a"), "line 3: it is no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, []byte(c.have), 0o600))
			_, err := runInto(t.Context(), path, c.job)
			var refused *RefusedError
			require.ErrorAs(t, err, &refused)
			require.ErrorContains(t, err, c.want)
			require.Equal(t, c.have, read(t, path), "the file was changed")
		})
	}
	_, err = Open(t.TempDir())
	require.Error(t, err, "a folder")
}

func TestOneRunAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.ndjson")
	first, err := Open(path)
	require.NoError(t, err)
	_, err = Open(path)
	require.ErrorContains(t, err, "another run is writing to it")
	require.NoError(t, first.Close())
	second, err := Open(path)
	require.NoError(t, err)
	require.NoError(t, second.Close())
}

func TestAFaultOfTheServerEndsTheRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.ndjson")
	n, err := runInto(t.Context(), path, jobOf("a", "b", "lost", "d"))
	require.ErrorIs(t, err, errBroken)
	require.Equal(t, 2, n.Records, "what came before it is written")
	require.Equal(t, 2, strings.Count(read(t, path), "\n"))

	broken := jobOf()
	broken.Records = func(yield func(records.Record, error) bool) { yield(records.Record{}, errBroken) }
	_, err = runInto(t.Context(), filepath.Join(t.TempDir(), "x"), broken)
	require.ErrorIs(t, err, errBroken)

	full := jobOf("a")
	full.Write = func([]byte) error { return errBroken }
	_, err = Run(t.Context(), full)
	require.ErrorIs(t, err, errBroken)
}

// As many as asked for are under way at once, also while an early one takes long, and the order stays.
func TestAtOnce(t *testing.T) {
	const atOnce, all = 4, 40
	names := make([]string, all)
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	var mu sync.Mutex
	running, most, asked := 0, 0, 0
	release := make(chan struct{})
	job := jobOf(names...)
	job.AtOnce = atOnce
	job.Ask = func(ctx context.Context, r *records.Record) (string, json.RawMessage, error) {
		mu.Lock()
		running++
		asked++
		most = max(most, running)
		if asked == atOnce*waiting {
			close(release) // others have overtaken the first by then
		}
		mu.Unlock()
		if r.Text == "0" {
			<-release
		}
		defer func() { mu.Lock(); running--; mu.Unlock() }()
		return answer(ctx, r)
	}
	var lines []string
	job.Write = func(line []byte) error { lines = append(lines, string(line)); return nil }
	n, err := Run(t.Context(), job)
	require.NoError(t, err)
	require.Equal(t, all, n.Records)
	require.LessOrEqual(t, most, atOnce)
	for i, line := range lines {
		require.Contains(t, line, fmt.Sprintf(`"line":%d,`, i+1))
	}
}

func TestStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	job := jobOf("a", "b", "c", "slow", "e", "f")
	job.Ask = func(ctx context.Context, r *records.Record) (string, json.RawMessage, error) {
		if r.Text == "slow" {
			<-ctx.Done()
			return "", nil, ctx.Err()
		}
		return answer(ctx, r)
	}
	path := filepath.Join(t.TempDir(), "out.ndjson")
	job.Tell = func(n Counts) {
		if n.Records == 3 {
			cancel()
		}
	}
	n, err := runInto(ctx, path, job)
	require.ErrorIs(t, err, ErrUnfinished)
	require.Equal(t, 3, n.Records)
	job.Ask, job.Tell = answer, nil
	n, err = runInto(t.Context(), path, job)
	require.NoError(t, err)
	require.Equal(t, Counts{Records: 6, Written: 3}, n)
}

// Whatever a file holds, a run either ends with all answers in it or leaves it as it is.
func FuzzGoesOn(f *testing.F) {
	dir := f.TempDir()
	_, err := runInto(context.Background(), filepath.Join(dir, "whole"), jobOf("a", "bad", "c"))
	require.NoError(f, err)
	whole := read(f, filepath.Join(dir, "whole"))
	for _, cut := range []int{0, 5, 9, 200, len(whole) - 1, len(whole)} {
		f.Add([]byte(whole[:cut]))
	}
	f.Add([]byte(strings.ReplaceAll(whole, "en", "zh")))
	f.Add([]byte(whole + "\x00\x00"))
	f.Fuzz(func(t *testing.T, have []byte) {
		path := filepath.Join(t.TempDir(), "out")
		require.NoError(t, os.WriteFile(path, have, 0o600))
		_, err := runInto(context.Background(), path, jobOf("a", "bad", "c"))
		now := read(t, path)
		if err != nil {
			require.Equal(t, string(have), now)
			return
		}
		lines := slices.DeleteFunc(strings.Split(now, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
		require.Len(t, lines, 3)
		require.True(t, strings.HasSuffix(now, "\n"))
	})
}
