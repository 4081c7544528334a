package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/server/config"
)

const (
	readme     = "../../README.md"
	tableBegin = "<!-- settings: kept current by TestSettingsTableIsCurrent; go test ./cmd/bedside -run Settings -update -->\n"
	tableEnd   = "<!-- /settings -->\n"
)

// TestSettingsTableIsCurrent holds the README's table of settings against the flags.
func TestSettingsTableIsCurrent(t *testing.T) {
	data, err := os.ReadFile(readme)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(data), tableBegin)
	require.True(t, found, "the README lost the mark where the table begins")
	table, after, found := strings.Cut(rest, tableEnd)
	require.True(t, found, "the README lost the mark where the table ends")
	want := settingsTable(t)
	if *update {
		require.NoError(t, os.WriteFile(readme, []byte(before+tableBegin+want+tableEnd+after), 0o600))
		return
	}
	require.Equal(t, want, table, "run with -update")
}

func settingsTable(t *testing.T) string {
	t.Helper()
	parser, err := kong.New(&config.Config{}, kong.Exit(func(int) {}))
	require.NoError(t, err)
	var b strings.Builder
	b.WriteString("| flag | variable | default | what |\n|---|---|---|---|\n")
	for _, f := range parser.Model.Flags {
		if f.Name == "help" {
			continue
		}
		value := f.Default
		if value != "" {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&b, "| `--%s` | `%s` | %s | %s |\n", f.Name, strings.Join(f.Envs, " "), value, f.Help)
	}
	return b.String()
}
