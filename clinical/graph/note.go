package graph

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/bedside-lm/bedside/clinical/note"
	"github.com/bedside-lm/bedside/clinical/prompt"
	"github.com/bedside-lm/bedside/clinical/record"
)

// Note is a text about a patient, in words.
type Note struct {
	ID   string // as filed; stored as a digest
	Text string
	Time record.DateTime
	// By names the model that read the text, with version and digest; "" has it read by rule.
	By string
	// Statements are what that model made of it; those less likely than Least are not taken.
	Statements []note.Statement
	Least      float64
}

// How sure a statement of the rules is; one of a model is as sure as its words were likely.
const (
	namedSure  = 0.8 // the text says what is stated
	hintedSure = 0.5 // it says "possible", or names a thing and no more; a value without a unit
)

// LeastSure is the probability below which a statement is not taken of a model of which none was chosen.
const LeastSure = 0.5

// Why a model's statement was not taken.
const (
	droppedUnsure = "unsure" // its words were less likely than Note.Least
	droppedValue  = "value"  // the unit is none of the measure's
)

// FromNote makes the graph of one text about a patient. The text itself goes nowhere.
func FromNote(n Note, opt Options) (*Graph, error) {
	m, err := newMaker(&record.PatientRecord{Patient: record.Patient{ID: opt.Patient}}, opt)
	if err != nil {
		return nil, err
	}
	m.note(&n)
	return m.graph, nil
}

// NotesOf are the texts of a record: what reports conclude, and readings that are words; the first record.MaxTexts of them.
func NotesOf(rec *record.PatientRecord) []Note {
	var out []Note
	add := func(id, text string, at record.DateTime) {
		if text != "" && len(out) < record.MaxTexts {
			out = append(out, Note{ID: id, Text: record.CutText(text), Time: at})
		}
	}
	for i := range rec.Reports {
		if r := &rec.Reports[i]; !gone(r.Status) {
			add(r.ID, r.Conclusion, r.Start)
		}
	}
	for i := range rec.Observations {
		if o := &rec.Observations[i]; !gone(o.Status) {
			add("Observation/"+o.ID, o.Value.Text, o.Start)
		}
	}
	return out
}

// Read are a note's statements and how they were come by: by the model that is named, or by rule.
func (n *Note) Read() ([]note.Statement, Method) {
	if n.By == "" {
		return note.ByRule(n.Text), MethodDictionary
	}
	return n.Statements, MethodModel
}

func (m *maker) note(n *Note) {
	statements, method := n.Read()
	from := Provenance{Record: m.record, Method: method, By: cmp.Or(n.By, "terms"), At: n.Time.String()}
	source := "note/" + m.names.of("note", m.patient, n.ID)
	for i := range statements {
		s := &statements[i]
		from.Source = fmt.Sprintf("%s#%d-%d", source, s.Mention.Start, s.Mention.End)
		from.Confidence = sureOf(s)
		if method == MethodModel {
			if from.Confidence = s.Probability; s.Probability < n.Least {
				m.graph.Dropped[droppedUnsure]++
				continue
			}
		}
		if s.Relation == note.Value {
			m.noted(n, s, from)
		} else {
			m.states(n, s, from)
		}
	}
}

// sureOf is how sure a statement of the rules is.
func sureOf(s *note.Statement) float64 {
	if s.Relation == note.Possible || s.Relation == note.Named {
		return hintedSure
	}
	return namedSure
}

// PredicateOf is the graph's relation of a statement that a note makes.
func PredicateOf(r note.Relation) Predicate { return predicateOf[r] }

var predicateOf = map[note.Relation]Predicate{
	note.Diagnosis: HasDiagnosis, note.History: HadDiagnosis, note.Possible: SuspectedOf, note.Denied: Denied, note.Family: FamilyHistory,
	note.Given: WasGiven, note.Ordered: WasPrescribed, note.Allergy: AllergicTo, note.Done: Underwent, note.Named: Mentions, note.Value: MeasuredAs,
}

// unlistedKind is the kind of a thing that the table does not have, by what is stated of it.
var unlistedKind = map[note.Relation]Kind{
	note.Given: KindDrug, note.Ordered: KindDrug, note.Allergy: KindAllergen, note.Done: KindProcedure,
}

// states says of the patient what the text says. A name that the table lacks becomes a digest: its words may be anybody's.
func (m *maker) states(n *Note, s *note.Statement, from Provenance) {
	object := ""
	if e := s.Entry(); e != nil {
		object = m.entry(e)
	} else {
		kind := unlistedKind[s.Relation]
		if kind == "" {
			kind = KindDiagnosis
		}
		object = m.concept(m.names, kind, record.Concept{Text: s.Mention.Of(n.Text)}).Node
	}
	m.link(m.patient, predicateOf[s.Relation], object, from)
}

// noted states a measure's value, or the two of a blood pressure.
func (m *maker) noted(n *Note, s *note.Statement, from Provenance) {
	quantities := s.Quantities(n.Text)
	if quantities == nil {
		m.graph.Dropped[droppedValue]++
	}
	for _, q := range quantities {
		sure := from
		if q.Bare {
			sure.Confidence = min(sure.Confidence, hintedSure)
		}
		id := m.names.of("note reading", m.patient, n.ID, q.Entry.Key, strconv.Itoa(s.Mention.Start))
		node := m.node(Node{ID: "reading/" + id, Kind: KindReading})
		m.link(m.patient, HasReading, node, sure)
		m.link(node, Of, m.entry(q.Entry), sure)
		m.say(node, MeasuredAs, Quantity(strconv.FormatFloat(q.Value, 'f', -1, 64), q.Entry.Unit), sure)
		m.finding(node, q.Entry, prompt.Grade(q.Entry, q.Value, m.female), sure)
	}
}
