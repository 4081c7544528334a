package evaluate_test

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/prepare/evaluate"
)

// underRace is how many patients are judged with the race detector on, which takes seven times
// as long: enough to find a race. Claims are held against all, without it.
const underRace = 8

// The generated cohort is made by scripts/corpus; `make test` says where it is.
func TestTheCleaningIsAheadOnAGeneratedCohort(t *testing.T) {
	folder := os.Getenv("BEDSIDE_COHORT")
	if folder == "" {
		t.Skip("LEFT OUT: no generated cohort. Make one and name it: export BEDSIDE_COHORT=$(python3 -m scripts.corpus cohort)")
	}
	records, _, err := evaluate.Read(folder, runtime.GOMAXPROCS(0))
	require.NoError(t, err, "BEDSIDE_COHORT cannot be used")
	require.GreaterOrEqual(t, len(records), 32, "patients in BEDSIDE_COHORT")
	if raceDetector {
		judge(records[:underRace])
		return
	}
	requireAhead(t, judge(records))
}

func TestAFolderWithoutACohortIsAnError(t *testing.T) {
	_, _, err := evaluate.Read(t.TempDir(), 1)
	require.ErrorContains(t, err, "holds no .ndjson files")
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(folder+"/Observation.ndjson", []byte("{\"resourceType\":\n"), 0o600))
	_, _, err = evaluate.Read(folder, 1)
	require.ErrorContains(t, err, "Observation.ndjson:1")
}
