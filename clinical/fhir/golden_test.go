package fhir_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const records = "../../testdata/records"

func sampleNames(t testing.TB, pattern string) []string {
	names, err := filepath.Glob(filepath.Join(records, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	return names
}

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

func TestSamplesReadAsTheGoldenFilesSay(t *testing.T) {
	for _, path := range sampleNames(t, "*.fhir.json") {
		f, err := os.Open(path)
		require.NoError(t, err)
		got, err := fhir.Read(f, fhir.Limits{})
		require.NoError(t, f.Close())
		require.NoError(t, err, path)
		text := dump(got)
		golden(t, strings.TrimSuffix(filepath.Base(path), ".fhir.json")+".golden", text)
		for _, name := range []string{"Beispiel", "Erika", "王示例"} {
			require.NotContains(t, text, name, "a name was read")
		}
	}
}

func TestEachBadSampleIsRefusedAsTheGoldenFileSays(t *testing.T) {
	var out strings.Builder
	for _, path := range sampleNames(t, "bad/*.json") {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		_, err = fhir.Parse(data, fhir.Limits{})
		var invalid *record.InvalidError
		require.ErrorAs(t, err, &invalid, path)
		require.Len(t, invalid.Violations, 1, "%s has one fault: %v", path, err)
		out.WriteString(filepath.Base(path) + "\n\t" + err.Error() + "\n")
	}
	golden(t, "bad.golden", out.String())
}
