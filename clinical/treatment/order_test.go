package treatment_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
	"github.com/bedside-lm/bedside/clinical/treatment"
	"github.com/bedside-lm/bedside/clinical/treatment/rules"
)

func TestNamedReadsAnAnswer(t *testing.T) {
	ceftriaxone, metronidazole := terms.ByName("drug", "ceftriaxone"), terms.ByName("drug", "metronidazole")
	for answer, want := range map[string][]*terms.Entry{
		"ceftriaxone, metronidazole":          {ceftriaxone, metronidazole},
		"甲硝唑、头孢曲松。":                           {metronidazole, ceftriaxone},
		"ceftriaxone, snake oil, Ceftriaxone": {ceftriaxone},
		"":                                    nil,
	} {
		require.Equal(t, want, treatment.Named(answer), answer)
	}
}

// A model moves what it names to the front of its kind, and nothing that the rules removed.
func TestAModelChangesTheOrderAlone(t *testing.T) {
	rec := &record.PatientRecord{Allergies: []record.Allergy{{ID: "a", Code: record.Concept{Text: "ceftriaxone"}}}}
	plan := treatment.Suggest(rec, []string{"K35.80"}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	drugs := func(order []int) (out []string) {
		for _, i := range order {
			if plan.Items[i].Proposal.Kind == rules.KindDrug {
				out = append(out, plan.Items[i].Proposal.Name)
			}
		}
		return out
	}
	plain := drugs(plan.Order(nil))
	require.Greater(t, len(plain), 2)
	require.Equal(t, "ceftriaxone", plain[len(plain)-1], "removed")
	favourite := plain[len(plain)-2]
	ranked := drugs(plan.Order(treatment.Named("ceftriaxone, " + favourite)))
	require.Equal(t, favourite, ranked[0])
	require.Equal(t, "ceftriaxone", ranked[len(ranked)-1])
	slices.Sort(plain)
	slices.Sort(ranked)
	require.Equal(t, plain, ranked)
}
