package rules

import (
	"maps"
	"slices"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// truth is what is known of a condition.
type truth int

const (
	no truth = iota
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// other is a proposal beside the one that is judged.
type other struct {
	entry    *terms.Entry
	drugs    map[string]bool
	class    bool
	priority float64
}

// answer is what an atom gives, and what it rests on.
type answer struct {
	truth    truth
	against  []Against
	values   []Value
	lacks    []Lack
	rivals   []other // proposals that made it true, where no medication did
	rivalled bool
}

// ask decides one atom for a drug.
func (p *patient) ask(u *Rule, a *atom, d *terms.Entry, others []other) answer {
	var out answer
	switch a.kind {
	case atomWith:
		out = p.alsoGiven(a.drugs, d)
		p.proposed(&out, a.drugs, d, others)
	case atomGiven:
		switch a.arg {
		case "self":
			out.against = p.given[d.Key]
		case "class":
			out = p.alsoGiven(u.subject, d)
		default:
			out = p.alsoGiven(a.drugs, d)
		}
		out.truth = truthOf(len(out.against) > 0)
	case atomAmong:
		for _, o := range others {
			if !o.class && o.entry != d && u.subject[o.entry.Key] {
				out.against = append(out.against, Against{Entry: o.entry})
			}
		}
		out.truth = truthOf(len(out.against) > 0)
	case atomAllergy, atomSevere:
		out = p.allergic(a, d)
	case atomICD, atomHistory:
		out.against = p.matching(a.codes, a.kind == atomHistory)
		out.truth = truthOf(len(out.against) > 0)
	case atomPregnant:
		out.truth, out.against = truthOf(p.pregnancy.is), p.pregnancy.why
		if !p.pregnancy.known {
			out.truth, out.lacks = unknown, []Lack{{What: "pregnancy"}}
		}
	case atomNumber:
		out = p.number(a)
	}
	if a.not {
		out.truth = yes - out.truth
		out.against = nil
	}
	return out
}

// alsoGiven finds other drugs of a set in the medication.
func (p *patient) alsoGiven(drugs map[string]bool, d *terms.Entry) answer {
	var out answer
	for _, k := range slices.Sorted(maps.Keys(p.given)) {
		if drugs[k] && k != d.Key {
			out.against = append(out.against, p.given[k]...)
		}
	}
	out.truth = truthOf(len(out.against) > 0)
	return out
}

// proposed adds the proposals that fall into a set.
func (p *patient) proposed(out *answer, drugs map[string]bool, d *terms.Entry, others []other) {
	had := out.truth == yes
	for _, o := range others {
		if o.drugs[d.Key] {
			continue
		}
		inside := len(o.drugs) > 0
		for k := range o.drugs {
			inside = inside && drugs[k]
		}
		if inside {
			out.truth = yes
			out.against = append(out.against, Against{Entry: o.entry})
			out.rivals = append(out.rivals, o)
		}
	}
	out.rivalled = !had && out.truth == yes
}

func (p *patient) allergic(a *atom, d *terms.Entry) answer {
	var out answer
	for _, y := range p.allergies {
		hit := false
		switch {
		case a.arg == "self":
			hit = y.named[d.Key]
		case a.other != nil && y.allergen == a.other:
			hit = true
		default:
			for k := range a.drugs {
				hit = hit || y.drugs[k]
			}
		}
		if !hit {
			continue
		}
		t := yes
		if a.kind == atomSevere {
			t = y.grave
		}
		switch {
		case t == no:
			continue
		case t == unknown:
			out.lacks = append(out.lacks, Lack{What: "reaction"})
		}
		out.truth = max(out.truth, t)
		out.against = append(out.against, y.is)
	}
	if out.truth == yes {
		out.lacks = nil
	}
	out.lacks = slices.Compact(out.lacks)
	sortAgainst(out.against)
	return out
}

// number compares an age, a reading or a computed value with an atom's limit.
func (p *patient) number(a *atom) answer {
	var v *Value
	var lacks []Lack
	switch a.arg {
	case "age":
		return p.age(a)
	case "egfr":
		v, lacks = p.kidney.EGFR, p.kidney.EGFRLacks
	case "crcl":
		v, lacks = p.kidney.CrCl, p.kidney.CrClLacks
	default:
		var l *Lack
		v, l = p.latest(a.arg)
		lacks = asList(l)
	}
	if v == nil {
		return answer{truth: unknown, lacks: lacks}
	}
	return answer{truth: truthOf(a.compare(v.Value)), values: []Value{*v}}
}

func (p *patient) age(a *atom) answer {
	if !p.ageKnown {
		return answer{truth: unknown, lacks: []Lack{{What: "age"}}}
	}
	low, high := a.compare(float64(p.ageLow)), a.compare(float64(p.ageHigh))
	out := answer{truth: truthOf(low), values: []Value{{Name: "age", Value: float64(p.ageHigh), Unit: "a", At: p.at}}}
	if low != high {
		out.truth, out.lacks = unknown, []Lack{{What: "age"}}
	}
	return out
}

// verdict is what one rule says about one drug.
type verdict struct {
	rule    *Rule
	truth   truth
	against []Against
	values  []Value
	lacks   []Lack
	// rivalled says that the rule rests on another proposal, not on the medication alone; beaten is
	// false where that one must give way to this one.
	rivalled, beaten bool
}

// decide holds a drug against one rule that is about it; its truth is no where the rule is silent.
func (p *patient) decide(u *Rule, d *terms.Entry, priority float64, others []other) verdict {
	v := verdict{rule: u, truth: yes, beaten: true}
	for i := range u.atoms {
		r := p.ask(u, &u.atoms[i], d, others)
		if r.truth == no {
			return verdict{}
		}
		v.truth = min(v.truth, r.truth)
		v.against = append(v.against, r.against...)
		v.values = append(v.values, r.values...)
		v.lacks = append(v.lacks, r.lacks...)
		if r.rivalled {
			v.rivalled = true
			v.beaten = v.beaten && slices.ContainsFunc(r.rivals, func(o other) bool { return o.priority >= priority })
		}
	}
	return v
}
