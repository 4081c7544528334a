package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/prepare/features"
)

const (
	heartRate = "8867-4"
	lactate   = "2524-7"
	potassium = "2823-3"
)

type test struct {
	unit, category string
	least          float64
}

var tests = map[string]test{
	heartRate: {"/min", "vital-signs", 70}, lactate: {"mmol/L", "laboratory", 3}, potassium: {"mmol/L", "laboratory", 3},
}

// block writes the stays of patients; every second one has lactate, and sepsis.
func block(t *testing.T, folder, part string, from, patients int) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(from), 3))
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	for n := from; n < from+patients; n++ {
		id := fmt.Sprintf("pt-%s-%d", part, n)
		code, name := "K35.80", "Unspecified acute appendicitis"
		codes := []string{heartRate, potassium}
		if n%2 == 0 {
			code, name, codes = "A41.9", "Sepsis, unspecified organism", append(codes, lactate)
		}
		ref := fmt.Sprintf(`"subject":{"reference":"Patient/%s"}`, id)
		coded := fmt.Sprintf(`{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":%q}],"text":%q}`, code, name)
		fmt.Fprintf(z, `{"resourceType":"Patient","id":%q,"gender":"female","birthDate":"1950-01-01"}`+"\n", id)
		fmt.Fprintf(z, `{"resourceType":"Encounter","id":"e-%s","status":"finished","class":{"code":"IMP"},%s,"period":{"start":"2024-06-15T08:00:00Z","end":"2024-06-19T08:00:00Z"},"reasonCode":[%s]}`+"\n", id, ref, coded)
		fmt.Fprintf(z, `{"resourceType":"Condition","id":"c-%s",%s,"code":%s}`+"\n", id, ref, coded)
		fmt.Fprintf(z, `{"resourceType":"MedicationRequest","id":"m-%s","status":"active","intent":"order",%s,"authoredOn":"2024-06-15T09:00:00Z","medicationCodeableConcept":{"text":"meropenem"}}`+"\n", id, ref)
		for i, code := range codes {
			fmt.Fprintf(z, `{"resourceType":"Observation","id":"o-%s-%d","status":"final","category":[{"coding":[{"code":%q}]}],"code":{"coding":[{"system":"http://loinc.org","code":%q}]},%s,"effectiveDateTime":"2024-06-15T08:%02d:00Z","valueQuantity":{"value":%.1f,"code":%q,"system":"http://unitsofmeasure.org"}}`+"\n",
				id, i, tests[code].category, code, ref, 5+i, tests[code].least+5*rng.Float64(), tests[code].unit)
		}
	}
	require.NoError(t, z.Close())
	name := fmt.Sprintf("%s/%02d.ndjson.gz", part, from)
	require.NoError(t, os.MkdirAll(filepath.Join(folder, part), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(folder, name), out.Bytes(), 0o600))
	return name
}

// corpusOf runs the command on a cohort of 60 patients.
func corpusOf(t *testing.T, stays string) string {
	t.Helper()
	var names []string
	for _, part := range parts {
		for _, from := range []int{0, 10} {
			names = append(names, block(t, stays, part, from, 10))
		}
	}
	out := t.TempDir()
	listed := filepath.Join(t.TempDir(), "blocks.txt")
	require.NoError(t, os.WriteFile(listed, []byte(strings.Join(names, "\n")), 0o600))
	require.NoError(t, run(t.Context(), settings{stays: stays, blocks: listed, out: out, draws: 2, least: 0.1, canonical: 0.5, seed: 5}))
	return out
}

func read(t *testing.T, path string) (out []example) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range bytes.Lines(data) {
		var e example
		require.NoError(t, json.Unmarshal(line, &e))
		out = append(out, e)
	}
	return out
}

var measured = regexp.MustCompile(`[0-9.()↑↓①-⑳-]+`)

func TestNeutralRecordsShowTheSameTests(t *testing.T) {
	shapes := map[string]map[string]bool{}
	for _, e := range read(t, filepath.Join(corpusOf(t, t.TempDir()), "test.jsonl")) {
		if e.Task == "diagnosis" && e.Language == "en" && e.Hours == 24 {
			if shapes[e.Tests] == nil {
				shapes[e.Tests] = map[string]bool{}
			}
			shapes[e.Tests][measured.ReplaceAllString(e.Prompt, "")] = true
		}
	}
	require.Equal(t, map[string]bool{"F h HR lactate K": true}, shapes[neutral])
	require.Equal(t, map[string]bool{"F h HR lactate K": true, "F h HR K": true}, shapes[visible])
}

func TestPromptsDoNotTellTheAnswer(t *testing.T) {
	out := corpusOf(t, t.TempDir())
	for _, part := range parts {
		for _, e := range read(t, filepath.Join(out, part+".jsonl")) {
			text := strings.ToLower(e.Prompt)
			if e.Task == "text" {
				text = strings.ToLower(e.Answer)
			}
			if e.Task != "treatment" {
				for _, word := range []string{"sepsis", "appendicitis", "脓毒", "阑尾", "a41", "k35", "meropenem", "美罗培南"} {
					require.NotContains(t, text, word, e.ID)
				}
			} else {
				require.NotContains(t, text, "meropenem")
				require.Contains(t, []string{"meropenem", "美罗培南"}, e.Answer)
			}
		}
	}
}

func TestSameSettingsSameBytes(t *testing.T) {
	stays := t.TempDir()
	first, second := corpusOf(t, stays), corpusOf(t, stays)
	files, err := filepath.Glob(filepath.Join(first, "*"))
	require.NoError(t, err)
	require.Len(t, files, 3+3*4*2+1)
	for _, path := range files {
		a, err := os.ReadFile(path)
		require.NoError(t, err)
		b, err := os.ReadFile(filepath.Join(second, filepath.Base(path)))
		require.NoError(t, err)
		require.True(t, bytes.Equal(a, b), path)
	}
}

func TestNeutralReadingsAreAsManyForAll(t *testing.T) {
	var patients []series
	for n := range 40 {
		of := series{heartRate: {80, 84, 88, 92, 96}, potassium: {4.1}}
		if n%2 == 0 {
			of[lactate] = []float64{4, 2}
		} else if n%4 == 1 {
			of[lactate] = []float64{3}
		}
		patients = append(patients, of)
	}
	p := newPool(features.FirstDay, patients, 0.5)
	require.Equal(t, map[string]int{heartRate: 4, lactate: 2, potassium: 1}, p.shows)
	drawn := map[float64]int{}
	for seed := range uint64(400) {
		rng := func() *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }
		lacking := p.neutral(series{heartRate: {60, 61}, potassium: {3, 5}}, rng())
		require.Len(t, lacking[heartRate], 4)
		require.Equal(t, []float64{60, 61}, lacking[heartRate][:2])
		require.Equal(t, []float64{5}, lacking[potassium])
		require.Len(t, lacking[lactate], 2)
		drawn[lacking[lactate][0]]++
		once := p.neutral(series{heartRate: {60}, lactate: {8}}, rng())
		require.Equal(t, []float64{8, 4}, once[lactate], "halved, as it was in all who had it twice")
		more := p.neutral(series{lactate: {9, 7, 5}}, rng())
		require.Equal(t, []float64{9, 5}, more[lactate])
		require.Equal(t, lacking[potassium], p.neutral(series{heartRate: {70, 71, 72, 73, 74}, lactate: {1, 2}, potassium: {5}}, rng())[potassium])
	}
	require.InDelta(t, 267, drawn[4], 60)
	require.InDelta(t, 133, drawn[3], 60)
	require.Equal(t, 1, newPool(features.FirstHour, patients, 0.5).shows[heartRate])
}

func TestDrawsTakeTurnsInLanguage(t *testing.T) {
	seen := map[string]int{}
	for _, e := range read(t, filepath.Join(corpusOf(t, t.TempDir()), "train.jsonl")) {
		if e.Task == "diagnosis" {
			seen[fmt.Sprintf("%s %dh %d %s", e.Tests, e.Hours, e.Draw, e.Language)]++
		}
	}
	require.Equal(t, map[string]int{
		"neutral 1h 0 en": 20, "neutral 1h 1 zh": 20, "neutral 24h 0 zh": 20, "neutral 24h 1 en": 20,
		"visible 1h 0 en": 20, "visible 1h 0 zh": 20, "visible 24h 0 en": 20, "visible 24h 0 zh": 20,
	}, seen)
}

func TestFollowingKeepsDecimals(t *testing.T) {
	require.Equal(t, 69.0, follow(138, 140, 70))
	require.Equal(t, 3.3, follow(3.1, 4.4, 4.7))
	require.Equal(t, 0.0, follow(0, 5, 2))
	require.Equal(t, 12.5, follow(2.5, 0, 10))
}

func TestNpyIsWhatNumPyReads(t *testing.T) {
	data := npy([]float32{1, 2, 3, 4, 5, 6}, 2)
	require.Equal(t, "\x93NUMPY\x01\x00", string(data[:8]))
	header := int(data[8]) + int(data[9])<<8
	require.Zero(t, (10+header)%64)
	require.Contains(t, string(data[10:10+header]), "'shape': (2, 3)")
	require.Len(t, data, 10+header+6*4)
}

func TestABlockThatIsNotThereIsNamed(t *testing.T) {
	listed := filepath.Join(t.TempDir(), "blocks.txt")
	require.NoError(t, os.WriteFile(listed, []byte("train/a.ndjson.gz\nvalidation/b.ndjson.gz\ntest/c.ndjson.gz\n"), 0o600))
	err := run(t.Context(), settings{stays: t.TempDir(), blocks: listed, out: t.TempDir(), draws: 1})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "a.ndjson.gz")
}
