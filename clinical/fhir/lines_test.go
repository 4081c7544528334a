package fhir_test

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
)

// scan reads all lines of a text, and the errors between them.
func scan(t *testing.T, r io.Reader, lim fhir.Limits) (lines []fhir.Line, errs []error) {
	t.Helper()
	l := fhir.NewLines(r, "x.ndjson", lim)
	for {
		line, err := l.Next()
		var limit *record.LimitError
		switch {
		case errors.Is(err, io.EOF):
			return lines, errs
		case errors.As(err, &limit):
			errs = append(errs, err)
		case err != nil:
			return lines, append(errs, err)
		default:
			lines = append(lines, line.Clone())
		}
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("a", 300<<10) // longer than what is read at once
	lines, errs := scan(t, strings.NewReader("\ufeff{}\r\n\n  \n[1]\n"+long+"\nlast"), fhir.Limits{})
	require.Empty(t, errs)
	require.Equal(t, []fhir.Line{
		{Name: "x.ndjson", Number: 1, Offset: 0, Text: []byte("{}")},
		{Name: "x.ndjson", Number: 4, Offset: 11, Text: []byte("[1]")},
		{Name: "x.ndjson", Number: 5, Offset: 15, Text: []byte(long)},
		{Name: "x.ndjson", Number: 6, Offset: 15 + 300<<10 + 1, Text: []byte("last")},
	}, lines)
}

func TestALineThatIsTooLongIsPassedOver(t *testing.T) {
	for _, n := range []int{11, 12, 13, 14, 1000, 1 << 20} {
		for _, end := range []string{"\n", "\r\n"} {
			text := "0123456789" + end + strings.Repeat("a", n) + end + "{}" + end + strings.Repeat("b", n)
			lines, errs := scan(t, strings.NewReader(text), fhir.Limits{Bytes: 10})
			require.Len(t, lines, 2, n)
			require.Equal(t, 3, lines[1].Number)
			require.Equal(t, []error{
				&record.LimitError{Path: "x.ndjson:2", What: "bytes in a line", Limit: 10},
				&record.LimitError{Path: "x.ndjson:4", What: "bytes in a line", Limit: 10},
			}, errs)
		}
	}
}

func TestAFileThatBreaksOffIsNamed(t *testing.T) {
	broken := errors.New("disk is dead")
	lines := fhir.NewLines(io.MultiReader(strings.NewReader("{}\n{\"a\""), failing{broken}), "x.ndjson", fhir.Limits{})
	_, err := lines.Next()
	require.NoError(t, err)
	for range 2 {
		_, err = lines.Next()
		require.ErrorIs(t, err, broken)
		require.Contains(t, err.Error(), "x.ndjson:2")
	}
}

// endless gives the same lines again and again, up to n bytes.
type endless struct {
	lines []byte
	at, n int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.n <= 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), e.n)], e.lines[e.at:])
	e.at = (e.at + n) % len(e.lines)
	e.n -= n
	return n, nil
}

func TestLinesTakeTheMemoryOfOne(t *testing.T) {
	const size = 64 << 20
	var before, after runtime.MemStats
	source := &endless{lines: bulk(2, 8), n: size}
	runtime.ReadMemStats(&before)
	lines, bytes := fhir.NewLines(source, "x.ndjson", fhir.Limits{}), 0
	for {
		l, err := lines.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		bytes += len(l.Text) + 1
	}
	runtime.ReadMemStats(&after)
	require.InDelta(t, size, bytes, 1)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}
