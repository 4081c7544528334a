package repository

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScanFindsTheLayouts(t *testing.T) {
	root := t.TempDir()
	write(t, root, "plain", "1", "model.onnx", "x")
	write(t, root, "plain", "20", "model.onnx", "x")
	for _, ignoredName := range []string{"0", "01", "v1", "+2", "-3", "1.5", ".4", "5.tmp", "99999999999999999999"} {
		write(t, root, "plain", ignoredName, "model.onnx", "x")
	}
	write(t, root, "plain", "3", "x") // a file, no folder
	write(t, root, "flat", ManifestName, "{}")
	write(t, root, "genai", GenAIConfigName, "{}")
	write(t, root, "versions", "1", ManifestName, "{}")
	write(t, root, "versions", "2", GenAIConfigName, "{}")
	write(t, root, "versions", "3", "model.onnx", "x")
	write(t, root, "versions", ConfigName, "all")
	write(t, root, ".hidden", "1", "model.onnx", "x")
	write(t, root, "copying.tmp", "1", "model.onnx", "x")
	write(t, root, "README.md", "x")
	folders, err := scan([]string{root})
	require.NoError(t, err)

	got := map[string]map[int64]Format{}
	for name, f := range folders {
		require.NoError(t, f.err, name)
		got[name] = map[int64]Format{}
		for v, p := range f.versions {
			got[name][v] = p.format
		}
	}
	require.Equal(t, map[string]map[int64]Format{
		"plain":    {1: FormatONNX, 20: FormatONNX},
		"flat":     {1: FormatBedside},
		"genai":    {1: FormatGenAI},
		"versions": {1: FormatBedside, 2: FormatGenAI, 3: FormatONNX},
	}, got)
	require.Nil(t, folders["plain"].config)
	require.Equal(t, Spec{
		Name: "versions", Version: 2, Root: root, ModelDir: filepath.Join(root, "versions"),
		Dir: filepath.Join(root, "versions", "2"), Format: FormatGenAI, Config: []byte("all"),
	}, folders["versions"].spec(2))
	require.Equal(t, filepath.Join(root, "flat"), folders["flat"].spec(1).Dir)
}

func TestScanSaysWhatIsWrong(t *testing.T) {
	root, other := t.TempDir(), t.TempDir()
	write(t, root, "empty", "notes.txt", "x")
	write(t, root, "both", ManifestName, "{}")
	write(t, root, "both", "2", "model.onnx", "x")
	write(t, root, "twice", "1", "model.onnx", "x")
	write(t, other, "twice", "1", "model.onnx", "x")
	write(t, root, "long-config", "1", "model.onnx", "x")
	write(t, root, "long-config", ConfigName, strings.Repeat("#", maxConfigBytes+1))
	write(t, root, "pipe", "1", "model.onnx", "x")
	require.NoError(t, syscall.Mkfifo(filepath.Join(root, "pipe", ConfigName), 0o600))
	write(t, root, "not-\xff-utf8", "1", "model.onnx", "x")
	folders, err := scan([]string{root, other})
	require.NoError(t, err)
	for name, reason := range map[string]string{
		"empty":         "holds no version folder",
		"both":          "both a model's files and version folders [2]",
		"twice":         "2 repositories have a model of this name",
		"long-config":   "is over 1048576 bytes",
		"pipe":          "is not a regular file",
		"not-\xff-utf8": "must be valid UTF-8",
	} {
		require.ErrorContains(t, folders[name].err, reason)
	}
	_, err = scan([]string{root, filepath.Join(root, "nowhere")})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestScanModelTakesOneName(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a", "1", "model.onnx", "x")
	write(t, root, "file", "x")
	f, err := scanModel([]string{root}, "a")
	require.NoError(t, err)
	require.Equal(t, []int64{1}, f.numbers())
	for _, name := range []string{"b", "file"} {
		f, err = scanModel([]string{root}, name)
		require.NoError(t, err)
		require.Nil(t, f)
	}
	for _, name := range []string{"", ".", "..", "../a", "a/1", "/a", `a\1`, ".a", "a.tmp", strings.Repeat("x", 256), "\xff", "a\x00", "a\n"} {
		require.False(t, validName(name), "%q", name)
	}
}

// A volume of Kubernetes or a cache of downloads shows its files as links into folders beside or outside.
func TestLinksAreFollowed(t *testing.T) {
	root, store := t.TempDir(), t.TempDir()
	write(t, store, "v7", "1", "model.onnx", "seven")
	write(t, store, "v8", "1", "model.onnx", "eight")
	require.NoError(t, os.Symlink(filepath.Join(store, "v7"), filepath.Join(root, "m")))
	write(t, root, "files", "1", "notes.txt", "x")
	require.NoError(t, os.Symlink(filepath.Join(store, "v7", "1", "model.onnx"), filepath.Join(root, "files", "1", "model.onnx")))
	require.NoError(t, os.Symlink(filepath.Join(store, "nowhere"), filepath.Join(root, "broken")))

	folders, err := scan([]string{root})
	require.NoError(t, err)
	require.Len(t, folders, 2, "a link to nowhere is no model")
	files, err := list(folders["files"].versions[1].dir)
	require.NoError(t, err)
	require.Equal(t, "model.onnx", files[0].path)

	// Same sizes and times, another target: a build may set all times to one.
	same := folders["m"].fingerprint()
	info, err := os.Stat(filepath.Join(store, "v7", "1", "model.onnx"))
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(filepath.Join(store, "v8", "1", "model.onnx"), info.ModTime(), info.ModTime()))
	require.NoError(t, os.Remove(filepath.Join(root, "m")))
	require.NoError(t, os.Symlink(filepath.Join(store, "v8"), filepath.Join(root, "m")))
	folders, err = scan([]string{root})
	require.NoError(t, err)
	require.NotEqual(t, same, folders["m"].fingerprint())
}

func TestListIsBounded(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "loop")))
	_, err := list(dir)
	require.ErrorContains(t, err, "nest deeper than 8")

	dir = t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	_, err = list(dir)
	require.ErrorContains(t, err, "pipe is not a regular file")

	dir = t.TempDir()
	many := t.TempDir()
	for i := range 101 { // files, and folders that show them again
		write(t, many, strconv.Itoa(i), "")
		require.NoError(t, os.Symlink(many, filepath.Join(dir, strconv.Itoa(i))))
	}
	_, err = list(dir)
	require.ErrorContains(t, err, "more than 10000 files")
}
