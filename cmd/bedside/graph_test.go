package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGraph goes through all commands about the graph, each in a process of its own as far as the graph knows.
func TestGraph(t *testing.T) {
	dir := t.TempDir()
	graph := func(database string, args ...string) result {
		args = append([]string{"graph", args[0], "--database", filepath.Join(dir, database)}, args[1:]...)
		return command(t.Context(), strings.NewReader(""), args...)
	}
	var lines bytes.Buffer
	for _, name := range []string{"sepsis-icu", "sepsis-ward"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "records", name+".fhir.json"))
		require.NoError(t, err)
		require.NoError(t, json.Compact(&lines, data))
		lines.WriteString("\n\n")
	}
	input := filepath.Join(dir, "records.ndjson")
	require.NoError(t, os.WriteFile(input, lines.Bytes(), 0o600))

	first := graph("a.db", "build", input)
	require.Equal(t, exitOK, first.code, first.err)
	require.Contains(t, first.out, "2 records, ")
	again := graph("a.db", "build", input)
	require.Equal(t, exitOK, again.code, again.err)
	require.Contains(t, again.out, ", 0 of them new\n")

	found := graph("a.db", "query", "search", "脓毒症", "--lang", "zh")
	require.Contains(t, found.out, "icd10cm/A41.9  脓毒症 (diagnosis)\n")
	require.Contains(t, graph("a.db", "query", "match", "?p has_diagnosis icd10cm/A41.9", "?p sex ?sex").out, "?sex = ")
	require.Contains(t, graph("a.db", "query", "neighbours", "icd10cm/A41.9").out, "suspected_of")
	path := graph("a.db", "query", "path", "icd10cm/A41.9", "loinc/8867-4", "--output", "json")
	require.Equal(t, exitOK, path.code, path.err)
	require.True(t, json.Valid([]byte(path.out)))
	require.Equal(t, exitUsage, graph("a.db", "query", "path", "icd10cm/A41.9").code)
	require.Equal(t, exitUsage, graph("a.db", "query", "match", "?p").code)
	missing := graph("a.db", "query", "neighbours", "icd10cm/nothing")
	require.Equal(t, exitFailure, missing.code)
	require.Contains(t, missing.err, "not found")

	quads := filepath.Join(dir, "a.nq")
	require.Equal(t, exitOK, graph("a.db", "export", "--out", quads).code)
	imported := graph("b.db", "import", quads)
	require.Equal(t, exitOK, imported.code, imported.err)
	require.NotContains(t, imported.out, "not taken")
	require.Equal(t, exitOK, graph("b.db", "render", "icd10cm/A41.9", "--depth", "2", "--out", filepath.Join(dir, "a.svg")).code)
	left, err := filepath.Glob(filepath.Join(dir, ".bedside-*"))
	require.NoError(t, err)
	require.Empty(t, left)

	require.NoError(t, os.WriteFile(input, append(lines.Bytes(), "{}\n"...), 0o600))
	broken := graph("a.db", "build", input)
	require.Equal(t, exitFailure, broken.code)
	require.Contains(t, broken.err, "records.ndjson: line 5")
	require.Contains(t, broken.out, "2 records, ", "the others are taken all the same")
}
