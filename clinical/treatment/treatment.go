// Package treatment suggests treatments for a diagnosis: classes of drugs, drugs, care without
// drugs and what to monitor, each from a guideline (data/suggestions.tsv), and holds them, or what
// a model proposes, against the patient's record (package rules).
//
// It supports a clinician and decides nothing. What it suggests is a list to choose from, not a
// regimen; see docs/treatment.md for its sources and limits.
package treatment

import (
	"embed"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/bedside-lm/bedside/clinical/internal/tsv"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
	"github.com/bedside-lm/bedside/clinical/treatment/rules"
)

//go:embed data/suggestions.tsv
var files embed.FS

// Suggestion is one treatment that a guideline names for a diagnosis.
type Suggestion struct {
	Diagnosis string   // what the row is for, in English
	Codes     []string // ICD-10-CM codes, each with all that begin with it
	Kind      rules.ProposalKind
	Entry     *terms.Entry // what it is called in either language
	Source    *rules.Source
}

// loaded is read once; the file is part of the binary, so a fault in it is a fault of the build
// and the package's own test finds it.
var loaded = sync.OnceValue(func() []*Suggestion {
	all, err := load()
	if err != nil {
		panic(err)
	}
	return all
})

// Suggestions returns the whole table, in its order. It must not be changed.
func Suggestions() []*Suggestion { return loaded() }

func load() ([]*Suggestion, error) {
	rows, err := tsv.Rows(files, "data/suggestions.tsv", 5)
	if err != nil {
		return nil, err
	}
	var out []*Suggestion
	for i, r := range rows {
		s := &Suggestion{Diagnosis: r[0], Codes: strings.Split(r[1], "|"), Kind: rules.ProposalKind(r[2]), Source: rules.SourceOf(r[4])}
		s.Entry = rules.Resolve(rules.Proposal{Kind: s.Kind, Name: r[3]})
		if s.Entry == nil || s.Source == nil {
			return nil, fmt.Errorf("data/suggestions.tsv line %d: %q is no known %s, or %q no source", tsv.FirstLine+i, r[3], r[2], r[4])
		}
		out = append(out, s)
	}
	return out, nil
}

// For returns what guidelines name for a diagnosis by its ICD-10-CM code, in the order of the
// table: the rows with a code that this one begins with. A code that the table has nothing for
// gives nil.
func For(icd string) []*Suggestion {
	code := plain(icd)
	var out []*Suggestion
	for _, s := range loaded() {
		for _, c := range s.Codes {
			if strings.HasPrefix(code, plain(c)) {
				out = append(out, s)
				break
			}
		}
	}
	return out
}

func plain(icd string) string { return strings.ToUpper(strings.ReplaceAll(icd, ".", "")) }

// Plan is what is suggested for a patient, after the rules.
type Plan struct {
	*rules.Result
	// Suggested names the rows that an item comes from, by the item's place in Items.
	Suggested [][]*Suggestion
	// Unknown are the diagnoses that the table has nothing for.
	Unknown []string
}

// Suggest gives what guidelines name for diagnoses (ICD-10-CM codes, confirmed or suspected), held
// against the record. The zero time stands for the record's last moment.
func Suggest(rec *record.PatientRecord, diagnoses []string, at time.Time) *Plan {
	plan := &Plan{}
	from := map[*terms.Entry][]*Suggestion{}
	in := rules.Input{Record: rec, Diagnoses: diagnoses, Choices: true, At: at}
	seen := map[*Suggestion]bool{}
	for _, d := range diagnoses {
		rows := For(d)
		if rows == nil {
			plan.Unknown = append(plan.Unknown, d)
		}
		for _, s := range rows {
			if seen[s] {
				continue
			}
			seen[s] = true
			from[s.Entry] = append(from[s.Entry], s)
			in.Proposals = append(in.Proposals, rules.Proposal{Kind: s.Kind, Name: s.Entry.Name(terms.English)})
		}
	}
	plan.Result = rules.Check(in)
	for i := range plan.Items {
		var rows []*Suggestion
		for _, s := range from[plan.Items[i].Entry] {
			if s.Kind == plan.Items[i].Proposal.Kind {
				rows = append(rows, s)
			}
		}
		plan.Suggested = append(plan.Suggested, rows)
	}
	return plan
}
