package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

func TestDeidAndBack(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	text := "患者张伟，男，MRN 7734201, seen by Dr. Whitfield on 2024-03-05."
	note, key, sealed, out := file("note", text), file("key", strings.Repeat("k", 32)), filepath.Join(dir, "sealed"), filepath.Join(dir, "out")
	policy := file("policy.yaml", "default: hash\nactions: {NAME: pseudonym, DATE: shift}\n")

	plain := command(t.Context(), nil, "deid", note)
	require.Zero(t, plain.code, plain.err)
	require.Equal(t, "患者[NAME]，男，MRN [MRN], seen by Dr. [NAME] on 2024.", plain.out)
	require.Contains(t, plain.err, "4 identifiers: DATE 1, MRN 1, NAME 2")

	piped := command(t.Context(), strings.NewReader("MSH|^~\\&|A|B|C|D|20240305||ORU^R01|1|P|2.6\rPID|1||7734201^^^H^MR||Zweig^Xan\r"), "deid", "-o", "json", "-")
	require.Zero(t, piped.code, piped.err)
	var answer bedsidev1.DeidentifyResponse
	require.NoError(t, protojson.Unmarshal([]byte(piped.out), &answer))
	require.Contains(t, answer.GetOutput(), "PID|1||[MRN]^^^H^MR||[NAME]^[NAME]")
	require.Equal(t, "PID[1]-3", answer.GetSpans()[len(answer.GetSpans())-3].GetPath())

	r := command(t.Context(), nil, "deid", "--policy", policy, "--key-file", key, "--patient", "p1", "--sealed", sealed, "--out", out, note)
	require.Zero(t, r.code, r.err)
	written, err := os.ReadFile(out)
	require.NoError(t, err)
	for _, value := range []string{"张伟", "7734201", "Whitfield", "2024-03-05"} {
		require.NotContains(t, string(written), value)
	}
	back := command(t.Context(), nil, "deid", "--key-file", key, "--reverse", sealed, out)
	require.Zero(t, back.code, back.err)
	require.Equal(t, text, back.out)
	require.Equal(t, exitFailure, command(t.Context(), nil, "deid", "--key-file", file("other", strings.Repeat("o", 32)), "--reverse", sealed, out).code)

	for name, args := range map[string][]string{
		"no key": {"--sealed", sealed, note}, "two keys": {"--addr", "127.0.0.1:1", "--key-file", key, note}, "reverse without a key": {"--reverse", sealed, note},
		"policy": {"--policy", file("bad.yaml", "actions: {NAME: shift}"), note},
	} {
		require.Equal(t, exitUsage, command(t.Context(), nil, append([]string{"deid"}, args...)...).code, name)
	}
}

func TestDeidTellsFormats(t *testing.T) {
	for text, want := range map[string]string{
		"MSH|^~\\&|": "hl7v2", `{"resourceType":"Patient"}`: "fhir", "{\"a\":1}\n{\"b\":2}\n": "ndjson", "{\n\"a\":1\n}": "fhir", "a note": "text", "{not json": "text",
	} {
		require.Equal(t, want, (&deidCmd{Format: "auto", File: "-"}).formatOf(text), text)
	}
	for name, want := range map[string]string{"a.hl7": "hl7v2", "a.json": "fhir", "a.ndjson": "ndjson", "a.txt": "text"} {
		require.Equal(t, want, (&deidCmd{Format: "auto", File: name}).formatOf("x"))
	}
}
