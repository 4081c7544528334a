package runner_test

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
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
	beam.Init()
	log.SetLogger(&log.Standard{Level: log.SevWarn})
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
