package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

func parseServe(t *testing.T, file string, args ...string) (*serveCmd, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bedside.yaml")
	require.NoError(t, os.WriteFile(path, []byte(file), 0o600))
	var c cli
	parser, err := kong.New(&c, kong.Configuration(loadSettings))
	require.NoError(t, err)
	_, err = parser.Parse(append([]string{"serve", "--config", path}, args...))
	return &c.Serve, err
}

func TestSettings(t *testing.T) {
	t.Setenv("BEDSIDE_MAX_CHUNK", "32")
	s, err := parseServe(t, `
# comments are fine
slots: 16
token-budget: 64
max-chunk: 16
verify: false
load: [one, two]
aging-interval: 2s
model: other
log-level:
`, "--model", "mine")
	require.NoError(t, err)
	require.Equal(t, 16, s.Slots)
	require.Equal(t, 64, s.TokenBudget)
	require.Equal(t, 32, s.MaxChunk, "the environment wins over the file")
	require.False(t, s.Verify)
	require.Equal(t, []string{"one", "two"}, s.Load)
	require.Equal(t, 2*time.Second, s.AgingInterval)
	require.Equal(t, "mine", s.Model, "the command line wins over the file")
	require.Equal(t, "info", s.LogLevel, "an empty setting is none")
	require.Equal(t, 2048, s.SlotCapacity, "defaults stay")
}

func TestBadSettings(t *testing.T) {
	for file, want := range map[string]string{
		"slots: 16\nslotz: 3":            `line 2: there is no setting "slotz"`,
		"config: other.yaml":             `there is no setting "config"`,
		"slots: many":                    `expected a valid 64 bit int but got "many"`,
		"slots: {a: 1}":                  "line 1: expected a value or a list of values",
		"load: [[a]]":                    "line 1: expected a list of plain values",
		"slots: 0":                       "0 is outside 1 to 4096",
		"listen: 0.0.0.0:8001":           "add --expose",
		"- slots":                        "cannot unmarshal",
		strings.Repeat("#", 2*1024*1024): "larger than 1 MiB",
	} {
		_, err := parseServe(t, file)
		require.ErrorContains(t, err, want)
	}
}

func FuzzSettings(f *testing.F) {
	f.Add("slots: 16\nload: [a, b]\n")
	f.Add("a: &a [*a]\n")
	f.Fuzz(func(t *testing.T, file string) {
		resolver, err := loadSettings(strings.NewReader(file))
		if err != nil {
			return
		}
		var c cli
		parser, err := kong.New(&c)
		if err != nil {
			t.Fatal(err)
		}
		if err := resolver.Validate(parser.Model); err != nil {
			return
		}
		for _, flag := range parser.Model.Children[0].Flags {
			if v, err := resolver.Resolve(nil, nil, flag); err == nil {
				switch v.(type) {
				case nil, string, []any:
				default:
					t.Errorf("%s resolves to a %T", flag.Name, v)
				}
			}
		}
	})
}
