package repository

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDigestNamesTheFiles(t *testing.T) {
	of := func(files ...string) string {
		dir := t.TempDir()
		for i := 0; i < len(files); i += 2 {
			write(t, dir, files[i], files[i+1])
		}
		sum, err := digest(t.Context(), dir)
		require.NoError(t, err)
		require.Regexp(t, `^sha256:[0-9a-f]{64}$`, sum)
		return sum
	}
	one := of("model.onnx", "x", "weights/a.bin", "y")
	require.Equal(t, one, of("weights/a.bin", "y", "model.onnx", "x", ".hidden", "z", "b.tmp", "z"))
	for _, other := range []string{
		of("model.onnx", "y", "weights/a.bin", "x"),
		of("model.onnx", "x", "weights/b.bin", "y"),
		of("model.onnx", "x"),
		of("model.onnx", "x", "weights/a.bin", "y", "more", ""),
	} {
		require.NotEqual(t, one, other)
	}
	// What sha256 of "a\x00<hex of nothing>\n" gives, computed elsewhere: the rule does not change by accident.
	require.Equal(t, "sha256:84a0bc84a8906a8501a34e9aedb06be93452d06bc32b71d61f0b334cd5559d9b", of("a", ""))
}

func TestDigestEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a", "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := digest(ctx, dir)
	require.ErrorIs(t, err, context.Canceled)
}

const sumOfX = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" // echo -n x | sha256sum

func TestSumsAreVerified(t *testing.T) {
	for _, c := range []struct{ name, sums, wrong string }{
		{"as sha256sum writes it", sumOfX + "  a\n" + sumOfX + " *sub/b\n", ""},
		{"other ends of lines, spelling of paths and digits", strings.ToUpper(sumOfX) + "  ./a\r\n\r\n" + sumOfX + "  sub//b", ""},
		{"a changed file", sumOfX + "  a\n" + strings.Repeat("0", 64) + "  sub/b\n", "sub/b: SHA-256 is " + sumOfX},
		{"a file not listed", sumOfX + "  a\n", "sub/b is not listed"},
		{"a file not there", sumOfX + "  a\n" + sumOfX + "  sub/b\n" + sumOfX + "  c\n", "c is listed in SHA256SUMS and missing"},
		{"outside", sumOfX + "  a\n" + sumOfX + "  ../b\n", "line 2 names a path outside"},
		{"absolute", sumOfX + "  /etc/passwd\n", "line 1 names a path outside"},
		{"twice", sumOfX + "  a\n" + sumOfX + "  ./a\n", "line 2 lists a path again"},
		{"no digest", "a\n", "line 1 is not a digest and a path"},
		{"a short digest", sumOfX[1:] + "   a\n", "line 1 is not a digest and a path"},
		{"escaped names", `\` + sumOfX + "  a\\nb\n", "line 1 is not a digest and a path"},
		{"nothing", "\n", "lists nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "a", "x")
			write(t, dir, "sub", "b", "x")
			write(t, dir, SumsName, c.sums)
			_, err := digest(t.Context(), dir)
			if c.wrong == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.wrong)
			}
		})
	}
}

func FuzzParseSums(f *testing.F) {
	f.Add(sumOfX + "  a\n" + sumOfX + " *sub/b\n")
	f.Add(sumOfX + "  ../b\r\n\n")
	f.Add(strings.Repeat("0", 70000))
	f.Fuzz(func(t *testing.T, text string) {
		sums, err := parseSums([]byte(text))
		if err != nil {
			require.Nil(t, sums)
			return
		}
		require.NotEmpty(t, sums)
		for path, sum := range sums {
			require.Regexp(t, `^[0-9a-f]{64}$`, sum)
			require.True(t, filepath.IsLocal(path), "%q", path)
			require.Contains(t, strings.ToLower(text), sum)
		}
	})
}

func TestFingerprintSeesChanges(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "1", "model.onnx", "x")
	model := filepath.Join(dir, "1", "model.onnx")
	then := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(model, then, then))
	of := func() fingerprint {
		fp, err := fingerprintOf(filepath.Join(dir, "1"), []byte("config"))
		require.NoError(t, err)
		return fp
	}
	before := of()
	require.Equal(t, before, of())
	write(t, dir, "1", ".hidden", "x")
	write(t, dir, "1", "model.onnx.tmp", "x")
	require.Equal(t, before, of(), "what is passed over does not count")

	write(t, dir, "1", "model.onnx", "xx")
	longer := of()
	require.NotEqual(t, before, longer, "size")
	write(t, dir, "1", "model.onnx", "y")
	require.NotEqual(t, before, of(), "time")
	write(t, dir, "1", "more", "")
	require.NotEqual(t, longer, of(), "names")
	fp, err := fingerprintOf(filepath.Join(dir, "1"), nil)
	require.NoError(t, err)
	require.NotEqual(t, of(), fp, "configuration")
}
