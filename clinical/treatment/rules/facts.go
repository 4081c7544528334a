package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// Topic is what a fact is about.
type Topic string

// The topics, in the order in which facts are given.
const (
	TopicAge        Topic = "age"
	TopicSex        Topic = "sex"
	TopicWeight     Topic = "weight"
	TopicKidney     Topic = "kidney"
	TopicLiver      Topic = "liver"
	TopicPregnancy  Topic = "pregnancy"
	TopicAllergy    Topic = "allergy"
	TopicMedication Topic = "medication"
)

// Fact is something that the rules went by, and where the record has it.
type Fact struct {
	Topic    Topic
	Text     map[terms.Lang]string
	Evidence []string
	// Unknown says that the record does not tell; what depends on it cannot be decided.
	Unknown bool
}

// maxKnown is how many lines Known writes before it counts the rest.
const maxKnown = 256

// liverCodes are diseases of the liver, viral hepatitis and oesophageal varices among them (ICD-10).
var liverCodes = []string{"B15", "B16", "B17", "B18", "B19", "C22", "I85", "K7"}

// both writes a text in each language.
func both(write func(terms.Lang) string) map[terms.Lang]string {
	return map[terms.Lang]string{terms.English: write(terms.English), terms.Chinese: write(terms.Chinese)}
}

// say is a text of the vocabulary of facts.
func say(name string) map[terms.Lang]string {
	return both(func(l terms.Lang) string { return vocabularies[l].facts[name] })
}

// facts tells what was read of a patient, one topic after the other.
func (p *patient) facts() []Fact {
	out := []Fact{p.ageFact(), p.sexFact(), p.weightFact()}
	out = append(out, p.kidneyFacts()...)
	out = append(out, listed(TopicLiver, p.matching(liverCodes, false), say("no-liver"))...)
	out = append(out, p.pregnancyFacts()...)
	var allergies, medication []Against
	for i := range p.allergies {
		allergies = append(allergies, p.allergies[i].is)
	}
	for _, as := range p.given {
		medication = append(medication, as...)
	}
	state := both(func(l terms.Lang) string { return vocabularies[l].allergies[p.state] })
	found := listed(TopicAllergy, allergies, state)
	if len(allergies) == 0 {
		found[0].Unknown = p.state == AllergiesNotFiled
	}
	out = append(out, found...)
	return append(out, listed(TopicMedication, medication, say("no-medication"))...)
}

// diagnosed finds the record's own conditions with one of some codes.
func (p *patient) diagnosed(codes []string) []string {
	var plain, out []string
	for _, c := range codes {
		plain = append(plain, plainICD(c))
	}
	for _, a := range p.matching(plain, false) {
		out = appendEvidence(out, a.Evidence)
	}
	return out
}

func (p *patient) demographic(topic Topic, text map[terms.Lang]string, unknown bool) Fact {
	f := Fact{Topic: topic, Text: text, Unknown: unknown}
	if id := p.rec.Patient.ID; id != "" && !unknown {
		f.Evidence = []string{"Patient/" + id}
	}
	return f
}

func (p *patient) ageFact() Fact {
	if !p.ageKnown {
		return p.demographic(TopicAge, say("no-age"), true)
	}
	years := strconv.Itoa(p.ageLow)
	if p.ageHigh != p.ageLow {
		years += "-" + strconv.Itoa(p.ageHigh)
	}
	return p.demographic(TopicAge, both(func(l terms.Lang) string { return years + vocabularies[l].facts["years"] }), false)
}

func (p *patient) sexFact() Fact {
	if p.sex == "" {
		return p.demographic(TopicSex, say("no-sex"), true)
	}
	return p.demographic(TopicSex, say(p.sex), false)
}

func (p *patient) weightFact() Fact {
	x, lack := p.latest("weight")
	if lack != nil {
		return Fact{Topic: TopicWeight, Unknown: true, Text: both(func(l terms.Lang) string {
			return vocabularies[l].facts["no-weight"] + lack.age(l)
		})}
	}
	return valued(TopicWeight, x)
}

// inestimable says what cannot be estimated, by its name in the vocabulary of facts, and for want of what.
func inestimable(what string, lacks []Lack) Fact {
	return Fact{Topic: TopicKidney, Unknown: true, Text: both(func(l terms.Lang) string {
		return vocabularies[l].facts[what] + vocabularies[l].facts["missing"] + vocabularies[l].colon + lackText(lacks, l)
	})}
}

func valued(topic Topic, x *Value) Fact {
	return Fact{Topic: topic, Text: both(x.Words), Evidence: slices.Clone(x.Evidence)}
}

func (p *patient) kidneyFacts() []Fact {
	k := &p.kidney
	var out []Fact
	if len(k.Dialysis) > 0 {
		return listedUnder(TopicKidney, k.Dialysis, both(func(l terms.Lang) string { return vocabularies[l].dialysis }))
	}
	for _, x := range []*Value{k.EGFR, k.CrCl} {
		if x != nil {
			out = append(out, valued(TopicKidney, x))
		}
	}
	switch {
	case k.EGFR == nil && k.CrCl == nil:
		if lacks := distinct(slices.Concat(k.EGFRLacks, k.CrClLacks)); len(lacks) > 0 {
			out = append(out, inestimable("", lacks))
		}
	case k.EGFR == nil:
		out = append(out, inestimable("egfr", k.EGFRLacks))
	case k.CrCl == nil:
		out = append(out, inestimable("crcl", k.CrClLacks))
	}
	if len(k.Unsteady) > 0 {
		out = append(out, Fact{
			Topic: TopicKidney, Evidence: slices.Clone(k.Unsteady),
			Text: both(func(l terms.Lang) string { return vocabularies[l].unsteady }),
		})
	}
	return out
}

// pregnancyFacts is empty where nobody would ask.
func (p *patient) pregnancyFacts() []Fact {
	switch {
	case p.pregnancy.is:
		return listedUnder(TopicPregnancy, p.pregnancy.why, say("pregnant"))
	case !p.pregnancy.known:
		return []Fact{{Topic: TopicPregnancy, Unknown: true, Text: say("maybe-pregnant")}}
	case p.sex == "male":
		return nil
	}
	return []Fact{{Topic: TopicPregnancy, Text: say("not-pregnant")}}
}

// listed gives a fact for each thing of one name, or says that there is none.
func listed(topic Topic, as []Against, none map[terms.Lang]string) []Fact {
	if len(as) == 0 {
		return []Fact{{Topic: topic, Text: none}}
	}
	as = slices.Clone(as)
	sortAgainst(as)
	var out []Fact
	for _, a := range as {
		if n := len(out) - 1; n >= 0 && out[n].Text[terms.English] == a.Name(terms.English) {
			out[n].Evidence = appendEvidence(out[n].Evidence, a.Evidence)
			continue
		}
		out = append(out, Fact{Topic: topic, Text: both(a.Name), Evidence: appendEvidence(nil, a.Evidence)})
	}
	return out
}

// listedUnder gives one fact that rests on several things.
func listedUnder(topic Topic, as []Against, text map[terms.Lang]string) []Fact {
	f := Fact{Topic: topic, Text: text}
	for _, a := range as {
		f.Evidence = appendEvidence(f.Evidence, a.Evidence)
	}
	return []Fact{f}
}

func appendEvidence(to []string, evidence string) []string {
	if evidence == "" || slices.Contains(to, evidence) {
		return to
	}
	return append(to, evidence)
}

// Known writes what the rules went by, a line each: the facts with their references, and what was not checked.
func (r *Result) Known(lang terms.Lang) []string {
	v := vocabularies[lang]
	var out []string
	for _, f := range r.Facts {
		line := v.facts[string(f.Topic)] + v.colon + f.Text[lang]
		out = append(out, strings.TrimSpace(line+" "+strings.Join(f.Evidence[:min(len(f.Evidence), maxSame)], " ")))
	}
	if !r.Adult {
		out = append(out, v.child+v.stop)
	}
	for _, u := range r.Unread {
		out = append(out, v.unread+v.colon+strings.TrimSpace(u.Label+" "+u.Evidence))
	}
	if n := len(out); n > maxKnown {
		out = append(out[:maxKnown], fmt.Sprintf(v.facts["more"], n-maxKnown))
	}
	return out
}
