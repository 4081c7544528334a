package treatment_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
	"github.com/bedside-lm/bedside/clinical/treatment"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (run with -update where this is intended):\n%s", name, diff)
	}
}

// readRecord reads a sample and prepares it, as a server does.
func readRecord(t *testing.T, path string) *record.PatientRecord {
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	rec, err := fhir.Read(f, fhir.Limits{})
	require.NoError(t, err)
	return prepare.Run(rec, prepare.Options{}).Record
}

// TestGolden keeps what is told of three patients: the sample records, and one in whom much must not stand.
func TestGolden(t *testing.T) {
	for name, diagnoses := range map[string][]string{
		"sepsis-icu": {"A41.9"}, "complicated": {"I21.9", "I48.91", "N10"},
	} {
		path := filepath.Join("testdata", name+".fhir.json")
		if name == "sepsis-icu" {
			path = filepath.Join("..", "..", "testdata", "records", name+".fhir.json")
		}
		rec := readRecord(t, path)
		for _, lang := range []terms.Lang{terms.English, terms.Chinese} {
			plan := treatment.Suggest(rec, diagnoses, time.Time{})
			golden(t, name+"."+string(lang)+".txt", strings.Join(plan.Lines(lang), "\n")+"\n")
		}
	}
}
