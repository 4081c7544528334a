package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReport makes a page of a record with the models that come with Bedside, without a language model.
func TestReport(t *testing.T) {
	out := filepath.Join(t.TempDir(), "page.html")
	t.Setenv("BEDSIDE_SHIPPED_MODELS", filepath.Join("..", "..", "models"))
	got := command(t.Context(), nil, "report", sampleRecords+"sepsis-icu.fhir.json", "--no-summary", "--lang", "zh", "--out", out)
	require.Equal(t, exitOK, got.code, got.err)
	page, err := os.ReadFile(out)
	require.NoError(t, err)
	for _, want := range []string{`<html lang="zh">`, "脓毒症", "未要求。", "bedside-gru", `<svg class="plot"`, `class="bg-paper"`, "for-d1"} {
		require.Contains(t, string(page), want)
	}
	info, err := os.Stat(out)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "others can read what is said about a patient")
	require.Equal(t, exitUsage, command(t.Context(), nil, "report", minimalRecord).code, "without --out")
}
