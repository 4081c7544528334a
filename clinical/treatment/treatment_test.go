package treatment_test

import (
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
	"github.com/bedside-lm/bedside/clinical/treatment"
	"github.com/bedside-lm/bedside/clinical/treatment/rules"
)

// diseases are the first ICD-10-CM codes of the 32 diseases that scripts/corpus makes stays of.
var diseases = []string{
	"K35.80", "K81.0", "N17.9", "I21.9", "K85.9", "J69.0", "J45.21", "I48.91", "J18.9", "L03.90", "I63.9", "J44.1", "S67.2",
	"I80.20", "E11.10", "T75.4", "T07", "K92.2", "I50.9", "I61.9", "S72.0", "K56.6", "T31.2", "J10.1", "K74.60", "I26.9",
	"A41.9", "S06.5", "T07", "N10", "M80.08", "S52.50",
}

func TestEveryDiseaseHasSuggestions(t *testing.T) {
	require.Len(t, diseases, 32)
	for _, d := range diseases {
		kinds := map[rules.ProposalKind]int{}
		for _, s := range treatment.For(d) {
			kinds[s.Kind]++
		}
		for _, k := range []rules.ProposalKind{rules.KindDrug, rules.KindCare, rules.KindMonitor} {
			require.GreaterOrEqual(t, kinds[k], 2, "%s: too few of kind %s", d, k)
		}
	}
	require.Nil(t, treatment.For("Z00.0"))
}

var icd = regexp.MustCompile(`^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$`)

func TestTheTableIsSound(t *testing.T) {
	docs, err := os.ReadFile("../../docs/treatment.md")
	require.NoError(t, err)
	require.Contains(t, string(docs), fmt.Sprintf("| `data/suggestions.tsv` | %d |", len(treatment.Suggestions())))
	seen := map[string]bool{}
	for _, s := range treatment.Suggestions() {
		key := s.Diagnosis + string(s.Kind) + s.Entry.Key
		require.False(t, seen[key], "%s stands twice", key)
		seen[key] = true
		require.NotEmpty(t, s.Source.Citation)
		for _, c := range s.Codes {
			require.Regexp(t, icd, c)
		}
	}
}

// TestSuggestionsAreHeldAgainstTheRecord is one patient in whom most of a guideline's drugs must not stand.
func TestSuggestionsAreHeldAgainstTheRecord(t *testing.T) {
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	when := record.DateTime{Time: at, Precision: record.PrecisionSecond}
	rec := &record.PatientRecord{
		Patient: record.Patient{Sex: "female", BirthDate: record.DateTime{Time: at.AddDate(-80, 0, -1), Precision: record.PrecisionDay}},
		Observations: []record.Observation{{
			ID: "k", Status: "final", Start: when,
			Code:  record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Code: "2823-3"}}},
			Value: record.Value{Quantity: &record.Quantity{Value: record.NewDecimal(5.9), Unit: "mmol/L", Code: "mmol/L"}},
		}},
		Allergies: []record.Allergy{{ID: "a", Clinical: "active", Code: record.Concept{Text: "Furosemide"}}},
	}
	plan := treatment.Suggest(rec, []string{"I50.9", "X99"}, time.Time{})
	require.Equal(t, []string{"X99"}, plan.Unknown)
	require.Len(t, plan.Suggested, len(plan.Items))
	want := map[string]rules.Verdict{
		"spironolactone": rules.VerdictRemoved, "lisinopril": rules.VerdictRemoved, "ACE inhibitors": rules.VerdictRemoved,
		"furosemide": rules.VerdictRemoved, "loop diuretics": rules.VerdictMarked, "daily weight": rules.VerdictKept,
		"potassium": rules.VerdictKept, "carvedilol": rules.VerdictMarked,
	}
	got := map[string]rules.Verdict{}
	for i, it := range plan.Items {
		require.NotEmpty(t, plan.Suggested[i])
		if _, asked := want[it.Entry.Name(terms.English)]; asked {
			got[it.Entry.Name(terms.English)] = it.Verdict
		}
	}
	require.Equal(t, want, got)
}

// TestChoicesStayBesideEachOther: what a guideline names as alternatives is not a regimen.
func TestChoicesStayBesideEachOther(t *testing.T) {
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	rec := &record.PatientRecord{Patient: record.Patient{Sex: "male", BirthDate: record.DateTime{Time: at.AddDate(-60, 0, -1), Precision: record.PrecisionDay}}}
	for _, it := range treatment.Suggest(rec, []string{"I50.9"}, at).Items {
		require.NotEqual(t, rules.VerdictRemoved, it.Verdict, it.Entry.Key)
	}
}
