package terms

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/internal/tsv"
)

// addPharmacy adds what treatment speaks of beyond drugs: classes of drugs and other care, and
// where each drug stands in the ATC classification (WHO Collaborating Centre for Drug Statistics
// Methodology, https://atcddd.fhi.no).
func (t *table) addPharmacy() error {
	classes, err := tsv.Rows(files, "data/drug_classes.tsv", 5)
	if err != nil {
		return err
	}
	for i, r := range classes {
		if err := t.add([]string{"drug-class", "", "", r[0], r[1], r[2], r[3], "", "", "", ""}); err != nil {
			return fmt.Errorf("data/drug_classes.tsv line %d: %w", tsv.FirstLine+i, err)
		}
		t.entries[len(t.entries)-1].ATC = split(r[4])
	}
	care, err := tsv.Rows(files, "data/care.tsv", 4)
	if err != nil {
		return err
	}
	for i, r := range care {
		if err := t.add([]string{"care", "", "", r[0], r[1], r[2], r[3], "", "", "", ""}); err != nil {
			return fmt.Errorf("data/care.tsv line %d: %w", tsv.FirstLine+i, err)
		}
	}
	return t.addATC()
}

func (t *table) addATC() error {
	rows, err := tsv.Rows(files, "data/atc.tsv", 2)
	if err != nil {
		return err
	}
	for i, r := range rows {
		e := t.byName["drug "+r[0]]
		if e == nil {
			e = t.byName["drug "+strings.ToLower(r[0])]
		}
		if e == nil || e.ATC != nil {
			return fmt.Errorf("data/atc.tsv line %d: no drug of that name, or a second line for it", tsv.FirstLine+i)
		}
		e.ATC = split(r[1])
		for _, c := range e.ATC {
			if t.byCode["drug A"+c] != nil {
				return fmt.Errorf("data/atc.tsv line %d: code %s stands twice", tsv.FirstLine+i, c)
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
