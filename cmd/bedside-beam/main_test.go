package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/prepare/cohort"
)

func TestRun(t *testing.T) {
	in := filepath.Join(t.TempDir(), "a.ndjson")
	require.NoError(t, os.WriteFile(in, []byte(`{"resourceType":"Patient","id":"p"}`+"\n"), 0o600))
	for name, c := range map[string]struct {
		file, job string
		rest      []string
		code      int
		says      string
	}{
		"no job":          {code: exitUsage, says: "--job"},
		"an argument":     {file: "-", rest: []string{"prepare"}, code: exitUsage, says: "flags only"},
		"no such file":    {file: "nowhere", code: exitFailure, says: "nowhere"},
		"not JSON":        {file: "-", job: "x", code: exitUsage, says: "job"},
		"unknown setting": {file: "-", job: `{"inputz":[]}`, code: exitUsage, says: "inputz"},
		"no output":       {file: "-", job: `{"inputs":["` + in + `"]}`, code: exitUsage, says: "output"},
		"works":           {file: "-", job: `{"inputs":["` + in + `"],"output":"` + t.TempDir() + `","texts":[{"language":"zh"}]}`, says: `"patients": 1`},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), c.file, local, c.rest, strings.NewReader(c.job), &out)
			require.Equal(t, c.code, exitCode(t.Context(), err))
			if c.code == 0 {
				require.NoError(t, err)
				require.Contains(t, out.String(), c.says)
				return
			}
			require.ErrorContains(t, err, c.says)
			require.Empty(t, out.String())
		})
	}
	over, stop := context.WithCancel(t.Context())
	stop()
	require.Equal(t, exitInterrupted, exitCode(over, errors.New("ended")))
}

// The job that --help shows can be run.
func TestTheJobOfTheHelp(t *testing.T) {
	from, to := strings.Index(usage, "  {\n"), strings.Index(usage, "\n  }\n")
	require.Positive(t, from)
	var j cohort.Job
	require.NoError(t, j.UnmarshalJSON([]byte(usage[from:to+4])))
	require.Len(t, j.Texts, 2)
	require.Equal(t, int64(8<<20), j.PartitionBytes)
}
