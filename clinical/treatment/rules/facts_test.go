package rules_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
	"github.com/bedside-lm/bedside/clinical/treatment/rules"
)

func TestFacts(t *testing.T) {
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	day := func(years int) record.DateTime {
		return record.DateTime{Time: at.AddDate(-years, 0, -1), Precision: record.PrecisionDay}
	}
	icd := func(id, code string) record.Condition {
		return record.Condition{ID: id, Code: record.Concept{Codings: []record.Coding{{System: record.SystemICD10CM, Code: code}}}}
	}
	drug := func(id, name string) record.Medication {
		return record.Medication{ID: id, Status: "active", Code: record.Concept{Text: name}}
	}
	for name, c := range map[string]struct {
		rec  *record.PatientRecord
		want []string // topic, "?" where unknown, text, evidence
	}{
		"nothing is known": {&record.PatientRecord{}, []string{
			"age? the age is not known", "sex? the sex is not known", "weight? the weight is not known",
			"kidney? cannot be estimated, not known: age, creatinine, sex, body weight", "liver no disease of the liver is filed",
			"pregnancy? not known whether pregnant", "allergy? the record says nothing of allergies, which does not mean that there are none",
			"medication no medication is filed",
		}},
		"much is known": {&record.PatientRecord{
			Patient:     record.Patient{ID: "p", Sex: "female", BirthDate: day(30)},
			Conditions:  []record.Condition{icd("c1", "K74.60"), icd("c2", "Z33.1"), icd("c3", "N18.6")},
			Medications: []record.Medication{drug("m2", "warfarin"), drug("m1", "Warfarin 5 mg"), drug("m3", "furosemide")},
			Allergies:   []record.Allergy{{ID: "a", Code: record.Concept{Text: "No known allergies"}}},
		}, []string{
			"age 30 years Patient/p", "sex female Patient/p", "weight? the weight is not known",
			"kidney on dialysis, kidney function counts as 0 Condition/c3", "liver liver cirrhosis Condition/c1",
			"pregnancy pregnant Condition/c2", "allergy the record says that no allergies are known",
			"medication furosemide MedicationRequest/m3", "medication warfarin MedicationRequest/m1 MedicationRequest/m2",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range rules.Check(rules.Input{Record: c.rec, At: at}).Facts {
				s := string(f.Topic)
				if f.Unknown {
					s += "?"
				}
				s += " " + f.Text[terms.English]
				for _, e := range f.Evidence {
					s += " " + e
				}
				got = append(got, s)
				require.NotEmpty(t, f.Text[terms.Chinese])
				require.NotEqual(t, f.Text[terms.English], f.Text[terms.Chinese])
			}
			require.Equal(t, c.want, got)
			require.Greater(t, len(rules.Check(rules.Input{Record: c.rec, At: at}).Known(terms.Chinese)), len(got)-1)
		})
	}
}

// TestPresent tells the record's own diagnosis from the caller's.
func TestPresent(t *testing.T) {
	rec := &record.PatientRecord{Conditions: []record.Condition{
		{ID: "c1", Code: record.Concept{Codings: []record.Coding{{System: record.SystemICD10CM, Code: "I50.23"}}}},
		{ID: "c2", Clinical: "resolved", Code: record.Concept{Codings: []record.Coding{{System: record.SystemICD10CM, Code: "I50.9"}}}},
	}}
	for code, want := range map[string][]string{"I50": {"Condition/c1"}, "i5023": {"Condition/c1"}, "I50.9": nil, "J18.9": nil} {
		require.Equal(t, want, rules.Check(rules.Input{Record: rec, Diagnoses: []string{code}}).Present, code)
	}
}
