package rules

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func moment(before time.Duration) record.DateTime {
	return record.DateTime{Time: now.Add(-before), Precision: record.PrecisionSecond}
}

// given makes an input of facts: "on=warfarin", "with=apixaban", "allergy=penicillin", "allergy!=" where
// it was grave, "icd=I50.9", "was=I61.9", "age=70", "pregnant", "not-pregnant", and any number by its
// name. Age, sex and the numbers that facts do not name stay as a healthy man's of 50.
func given(t testing.TB, drug, facts string) Input {
	rec := &record.PatientRecord{Patient: record.Patient{ID: "p", Sex: "male"}}
	in := Input{Record: rec, At: now, Proposals: []Proposal{{Kind: KindDrug, Name: drug}}}
	age, known := 50, map[string]float64{
		"weight": 75, "cr": 0.9, "k": 4.2, "na": 140, "ca": 9.4, "mg": 2, "glucose": 100, "inr": 1, "plt": 210,
		"qtc": 420, "hr": 75, "rr": 16, "sbp": 125, "spo2": 97, "lvef": 60,
	}
	for _, f := range strings.Split(facts, ";") {
		name, value, _ := strings.Cut(f, "=")
		switch name {
		case "":
		case "on":
			rec.Medications = append(rec.Medications, record.Medication{ID: "m-" + value, Status: "active", Code: record.Concept{Text: value}})
		case "with":
			in.Proposals = append(in.Proposals, Proposal{Kind: KindDrug, Name: value})
		case "allergy", "allergy!":
			a := record.Allergy{ID: "a", Clinical: "active", Criticality: "low", Code: record.Concept{Text: value}}
			if name == "allergy!" {
				a.Criticality = "high"
			}
			rec.Allergies = append(rec.Allergies, a)
		case "icd", "was":
			c := record.Condition{ID: value, Clinical: "active", Code: icd(value)}
			if name == "was" {
				c.Clinical = "resolved"
			}
			rec.Conditions = append(rec.Conditions, c)
		case "age":
			n, err := strconv.Atoi(value)
			require.NoError(t, err)
			age = n
		case "pregnant", "not-pregnant":
			rec.Patient.Sex, age = "female", 30
			flag := map[string]string{"pregnant": "POS", "not-pregnant": "NEG"}[name]
			rec.Observations = append(rec.Observations, record.Observation{
				ID: "hcg", Status: "final", Start: moment(time.Hour), Code: loinc("2106-3"), Interpretation: []string{flag},
			})
		case "egfr", "crcl":
			// The creatinine that gives this estimate for the rest of the facts.
			known["want-"+name] = parsed(t, value)
		default:
			require.Contains(t, numbers, name, "fact %q", f)
			known[name] = parsed(t, value)
		}
	}
	rec.Patient.BirthDate = record.DateTime{Time: now.AddDate(-age, 0, -1), Precision: record.PrecisionDay}
	female := rec.Patient.Sex == "female"
	if v, ok := known["want-egfr"]; ok {
		known["cr"] = solve(func(cr float64) float64 { return CKDEPI2021(cr, float64(age), female) }, v)
	}
	if v, ok := known["want-crcl"]; ok {
		known["cr"] = solve(func(cr float64) float64 { return CockcroftGault(cr, float64(age), known["weight"], female) }, v)
	}
	for _, name := range sortedNames(known) {
		n := numbers[name]
		if strings.HasPrefix(name, "want-") {
			continue
		}
		rec.Observations = append(rec.Observations, record.Observation{
			ID: name, Status: "final", Start: moment(time.Hour), Code: loinc(n.loinc),
			Value: record.Value{Quantity: &record.Quantity{Value: record.NewDecimal(known[name]), Unit: n.unit, Code: n.unit}},
		})
	}
	return in
}

func sortedNames(m map[string]float64) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func parsed(t testing.TB, s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return f
}

// solve finds the creatinine at which a falling function has a value.
func solve(f func(float64) float64, want float64) float64 {
	low, high := 0.01, 50.0
	for range 100 {
		if mid := (low + high) / 2; f(mid) > want {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

func loinc(code string) record.Concept {
	return record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Code: code}}}
}

func icd(code string) record.Concept {
	return record.Concept{Codings: []record.Coding{{System: record.SystemICD10CM, Code: code}}}
}

// cases are the two examples of each rule, written by hand.
func cases(t testing.TB) map[string][2]string {
	data, err := os.ReadFile("testdata/cases.tsv")
	require.NoError(t, err)
	out := map[string][2]string{}
	for _, l := range strings.Split(strings.TrimSpace(string(data)), "\n")[1:] {
		r := strings.Split(l, "\t")
		require.Len(t, r, 3, l)
		require.NotContains(t, out, r[0])
		out[r[0]] = [2]string{r[1], r[2]}
	}
	return out
}

// about is what a rule found about the drug of an example, or nil.
func about(t testing.TB, id, example string) (*Finding, *Item) {
	drug, facts, _ := strings.Cut(example, "|")
	res := Check(given(t, drug, facts))
	e := terms.ByName("drug", drug)
	require.NotNil(t, e, "%s: %s is no drug", id, drug)
	for i := range res.Items {
		it := &res.Items[i]
		if it.Entry != e {
			continue
		}
		for j := range it.Findings {
			if it.Findings[j].Rule.ID == id {
				return &it.Findings[j], it
			}
		}
		return nil, it
	}
	require.Fail(t, "the proposal is gone", id)
	return nil, nil
}

// TestEveryRuleFiresAndStaysSilent holds each row of the table against its two examples. A row
// without them fails, and so does an example without its row.
func TestEveryRuleFiresAndStaysSilent(t *testing.T) {
	examples := cases(t)
	seen := map[string]bool{}
	for _, u := range Rules() {
		if seen[u.ID] {
			continue // an interaction's other side, which has a test of its own
		}
		seen[u.ID] = true
		x, ok := examples[u.ID]
		require.True(t, ok, "rule %s has no examples in testdata/cases.tsv", u.ID)
		t.Run(u.ID, func(t *testing.T) {
			f, it := about(t, u.ID, x[0])
			require.NotNil(t, f, "%s must fire for %s", u.ID, x[0])
			require.True(t, f.Fired(), "%s is not decided for %s: lacks %v", u.ID, x[0], f.Lacks)
			if u.Severity == SeverityContraindicated {
				require.Equal(t, VerdictRemoved, it.Verdict)
			}
			f, _ = about(t, u.ID, x[1])
			require.Nil(t, f, "%s must stay silent for %s", u.ID, x[1])
		})
	}
	require.Len(t, examples, len(seen), "an example of a rule that is not in the table")
}
