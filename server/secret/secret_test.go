package secret

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/server/config"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, data string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(data), mode))
		return path
	}
	data, err := Read("some-file", write("fine", "hush", 0o600))
	require.NoError(t, err)
	require.Equal(t, "hush", string(data))
	data, err = ReadPublic("some-file", write("open", "known", 0o644), 5)
	require.NoError(t, err)
	require.Equal(t, "known", string(data))

	for name, path := range map[string]string{
		"others may read": write("group", "hush", 0o640),
		"too large":       write("large", strings.Repeat("x", maxBytes+1), 0o600),
		"cannot be read":  filepath.Join(dir, "missing"),
	} {
		_, err := Read("some-file", path)
		var e *config.Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, "some-file", e.Setting)
		require.Contains(t, e.Reason, name)
		require.NotContains(t, err.Error(), "hush")
	}
	_, err = Read("some-file", dir)
	require.ErrorContains(t, err, "cannot be read")
}

func TestMakeKeepsWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "key")
	require.NoError(t, Make(path, 32))
	first, err := Read("key", path)
	require.NoError(t, err)
	require.Len(t, first, 32)
	require.NoError(t, Make(path, 32))
	again, err := Read("key", path)
	require.NoError(t, err)
	require.Equal(t, first, again)
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1)
}
