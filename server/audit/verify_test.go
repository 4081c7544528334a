package audit

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// lines are those of a log's only file.
func lines(t testing.TB, dir string) [][]byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, fileName(1)))
	require.NoError(t, err)
	return bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
}

func TestTampering(t *testing.T) {
	dir := written(t, 8, Options{})
	key, err := ReadKey(filepath.Join(dir, keyName))
	require.NoError(t, err)
	whole := lines(t, dir)
	replace := func(old, young string) func([][]byte) [][]byte {
		return func(l [][]byte) [][]byte {
			l[3] = bytes.Replace(l[3], []byte(old), []byte(young), 1)
			return l
		}
	}
	for name, c := range map[string]struct {
		change func([][]byte) [][]byte
		line   int    // where the first problem is, with the key
		what   string // what it is
		bare   bool   // whether it is found without the key, too
	}{
		"nothing":         {func(l [][]byte) [][]byte { return l }, 0, "", false},
		"a value":         {replace(`"OK"`, `"NO"`), 4, "number 4 was changed", true},
		"a number":        {replace(`"seq":4`, `"seq":5`), 4, "was changed", true},
		"the signature":   {replace(`"mac":"`, `"mac":"0`), 4, "is no line", true},
		"the order":       {func(l [][]byte) [][]byte { l[3], l[4] = l[4], l[3]; return l }, 4, "1 missing", true},
		"one out":         {func(l [][]byte) [][]byte { return slices.Delete(l, 3, 4) }, 4, "number 5 follows 3: 1 missing", true},
		"the first out":   {func(l [][]byte) [][]byte { return l[1:] }, 0, "", false}, // FromStart tells
		"one twice":       {func(l [][]byte) [][]byte { return slices.Insert(l, 3, l[2]) }, 4, "number 3 follows 3: out of order", true},
		"a blank line":    {func(l [][]byte) [][]byte { return slices.Insert(l, 3, nil) }, 4, "is no line", true},
		"the last line":   {func(l [][]byte) [][]byte { l[9] = bytes.Replace(l[9], []byte("stop"), []byte("call"), 1); return l }, 10, "number 10 was changed", false},
		"another's chain": {func(l [][]byte) [][]byte { return forged(t, l) }, 4, "number 4 was changed, or signed with another key", false},
	} {
		t.Run(name, func(t *testing.T) {
			data := append(bytes.Join(c.change(slices.Clone(whole)), []byte("\n")), '\n')
			problems, err := (&Verifier{Key: key}).Verify(bytes.NewReader(data))
			require.NoError(t, err)
			if c.line == 0 {
				require.Empty(t, problems)
			} else {
				require.NotEmpty(t, problems)
				require.Equal(t, c.line, problems[0].Line)
				require.Contains(t, problems[0].What, c.what)
			}
			problems, err = (&Verifier{}).Verify(bytes.NewReader(data))
			require.NoError(t, err)
			require.Equal(t, c.bare, len(problems) > 0)
		})
	}
}

// forged changes a line and makes the chain fit again, without the key.
func forged(t *testing.T, l [][]byte) [][]byte {
	t.Helper()
	l[3] = bytes.Replace(l[3], []byte(`"OK"`), []byte(`"NO"`), 1)
	for i := 4; i < len(l); i++ {
		at := bytes.Index(l[i], []byte(`"prev":"`)) + len(`"prev":"`)
		l[i] = slices.Concat(l[i][:at], []byte(digest(l[i-1])), l[i][at+len(noLine):])
	}
	return l
}

func TestParseHead(t *testing.T) {
	h := Head{Seq: 7, Digest: strings.Repeat("ab", 32)}
	got, err := ParseHead(h.String())
	require.NoError(t, err)
	require.Equal(t, h, got)
	for _, s := range []string{"", "7", "7:ab", "0:" + h.Digest, "x:" + h.Digest} {
		_, err := ParseHead(s)
		require.Error(t, err, s)
	}
}

// FuzzVerify changes one byte of a log, and takes any bytes for one.
func FuzzVerify(f *testing.F) {
	dir := written(f, 5, Options{})
	key, err := ReadKey(filepath.Join(dir, keyName))
	require.NoError(f, err)
	whole, err := os.ReadFile(filepath.Join(dir, fileName(1)))
	require.NoError(f, err)
	f.Add(uint(3), byte(1), []byte("{}\n"))
	f.Add(uint(len(whole)-1), byte('\n'), whole[:len(whole)/2])
	f.Fuzz(func(t *testing.T, at uint, flip byte, other []byte) {
		if _, err := (&Verifier{Key: key}).Verify(bytes.NewReader(other)); err != nil {
			t.Error(err)
		}
		if flip == 0 {
			return
		}
		data := bytes.Clone(whole)
		data[at%uint(len(data))] ^= flip
		problems, err := (&Verifier{Key: key}).Verify(bytes.NewReader(data))
		if err != nil || len(problems) == 0 {
			t.Errorf("byte %d changed by %#x is not noticed", at%uint(len(data)), flip)
		}
	})
}
