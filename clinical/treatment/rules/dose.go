package rules

import (
	"fmt"
	"strings"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// Dose is one row of the table of doses: an adult dose as its source gives it. Bedside computes none.
type Dose struct {
	Drug *terms.Entry
	Use  map[terms.Lang]string // what for
	// Codes are the diagnoses that the dose is for (ICD-10-CM, each with all that begin with it); empty
	// where it goes with no diagnosis. A dose for what the patient does not have is not shown.
	Codes []string
	// Band is the number that the dose depends on ("crcl", "egfr", "weight"), or "".
	Band   string
	Text   map[terms.Lang]string
	Source *Source

	limits []atom // of the band, all of which must hold
}

// Doses returns the table of doses, in its order. It must not be changed.
func Doses() []*Dose { return loaded().doses }

func (t *table) addDose(r []string) (err error) {
	d := &Dose{
		Drug: terms.ByName("drug", r[0]), Band: r[4],
		Use:  map[terms.Lang]string{terms.English: r[1], terms.Chinese: r[2]},
		Text: map[terms.Lang]string{terms.English: r[7], terms.Chinese: r[8]},
	}
	if d.Drug == nil || r[1] == "" || r[2] == "" || r[7] == "" || r[8] == "" {
		return fmt.Errorf("dose of %q: a drug that is not in the table, or a text is missing", r[0])
	}
	if r[3] != "" {
		for _, c := range strings.Split(r[3], "|") {
			d.Codes = append(d.Codes, plainICD(c))
		}
	}
	for _, limit := range r[5:7] {
		if limit == "" {
			continue
		}
		a, err := t.parse(d.Band + limit)
		if err != nil {
			return err
		}
		d.limits = append(d.limits, a...)
	}
	if (d.Band == "") != (len(d.limits) == 0) {
		return fmt.Errorf("dose of %q: a band without its limits, or limits without a band", r[0])
	}
	if d.Source, err = t.source(r[9]); err != nil {
		return err
	}
	t.doses = append(t.doses, d)
	return nil
}

// dose looks a drug's doses up, or says what would have to be known for it.
func (p *patient) dose(it *Item) {
	it.Doses, it.DoseLacks = nil, nil
	if it.Proposal.Kind != KindDrug || it.Entry == nil {
		return
	}
	for _, d := range loaded().doses {
		if d.Drug != it.Entry || len(d.Codes) > 0 && len(p.matching(d.Codes, false)) == 0 {
			continue
		}
		if !p.ageKnown || p.ageLow < adultAge {
			it.DoseLacks = []Lack{{What: "adult"}}
			return
		}
		fits := yes
		for i := range d.limits {
			v := p.number(&d.limits[i])
			fits = min(fits, v.truth)
			it.DoseLacks = append(it.DoseLacks, v.lacks...)
		}
		if fits == yes {
			it.Doses = append(it.Doses, *d)
		}
	}
	it.DoseLacks = distinct(it.DoseLacks)
}
