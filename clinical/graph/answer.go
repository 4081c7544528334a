package graph

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/prompt"
	"github.com/bedside-lm/bedside/clinical/summary"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// AnswerForm is what a model's answer must look like, as a regular expression for constrained decoding:
// subject, relation and object between bars, a line a statement.
const AnswerForm = `[^|\n]{1,80}\|[^|\n]{1,40}\|[^|\n]{1,80}(\n[^|\n]{1,80}\|[^|\n]{1,40}\|[^|\n]{1,80}){0,63}`

const maxStatements = 64 // of one answer

// Why a model's statement was not taken.
const (
	droppedForm     = "form"     // not three parts
	droppedRelation = "relation" // no relation of the graph
	droppedEntity   = "entity"   // what it speaks of does not stand in the text, or is no name of the table of terms
	droppedValue    = "value"    // the number does not stand in the text
	droppedState    = "state"    // the value's place against its range is another
	droppedDenied   = "negation" // the text denies it
	droppedPatient  = "patient"  // of who the patient is: the record says that
	droppedLimit    = "too many" // behind the last statement that is read
	droppedSubject  = "no value" // a state without the value that it is of
)

// relations are the words of models for relations, in both languages.
var relations = map[string]Predicate{
	"value": MeasuredAs, "数值": MeasuredAs, "state": State, "状态": State, "sex": Sex, "性别": Sex, "age": Age, "年龄": Age,
	"diagnosis": HasDiagnosis, "has diagnosis": HasDiagnosis, "诊断": HasDiagnosis, "drug": WasGiven, "was given": WasGiven, "给予": WasGiven,
	"was prescribed": WasPrescribed, "医嘱": WasPrescribed, "allergic to": AllergicTo, "过敏原": AllergicTo, "过敏": AllergicTo,
}

// readAnswer is a model's answer held against the text that it was made of.
type readAnswer struct {
	*maker
	note     *Note
	text     string // folded, lower case
	mentions map[string]*summary.Mention
	from     Provenance
	values   map[*terms.Entry]string // readings that were taken
	grades   map[*terms.Entry]int
}

// answer takes a model's statements that stand in the text, whose mentions are given.
func (m *maker) answer(n *Note, mentions []summary.Mention, from Provenance) {
	from.Method, from.By, from.Confidence = MethodModel, n.By, modelSure
	a := &readAnswer{
		maker: m, note: n, text: strings.ToLower(summary.Fold(n.Text)), mentions: map[string]*summary.Mention{}, from: from,
		values: map[*terms.Entry]string{}, grades: map[*terms.Entry]int{},
	}
	for i := range mentions {
		for _, key := range mentions[i].Keys {
			a.mentions[key] = &mentions[i]
		}
	}
	lines := 0
	for line := range strings.Lines(n.Answer) {
		if lines++; lines > maxStatements {
			m.graph.Dropped[droppedLimit]++
			continue
		}
		if why := a.statement(strings.TrimSpace(line)); why != "" {
			m.graph.Dropped[why]++
		}
	}
}

// statement takes one line, or says why not.
func (a *readAnswer) statement(line string) string {
	parts := strings.Split(line, "|")
	if len(parts) != 3 {
		return droppedForm
	}
	subject, object := strings.TrimSpace(parts[0]), strings.TrimSpace(parts[2])
	p, known := relations[strings.ToLower(strings.TrimSpace(parts[1]))]
	switch {
	case !known:
		return droppedRelation
	case p == Sex || p == Age:
		return droppedPatient
	case p == MeasuredAs:
		return a.value(subject, object)
	case p == State:
		return a.state(subject, object)
	}
	return a.relation(p, object)
}

var numberAtStart = regexp.MustCompile(`^[<>]?=?\s*(\d+(?:\.\d+)?)\s*(.*)$`)

func (a *readAnswer) value(subject, object string) string {
	e := a.measure(subject)
	if e == nil {
		return droppedEntity
	}
	parts := numberAtStart.FindStringSubmatch(summary.Fold(object))
	if parts == nil || !a.numberStands(parts[1]) {
		return droppedValue
	}
	code := ""
	if u := terms.UnitByCode(parts[2]); u != nil {
		code = u.Code
	}
	if code != e.Unit && (parts[2] != "" || e.Unit != "1") {
		return droppedValue
	}
	node := a.node(Node{ID: "reading/" + a.names.of("note reading", a.patient, a.note.ID, e.Key), Kind: KindReading})
	if _, have := a.values[e]; have {
		return droppedValue
	}
	a.values[e] = node
	v, _ := strconv.ParseFloat(parts[1], 64) // the pattern holds that it is one
	a.grades[e] = prompt.Grade(e, v, a.female)
	a.link(a.patient, HasReading, node, a.from)
	a.link(node, Of, a.entry(e), a.from)
	a.say(node, MeasuredAs, Quantity(parts[1], e.Unit), a.from)
	return ""
}

func (a *readAnswer) state(subject, object string) string {
	e := a.measure(subject)
	if e == nil {
		return droppedEntity
	}
	node, have := a.values[e]
	if !have {
		return droppedSubject
	}
	grade := a.grades[e]
	if grade == 0 || object != prompt.Degree(grade, terms.English) && object != prompt.Degree(grade, terms.Chinese) {
		return droppedState
	}
	a.finding(node, e, grade, a.from)
	return ""
}

// relation takes a statement of the patient and a concept.
func (a *readAnswer) relation(p Predicate, object string) string {
	kinds := map[Predicate][]string{AllergicTo: {"allergen", "drug"}, HasDiagnosis: {"diagnosis"}, WasGiven: {"drug"}, WasPrescribed: {"drug"}}[p]
	for _, kind := range kinds {
		e := terms.ByName(kind, object)
		if e == nil || a.mentions[e.Key] == nil {
			continue
		}
		if a.mentions[e.Key].Negated {
			return droppedDenied
		}
		a.link(a.patient, p, a.entry(e), a.from)
		return ""
	}
	return droppedEntity
}

// measure is the measure of a name, if any of its names stands in the text.
func (a *readAnswer) measure(name string) *terms.Entry {
	e := terms.ByName("measure", name)
	if e == nil {
		return nil
	}
	for _, names := range e.Names {
		if slices.ContainsFunc(names, func(n string) bool { return a.stands(strings.ToLower(summary.Fold(n))) }) {
			return e
		}
	}
	return nil
}

// stands says whether a name stands in the text, not as part of a longer word. Digits may follow it: a device model's
// prompt has "CRP64.3".
func (a *readAnswer) stands(name string) bool {
	letter := func(c byte) bool { return c >= 'a' && c <= 'z' }
	for from := 0; ; {
		i := strings.Index(a.text[from:], name)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(name)
		if !(letter(name[0]) && start > 0 && letter(a.text[start-1])) && !(letter(name[len(name)-1]) && end < len(a.text) && letter(a.text[end])) {
			return true
		}
		from = end
	}
}

// numberStands says whether a number stands in the text as a whole.
func (a *readAnswer) numberStands(number string) bool {
	part := func(c byte) bool { return c >= '0' && c <= '9' || c == '.' }
	for from := 0; ; {
		i := strings.Index(a.text[from:], number)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(number)
		more := end < len(a.text) && part(a.text[end]) && (a.text[end] != '.' || end+1 < len(a.text) && part(a.text[end+1]))
		if !more && (start == 0 || !part(a.text[start-1])) {
			return true
		}
		from = end
	}
}
