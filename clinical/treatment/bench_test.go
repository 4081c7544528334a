package treatment_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/treatment"
)

// BenchmarkSuggest is one patient's suggestions for three diagnoses, through the rules.
func BenchmarkSuggest(b *testing.B) {
	f, err := os.Open(filepath.Join("testdata", "complicated.fhir.json"))
	require.NoError(b, err)
	rec, err := fhir.Read(f, fhir.Limits{})
	require.NoError(b, err)
	require.NoError(b, f.Close())
	b.ReportAllocs()
	for b.Loop() {
		treatment.Suggest(rec, []string{"I21.9", "I48.91", "N10"}, time.Time{})
	}
}
