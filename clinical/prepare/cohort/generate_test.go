package cohort_test

import (
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var monday = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// bulk is a cohort as a bulk export has it: one file a type, patients mixed.
type bulk struct {
	patients, encounters, conditions, devices []string
	observations                              []string
}

func generate(patients, readings int, seed uint64) *bulk {
	r := rand.New(rand.NewPCG(seed, 3))
	b := &bulk{devices: []string{`{"resourceType":"Device","id":"monitor","type":{"text":"monitor"}}`}}
	for p := range patients {
		id := fmt.Sprintf("p%04d", p)
		code := []string{"A41.9", "J18.9", "I21.9"}[p%3]
		b.patients = append(b.patients, fmt.Sprintf(`{"resourceType":"Patient","id":%q,"gender":"female","birthDate":"19%02d-05-01"}`, id, 40+p%50))
		b.encounters = append(b.encounters, fmt.Sprintf(
			`{"resourceType":"Encounter","id":"e-%s","status":"finished","class":{"code":"IMP"},"subject":{"reference":"Patient/%s"},"period":{"start":%q}}`,
			id, id, monday.Format(time.RFC3339)))
		b.conditions = append(b.conditions, fmt.Sprintf(
			`{"resourceType":"Condition","id":"c-%s","subject":{"reference":"Patient/%s"},"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"encounter-diagnosis"}]}],"code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":%q}]}}`,
			id, id, code))
		for i := range readings {
			m := []struct {
				code, unit string
				level      float64
			}{{"8867-4", "/min", 85}, {"2708-6", "%", 95}, {"8310-5", "[degF]", 99}, {"2345-7", "mmol/L", 6.5}}[i%4]
			b.observations = append(b.observations, fmt.Sprintf(
				`{"resourceType":"Observation","id":"o-%s-%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":%q}]},"subject":{"reference":"Patient/%s"},"device":{"reference":"Device/monitor"},"effectiveDateTime":%q,"valueQuantity":{"value":%.1f,"system":"http://unitsofmeasure.org","code":%q}}`,
				id, i, m.code, id, monday.Add(time.Duration(i)*5*time.Minute).Format(time.RFC3339), m.level+r.NormFloat64(), m.unit))
		}
	}
	r.Shuffle(len(b.observations), func(i, j int) { b.observations[i], b.observations[j] = b.observations[j], b.observations[i] })
	return b
}

// write writes the export, and returns its folder.
func (b *bulk) write(t testing.TB) string {
	dir := t.TempDir()
	for name, lines := range map[string][]string{
		"Patient.ndjson": b.patients, "Encounter.ndjson": b.encounters, "Condition.ndjson": b.conditions, "Device.ndjson": b.devices,
		"Observation.ndjson": b.observations,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	}
	return dir
}

func zip(t testing.TB, path string) {
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
