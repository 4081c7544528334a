package rules

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

var han = regexp.MustCompile(`\p{Han}`)

func TestTheTableOfRulesIsSound(t *testing.T) {
	_, err := load()
	require.NoError(t, err)
	ids, kinds := map[string]bool{}, map[RuleKind]int{}
	for _, u := range Rules() {
		if !ids[u.ID] {
			kinds[u.Kind]++
		}
		ids[u.ID] = true
		require.NotRegexp(t, han, u.Reason[terms.English], u.ID)
		require.Regexp(t, han, u.Reason[terms.Chinese], u.ID)
		require.True(t, u.subject == nil || len(u.subject) > 0, "%s is about nothing", u.ID)
		require.NotEmpty(t, u.Kind.Word(terms.English), "%s: kind %q", u.ID, u.Kind)
		require.NotEmpty(t, u.Kind.Word(terms.Chinese), "%s: kind %q", u.ID, u.Kind)
		for _, a := range u.atoms {
			require.True(t, !a.not || u.Severity != SeverityContraindicated || a.kind == atomICD,
				"%s: a proposal that goes could make it remove another", u.ID)
		}
		en, zh := numerals(t, u.Reason[terms.English]), numerals(t, u.Reason[terms.Chinese])
		require.Equal(t, en, zh, "%s: the two languages name other numbers", u.ID)
		for _, a := range u.atoms {
			if a.kind == atomNumber && len(en) > 0 {
				require.Contains(t, en, a.limit, "%s: %s beside %q", u.ID, u.When, u.Reason[terms.English])
			}
		}
	}
	require.GreaterOrEqual(t, len(ids), 150)
	for _, k := range []RuleKind{RuleAllergy, RuleDuplicate, RuleInteraction, RuleCondition, RuleReading, RulePatient, RuleRenal, RuleMonitoring} {
		require.GreaterOrEqual(t, kinds[k], 10, "rules of kind %s", k)
	}
}

var numeral = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)

// numerals are the numbers that a text names.
func numerals(t *testing.T, s string) []float64 {
	var out []float64
	for _, n := range numeral.FindAllString(strings.NewReplacer("10^9", "", "5-羟色胺", "").Replace(s), -1) {
		f, err := strconv.ParseFloat(n, 64)
		require.NoError(t, err)
		out = append(out, f)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestSourcesAreWholeAndUsed(t *testing.T) {
	used := map[string]bool{}
	for _, u := range Rules() {
		used[u.Source.Key] = true
	}
	for _, d := range Doses() {
		used[d.Source.Key] = true
	}
	for _, g := range loaded().groups {
		used[g.source.Key] = true
		require.NotEmpty(t, g.members)
	}
	for k, s := range loaded().sources {
		require.Contains(t, []string{"guideline", "label", "paper", "safety", "list"}, s.Kind, k)
		require.True(t, s.Year >= 1980 && s.Year <= 2026, k)
		require.GreaterOrEqual(t, len(s.Citation), 20, k)
	}
	require.NotEmpty(t, used)
}

// TestTheDocsCountTheTables keeps the figures of docs/treatment.md.
func TestTheDocsCountTheTables(t *testing.T) {
	data, err := os.ReadFile("../../../docs/treatment.md")
	require.NoError(t, err)
	ids := map[string]bool{}
	for _, u := range Rules() {
		ids[u.ID] = true
	}
	for _, row := range []string{
		fmt.Sprintf("| `rules/data/rules.tsv` | %d |", len(ids)),
		fmt.Sprintf("| `rules/data/groups.tsv` | %d |", len(loaded().groups)),
		fmt.Sprintf("| `rules/data/doses.tsv` | %d |", len(Doses())),
	} {
		require.Contains(t, string(data), row)
	}
}

// TestClassesHaveDrugs: a class without a drug could never be judged.
func TestClassesHaveDrugs(t *testing.T) {
	for _, e := range terms.Entries() {
		if e.Kind == "drug-class" {
			require.NotEmpty(t, members(e), e.Key)
		}
	}
}

func TestTheTableOfDosesIsSound(t *testing.T) {
	for _, d := range Doses() {
		name := d.Drug.Name(terms.English) + ", " + d.Use[terms.English]
		require.NotRegexp(t, han, d.Text[terms.English]+d.Use[terms.English], name)
		require.Regexp(t, han, d.Use[terms.Chinese], name)
		require.Equal(t, numerals(t, d.Text[terms.English]), numerals(t, d.Text[terms.Chinese]), name)
	}
}

// TestEveryLimitIsHeldFromBothSides turns each number of each condition around: just on one side of
// its limit the rule's own example fires, just on the other it does not.
func TestEveryLimitIsHeldFromBothSides(t *testing.T) {
	examples, seen, held := cases(t), map[string]bool{}, 0
	for _, u := range Rules() {
		if seen[u.ID] {
			continue
		}
		seen[u.ID] = true
		for _, a := range u.atoms {
			if a.kind != atomNumber || a.arg == "age" || a.not {
				continue
			}
			held++
			step := max(a.limit/1000, 0.001)
			inside, outside := a.limit+step, a.limit-step
			if a.op[0] == '<' {
				inside, outside = outside, inside
			}
			with := func(v float64) string {
				return examples[u.ID][0] + ";" + a.arg + "=" + strconv.FormatFloat(v, 'f', -1, 64)
			}
			f, _ := about(t, u.ID, with(inside))
			require.NotNil(t, f, "%s: silent at %g", u.ID, inside)
			f, _ = about(t, u.ID, with(outside))
			require.Nil(t, f, "%s: fires at %g", u.ID, outside)
		}
	}
	require.GreaterOrEqual(t, held, 80)
}

// TestWhatIsNotKnownIsNotNormal takes away what each number of each condition is told by: the rule
// must then say what is missing, and neither fire nor be silent.
func TestWhatIsNotKnownIsNotNormal(t *testing.T) {
	examples, seen, held := cases(t), map[string]bool{}, 0
	for _, u := range Rules() {
		for _, a := range u.atoms {
			if a.kind != atomNumber || seen[u.ID] {
				continue
			}
			seen[u.ID] = true
			held++
			drug, facts, _ := strings.Cut(examples[u.ID][0], "|")
			in := given(t, drug, facts)
			if a.arg == "age" {
				in.Record.Patient.BirthDate = record.DateTime{}
			}
			in.Record.Observations = slices.DeleteFunc(in.Record.Observations, func(o record.Observation) bool {
				return o.ID == a.arg || o.ID == "cr" && (a.arg == "egfr" || a.arg == "crcl")
			})
			item := Check(in).Items
			i := slices.IndexFunc(item, func(it Item) bool { return it.Entry == terms.ByName("drug", drug) })
			j := slices.IndexFunc(item[i].Findings, func(f Finding) bool { return f.Rule.ID == u.ID })
			if item[i].Verdict == VerdictRemoved {
				continue // by another rule, beside which what is open is not told
			}
			require.GreaterOrEqual(t, j, 0, "%s is silent without %s", u.ID, a.arg)
			require.False(t, item[i].Findings[j].Fired(), u.ID)
			require.NotEmpty(t, item[i].Findings[j].Lacks)
		}
	}
	require.GreaterOrEqual(t, held, 90)
}
