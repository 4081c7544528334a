package terms

import (
	"fmt"
	"slices"
	"strings"
)

// addPharmacy adds what treatment speaks of beyond drugs: classes of drugs and other care, and
// where each drug stands in the ATC classification (WHO Collaborating Centre for Drug Statistics
// Methodology, https://atcddd.fhi.no).
func (t *table) addPharmacy() error {
	classes, err := readRows("drug_classes", 5)
	if err != nil {
		return err
	}
	for i, r := range classes {
		if err := t.add([]string{"drug-class", "", "", r[0], r[1], r[2], r[3], "", "", "", ""}); err != nil {
			return fmt.Errorf("data/drug_classes.tsv line %d: %w", i+2, err)
		}
		t.entries[len(t.entries)-1].ATC = split(r[4])
	}
	care, err := readRows("care", 4)
	if err != nil {
		return err
	}
	for i, r := range care {
		if err := t.add([]string{"care", "", "", r[0], r[1], r[2], r[3], "", "", "", ""}); err != nil {
			return fmt.Errorf("data/care.tsv line %d: %w", i+2, err)
		}
	}
	return t.addATC()
}

func (t *table) addATC() error {
	rows, err := readRows("atc", 2)
	if err != nil {
		return err
	}
	for i, r := range rows {
		e := t.byName["drug "+r[0]]
		if e == nil {
			e = t.byName["drug "+strings.ToLower(r[0])]
		}
		if e == nil || e.ATC != nil {
			return fmt.Errorf("data/atc.tsv line %d: no drug of that name, or a second line for it", i+2)
		}
		e.ATC = split(r[1])
		for _, c := range e.ATC {
			if t.byCode["drug A"+c] != nil {
				return fmt.Errorf("data/atc.tsv line %d: code %s stands twice", i+2, c)
			}
			t.byCode["drug A"+c] = e
		}
	}
	return nil
}

// InClass says whether a drug belongs to a class of drugs by its place in the ATC classification.
func (e *Entry) InClass(class *Entry) bool {
	return slices.ContainsFunc(e.ATC, func(own string) bool {
		return slices.ContainsFunc(class.ATC, func(group string) bool { return strings.HasPrefix(own, group) })
	})
}
