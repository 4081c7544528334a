package diagnosis_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/diagnosis"
	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
	"github.com/bedside-lm/bedside/clinical/treatment"
)

func sepsis(t *testing.T) *record.PatientRecord {
	t.Helper()
	data, err := os.ReadFile("../../testdata/records/sepsis-icu.fhir.json")
	require.NoError(t, err)
	rec, err := fhir.Parse(data, fhir.Limits{})
	require.NoError(t, err)
	return prepare.Run(rec, prepare.Options{}).Record
}

func fit(t *testing.T) *diagnosis.Fit {
	t.Helper()
	f, err := diagnosis.ParseFit([]byte(goodFit))
	require.NoError(t, err)
	return f
}

// byLactate is a model for which lactate speaks for sepsis and against pneumonia, more so when it is asked in English.
func byLactate(_ context.Context, question string) ([]float64, error) {
	switch {
	case strings.Contains(question, "<|en|>") && strings.Contains(question, "lactate"):
		return []float64{3, 0, 0}, nil
	case strings.Contains(question, "乳酸"):
		return []float64{1, 0, 0}, nil
	}
	return []float64{0, 0.5, 0}, nil
}

func TestSuggest(t *testing.T) {
	rec := sepsis(t)
	var english *diagnosis.Answer
	for _, lang := range []terms.Lang{terms.English, terms.Chinese} {
		a, err := diagnosis.Suggest(t.Context(), rec, fit(t), byLactate, diagnosis.Options{Lang: lang})
		require.NoError(t, err)
		require.Empty(t, a.Abstention)
		require.Equal(t, 24, a.Window.Hours())
		require.NotEmpty(t, a.RedFlags)
		require.NotEmpty(t, a.RedFlags[0].Evidence)
		require.Len(t, a.Suggestions, 3)
		first := a.Suggestions[0]
		require.Equal(t, "A41.9", first.Code)
		require.Equal(t, diagnosis.Entry("A41.9").Name(lang), first.Name)
		// The mean of normalised log probabilities, 3 and 1 above the others, over a temperature of 1.5.
		require.InDelta(t, 0.655, first.Probability, 0.001)
		require.Len(t, first.For, 1)
		require.Equal(t, "2524-7", first.For[0].Code)
		require.NotEmpty(t, first.For[0].Evidence)
		require.Positive(t, first.For[0].Change)
		require.Len(t, a.Suggestions[1].Against, 1)
		require.Contains(t, a.Scope(), "24")
		require.Equal(t, a.LeftOut > 0, strings.ContainsAny(a.Scope(), ";；"), a.Scope())
		if english == nil {
			english = a
		}
		for i := range a.Suggestions {
			require.Equal(t, english.Suggestions[i].Code, a.Suggestions[i].Code)
			require.Equal(t, english.Suggestions[i].Probability, a.Suggestions[i].Probability, "whatever the language")
		}
	}
	require.Contains(t, english.Suggestions[0].For[0].Text, "lactate")
	one, err := diagnosis.Suggest(t.Context(), rec, fit(t), byLactate, diagnosis.Options{Most: 1, NoReadings: true})
	require.NoError(t, err)
	require.Len(t, one.Suggestions, 1)
	require.Empty(t, one.Suggestions[0].For)
}

func TestNextTestsAreThoseThatTheRecordLacks(t *testing.T) {
	names := func(rec *record.PatientRecord) (out []string) {
		a, err := diagnosis.Suggest(t.Context(), rec, fit(t), byLactate, diagnosis.Options{NoReadings: true})
		require.NoError(t, err)
		for _, s := range a.Suggestions {
			for _, n := range s.Next {
				require.NotEmpty(t, n.Source)
				out = append(out, s.Code+" "+n.Name)
			}
		}
		return out
	}
	rec := sepsis(t)
	require.NotContains(t, names(rec), "A41.9 lactate")
	var kept []record.Observation
	for _, o := range rec.Observations {
		if e, _ := terms.Find("measure", o.Code); e == nil || e != terms.Measure("2524-7") {
			kept = append(kept, o)
		}
	}
	without := *rec
	without.Observations = kept
	require.Contains(t, names(&without), "A41.9 lactate")
}

func TestAbstention(t *testing.T) {
	never := func(context.Context, string) ([]float64, error) { return nil, errors.New("asked") }
	child := sepsis(t)
	child.Patient.BirthDate = record.DateTime{Time: child.Observations[0].Start.Time.Add(-10 * 365 * 24 * time.Hour), Precision: record.PrecisionDay}
	few := sepsis(t)
	few.Observations = few.Observations[:1]
	for name, c := range map[string]struct {
		rec   *record.PatientRecord
		score diagnosis.Score
		want  diagnosis.Reason
	}{
		"nothing is known": {&record.PatientRecord{}, never, diagnosis.TooFewReadings},
		"too little":       {few, never, diagnosis.TooFewReadings},
		"a child":          {child, never, diagnosis.OutOfScope},
		"no idea":          {sepsis(t), func(context.Context, string) ([]float64, error) { return []float64{0, 0, 0}, nil }, diagnosis.LowConfidence},
	} {
		f := fit(t)
		f.Threshold = 0.5
		a, err := diagnosis.Suggest(t.Context(), c.rec, f, c.score, diagnosis.Options{Lang: terms.Chinese, NoReadings: true})
		require.NoError(t, err, name)
		require.Equal(t, c.want, a.Abstention, name)
		require.NotEmpty(t, a.Abstention.Text(terms.Chinese))
	}
	_, err := diagnosis.Suggest(t.Context(), sepsis(t), fit(t), never, diagnosis.Options{})
	require.ErrorContains(t, err, "asked")
}

// Every disease of the table of tests is one that treatments are known for, so that codes are not misspelt; and every
// diagnosis that the shipped model may suggest has a test that would help to settle it.
func TestTheTableOfTests(t *testing.T) {
	data, err := os.ReadFile("data/next.tsv")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")[1:]
	require.NotEmpty(t, lines)
	var all []string
	for _, l := range lines {
		for code := range strings.SplitSeq(strings.Split(l, "\t")[0], "|") {
			all = append(all, code)
			if code != "J45" && code != "J69" { // the table of treatments has their exacerbations alone
				require.NotEmpty(t, treatment.For(code), code)
			}
		}
	}
	shipped, err := os.ReadFile("../../models/bedside-gru/" + diagnosis.FitName)
	require.NoError(t, err)
	f, err := diagnosis.ParseFit(shipped)
	require.NoError(t, err)
	require.NotEmpty(t, f.Codes)
	for _, icd := range f.Codes {
		require.True(t, slices.ContainsFunc(all, func(code string) bool { return strings.HasPrefix(icd, code) }), icd)
	}
}
