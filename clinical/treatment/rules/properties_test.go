package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// ward draws a patient and proposals, crowded with what the rules speak of.
func ward(t *rapid.T) Input {
	var classes, other []string
	for _, e := range terms.Entries() {
		switch e.Kind {
		case "drug-class":
			classes = append(classes, e.Name(terms.English))
		case "care":
			other = append(other, e.Name(terms.English))
		}
	}
	var drugs, codes []string
	for _, d := range allDrugs() {
		drugs = append(drugs, d.Name(terms.English))
	}
	for _, u := range Rules() {
		for _, a := range u.atoms {
			codes = append(codes, a.codes...)
		}
	}
	pick := func(from []string, label string) string { return rapid.SampledFrom(from).Draw(t, label) }
	n := func(most int, label string) int { return rapid.IntRange(0, most).Draw(t, label) }
	rec := &record.PatientRecord{Patient: record.Patient{Sex: pick([]string{"male", "female", "other", "unknown", ""}, "sex")}}
	if n(4, "born") > 0 {
		rec.Patient.BirthDate = record.DateTime{
			Time: now.AddDate(-n(95, "age"), 0, -1), Precision: rapid.SampledFrom([]record.Precision{record.PrecisionYear, record.PrecisionMonth, record.PrecisionDay}).Draw(t, "precision"),
		}
	}
	for i := range n(5, "medications") {
		rec.Medications = append(rec.Medications, record.Medication{
			ID: fmt.Sprint("m", i), Status: pick([]string{"active", "active", "stopped", "completed", ""}, "status"),
			Administered: n(1, "given") == 1, Start: moment(time.Duration(n(60, "hours")) * time.Hour),
			Code: record.Concept{Text: pick(append(drugs, "Unheard 5 mg", "Aspirin / clopidogrel"), "drug")},
		})
	}
	for i := range n(3, "allergies") {
		rec.Allergies = append(rec.Allergies, record.Allergy{
			ID: fmt.Sprint("a", i), Code: record.Concept{Text: pick(slices.Concat(drugs, classes, []string{"latex", "egg", "sulfa drugs", "No known allergies", "plaster"}), "allergen")},
			Criticality: pick([]string{"", "low", "high", "unable-to-assess"}, "criticality"),
		})
	}
	for i := range n(4, "conditions") {
		rec.Conditions = append(rec.Conditions, record.Condition{
			ID: fmt.Sprint("c", i), Clinical: pick([]string{"active", "resolved", ""}, "clinical"), Code: icd(pick(codes, "code")),
		})
	}
	for _, name := range sortedNumbers() {
		for i := range n(2, name) {
			x := numbers[name]
			rec.Observations = append(rec.Observations, record.Observation{
				ID: fmt.Sprint(name, i), Status: "final", Code: loinc(x.loinc), Start: moment(time.Duration(n(300, "ago")) * time.Hour),
				Value: record.Value{Quantity: &record.Quantity{Value: record.NewDecimal(float64(n(600, "value")) / 4), Unit: x.unit, Code: x.unit}},
			})
		}
	}
	in := Input{Record: rec, At: now, Choices: n(1, "choices") == 1}
	for range n(7, "proposals") {
		p := Proposal{Kind: KindDrug, Name: pick(append(drugs, "unheard"), "proposal"), Priority: float64(n(2, "priority"))}
		switch n(5, "kind") {
		case 0:
			p.Kind, p.Name = KindClass, pick(classes, "class")
		case 1:
			p.Kind, p.Name = KindCare, pick(other, "care")
		}
		in.Proposals = append(in.Proposals, p)
	}
	return in
}

func sortedNumbers() []string {
	var out []string
	for k, n := range numbers {
		if n.loinc != "" {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// told is everything that a result says, as text in both languages.
func told(r *Result) []string { return append(r.Lines(terms.English), r.Lines(terms.Chinese)...) }

func TestOrderPlaysNoPart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := ward(t)
		want := told(Check(in))
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		other := in
		rec := *in.Record
		rec.Medications, rec.Allergies = shuffled(r, rec.Medications), shuffled(r, rec.Allergies)
		rec.Conditions, rec.Observations = shuffled(r, rec.Conditions), shuffled(r, rec.Observations)
		other.Record, other.Proposals = &rec, shuffled(r, in.Proposals)
		require.Empty(t, cmp.Diff(want, told(Check(other))))
	})
}

func shuffled[T any](r *rand.Rand, xs []T) []T {
	out := slices.Clone(xs)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// standing are the proposals that were not removed.
func standing(r *Result) []Proposal {
	var out []Proposal
	for _, it := range r.Items {
		if it.Verdict != VerdictRemoved {
			out = append(out, it.Proposal)
		}
	}
	return out
}

func TestAnAllergyNeverBringsADrugBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := ward(t)
		before := standing(Check(in))
		rec := *in.Record
		more := rapid.SampledFrom(allDrugs()).Draw(t, "allergen")
		rec.Allergies = append(slices.Clone(rec.Allergies), record.Allergy{
			ID: "more", Code: record.Concept{Text: more.Name(rapid.SampledFrom([]terms.Lang{terms.English, terms.Chinese}).Draw(t, "lang"))},
			Criticality: rapid.SampledFrom([]string{"", "low", "high"}).Draw(t, "how grave"),
		})
		in.Record = &rec
		for _, p := range standing(Check(in)) {
			require.Contains(t, before, p)
			if p.Kind == KindDrug {
				require.NotEqual(t, more.Name(terms.English), p.Name, "the allergen itself stands")
			}
		}
	})
}

func TestNothingGoesWithoutAReason(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := ward(t)
		r := Check(in)
		names := map[string]bool{}
		for _, it := range r.Items {
			names[it.Proposal.Name] = true
			switch it.Verdict {
			case VerdictRemoved:
				require.NotEmpty(t, it.Findings)
				require.Empty(t, it.Doses, "a dose of what does not stand")
				require.True(t, slices.ContainsFunc(it.Findings, func(f Finding) bool {
					return f.Fired() && f.Rule.Severity == SeverityContraindicated
				}) || len(it.Excluded) > 0, "removed by nothing grave")
			case VerdictMarked:
				require.NotEmpty(t, it.Findings)
			case VerdictKept:
				for _, f := range it.Findings {
					require.Equal(t, SeverityMonitor, f.Rule.Severity)
				}
			}
			for _, f := range it.Findings {
				require.NotNil(t, f.Rule.Source)
				for _, v := range f.Values {
					require.True(t, len(v.Evidence) > 0 || v.Name == "age" || v.Formula == FormulaDialysis, "a number from nowhere: %s", v.Name)
				}
			}
		}
		for _, p := range in.Proposals {
			require.True(t, names[p.Name], "%s is gone without a word", p.Name)
		}
	})
}

func TestWhatStandsStandsAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := ward(t)
		first := Check(in)
		in.Proposals = standing(first)
		again := Check(in)
		require.Equal(t, in.Proposals, standing(again))
		var stood []string
		for i := range first.Items {
			if it := &first.Items[i]; it.Verdict != VerdictRemoved {
				stood = append(stood, it.Lines(terms.English)...)
			}
		}
		var now []string
		for i := range again.Items {
			now = append(now, again.Items[i].Lines(terms.English)...)
		}
		require.Empty(t, cmp.Diff(stood, now))
	})
}

// TestTheRecordIsOnlyRead: two checks of one record at once, and the record after them as before.
func TestTheRecordIsOnlyRead(t *testing.T) {
	in := given(t, "ibuprofen", "on=warfarin;icd=I50.9;allergy=aspirin;pregnant")
	before := fmt.Sprintf("%#v", *in.Record)
	done := make(chan []string)
	for range 2 {
		go func() { done <- told(Check(in)) }()
	}
	require.Equal(t, <-done, <-done)
	require.Equal(t, before, fmt.Sprintf("%#v", *in.Record))
}
