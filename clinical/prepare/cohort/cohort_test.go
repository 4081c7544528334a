package cohort_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/prepare/cohort"
	"github.com/bedside-lm/bedside/clinical/prepare/split"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
)

func TestMain(m *testing.M) {
	if os.Getenv(victimJob) != "" {
		os.Exit(victim())
	}
	goleak.VerifyTestMain(m)
}

func job(in, out string) cohort.Job {
	return cohort.Job{
		Inputs: []string{in}, Output: out, Label: cohort.LabelDiagnosis, Split: split.Options{Train: 0.7, Validation: 0.1, Test: 0.2, Seed: 1},
		Texts: []render.Options{{Lang: render.English}, {Lang: render.Chinese}}, Prepare: prepare.Options{FillInterval: time.Hour},
		BlockBytes: 64 << 10, PartitionBytes: 128 << 10,
	}
}

// contents are the digests of all files below a folder.
func contents(t testing.TB, dir string) map[string]string {
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		h := sha256.Sum256(data)
		name, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(name)] = hex.EncodeToString(h[:])
		return err
	}))
	return out
}

func run(t testing.TB, j cohort.Job) *cohort.Manifest {
	t.Helper()
	m, err := cohort.Local{}.Run(t.Context(), j)
	require.NoError(t, err)
	return m
}

func TestACohort(t *testing.T) {
	in := generate(60, 40, 1).write(t)
	out := t.TempDir()
	m := run(t, job(in, out))
	require.Equal(t, 60, m.Patients)
	require.Zero(t, m.Rejected)
	require.Equal(t, 60*40, m.Counts["observations"])
	require.Equal(t, 2*60*10, m.Counts["units/converted"])
	require.Equal(t, map[string]map[string]int{
		"train": {"A41": 14, "J18": 14, "I21": 14}, "validation": {"A41": 2, "J18": 2, "I21": 2}, "test": {"A41": 4, "J18": 4, "I21": 4},
	}, m.Split.Sets)
	files := contents(t, out)
	require.NotContains(t, files, ".work/job")
	for _, o := range m.Outputs {
		require.Equal(t, o.SHA256, files[o.Path], o.Path)
	}
	require.Len(t, files, len(m.Outputs)+1)
	records := 0
	for name := range files {
		if !strings.Contains(name, "records-") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(out, name))
		require.NoError(t, err)
		for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
			rec, err := fhir.Parse([]byte(line), fhir.Limits{})
			require.NoError(t, err)
			require.Len(t, rec.Devices, 1, "a device that many name is part of each record")
			require.True(t, func() bool {
				for _, o := range rec.Observations {
					if o.Has(record.MarkConverted) {
						return true
					}
				}
				return false
			}())
			records++
		}
	}
	require.Equal(t, 60, records)
}

func TestWorkersAndPackingChangeNothing(t *testing.T) {
	in := generate(40, 40, 2).write(t)
	one := job(in, t.TempDir())
	one.Workers = 1
	run(t, one)
	want := contents(t, one.Output)
	four := job(in, t.TempDir())
	four.Workers = 4
	run(t, four)
	require.Equal(t, want, contents(t, four.Output))

	zip(t, filepath.Join(in, "Observation.ndjson"))
	packed := job(in, t.TempDir())
	m := run(t, packed)
	require.Equal(t, 40, m.Patients)
	require.Equal(t, 40*40, m.Counts["observations"])
}

func TestARunThatIsDoneIsNotDoneAgain(t *testing.T) {
	in := generate(10, 20, 3).write(t)
	j := job(in, t.TempDir())
	first := run(t, j)
	before := contents(t, j.Output)
	require.Equal(t, first.Job, run(t, j).Job)
	require.Equal(t, before, contents(t, j.Output))

	other := j
	other.Split.Seed = 9
	_, err := cohort.Local{}.Run(t.Context(), other)
	var wrong *cohort.JobError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, "output", wrong.Field)
}

func TestWhatCannotBeReadIsTold(t *testing.T) {
	b := generate(30, 20, 4)
	b.observations = append(b.observations, `{"resourceType":"Observation"`,
		`{"resourceType":"Observation","id":"x","status":"final","code":{"text":"t"},"subject":{"reference":"Patient/p0003"},"valueQuantity":{"value":"secret"}}`)
	in := b.write(t)
	j := job(in, t.TempDir())
	m := run(t, j)
	require.Equal(t, 29, m.Patients)
	require.Equal(t, 1, m.Rejected)
	require.Equal(t, 1, m.RejectedText)
	data, err := os.ReadFile(filepath.Join(j.Output, "rejects.jsonl"))
	require.NoError(t, err)
	require.NotContains(t, string(data), "secret")
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	require.Len(t, lines, 2)
	var r cohort.Reject
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &r))
	require.Equal(t, "Observation.ndjson", r.File)
	require.Equal(t, 601, r.Line)
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &r))
	require.Contains(t, r.Problems[0].Path, "Observation.ndjson:602: Observation.valueQuantity.value")

	strict := job(in, t.TempDir())
	strict.MaxRejects = 0.01
	_, err = cohort.Local{}.Run(t.Context(), strict)
	require.ErrorContains(t, err, "1 of 30 patients")
}

func TestAPatientBeyondTheLimitIsRejected(t *testing.T) {
	b := generate(3, 20, 5)
	big := generate(1, 4000, 6)
	b.observations = append(b.observations, big.observations...)
	j := job(b.write(t), t.TempDir())
	j.Limits.Bytes = 200 << 10
	j.MaxRejects = 0.5
	m := run(t, j)
	require.Equal(t, 2, m.Patients)
	require.Equal(t, 1, m.Rejected)
}

func TestJobsThatCannotBeRun(t *testing.T) {
	in := generate(2, 4, 7).write(t)
	full := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(full, "mine"), nil, 0o600))
	for name, c := range map[string]struct {
		change func(*cohort.Job)
		field  string
	}{
		"no input":        {func(j *cohort.Job) { j.Inputs = nil }, "inputs"},
		"missing input":   {func(j *cohort.Job) { j.Inputs = []string{"nowhere"} }, "inputs"},
		"nothing to read": {func(j *cohort.Job) { j.Inputs = []string{t.TempDir()} }, "inputs"},
		"no output":       {func(j *cohort.Job) { j.Output = "" }, "output"},
		"output in use":   {func(j *cohort.Job) { j.Output = full }, "output"},
		"shares":          {func(j *cohort.Job) { j.Split.Train = 0.9 }, "split"},
		"no labels":       {func(j *cohort.Job) { j.Label = cohort.LabelFile }, "labels"},
	} {
		t.Run(name, func(t *testing.T) {
			j := job(in, t.TempDir())
			c.change(&j)
			_, err := cohort.Local{}.Run(t.Context(), j)
			var wrong *cohort.JobError
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, c.field, wrong.Field)
		})
	}
}

// stopAfter ends a context after n texts.
type stopAfter struct {
	n    atomic.Int64
	stop context.CancelCauseFunc
}

func (s *stopAfter) Embed(_ context.Context, texts []string) ([][]float32, error) {
	if s.n.Add(-int64(len(texts))) < 0 && s.stop != nil {
		s.stop(cohort.ErrInterrupted)
	}
	out := make([][]float32, len(texts))
	for i := range out {
		out[i] = []float32{float32(len(texts[i])), 1, 2}
	}
	return out, nil
}

func TestARunGoesOnWhereItWasStopped(t *testing.T) {
	in := generate(60, 40, 8).write(t)
	whole := job(in, t.TempDir())
	whole.Embedder, whole.EmbedderName = &stopAfter{}, "lengths"
	run(t, whole)
	want := contents(t, whole.Output)
	require.Contains(t, strings.Join(keys(want), " "), "vectors-")

	part, stopped := job(in, t.TempDir()), 0
	for n := int64(5); ; n += 15 {
		ctx, cancel := context.WithCancelCause(t.Context())
		e := &stopAfter{stop: cancel}
		e.n.Store(n)
		part.Embedder, part.EmbedderName = e, "lengths"
		_, err := cohort.Local{}.Run(ctx, part)
		cancel(nil)
		if err == nil {
			break
		}
		require.ErrorIs(t, err, cohort.ErrInterrupted)
		stopped++
	}
	require.Greater(t, stopped, 1)
	require.Equal(t, want, contents(t, part.Output))
}

func keys(m map[string]string) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}
