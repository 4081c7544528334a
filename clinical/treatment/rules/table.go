package rules

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/bedside-lm/bedside/clinical/internal/tsv"
	"github.com/bedside-lm/bedside/clinical/terms"
)

//go:embed data/*.tsv
var files embed.FS

// Rule is one row of the table of rules.
type Rule struct {
	ID       string
	Kind     RuleKind
	Severity Severity
	// Subject is whom the rule is about: a drug, a class, a group of this package, or "*" for every drug.
	Subject string
	// When is the rule's condition as the table writes it; see the grammar in docs/treatment.md.
	When   string
	Source *Source
	Reason map[terms.Lang]string
	// Monitor is what is to be watched, entries of clinical/terms.
	Monitor []*terms.Entry

	subject map[string]bool // keys of drugs; nil for every drug
	atoms   []atom
}

// Source is where a rule, a dose or a suggestion comes from.
type Source struct {
	Key      string
	Kind     string // guideline, label, paper, safety (a regulator's safety communication), list
	Citation string
	Year     int
}

type table struct {
	sources map[string]*Source
	groups  map[string]*group
	rules   []*Rule
	byDrug  map[string][]*Rule // by the drug's key, in the order of the table
	doses   []*Dose
}

// group is a set of drugs that no place in the ATC classification tells.
type group struct {
	names   map[terms.Lang]string
	members map[string]bool
	source  *Source
}

// loaded is read once; the files are part of the binary, so a fault in them is a fault of the
// build and the package's own test finds it.
var loaded = sync.OnceValue(func() *table {
	t, err := load()
	if err != nil {
		panic(err)
	}
	return t
})

// Rules returns the table of rules, in its order. It must not be changed.
func Rules() []*Rule { return loaded().rules }

// SourceOf returns the source with a key, or nil.
func SourceOf(key string) *Source { return loaded().sources[key] }

func load() (*table, error) {
	t := &table{sources: map[string]*Source{}, groups: map[string]*group{}}
	for _, part := range []struct {
		name    string
		columns int
		add     func([]string) error
	}{
		{"sources", 4, t.addSource}, {"groups", 4, t.addGroup}, {"rules", 9, t.addRule}, {"doses", 10, t.addDose},
	} {
		rows, err := tsv.Rows(files, "data/"+part.name+".tsv", part.columns)
		if err != nil {
			return nil, err
		}
		for i, r := range rows {
			if err := part.add(r); err != nil {
				return nil, fmt.Errorf("data/%s.tsv line %d: %w", part.name, tsv.FirstLine+i, err)
			}
		}
	}
	t.byDrug = map[string][]*Rule{}
	for _, d := range allDrugs() {
		for _, u := range t.rules {
			if u.subject == nil || u.subject[d.Key] {
				t.byDrug[d.Key] = append(t.byDrug[d.Key], u)
			}
		}
	}
	return t, nil
}

func (t *table) addSource(r []string) error {
	year, err := strconv.Atoi(r[3])
	if err != nil || t.sources[r[0]] != nil || r[2] == "" {
		return fmt.Errorf("source %q stands twice, or lacks its citation or year", r[0])
	}
	t.sources[r[0]] = &Source{Key: r[0], Kind: r[1], Citation: r[2], Year: year}
	return nil
}

func (t *table) source(key string) (*Source, error) {
	if s := t.sources[key]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("no source %q", key)
}

func (t *table) addGroup(r []string) (err error) {
	g := &group{names: map[terms.Lang]string{terms.English: r[0], terms.Chinese: r[1]}, members: map[string]bool{}}
	if g.source, err = t.source(r[3]); err != nil {
		return err
	}
	for _, n := range strings.Split(r[2], "|") {
		of, err := t.drugs(n)
		if err != nil {
			return err
		}
		for k := range of {
			g.members[k] = true
		}
	}
	if t.groups[r[0]] != nil || terms.ByName("drug-class", r[0]) != nil {
		return fmt.Errorf("group %q stands twice", r[0])
	}
	t.groups[r[0]] = g
	return nil
}

// drugs are the keys of the drugs that a name stands for: a drug, a class or a group; "+" joins several.
func (t *table) drugs(name string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, n := range strings.Split(name, "+") {
		switch e, class := terms.ByName("drug", n), terms.ByName("drug-class", n); {
		case t.groups[n] != nil:
			for k := range t.groups[n].members {
				out[k] = true
			}
		case class != nil:
			for _, d := range members(class) {
				out[d.Key] = true
			}
		case e != nil:
			out[e.Key] = true
		default:
			return nil, fmt.Errorf("%q is no drug, class or group", n)
		}
	}
	return out, nil
}

func (t *table) addRule(r []string) (err error) {
	u := &Rule{
		ID: r[0], Kind: RuleKind(r[1]), Subject: r[2], When: r[3], Severity: Severity(r[4]),
		Reason: map[terms.Lang]string{terms.English: r[7], terms.Chinese: r[8]},
	}
	if u.Source, err = t.source(r[5]); err != nil {
		return err
	}
	if rank(u.Severity) < 0 || u.Reason[terms.English] == "" || u.Reason[terms.Chinese] == "" {
		return fmt.Errorf("rule %s lacks a severity or a reason", u.ID)
	}
	if r[6] != "" {
		for _, n := range strings.Split(r[6], "|") {
			e := monitored(n)
			if e == nil {
				return fmt.Errorf("%q is nothing that is monitored", n)
			}
			u.Monitor = append(u.Monitor, e)
		}
	}
	if u.Subject != "*" {
		if u.subject, err = t.drugs(u.Subject); err != nil {
			return err
		}
	}
	if u.atoms, err = t.parse(u.When); err != nil {
		return err
	}
	t.rules = append(t.rules, u)
	return t.mirror(u)
}

// mirror makes an interaction work from its other side too: what speaks against the second drug
// beside the first speaks against the first beside the second.
func (t *table) mirror(u *Rule) error {
	if u.Kind != RuleInteraction || len(u.atoms) != 1 || u.atoms[0].kind != atomWith || u.atoms[0].not {
		return nil
	}
	m := *u
	m.Subject, m.subject = u.atoms[0].arg, u.atoms[0].drugs
	m.atoms = []atom{{kind: atomWith, arg: u.Subject, drugs: u.subject}}
	m.When = "with:" + u.Subject
	t.rules = append(t.rules, &m)
	return nil
}

func rank(s Severity) int {
	for i, x := range []Severity{SeverityMonitor, SeverityModerate, SeverityMajor, SeverityContraindicated} {
		if s == x {
			return i
		}
	}
	return -1
}

// monitored finds what a name of the tables asks to watch.
func monitored(name string) *terms.Entry {
	if e := terms.ByName("measure", name); e != nil {
		return e
	}
	return terms.ByName("care", name)
}
