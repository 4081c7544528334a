package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

func TestDiagnosesAsText(t *testing.T) {
	r := &bedsidev1.SuggestDiagnosesResponse{
		RedFlags:   []*bedsidev1.RedFlag{{Text: "NEWS2 at least 9", Evidence: []string{"Observation/hr"}, Source: "RCP"}},
		Abstention: &bedsidev1.Abstention{Reason: "low-confidence", Message: "Not sure."},
		Suggestions: []*bedsidev1.DiagnosisSuggestion{{
			Code: "A41.9", Name: "sepsis", Probability: 0.625,
			ReadingsFor:     []*bedsidev1.ReadingWeight{{Text: "lactate:5.4mmol/L", Change: 0.2, Evidence: []string{"Observation/l"}}},
			ReadingsAgainst: []*bedsidev1.ReadingWeight{{Text: "heart rate:70/min", Change: -0.1}},
			NextTests:       []*bedsidev1.NextTest{{Name: "blood\ncultures", Source: "SSC"}},
		}, {Code: "N10", Name: "pyelonephritis", Probability: 0.009, NextTests: []*bedsidev1.NextTest{{Name: "urine culture"}}}, {Code: "J18.9", Name: "pneumonia"}},
		Scope: "24 h", Notice: "decides nothing", Model: &bedsidev1.ModelReference{Name: "m", Version: "1", Digest: "d"},
	}
	var out bytes.Buffer
	require.NoError(t, writeDiagnoses(&out, r, 1500*time.Millisecond))
	require.Equal(t, `! NEWS2 at least 9 [Observation/hr]
  RCP

Not sure. (low-confidence)

1. A41.9 sepsis  62.5%
   for: lactate:5.4mmol/L (+0.20) [Observation/l]
   against: heart rate:70/min (-0.10)
   next: blood cultures (SSC)
Below 1%: pyelonephritis N10, pneumonia J18.9.

24 h
Model: m 1 (d)
Time: 1.5 s
decides nothing
`, out.String())
}

func TestTreatmentsAsText(t *testing.T) {
	r := &bedsidev1.SuggestTreatmentsResponse{
		Language: "zh", Diagnosis: &bedsidev1.TreatedDiagnosis{Code: "A41.9", Name: "脓毒症", Probability: 0.5}, Patient: []string{"已记录的过敏：青霉素"},
		Suggestions: []*bedsidev1.TreatmentSuggestion{
			{Lines: []string{"标注：头孢曲松", "  原因"}, Sources: []string{"SSC"}, NamedByModel: true}, {Lines: []string{"保留：乳酸"}, Sources: []string{"SSC"}},
		},
		Notice: "不作任何决定",
	}
	var out bytes.Buffer
	require.NoError(t, writeTreatments(&out, r, time.Second))
	require.Equal(t, `A41.9 脓毒症 (建议, 50.0%)

已记录的过敏：青霉素

  * 标注：头孢曲松
    原因
    SSC

  - 保留：乳酸
    SSC

用时 1.0 秒
不作任何决定
`, out.String())
}

func TestTreatmentsInShort(t *testing.T) {
	r := &bedsidev1.SuggestTreatmentsResponse{
		Diagnosis: &bedsidev1.TreatedDiagnosis{Code: "A41.9", Name: "sepsis"}, Patient: []string{"allergies on record: penicillin"},
		Suggestions: []*bedsidev1.TreatmentSuggestion{
			{Name: "vancomycin", Verdict: "marked", Findings: []*bedsidev1.TreatmentFinding{
				{Text: "major, reading: creatinine (source: Rybak 2020)", Source: "Rybak 2020"}, {Text: "monitor"},
			}},
			{Name: "fluids", Verdict: "kept"},
			{Name: "lactate", Verdict: "kept"},
			{Name: "amoxicillin", Verdict: "removed", Findings: []*bedsidev1.TreatmentFinding{{Text: "contraindicated, allergy\n"}}},
		},
		Notice: "decides nothing",
	}
	var out bytes.Buffer
	require.NoError(t, writeTreatmentsInShort(&out, r))
	require.Equal(t, `allergies on record: penicillin

  kept: fluids, lactate
  marked: vancomycin
    major, reading: creatinine
  removed: amoxicillin
    contraindicated, allergy

decides nothing
`, out.String())
}
