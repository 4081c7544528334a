package cohort_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/prepare/cohort"
)

// victimJob names, in the environment of this test's own binary, the folders of a job to run.
const victimJob = "BEDSIDE_TEST_COHORT"

// victim is the process that is killed.
func victim() int {
	var folders [2]string
	if err := json.Unmarshal([]byte(os.Getenv(victimJob)), &folders); err != nil {
		return 2
	}
	if _, err := (cohort.Local{}).Run(context.Background(), job(folders[0], folders[1])); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// A run that is killed, at any moment and again and again, ends with the same bytes as one
// that is not.
func TestKilledRunsEndAlike(t *testing.T) {
	in := generate(80, 50, 10).write(t)
	whole := job(in, t.TempDir())
	began := time.Now()
	run(t, whole)
	took := time.Since(began)
	want := contents(t, whole.Output)

	killed := 0
	r := rand.New(rand.NewPCG(11, 1))
	for range 2 {
		out := t.TempDir()
		folders, err := json.Marshal([2]string{in, out})
		require.NoError(t, err)
		for try := 0; ; try++ {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), victimJob+"="+string(folders))
			require.NoError(t, cmd.Start())
			if try < 5 {
				time.Sleep(time.Duration(r.Float64() * float64(took)))
				_ = cmd.Process.Kill()
			}
			if cmd.Wait() == nil {
				break
			}
			killed++
			require.Less(t, try, 6, "a run that is let alone ends")
		}
		require.Equal(t, want, contents(t, out))
	}
	require.Positive(t, killed)
}
