package rules

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// atom is one part of a rule's condition; all parts must hold.
type atom struct {
	kind  atomKind
	not   bool
	arg   string
	drugs map[string]bool // of with, given, allergy: keys of drugs; nil for the drug itself
	other *terms.Entry    // of allergy: an allergen that is no drug
	codes []string        // of icd and history: codes without their point
	op    string          // of a number
	limit float64
}

type atomKind string

const (
	atomWith     atomKind = "with"           // another drug, in the medication or proposed
	atomGiven    atomKind = "given"          // a drug in the medication; "self" is the very drug, "class" another of the rule's subject
	atomAmong    atomKind = "among"          // another drug of the rule's subject is proposed
	atomAllergy  atomKind = "allergy"        // an allergy; "self" is one to the very drug
	atomSevere   atomKind = "severe-allergy" // one with a grave reaction, or of high criticality
	atomICD      atomKind = "icd"            // a condition that is present
	atomHistory  atomKind = "history"        // a condition that is or was present
	atomPregnant atomKind = "pregnant"
	atomNumber   atomKind = "number"
)

var numberAtom = regexp.MustCompile(`^([a-z0-9]+)(>=|<=|>|<)(-?[0-9.]+)$`)

// parse reads a condition: atoms joined by " & ", each with "!" before it where it must not hold.
func (t *table) parse(when string) ([]atom, error) {
	var out []atom
	if when == "" {
		return nil, nil
	}
	for _, s := range strings.Split(when, " & ") {
		a := atom{}
		if s, a.not = strings.CutPrefix(s, "!"); s == "pregnant" {
			a.kind = atomPregnant
		} else if m := numberAtom.FindStringSubmatch(s); m != nil {
			if _, known := numbers[m[1]]; !known {
				return nil, fmt.Errorf("no number %q", m[1])
			}
			a.kind, a.arg, a.op = atomNumber, m[1], m[2]
			var err error
			if a.limit, err = strconv.ParseFloat(m[3], 64); err != nil {
				return nil, fmt.Errorf("condition %q: %w", s, err)
			}
		} else if err := t.parseNamed(&a, s); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func (t *table) parseNamed(a *atom, s string) (err error) {
	kind, arg, ok := strings.Cut(s, ":")
	a.kind, a.arg = atomKind(kind), arg
	if !ok || arg == "" {
		return fmt.Errorf("condition %q", s)
	}
	switch a.kind {
	case atomAmong:
		return nil
	case atomWith, atomGiven, atomAllergy, atomSevere:
		if arg == "self" || arg == "class" {
			return nil
		}
		if e := terms.ByName("allergen", arg); e != nil && (a.kind == atomAllergy || a.kind == atomSevere) {
			a.other = e
		}
		if a.drugs, err = t.drugs(arg); err != nil && a.other != nil {
			a.drugs, err = map[string]bool{}, nil
		}
		return err
	case atomICD, atomHistory:
		for _, c := range strings.Split(arg, "|") {
			a.codes = append(a.codes, plainICD(c))
		}
		return nil
	default: // what has no name after a colon was read before
		return fmt.Errorf("condition %q", s)
	}
}

// plainICD writes an ICD-10 code without its point.
func plainICD(code string) string { return strings.ToUpper(strings.ReplaceAll(code, ".", "")) }

// compare says whether a number stands to an atom's limit as it must.
func (a *atom) compare(v float64) bool {
	switch a.op {
	case "<":
		return v < a.limit
	case "<=":
		return v <= a.limit
	case ">":
		return v > a.limit
	}
	return v >= a.limit
}
