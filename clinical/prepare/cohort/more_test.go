package cohort_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/prepare/cohort"
	"github.com/bedside-lm/bedside/clinical/prepare/split"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// lines are all lines of the outputs of one kind, by set, in an order of their own.
func lines(t testing.TB, dir, kind string) []string {
	var out []string
	files, err := filepath.Glob(filepath.Join(dir, "*", kind+"-*"))
	require.NoError(t, err)
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		for _, l := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
			out = append(out, filepath.Base(filepath.Dir(f))+" "+l)
		}
	}
	slices.Sort(out)
	return out
}

// TestCuttingChangesNothing: whatever blocks the input is cut into, into how many partitions
// patients are sorted, in how many passes each is read, and by how many workers, every
// patient comes out the same and in the same set.
func TestCuttingChangesNothing(t *testing.T) {
	b := generate(25, 24, 12)
	for _, big := range []string{"p0003", "p0007"} { // whose partitions are read in passes
		for i := range 400 {
			b.observations = append(b.observations, fmt.Sprintf(
				`{"resourceType":"Observation","id":"x-%s-%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/%s"},"effectiveDateTime":"2026-03-04T10:%02d:%02dZ","valueQuantity":{"value":%d,"system":"http://unitsofmeasure.org","code":"/min"}}`,
				big, i, big, i/60, i%60, 60+i%40))
		}
	}
	in := b.write(t)
	whole := job(in, t.TempDir())
	want := run(t, whole)
	r := rand.New(rand.NewPCG(13, 1))
	pick := func(of ...int64) int64 { return of[r.IntN(len(of))] }
	for range 5 {
		j := job(in, t.TempDir())
		j.Workers, j.BlockBytes, j.PartitionBytes = int(pick(1, 2, 3, 5)), pick(20_000, 100_000, 10<<20), pick(15_000, 80_000, 10<<20)
		m := run(t, j)
		require.Equal(t, want.Counts, m.Counts)
		require.Equal(t, want.Split.Sets, m.Split.Sets)
		for _, kind := range []string{"records", "text"} {
			require.True(t, slices.Equal(lines(t, whole.Output, kind), lines(t, j.Output, kind)), "%s with %d, %d, %d", kind, j.Workers, j.BlockBytes, j.PartitionBytes)
		}
	}
}

func TestBrokenLinesAreCountedAndBounded(t *testing.T) {
	b := generate(30, 20, 4)
	sound := len(b.observations) + 3*30 + 1
	for range 3000 {
		b.observations = append(b.observations, `{`)
	}
	j := job(b.write(t), t.TempDir())
	_, err := cohort.Local{}.Run(t.Context(), j)
	require.ErrorContains(t, err, fmt.Sprintf("3000 of %d lines", sound+3000))
	told, err := os.ReadFile(filepath.Join(j.Output, "rejects.jsonl"))
	require.NoError(t, err)
	require.NotEmpty(t, told, "what was wrong can be read although the job failed")

	j.Output, j.MaxRejects, j.BlockBytes = t.TempDir(), 1, 100<<20
	m := run(t, j)
	require.Equal(t, 3000, m.RejectedText)
	told, err = os.ReadFile(filepath.Join(j.Output, "rejects.jsonl"))
	require.NoError(t, err)
	require.Equal(t, 1000, strings.Count(string(told), "\n"), "listed up to a bound in each block")
}

func TestLabelsAreOfTheJob(t *testing.T) {
	in := generate(12, 20, 3).write(t)
	labels := filepath.Join(t.TempDir(), "labels.tsv")
	write := func(text string) { require.NoError(t, os.WriteFile(labels, []byte(text), 0o600)) }
	write("p0000\tyes\np0001\tno\n")
	j := job(in, t.TempDir())
	j.Label, j.Labels = cohort.LabelFile, labels
	j.Split = split.Options{Train: 0.5, Test: 0.5}
	m := run(t, j)
	count := map[string]int{}
	for _, set := range m.Split.Sets {
		for label, n := range set {
			count[label] += n
		}
	}
	require.Equal(t, map[string]int{"yes": 1, "no": 1, "": 10}, count)
	write("p0000\tno\np0001\tno\n")
	_, err := cohort.Local{}.Run(t.Context(), j)
	var wrong *cohort.JobError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, "output", wrong.Field)
	write("p0000 no tab\n")
	_, err = cohort.Local{}.Run(t.Context(), j)
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, "labels", wrong.Field)
}

func TestEverySettingMakesAnotherJob(t *testing.T) {
	in := generate(4, 12, 3).write(t)
	base := job(in, t.TempDir())
	run(t, base)
	for name, change := range map[string]func(*cohort.Job){
		"style":     func(j *cohort.Job) { j.Texts = []render.Options{{Lang: render.English, Style: render.StyleCompact}} },
		"budget":    func(j *cohort.Job) { j.Texts = []render.Options{{Lang: render.English, TokenBudget: 50}} },
		"tokenizer": func(j *cohort.Job) { j.Tokenizer = "another" },
		"seed":      func(j *cohort.Job) { j.Split.Seed++ },
		"stage":     func(j *cohort.Job) { j.Prepare.Hampel = 4 },
		"version":   func(j *cohort.Job) { j.Version = "2" },
		"label":     func(j *cohort.Job) { j.Label = cohort.LabelNone },
	} {
		other := base
		change(&other)
		_, err := cohort.Local{}.Run(t.Context(), other)
		var wrong *cohort.JobError
		require.ErrorAs(t, err, &wrong, name)
		require.Equal(t, "output", wrong.Field, name)
	}
	other := base
	other.Workers = 7
	run(t, other)
	info, err := os.Stat(filepath.Join(in, "Patient.ndjson"))
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(filepath.Join(in, "Patient.ndjson"), info.ModTime(), info.ModTime().Add(1e9)))
	_, err = cohort.Local{}.Run(t.Context(), base)
	require.ErrorContains(t, err, "inputs have changed")
}

func TestWhatAKillBetweenManifestAndTheEndLeavesIsTakenAway(t *testing.T) {
	in := generate(4, 12, 3).write(t)
	j := job(in, t.TempDir())
	run(t, j)
	want := contents(t, j.Output)
	require.NoError(t, os.Mkdir(filepath.Join(j.Output, ".work"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(j.Output, ".work", "part-00001"), []byte("x"), 0o600))
	run(t, j)
	require.Equal(t, want, contents(t, j.Output))
}

func condition(id, category, code, recorded string) record.Condition {
	when, _ := record.ParseDateTime(recorded)
	return record.Condition{ID: id, Category: category, Recorded: when, Code: record.Concept{Codings: []record.Coding{{System: record.SystemICD10CM, Code: code}}}}
}

func TestDiagnosisLabel(t *testing.T) {
	refuted := condition("0", "encounter-diagnosis", "I21.9", "")
	refuted.Verification = "refuted"
	all := []record.Condition{
		condition("a", "problem-list-item", "E11.9", "2020-01-01"), condition("z", "encounter-diagnosis", "A41.9", "2026-03-02"),
		condition("b", "encounter-diagnosis", "J18.9", "2026-03-03"), condition("c", "encounter-diagnosis", "N17", ""), refuted,
	}
	label := func(cs []record.Condition) string {
		rec := &record.PatientRecord{
			Patient: record.Patient{ID: "p"}, Conditions: cs,
			Observations: []record.Observation{{ID: "o", Status: "final", Code: record.Concept{Text: "t"}, Value: record.Value{Text: "x"}}},
		}
		p, err := cohort.Prepare("p", rec, &cohort.Job{Label: cohort.LabelDiagnosis}, nil)
		require.NoError(t, err)
		return p.Label
	}
	rapid.Check(t, func(rt *rapid.T) {
		if got := label(rapid.Permutation(all).Draw(rt, "order")); got != "A41" {
			rt.Fatalf("label %s depends on the order", got)
		}
	})
	require.Equal(t, "E11", label(all[:1]))
	require.Empty(t, label(nil))
	require.Empty(t, label([]record.Condition{refuted}))
}

// failing is an embedder that does what it must not.
type failing func(texts []string) ([][]float32, error)

func (f failing) Embed(_ context.Context, texts []string) ([][]float32, error) { return f(texts) }

func TestEmbeddersThatFail(t *testing.T) {
	in := generate(6, 12, 3).write(t)
	broken := errors.New("no model")
	for want, f := range map[string]failing{
		"no model":          func([]string) ([][]float32, error) { return nil, broken },
		"0 vectors":         func([]string) ([][]float32, error) { return nil, nil },
		"different lengths": func(ts []string) ([][]float32, error) { return make([][]float32, len(ts)), nil },
	} {
		j := job(in, t.TempDir())
		j.Embedder = f
		_, err := cohort.Local{}.Run(t.Context(), j)
		require.ErrorContains(t, err, want)
	}
}

// TestDamagedWork: a work folder that someone changed is found out.
func TestDamagedWork(t *testing.T) {
	in := generate(30, 30, 3).write(t)
	j := job(in, t.TempDir())
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	e := &stopAfter{stop: cancel}
	e.n.Store(1)
	j.Embedder, j.PartitionBytes = e, 10<<10
	_, err := cohort.Local{}.Run(ctx, j)
	require.ErrorIs(t, err, cohort.ErrInterrupted)
	segments, err := filepath.Glob(filepath.Join(j.Output, ".work", "segment-*"))
	require.NoError(t, err)
	require.NotEmpty(t, segments)
	for _, s := range segments {
		data, err := os.ReadFile(s)
		require.NoError(t, err)
		data[len(data)/3] ^= 1
		require.NoError(t, os.WriteFile(s, data, 0o600))
	}
	j.Embedder = &stopAfter{}
	_, err = cohort.Local{}.Run(t.Context(), j)
	require.ErrorContains(t, err, "damaged")
}

// TestGivenCohort runs on generated stays, where the test suite has made some.
func TestGivenCohort(t *testing.T) {
	in := os.Getenv("BEDSIDE_COHORT")
	if in == "" {
		t.Skip("BEDSIDE_COHORT names no folder of generated stays")
	}
	j := job(in, t.TempDir())
	j.BlockBytes, j.PartitionBytes = 0, 0
	m := run(t, j)
	require.Positive(t, m.Patients)
	require.Zero(t, m.RejectedText)
	require.Zero(t, m.Split.LeakedPatients+m.Split.LeakedPairs)
	t.Logf("%d patients, %d observations, changes %v", m.Patients, m.Counts["observations"], slices.Sorted(maps.Keys(m.Counts)))
}

func TestAnEmptySettingIsNone(t *testing.T) {
	in := generate(2, 4, 7).write(t)
	none, empty := job(in, t.TempDir()), job(in, t.TempDir())
	empty.Mapping, empty.Prepare.Skip = []byte{}, []prepare.StageName{}
	empty.Texts = []render.Options{{Lang: render.English, Alarms: map[string]terms.Bounds{}}, {Lang: render.Chinese}}
	require.Equal(t, run(t, none).Job, run(t, empty).Job)
}
