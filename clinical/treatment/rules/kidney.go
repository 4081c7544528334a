package rules

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// Kidney is what the record tells of the kidneys, and what it was told from.
type Kidney struct {
	EGFR, CrCl *Value // nil where not known
	// What is missing for each.
	EGFRLacks, CrClLacks []Lack
	// Dialysis names what says that the patient is on dialysis; both values then count as 0.
	Dialysis []Against
	// Unsteady names the creatinine readings that rose or fell by 0.3 mg/dL or more within 48 h: both
	// equations are for a steady state, and say too much while creatinine rises (KDIGO 2012).
	Unsteady []string
}

// The change of creatinine that counts as unsteady (KDIGO 2012 acute kidney injury guideline, table 2).
const (
	unsteadyRise   = 0.3 // mg/dL
	unsteadyWithin = 48 * time.Hour
)

// CKDEPI2021 is the estimated glomerular filtration rate in mL/min/1.73 m2 by creatinine (mg/dL),
// age in years and sex, without race: Inker et al. 2021, doi:10.1056/NEJMoa2102953.
func CKDEPI2021(creatinine, age float64, female bool) float64 {
	kappa, alpha, factor := 0.9, -0.302, 1.0
	if female {
		kappa, alpha, factor = 0.7, -0.241, 1.012
	}
	r := creatinine / kappa
	return 142 * math.Pow(math.Min(r, 1), alpha) * math.Pow(math.Max(r, 1), -1.200) * math.Pow(0.9938, age) * factor
}

// CockcroftGault is the creatinine clearance in mL/min by creatinine (mg/dL), age in years,
// actual body weight in kg and sex: Cockcroft and Gault 1976, doi:10.1159/000180580.
func CockcroftGault(creatinine, age, weight float64, female bool) float64 {
	c := (140 - age) * weight / (72 * creatinine)
	if female {
		c *= 0.85
	}
	return math.Max(c, 0)
}

// kidneys computes both estimates. A range of ages, where only a year of birth is filed, counts
// by its older end, which gives the lower estimates.
func (p *patient) kidneys() Kidney {
	k := Kidney{Dialysis: p.dialysis()}
	k.Unsteady = p.unsteady()
	if len(k.Dialysis) > 0 {
		k.EGFR = p.onDialysis("egfr", "33914-3", k.Dialysis)
		k.CrCl = p.onDialysis("crcl", "2164-2", k.Dialysis)
		return k
	}
	cr, lackCr := p.latest("cr")
	weight, lackWeight := p.latest("weight")
	var common []Lack
	if lackCr != nil || cr.Value <= 0 {
		common = append(common, Lack{What: "cr", Entry: terms.Measure("2160-0"), Stale: lackCr != nil && lackCr.Stale})
	}
	if !p.ageKnown {
		common = append(common, Lack{What: "age"})
	}
	if p.sex == "" {
		common = append(common, Lack{What: "sex"})
	}
	k.EGFRLacks, k.CrClLacks = common, slices.Concat(common, asList(lackWeight))
	switch {
	case p.ageKnown && p.ageLow < adultAge: // the equations are for adults
		k.EGFRLacks, k.CrClLacks = []Lack{{What: "adult"}}, []Lack{{What: "adult"}}
		return k
	case len(k.EGFRLacks) == 0:
		k.EGFR = &Value{
			Name: "egfr", Entry: terms.Measure("33914-3"), Unit: numbers["egfr"].unit, At: cr.At, Evidence: cr.Evidence,
			Value: CKDEPI2021(cr.Value, float64(p.ageHigh), p.sex == "female"), Formula: FormulaCKDEPI,
		}
	}
	if len(k.CrClLacks) == 0 {
		k.CrCl = &Value{
			Name: "crcl", Entry: terms.Measure("2164-2"), Unit: numbers["crcl"].unit, At: cr.At,
			Evidence: slices.Concat(cr.Evidence, weight.Evidence),
			Value:    CockcroftGault(cr.Value, float64(p.ageHigh), weight.Value, p.sex == "female"), Formula: FormulaCockcroftGault,
		}
	}
	p.reported(&k)
	return k
}

func asList(l *Lack) []Lack {
	if l == nil {
		return nil
	}
	return []Lack{*l}
}

// reported takes the laboratory's own value where none can be computed.
func (p *patient) reported(k *Kidney) {
	if v, lack := p.latest("filed-egfr"); k.EGFR == nil && lack == nil {
		v.Name = "egfr"
		k.EGFR, k.EGFRLacks = v, nil
	}
	if v, lack := p.latest("filed-crcl"); k.CrCl == nil && lack == nil {
		v.Name = "crcl"
		k.CrCl, k.CrClLacks = v, nil
	}
}

func (p *patient) onDialysis(name, loinc string, why []Against) *Value {
	v := &Value{Name: name, Entry: terms.Measure(loinc), Unit: numbers[name].unit, At: p.at, Formula: FormulaDialysis}
	for _, a := range why {
		if a.Evidence != "" {
			v.Evidence = append(v.Evidence, a.Evidence)
		}
	}
	return v
}

// dialysisCodes are dependence on dialysis and end-stage kidney disease.
var dialysisCodes = []string{"Z992", "N186"}

// dialysis finds what says that the patient is on dialysis: a diagnosis, or a treatment that has
// started within the last week and not been called off.
func (p *patient) dialysis() []Against {
	out := p.matching(dialysisCodes, false)
	for _, c := range p.rec.Procedures {
		e, _ := terms.Find("procedure", c.Code)
		if e == nil || c.Status == "not-done" || c.Status == "entered-in-error" || c.Status == "preparation" {
			continue
		}
		n := e.Name(terms.English)
		if (n == "hemodialysis" || n == "continuous renal replacement therapy") && !c.Start.IsZero() &&
			!c.Start.Time.After(p.at) && p.at.Sub(c.Start.Time) <= 7*24*time.Hour {
			out = append(out, Against{Entry: e, Evidence: "Procedure/" + c.ID})
		}
	}
	sortAgainst(out)
	return out
}

// unsteady finds the newest creatinine reading and one within 48 h before it that is far from it.
func (p *patient) unsteady() []string {
	rs := p.readings["cr"]
	if len(rs) == 0 {
		return nil
	}
	last := rs[len(rs)-1]
	for _, r := range rs[:len(rs)-1] {
		// To the third decimal, so that 1.3 after 1.0 counts whatever the binary fractions are.
		if last.at.Sub(r.at) <= unsteadyWithin && math.Round(math.Abs(last.value-r.value)*1000)/1000 >= unsteadyRise {
			return []string{r.name, last.name}
		}
	}
	return nil
}

func compareAgainst(a, b Against) int { return strings.Compare(a.sortKey(), b.sortKey()) }

func (a Against) sortKey() string {
	if a.Entry != nil {
		return a.Entry.Key + "\x00" + a.Evidence
	}
	return a.Label + "\x00" + a.Evidence
}
