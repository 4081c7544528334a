// Package treatment suggests treatments for a diagnosis: classes of drugs, drugs, care without
// drugs and what to monitor, each from a guideline (data/suggestions.tsv), and holds them, or what
// a model proposes, against the patient's record (package rules).
//
// It supports a clinician and decides nothing. What it suggests is a list to choose from, not a
// regimen; see docs/treatment.md for its sources and limits.
package treatment

import (
	"cmp"
	"embed"
	"fmt"
	"slices"
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
	// Abstained says why nothing can be suggested; empty where something can.
	Abstained Abstention
}

// Abstention is a reason to suggest nothing.
type Abstention string

// The reasons.
const (
	AbstainUnknown Abstention = "no-guideline"   // the table has nothing for any of the diagnoses
	AbstainChild   Abstention = "child"          // the tables are for adults; the plan has no items
	AbstainNone    Abstention = "nothing-stands" // guidelines name drugs, and all were removed; the items say why
)

// Limits of what Suggest takes, those of a typed record: more would take too long.
const (
	maxConditions  = 10_000
	maxAllergies   = 1_000
	maxMedications = 10_000
)

var abstentions = map[Abstention]map[terms.Lang]string{
	AbstainUnknown: {terms.English: "The table of guidelines has nothing for this diagnosis.", terms.Chinese: "指南表中没有该诊断的内容。"},
	AbstainChild:   {terms.English: "The patient is under 18, and the tables are for adults.", terms.Chinese: "患者未满18岁，各表仅适用于成人。"},
	AbstainNone: {
		terms.English: "Every drug and class that guidelines name was removed by a rule.", terms.Chinese: "指南所列药物和药物类别均被规则移除。",
	},
}

// Text says why in words.
func (a Abstention) Text(lang terms.Lang) string { return abstentions[a][lang] }

// Fits says whether a record is of a size that Suggest takes; else the error is a *record.LimitError.
func Fits(rec *record.PatientRecord) error {
	for _, part := range []struct {
		what     string
		n, limit int
	}{
		{"conditions", len(rec.Conditions), maxConditions}, {"allergies", len(rec.Allergies), maxAllergies},
		{"medications", len(rec.Medications), maxMedications},
	} {
		if part.n > part.limit {
			return &record.LimitError{Path: "source", What: part.what, Limit: int64(part.limit)}
		}
	}
	return nil
}

// Suggest gives what guidelines name for diagnoses (ICD-10-CM codes, confirmed or suspected), held
// against the record: by kind, and within one as the table has it, which ranks nothing for the
// patient. The zero time stands for the record's last moment.
func Suggest(rec *record.PatientRecord, diagnoses []string, at time.Time) *Plan {
	plan := &Plan{}
	from := map[*terms.Entry][]*Suggestion{}
	in := rules.Input{Record: rec, Diagnoses: diagnoses, Choices: true, At: at}
	place := map[*Suggestion]int{}
	for _, d := range diagnoses {
		rows := For(d)
		if rows == nil {
			plan.Unknown = append(plan.Unknown, d)
		}
		for _, s := range rows {
			if _, seen := place[s]; seen {
				continue
			}
			place[s] = len(place)
			from[s.Entry] = append(from[s.Entry], s)
			in.Proposals = append(in.Proposals, rules.Proposal{Kind: s.Kind, Name: s.Entry.Name(terms.English)})
		}
	}
	plan.Result = rules.Check(in)
	plan.Abstained = plan.abstains()
	if plan.Child {
		plan.Items = nil
	}
	rowsOf := func(it *rules.Item) []*Suggestion {
		return slices.DeleteFunc(slices.Clone(from[it.Entry]), func(s *Suggestion) bool { return s.Kind != it.Proposal.Kind })
	}
	slices.SortFunc(plan.Items, func(a, b rules.Item) int {
		return cmp.Or(byKind(&a, &b), cmp.Compare(place[rowsOf(&a)[0]], place[rowsOf(&b)[0]]))
	})
	for i := range plan.Items {
		plan.Suggested = append(plan.Suggested, rowsOf(&plan.Items[i]))
	}
	return plan
}

func (p *Plan) abstains() Abstention {
	drugs, stand := 0, 0
	for i := range p.Items {
		if k := p.Items[i].Proposal.Kind; k == rules.KindDrug || k == rules.KindClass {
			drugs++
			if p.Items[i].Verdict != rules.VerdictRemoved {
				stand++
			}
		}
	}
	switch {
	case len(p.Items) == 0:
		return AbstainUnknown
	case p.Child:
		return AbstainChild
	case drugs > 0 && stand == 0:
		return AbstainNone
	}
	return ""
}
