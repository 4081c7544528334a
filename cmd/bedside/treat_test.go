package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// TestTreat runs the command with a server of its own, which has no model to order the drugs.
func TestTreat(t *testing.T) {
	t.Setenv("BEDSIDE_TREATMENT_MODEL", "")
	args := []string{"treat", sampleRecords + "sepsis-icu.fhir.json", "--diagnosis"}
	text := command(t.Context(), nil, append(args, "A41.9")...)
	require.Zero(t, text.code, text.err)
	for _, want := range []string{"A41.9 sepsis", "age: ", "kidney function: ", "medication: ", "source: ", "decides nothing"} {
		require.Contains(t, text.out, want)
	}
	got := command(t.Context(), nil, append(args, "A41.9", "--lang", "zh", "--output", "json")...)
	require.Zero(t, got.code, got.err)
	var answer bedsidev1.SuggestTreatmentsResponse
	require.NoError(t, protojson.Unmarshal([]byte(got.out), &answer))
	require.Equal(t, "zh", answer.GetLanguage())
	require.NotEmpty(t, answer.GetSuggestions())

	unknown := command(t.Context(), nil, append(args, "Z00.0")...)
	require.Zero(t, unknown.code, "abstaining is an answer")
	require.Contains(t, unknown.out, "The table of guidelines has nothing for this diagnosis.")

	bad := command(t.Context(), nil, append(args, "sepsis")...)
	require.Equal(t, exitFailure, bad.code)
	require.Contains(t, bad.err, "diagnosis")
}
