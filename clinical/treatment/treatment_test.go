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

func TestAbstentions(t *testing.T) {
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	born := func(years int) *record.PatientRecord {
		return &record.PatientRecord{
			Patient:   record.Patient{BirthDate: record.DateTime{Time: at.AddDate(-years, 0, -1), Precision: record.PrecisionDay}},
			Allergies: []record.Allergy{{ID: "a", Code: record.Concept{Text: "Oseltamivir"}}, {ID: "b", Code: record.Concept{Text: "Zanamivir"}}},
		}
	}
	for name, c := range map[string]struct {
		rec       *record.PatientRecord
		diagnoses []string
		want      treatment.Abstention
		items     bool
	}{
		"known":              {born(60), []string{"I50.9"}, "", true},
		"one of two known":   {born(60), []string{"Z00.0", "I50.9"}, "", true},
		"unknown":            {born(60), []string{"Z00.0"}, treatment.AbstainUnknown, false},
		"nothing asked":      {born(60), nil, treatment.AbstainUnknown, false},
		"above the table's":  {born(60), []string{"E1"}, treatment.AbstainUnknown, false},
		"child":              {born(17), []string{"I50.9"}, treatment.AbstainChild, false},
		"adult by a day":     {born(18), []string{"I50.9"}, "", true},
		"age not known":      {&record.PatientRecord{}, []string{"I50.9"}, "", true},
		"unknown in a child": {born(3), []string{"Z00.0"}, treatment.AbstainUnknown, false},
	} {
		plan := treatment.Suggest(c.rec, c.diagnoses, at)
		require.Equal(t, c.want, plan.Abstained, name)
		require.Equal(t, c.items, len(plan.Items) > 0, name)
		require.Len(t, plan.Suggested, len(plan.Items), name)
	}
}

// TestNothingStands takes every drug of a guideline out by an allergy to it.
func TestNothingStands(t *testing.T) {
	rec := &record.PatientRecord{}
	for i, s := range treatment.For("J10.1") {
		if s.Kind == rules.KindDrug {
			rec.Allergies = append(rec.Allergies, record.Allergy{ID: fmt.Sprint(i), Code: record.Concept{Text: s.Entry.Name(terms.English)}})
		}
	}
	plan := treatment.Suggest(rec, []string{"J10.1"}, time.Time{})
	stands := ""
	for _, it := range plan.Items {
		if (it.Proposal.Kind == rules.KindDrug || it.Proposal.Kind == rules.KindClass) && it.Verdict != rules.VerdictRemoved {
			stands = it.Proposal.Name
		}
	}
	require.Empty(t, stands)
	require.Equal(t, treatment.AbstainNone, plan.Abstained)
	require.NotEmpty(t, plan.Items, "what was removed is told")
}

func TestItemsComeInTheOrderOfTheTable(t *testing.T) {
	kinds := []rules.ProposalKind{rules.KindClass, rules.KindDrug, rules.KindCare, rules.KindMonitor}
	var want, got []string
	for _, k := range kinds {
		for _, s := range treatment.For("I50.9") {
			if s.Kind == k {
				want = append(want, s.Entry.Key)
			}
		}
	}
	for _, it := range treatment.Suggest(&record.PatientRecord{}, []string{"I50.9"}, time.Time{}).Items {
		got = append(got, it.Entry.Key)
	}
	require.Equal(t, want, got)
}

func TestFits(t *testing.T) {
	require.NoError(t, treatment.Fits(&record.PatientRecord{Conditions: make([]record.Condition, 10_000)}))
	for what, rec := range map[string]*record.PatientRecord{
		"conditions": {Conditions: make([]record.Condition, 10_001)}, "allergies": {Allergies: make([]record.Allergy, 1_001)},
		"medications": {Medications: make([]record.Medication, 10_001)},
	} {
		var limit *record.LimitError
		require.ErrorAs(t, treatment.Fits(rec), &limit)
		require.Equal(t, what, limit.What)
	}
}

// TestChoicesStayBesideEachOther: what a guideline names as alternatives is not a regimen.
func TestChoicesStayBesideEachOther(t *testing.T) {
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	rec := &record.PatientRecord{Patient: record.Patient{Sex: "male", BirthDate: record.DateTime{Time: at.AddDate(-60, 0, -1), Precision: record.PrecisionDay}}}
	for _, it := range treatment.Suggest(rec, []string{"I50.9"}, at).Items {
		require.NotEqual(t, rules.VerdictRemoved, it.Verdict, it.Entry.Key)
	}
}
