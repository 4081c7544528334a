package runner_test

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/prepare/cohort"
	"github.com/bedside-lm/bedside/clinical/prepare/split"
	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/cmd/bedside-beam/runner"
)

func TestMain(m *testing.M) {
	flag.Parse()
	log.LogLevel = "warn"
	beam.Init()
	os.Exit(m.Run())
}

var monday = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// bulk is a cohort as a bulk export has it: one file a type, patients mixed.
type bulk map[string][]string

func generate(patients, readings int, seed uint64) bulk {
	r := rand.New(rand.NewPCG(seed, 3))
	b := bulk{"Device": {`{"resourceType":"Device","id":"monitor","type":{"text":"monitor"}}`}}
	add := func(typ, format string, args ...any) {
		b[typ] = append(b[typ], fmt.Sprintf(`{"resourceType":"`+typ+`",`+format+`}`, args...))
	}
	for p := range patients {
		id := fmt.Sprintf("p%05d", p)
		add("Patient", `"id":%q,"gender":"female","birthDate":"19%02d-05-01"`, id, 40+p%50)
		add("Encounter", `"id":"e-%s","status":"finished","class":{"code":"IMP"},"subject":{"reference":"Patient/%s"},"period":{"start":%q}`,
			id, id, monday.Format(time.RFC3339))
		add("Condition", `"id":"c-%s","subject":{"reference":"Patient/%s"},"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"encounter-diagnosis"}]}],"code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":%q}]}`,
			id, id, []string{"A41.9", "J18.9", "I21.9"}[p%3])
		for i := range readings {
			m := []struct {
				code, unit string
				level      float64
			}{{"8867-4", "/min", 85}, {"2708-6", "%", 95}, {"8310-5", "[degF]", 99}, {"2345-7", "mmol/L", 6.5}}[i%4]
			add("Observation", `"id":"o-%s-%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":%q}]},"subject":{"reference":"Patient/%s"},"device":{"reference":"Device/monitor"},"effectiveDateTime":%q,"valueQuantity":{"value":%.1f,"system":"http://unitsofmeasure.org","code":%q}`,
				id, i, m.code, id, monday.Add(time.Duration(i)*5*time.Minute).Format(time.RFC3339), m.level+r.NormFloat64(), m.unit)
		}
	}
	os := b["Observation"]
	r.Shuffle(len(os), func(i, j int) { os[i], os[j] = os[j], os[i] })
	return b
}

// take adds all of one patient.
func (b bulk) take(from bulk, patient string) {
	for typ, lines := range from {
		for _, l := range lines {
			if strings.Contains(l, patient) {
				b[typ] = append(b[typ], l)
			}
		}
	}
}

// write writes the export, and returns its folder.
func (b bulk) write(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for typ, lines := range b {
		require.NoError(t, os.WriteFile(filepath.Join(dir, typ+".ndjson"), []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	}
	return dir
}

func job(in, out string) cohort.Job {
	return cohort.Job{
		Inputs: []string{in}, Output: out, Label: cohort.LabelDiagnosis, Split: split.Options{Train: 0.7, Validation: 0.1, Test: 0.2, Seed: 1},
		Texts: []render.Options{{Lang: render.English}, {Lang: render.Chinese, Style: render.StyleCompact}}, Prepare: prepare.Options{FillInterval: time.Hour},
		BlockBytes: 64 << 10, PartitionBytes: 128 << 10,
	}
}

// contents are the digests of all files below a folder.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
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

// both runs a job by both runners, and returns the folders that they wrote.
func both(t *testing.T, j cohort.Job) (local, beamed string) {
	t.Helper()
	local, beamed = t.TempDir(), t.TempDir()
	j.Output = local
	want, err := cohort.Local{}.Run(t.Context(), j)
	require.NoError(t, err)
	j.Output = beamed
	got, err := runner.Runner{}.Run(t.Context(), j)
	require.NoError(t, err)
	require.Equal(t, want, got)
	return local, beamed
}

func TestTheSameBytesAsLocal(t *testing.T) {
	local, beamed := both(t, job(generate(60, 40, 1).write(t), ""))
	want := contents(t, local)
	require.Contains(t, want, "manifest.json")
	require.Greater(t, len(want), 12)
	require.Equal(t, want, contents(t, beamed))
}

func TestLabelsOfAFile(t *testing.T) {
	j := job(generate(40, 10, 2).write(t), "")
	j.Label, j.Labels = cohort.LabelFile, filepath.Join(t.TempDir(), "labels")
	lines := "nobody\tlate\n"
	for p := range 35 {
		lines += fmt.Sprintf("p%05d\t%s\n", p, []string{"early", "late"}[p%2])
	}
	require.NoError(t, os.WriteFile(j.Labels, []byte(lines), 0o600))
	local, beamed := both(t, j)
	require.Equal(t, contents(t, local), contents(t, beamed))
}

// Packed sources, an undivided cohort, and a patient whose data fill several partitions.
func TestOtherCohorts(t *testing.T) {
	b := generate(10, 20, 3)
	b.take(generate(11, 1500, 4), "p00010")
	j := job(b.write(t), "")
	j.Split, j.Label, j.Texts, j.PartitionBytes = split.Options{}, cohort.LabelNone, nil, 16<<10
	zip(t, filepath.Join(j.Inputs[0], "Observation.ndjson"))
	local, beamed := both(t, j)
	want := contents(t, local)
	require.Contains(t, want, "all/records-00000.ndjson")
	require.Equal(t, want, contents(t, beamed))
}

func zip(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	f, err := os.Create(path + ".gz")
	require.NoError(t, err)
	z := gzip.NewWriter(f)
	_, err = z.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())
	require.NoError(t, os.Remove(path))
}

// What cannot be read is told in the same words and the same order.
func TestRejects(t *testing.T) {
	b := generate(60, 10, 5)
	b["Observation"] = append(b["Observation"], `{"resourceType":"Observation"`, `not JSON`)
	for _, p := range []int{3, 17, 44} {
		b["Observation"] = append(b["Observation"], fmt.Sprintf(
			`{"resourceType":"Observation","id":"x%d","status":"final","code":{"text":"t"},"subject":{"reference":"Patient/p%05d"},"valueQuantity":{"value":"secret"}}`, p, p))
	}
	j := job("", "")
	b.take(generate(61, 400, 6), "p00060")
	j.Inputs, j.Limits.Bytes, j.MaxRejects = []string{b.write(t)}, 64<<10, 0.2
	local, beamed := both(t, j)
	require.Equal(t, contents(t, local), contents(t, beamed))
	told, err := os.ReadFile(filepath.Join(beamed, "rejects.jsonl"))
	require.NoError(t, err)
	require.Equal(t, 6, strings.Count(string(told), "\n"))
	require.NotContains(t, string(told), "secret")
	require.Contains(t, string(told), "bytes about one patient")

	j.MaxRejects, j.Output = 0.01, t.TempDir()
	_, err = runner.Runner{}.Run(t.Context(), j)
	var wrong *cohort.JobError
	require.ErrorAs(t, err, &wrong)
	require.Contains(t, wrong.Message, "4 of 61 patients")
	files := contents(t, j.Output)
	require.Contains(t, files, "rejects.jsonl")
	require.NotContains(t, files, "manifest.json")
}

func TestARunThatIsDoneOrWasStopped(t *testing.T) {
	j := job(generate(10, 10, 7).write(t), t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err := runner.Runner{}.Run(ctx, j)
	require.Error(t, err)
	first, err := runner.Runner{}.Run(t.Context(), j)
	require.NoError(t, err)
	before := contents(t, j.Output)
	require.NotContains(t, strings.Join(slices.Collect(maps.Keys(before)), " "), ".work")
	again, err := cohort.Local{}.Run(t.Context(), j)
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.Equal(t, before, contents(t, j.Output))

	j.Split.Seed = 9
	_, err = runner.Runner{}.Run(t.Context(), j)
	var wrong *cohort.JobError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, "output", wrong.Field)
}

type lengths struct{}

func (lengths) Embed(context.Context, []string) ([][]float32, error) { return nil, nil }

func TestFunctionsDoNotTravel(t *testing.T) {
	in := generate(2, 4, 8).write(t)
	for name, c := range map[string]struct {
		change func(*cohort.Job)
		field  string
	}{
		"embedder":  {func(j *cohort.Job) { j.Embedder = lengths{} }, "embedder"},
		"tokenizer": {func(j *cohort.Job) { j.Texts[0].CountTokens = func(string) int { return 1 } }, "tokenizer"},
		"no input":  {func(j *cohort.Job) { j.Inputs = nil }, "inputs"},
	} {
		t.Run(name, func(t *testing.T) {
			j := job(in, t.TempDir())
			c.change(&j)
			_, err := runner.Runner{}.Run(t.Context(), j)
			var wrong *cohort.JobError
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, c.field, wrong.Field)
		})
	}
}

// BenchmarkRunners prepares the same 200 patients with 20,000 observations by both runners.
func BenchmarkRunners(b *testing.B) {
	in := generate(200, 100, 9).write(b)
	for name, r := range map[string]cohort.Runner{"local": cohort.Local{}, "prism": runner.Runner{}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				j := job(in, b.TempDir())
				j.BlockBytes, j.PartitionBytes = 0, 0
				_, err := r.Run(b.Context(), j)
				require.NoError(b, err)
			}
			b.ReportMetric(float64(200*100*b.N)/b.Elapsed().Seconds(), "observations/s")
		})
	}
}
