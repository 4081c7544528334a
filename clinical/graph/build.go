package graph

import (
	"sync"

	"github.com/bedside-lm/bedside/clinical/prepare/features"
	"github.com/bedside-lm/bedside/clinical/prompt"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Bounds of one record's graph.
const (
	DefaultTriples = 100_000
)

// Options say how a record becomes a graph.
type Options struct {
	// Pseudonyms is needed.
	Pseudonyms *Pseudonyms
	// Patient is the pseudonym to use, of ValidName's form; "" makes one of the patient's id.
	Patient string
	// Record is the record's own id, of ValidName's form; "" makes one of the patient and the
	// encounters. What comes of the same record again replaces nothing and adds nothing.
	Record string
	// All takes every reading in. Otherwise a measure's first, latest, lowest and highest are, which
	// is what can be asked for of a stay without storing the stay.
	All bool
	// Notes are the texts that stand in the record or beside it; nil stands for NotesOf the record, read by rule.
	Notes []Note
	// MaxTriples bounds the statements; 0 is DefaultTriples. Beyond it, FromRecord gives a *record.LimitError.
	MaxTriples int
}

// maker makes the graph of one record.
type maker struct {
	*builder
	names   *Pseudonyms
	record  string
	patient string
	rec     *record.PatientRecord
	female  bool
}

// FromRecord makes the graph of a record, which is best prepared (clinical/prepare). The error is a
// *record.InvalidError for a record that names no patient, or a *record.LimitError.
func FromRecord(rec *record.PatientRecord, opt Options) (*Graph, error) {
	m, err := newMaker(rec, opt)
	if err != nil {
		return nil, err
	}
	m.who()
	m.encounters()
	m.devices()
	m.conditions()
	m.medications()
	m.allergies()
	m.procedures()
	m.readings(opt.All)
	notes := opt.Notes
	if notes == nil {
		notes = NotesOf(rec)
	}
	for i := range notes {
		m.note(&notes[i])
	}
	if m.full() {
		return nil, &record.LimitError{Path: "record", What: "statements", Limit: int64(m.limit)}
	}
	return m.graph, nil
}

func newMaker(rec *record.PatientRecord, opt Options) (*maker, error) {
	if opt.Pseudonyms == nil {
		return nil, &KeyError{}
	}
	limit := opt.MaxTriples
	if limit <= 0 {
		limit = DefaultTriples
	}
	m := &maker{builder: newBuilder(limit), names: opt.Pseudonyms, rec: rec, female: rec.Patient.Sex == "female"}
	who := opt.Patient
	if who == "" {
		if rec.Patient.ID == "" {
			return nil, &record.InvalidError{Violations: []record.Violation{{
				Path: "patient.id", Message: "needs an id, or a pseudonym must be given",
			}}}
		}
		who = m.names.of("patient", rec.Patient.ID)
	}
	m.patient = m.node(Node{ID: "patient/" + who, Kind: KindPatient})
	m.graph.Patient = m.patient
	if m.record = opt.Record; m.record == "" {
		parts := []string{"record", who}
		for i := range rec.Encounters {
			parts = append(parts, rec.Encounters[i].ID)
		}
		m.record = m.names.of(parts...)
	}
	return m, nil
}

// instance adds a node for something filed about the patient. Its id is a digest: ids of
// visits and messages are often numbers that lead to a person.
func (m *maker) instance(kind Kind, resource, id string) string {
	if id == "" {
		return ""
	}
	node := m.node(Node{ID: m.instanceID(kind, id), Kind: kind})
	m.graph.References[resource+"/"+id] = node
	return node
}

func (m *maker) instanceID(kind Kind, id string) string {
	return string(kind) + "/" + m.names.of(string(kind), m.patient, id)
}

// filed is the provenance of what a field of the record says.
func (m *maker) filed(source string, at record.DateTime, confidence float64) Provenance {
	return Provenance{Record: m.record, Source: source, Method: MethodStructured, By: "record", At: at.String(), Confidence: confidence}
}

func (m *maker) who() {
	from := m.filed(m.patient, record.DateTime{}, 1)
	m.say(m.patient, Sex, word("sex", m.rec.Patient.Sex), from)
	if start, ok := features.Admission(m.rec); ok {
		if age, ok := features.Age(m.rec.Patient.BirthDate, start); ok {
			m.say(m.patient, Age, integer(age), from)
		}
	}
}

// word is a code of FHIR or HL7 v3 that the table of terms knows; what it does not know could be anything.
func word(kind, code string) Value {
	if terms.ByCode(kind, "V"+code) == nil {
		return Value{}
	}
	return Value{TypeText, code}
}

// vocabulary are all words that a graph's own relations have as values.
var vocabulary = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for grade := 1; grade <= prompt.MaxGrade; grade++ {
		out[prompt.Degree(grade, terms.English)], out[prompt.Degree(-grade, terms.English)] = true, true
	}
	for _, e := range terms.Entries() {
		if e.Kind == "value" {
			out[e.Name(terms.English)] = true
		}
		for _, c := range e.Codes {
			if c[0] == 'V' {
				out[c[1:]] = true
			}
		}
	}
	return out
})

// Word says whether a text is a word of the vocabulary that values are taken from.
func Word(text string) bool { return vocabulary()[text] }

func moment(t record.DateTime) Value {
	if t.IsZero() {
		return Value{}
	}
	return Value{TypeTime, t.String()}
}

func gone(status string) bool { return status == "entered-in-error" || status == "cancelled" }

func (m *maker) encounters() {
	for i := range m.rec.Encounters {
		e := &m.rec.Encounters[i]
		node := m.instance(KindEncounter, "Encounter", e.ID)
		if node == "" || gone(e.Status) {
			continue
		}
		from := m.filed(node, e.Start, 1)
		m.link(m.patient, HasEncounter, node, from)
		m.say(node, Status, word("status", e.Status), from)
		m.say(node, Class, word("class", e.Class), from)
		m.say(node, Start, moment(e.Start), from)
		m.say(node, End, moment(e.End), from)
		for _, why := range e.Reasons {
			l := m.concept(m.names, KindDiagnosis, why)
			m.link(node, Reason, l.Node, m.filed(node, e.Start, l.sure()))
		}
	}
}

func (m *maker) devices() {
	for i := range m.rec.Devices {
		d := &m.rec.Devices[i]
		node := m.instance(KindDevice, "Device", d.ID)
		if node == "" {
			continue
		}
		m.link(m.patient, HasDevice, node, m.filed(node, record.DateTime{}, 1))
		l := m.concept(m.names, KindDeviceType, d.Type)
		m.link(node, Of, l.Node, m.filed(node, record.DateTime{}, l.sure()))
	}
}

// during links what was filed to its encounter, where the record has that.
func (m *maker) during(node, encounter string, from Provenance) {
	if id := m.instanceID(KindEncounter, encounter); encounter != "" && m.has(id) {
		m.link(node, During, id, from)
	}
}

func (b *builder) has(id string) bool {
	_, have := b.nodes[id]
	return have
}
