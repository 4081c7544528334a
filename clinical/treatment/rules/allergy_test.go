package rules

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// TestAllergiesAsTheyAreWritten: what stands in records, and a drug that it must take out or leave.
func TestAllergiesAsTheyAreWritten(t *testing.T) {
	for _, c := range []struct {
		text, drug string
		want       Verdict
	}{
		{"青霉素过敏", "amoxicillin", VerdictRemoved}, {"头孢类", "cefazolin", VerdictMarked}, {"磺胺类药物", "sulfamethoxazole-trimethoprim", VerdictRemoved},
		{"Sulfa", "sulfamethoxazole-trimethoprim", VerdictRemoved}, {"sulfamethoxazole", "sulfamethoxazole-trimethoprim", VerdictRemoved},
		{"Penicillin V potassium", "piperacillin-tazobactam", VerdictRemoved}, {"PENICILLINS", "penicillin G", VerdictRemoved},
		{"NSAIDs (hives)", "ketorolac", VerdictRemoved}, {"喹诺酮", "levofloxacin", VerdictRemoved}, {"头孢曲松", "cefepime", VerdictMarked},
		{"aspirin 81 mg", "ibuprofen", VerdictRemoved}, {"latex", "amoxicillin", VerdictKept}, {"Penicillamine", "amoxicillin", VerdictKept},
	} {
		rec := woman(measured("cr", "2160-0", time.Hour, 0.8, "mg/dL"), measured("w", "29463-7", time.Hour, 70, "kg"), measured("q", "8636-3", time.Hour, 410, "ms"))
		rec.Allergies = []record.Allergy{{ID: "a", Code: record.Concept{Text: c.text}}}
		require.Equal(t, c.want, Check(Input{Record: rec, At: now, Proposals: []Proposal{{Kind: KindDrug, Name: c.drug}}}).Items[0].Verdict, "%s: %s", c.text, c.drug)
	}
}

func TestAllergyStates(t *testing.T) {
	for text, want := range map[string]AllergyState{
		"": AllergiesNotFiled, "No known drug allergies": AllergiesNone, "否认药物过敏史": AllergiesNone, "Penicillin": AllergiesFiled, "plaster": AllergiesFiled,
	} {
		rec := woman()
		if text != "" {
			rec.Allergies = []record.Allergy{{ID: "a", Code: record.Concept{Text: text}}}
		}
		require.Equal(t, want, Check(Input{Record: rec, At: now}).Allergies, text)
	}
	lines := func(lang terms.Lang, codes ...record.Concept) string {
		rec := woman()
		for i, c := range codes {
			rec.Allergies = append(rec.Allergies, record.Allergy{ID: string(rune('a' + i)), Code: c})
		}
		return Check(Input{Record: rec, At: now}).Lines(lang)[0]
	}
	penicillin := record.Concept{Codings: []record.Coding{{System: record.SystemRxNorm, Code: "70618"}}} // a code alone
	require.Equal(t, "allergies on record: Plaster AllergyIntolerance/b, 70618 (penicillin) AllergyIntolerance/a", lines(terms.English, penicillin, record.Concept{Text: "Plaster"}))
	require.Equal(t, "已记录的过敏：70618（青霉素） AllergyIntolerance/a", lines(terms.Chinese, penicillin))
	require.Equal(t, "allergies on record: sulfamethoxazole-trimethoprim AllergyIntolerance/a", lines(terms.English, record.Concept{Text: "sulfamethoxazole-trimethoprim"}))
	require.Equal(t, "the record says that no allergies are known.", lines(terms.English, record.Concept{Text: "NKDA"}))
	require.Equal(t, "the record says nothing of allergies, which does not mean that there are none.", lines(terms.English))
	for _, gone := range []record.Allergy{{Verification: "refuted"}, {Verification: "entered-in-error"}, {Clinical: "resolved"}} {
		rec := woman()
		gone.Code = record.Concept{Text: "Aspirin"}
		rec.Allergies = []record.Allergy{gone}
		require.NotEqual(t, VerdictRemoved, Check(Input{Record: rec, At: now, Proposals: []Proposal{{Kind: KindDrug, Name: "aspirin"}}}).Items[0].Verdict)
	}
}

// TestHowGraveIsNotGuessed: with neither criticality nor reaction filed, the grave rule stays open.
func TestHowGraveIsNotGuessed(t *testing.T) {
	find := func(a record.Allergy) (fired, open bool) {
		rec := woman()
		a.ID, a.Code = "a", record.Concept{Text: "ceftriaxone"}
		rec.Allergies = []record.Allergy{a}
		for _, f := range Check(Input{Record: rec, At: now, Proposals: []Proposal{{Kind: KindDrug, Name: "cefazolin"}}}).Items[0].Findings {
			if f.Rule.ID == "A03" {
				return f.Fired(), !f.Fired()
			}
		}
		return false, false
	}
	_, open := find(record.Allergy{})
	require.True(t, open)
	fired, _ := find(record.Allergy{Reactions: []record.Concept{{Text: "Anaphylaxis"}}})
	require.True(t, fired)
	fired, open = find(record.Allergy{Reactions: []record.Concept{{Text: "rash"}}})
	require.False(t, fired || open)
}
