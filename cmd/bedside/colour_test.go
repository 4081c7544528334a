package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

func TestColours(t *testing.T) {
	for _, c := range []struct {
		tty    bool
		env    map[string]string
		colour bool
	}{
		{true, nil, true},
		{false, nil, false},
		{true, map[string]string{"NO_COLOR": "1"}, false},
		{true, map[string]string{"NO_COLOR": ""}, true}, // as no-color.org has it
		{true, map[string]string{"TERM": "dumb"}, false},
	} {
		w := onTerminal(os.Stdout, c.tty, func(name string) string { return c.env[name] })
		require.Equal(t, c.colour, paletteOf(w).on, "%+v", c)
	}
	answer := &bedsidev1.SuggestDiagnosesResponse{
		RedFlags: []*bedsidev1.RedFlag{{Text: "NEWS2\x1b[2J"}}, Suggestions: []*bedsidev1.DiagnosisSuggestion{{Code: "A41.9", Name: "sepsis"}},
	}
	var plain, painted bytes.Buffer
	require.NoError(t, writeDiagnoses(&plain, answer, time.Second))
	require.NoError(t, writeDiagnoses(coloured{&painted}, answer, time.Second))
	require.NotContains(t, plain.String(), "\x1b")
	require.Contains(t, painted.String(), "! \x1b[1;31mNEWS2[2J\x1b[0m")
	without := strings.NewReplacer("\x1b[1;31m", "", "\x1b[1m", "", "\x1b[0m", "").Replace(painted.String())
	require.Equal(t, plain.String(), without)
}
