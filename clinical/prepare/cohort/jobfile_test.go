package cohort_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/prepare/cohort"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// full sets all fields of a struct that are plain values, each to another value.
func full(v any) {
	s := reflect.ValueOf(v).Elem()
	for i := range s.NumField() {
		switch f := s.Field(i); f.Kind() {
		case reflect.Int, reflect.Int64:
			f.SetInt(int64(100 + i))
		case reflect.Uint64:
			f.SetUint(uint64(100 + i))
		case reflect.Float64:
			f.SetFloat(0.5 + float64(i))
		case reflect.Bool:
			f.SetBool(true)
		case reflect.String:
			f.SetString(s.Type().Field(i).Name)
		default:
		}
	}
}

// A field that is added to a job's settings and forgotten in its file makes this fail.
func TestAJobSurvivesItsFile(t *testing.T) {
	low := 3.5
	now, err := record.ParseDateTime("2026-03-02")
	require.NoError(t, err)
	text := render.Options{}
	full(&text)
	text.Lang, text.Style, text.Now, text.Alarms = render.Chinese, render.StyleCompact, now, map[string]terms.Bounds{"heart-rate": {Low: &low}}
	j := cohort.Job{}
	full(&j)
	full(&j.Prepare)
	full(&j.Split)
	full(&j.Limits)
	j.Inputs, j.Format, j.Mapping, j.Label = []string{"a", "b"}, cohort.FormatCSV, []byte("columns: {}\n"), cohort.LabelFile
	j.Prepare.Skip, j.Texts, j.EmbedderName = []prepare.StageName{prepare.StageClock}, []render.Options{text, {Lang: render.English}, {}}, ""
	for _, want := range []cohort.Job{j, {}} {
		data, err := json.Marshal(want)
		require.NoError(t, err)
		var got cohort.Job
		require.NoError(t, json.Unmarshal(data, &got), string(data))
		require.Equal(t, want, got)
	}
}

func TestJobFilesThatCannotBeMeant(t *testing.T) {
	for file, says := range map[string]string{
		`{"inputz": []}`:                  "inputz",
		`[]`:                              "array",
		`{"format": "pdf"}`:               "format: fhir",
		`{"label": "age"}`:                "label: none",
		`{"texts": [{"language": "fr"}]}`: "language: en or zh",
		`{"texts": [{"language": "en", "style": "terse"}]}`: "style: full",
		`{"texts": [{"language": "en", "now": "soon"}]}`:    "now",
		`{"prepare": {"fill_interval": "often"}}`:           "a length of time",
		`{"prepare": {"skip": ["sleep"]}}`:                  "skip",
		`{"limits": {"patience": 1}}`:                       "limits: one of bytes",
	} {
		var wrong *cohort.JobError
		err := (&cohort.Job{}).UnmarshalJSON([]byte(file))
		require.ErrorAs(t, err, &wrong, file)
		require.ErrorContains(t, err, says, file)
	}
	_, err := json.Marshal(cohort.Job{Embedder: &stopAfter{}})
	require.ErrorContains(t, err, "embedder")
	_, err = json.Marshal(cohort.Job{Texts: []render.Options{{CountTokens: func(string) int { return 1 }}}})
	require.ErrorContains(t, err, "tokenizer")
	_, err = json.Marshal(cohort.Job{Prepare: prepare.Options{AssessWaveform: func(record.Concept, *record.SampledData) (float64, bool) { return 1, true }}})
	require.ErrorContains(t, err, "prepare")
}
