package terms_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// An ATC code has one to five levels: J, J01, J01D, J01DD, J01DD04.
var atcForm = regexp.MustCompile(`^[ABCDGHJLMNPRSV](0[1-9]|1[0-6])([A-Z]([A-Z]([0-9]{2})?)?)?$`)

func TestPharmacy(t *testing.T) {
	kinds := map[string]int{}
	drugs := map[string]*terms.Entry{}
	var classes []*terms.Entry
	for _, e := range terms.Entries() {
		kinds[e.Kind]++
		for _, c := range e.ATC {
			require.Regexp(t, atcForm, c, e.Key)
		}
		switch e.Kind {
		case "drug":
			for _, c := range e.ATC {
				require.Nil(t, drugs[c], "%s: %s is another's code", e.Key, c)
				drugs[c] = e
				require.Same(t, e, terms.ByCode("drug", "A"+c))
			}
		case "drug-class":
			require.NotEmpty(t, e.ATC, "%s: a class of nothing", e.Key)
			classes = append(classes, e)
		default:
			require.Empty(t, e.ATC, e.Key)
		}
	}
	require.GreaterOrEqual(t, len(drugs), 280)
	require.GreaterOrEqual(t, len(classes), 55)
	require.GreaterOrEqual(t, kinds["care"], 60)
	// Each group of a class holds a drug of the table, so that no mistyped group goes unnoticed.
	unused := map[string]bool{}
	for _, c := range classes {
		for _, group := range c.ATC {
			found := false
			for code := range drugs {
				found = found || strings.HasPrefix(code, group)
			}
			if !found {
				unused[c.Key+" "+group] = true
			}
		}
	}
	require.Equal(t, map[string]bool{
		"drug-class:cephalosporins J01DI": true, "drug-class:monoamine oxidase inhibitors N06AG": true,
	}, unused)
}

func TestInClass(t *testing.T) {
	for drug, class := range map[string]string{
		"metoprolol": "beta blockers", "阿莫西林": "penicillins", "ceftriaxone": "头孢菌素类", "codeine": "opioids", "clonazepam": "benzodiazepines",
		"fondaparinux": "anticoagulants", "lithium": "", "aspirin": "antiplatelets", "sacubitril-valsartan": "renin-angiotensin system inhibitors",
	} {
		d := terms.ByName("drug", drug)
		if class != "" {
			require.True(t, d.InClass(terms.ByName("drug-class", class)), drug)
		} else {
			require.False(t, d.InClass(terms.ByName("drug-class", "antipsychotics")), drug)
		}
	}
	require.False(t, terms.ByName("drug", "aspirin").InClass(terms.ByName("drug-class", "NSAIDs")), "aspirin at any dose is no NSAID here")
	e, exact := terms.Find("drug", record.Concept{Codings: []record.Coding{{System: record.SystemATC, Code: "C09AA03"}}})
	require.True(t, exact)
	require.Equal(t, "lisinopril", e.Name(terms.English))
}
