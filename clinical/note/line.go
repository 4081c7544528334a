package note

import (
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/terms"
)

// Relation is what a text states of a name, by the English word of a line.
type Relation string

// The relations.
const (
	Diagnosis Relation = "diagnosis" // the patient has it, or complains of it
	History   Relation = "history"   // had it, or has had it for long
	Possible  Relation = "possible"  // is thought to have it, perhaps
	Denied    Relation = "denied"    // has it not, was not given it, is not allergic to it
	Family    Relation = "family"    // a relative has it
	Given     Relation = "given"     // gets or takes it
	Ordered   Relation = "ordered"   // is to get it
	Allergy   Relation = "allergy"   // is allergic to it
	Done      Relation = "done"      // it was done to the patient
	Value     Relation = "value"     // a measure's value
	Named     Relation = "named"     // the text names it, and states nothing of it and the patient
)

// words are the relations' words in lines.
var words = []struct {
	relation Relation
	zh       string
}{
	{Diagnosis, "诊断"}, {History, "既往"}, {Possible, "疑似"}, {Denied, "否认"}, {Family, "家族"}, {Given, "给予"}, {Ordered, "医嘱"},
	{Allergy, "过敏"}, {Done, "操作"}, {Value, "数值"}, {Named, "提及"},
}

// Word is the relation's word in lines of a language.
func (r Relation) Word(lang terms.Lang) string {
	for _, w := range words {
		if w.relation == r && lang == terms.Chinese {
			return w.zh
		}
	}
	return string(r)
}

// relationOf is the relation of a word, in either language; "" for none.
func relationOf(word string) Relation {
	for _, w := range words {
		if string(w.relation) == word || w.zh == word {
			return w.relation
		}
	}
	return ""
}

// patient is the object of a line that is no value.
var patient = map[terms.Lang]string{terms.English: "patient", terms.Chinese: "患者"}

// stated are the relations that a text may state of a name of a kind, beside that it names it.
var stated = map[string][]Relation{
	"diagnosis": {Diagnosis, History, Possible, Denied, Family},
	"drug":      {Given, Ordered, Allergy, Denied},
	"allergen":  {Allergy, Denied},
	"procedure": {Done, Denied},
	"measure":   {Value},
}

// Relations are those that a text may state of a mention. One of a name that the table does not have may be of any kind.
func (m *Mention) Relations() []Relation {
	var out []Relation
	if len(m.Entries) == 0 {
		for _, w := range words {
			if w.relation != Value && w.relation != Named {
				out = append(out, w.relation)
			}
		}
		return out
	}
	for _, w := range words {
		of := func(e *terms.Entry) bool { return slices.Contains(stated[e.Kind], w.relation) }
		if w.relation == Named || slices.ContainsFunc(m.Entries, of) && (w.relation != Value || m.Values != nil) {
			out = append(out, w.relation)
		}
	}
	return out
}

// Statement is what a text states of one name.
type Statement struct {
	Mention  Mention
	Relation Relation
	Value    Span // of a measure's value
	// Line is that of the model's answer which it was read from, and Probability how likely the model found its words; of
	// the rules neither is set.
	Line        int
	Probability float64
}

// Shift is the statement of a text that begins so many bytes before.
func (s *Statement) Shift(by int) Statement {
	out := *s
	out.Mention.Span = s.Mention.shift(by)
	out.Mention.Values = slices.Clone(s.Mention.Values)
	for i := range out.Mention.Values {
		out.Mention.Values[i] = out.Mention.Values[i].shift(by)
	}
	if s.Relation == Value {
		out.Value = s.Value.shift(by)
	}
	return out
}

// Entry is what the statement is of: of what its name may stand for, what such a thing can be stated of; nil for a name
// that the table does not have. Nobody is given an allergen, so that a drug is meant unless it is one that the patient
// is allergic to.
func (s *Statement) Entry() *terms.Entry {
	var best *terms.Entry
	for _, e := range s.Mention.Entries {
		fits := s.Relation == Named || slices.Contains(stated[e.Kind], s.Relation)
		if fits && (best == nil || e.Kind == "allergen" && s.Relation == Allergy) {
			best = e
		}
	}
	return best
}

// Write puts statements into lines, in their order. A name is written as it stands in the text, with the space before
// it, so that a model has the same tokens to write as it has read.
func Write(text string, lang terms.Lang, statements []Statement) string {
	var b strings.Builder
	for i, s := range statements {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(s.Mention.written(text) + "|" + s.Relation.Word(lang) + "|")
		if s.Relation == Value {
			b.WriteString(s.Value.Of(text))
		} else {
			b.WriteString(patient[lang])
		}
	}
	return b.String()
}

// written is the name as a line begins with it.
func (m *Mention) written(text string) string {
	if m.Start > 0 && text[m.Start-1] == ' ' {
		return text[m.Start-1 : m.End]
	}
	return m.Of(text)
}
