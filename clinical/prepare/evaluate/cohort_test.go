package evaluate_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
)

// The generated cohort is made by scripts/corpus; `make test` says where it is.
func TestTheCleaningIsAheadOnAGeneratedCohort(t *testing.T) {
	folder := os.Getenv("BEDSIDE_COHORT")
	if folder == "" {
		t.Skip("LEFT OUT: no generated cohort. Make one and name it: export BEDSIDE_COHORT=$(python3 -m scripts.corpus cohort)")
	}
	records := generated(t, filepath.Join(folder, "fhir"))
	require.GreaterOrEqual(t, len(records), 32, "patients in BEDSIDE_COHORT")
	requireAhead(t, judge(records))
}

// generated reads a cohort's files, in order, into one record a patient.
func generated(t *testing.T, folder string) []*record.PatientRecord {
	files, err := filepath.Glob(filepath.Join(folder, "*.ndjson"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "files of BEDSIDE_COHORT")
	lim := fhir.Limits{}
	shared := fhir.NewShared(lim)
	lines := map[string][]fhir.Line{}
	for _, file := range files {
		f, err := os.Open(file)
		require.NoError(t, err)
		in := fhir.NewLines(f, filepath.Base(file), lim)
		for {
			line, err := in.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			res, err := fhir.Glance(line, lim)
			require.NoError(t, err)
			switch {
			case res.Patient != "":
				lines[res.Patient] = append(lines[res.Patient], line.Clone())
			case res.Shared():
				require.NoError(t, shared.Add(line, res))
			}
		}
		require.NoError(t, f.Close())
	}
	ids := make([]string, 0, len(lines))
	for id := range lines {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	out := make([]*record.PatientRecord, len(ids))
	for i, id := range ids {
		out[i], err = fhir.ParseResources(lines[id], shared, lim)
		require.NoError(t, err)
	}
	return out
}
