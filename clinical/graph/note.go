package graph

import (
	"slices"
	"strings"
	"unicode"

	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/summary"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Note is a text about a patient, in words.
type Note struct {
	ID   string // as filed; stored as a digest
	Text string
	Lang terms.Lang
	Time record.DateTime
	// Answer is what a model made of the text: statements, one a line, "subject|relation|object". By names the model.
	Answer, By string
}

// How sure a statement from a text is.
const (
	namedSure  = 0.8 // a name of the table of terms, of which the text says what is stated
	hintedSure = 0.5 // the text says "possible", or names it and no more
	modelSure  = 0.6 // a model's statement that stands in the text
)

// FromNote makes the graph of one text about a patient: of the names in it that the table of terms has, and of a
// model's statements whose entities stand in the text. The text itself goes nowhere.
func FromNote(note Note, opt Options) (*Graph, error) {
	m, err := newMaker(&record.PatientRecord{Patient: record.Patient{ID: opt.Patient}}, opt)
	if err != nil {
		return nil, err
	}
	m.note(note)
	return m.graph, nil
}

// AddNotes is FromRecord with texts that stand beside the record.
func AddNotes(g *Graph, rec *record.PatientRecord, opt Options, notes []Note) error {
	m, err := newMaker(rec, opt)
	if err != nil {
		return err
	}
	m.adopt(g)
	for i := range notes {
		m.note(notes[i])
	}
	if m.full() {
		return &record.LimitError{Path: "notes", What: "statements", Limit: int64(m.limit)}
	}
	*g = *m.graph
	return nil
}

// adopt goes on with a graph that was made before.
func (b *builder) adopt(g *Graph) {
	b.graph = g
	for i := range g.Nodes {
		b.nodes[g.Nodes[i].ID] = i
	}
	for i := range g.Triples {
		t := &g.Triples[i]
		b.triples[tripleKey{t.Subject, t.Predicate, t.Object, t.Value}] = i
	}
}

// LanguageOf tells Chinese from English by whether there are Chinese characters.
func LanguageOf(text string) terms.Lang {
	if strings.IndexFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) >= 0 {
		return terms.Chinese
	}
	return terms.English
}

func (m *maker) note(n Note) {
	from := Provenance{
		Record: m.record, Source: "note/" + m.names.of("note", m.patient, n.ID), Method: MethodDictionary, By: "terms", At: n.Time.String(),
	}
	var mentions []summary.Mention
	for _, sentence := range summary.Split(n.Text) {
		mentions = append(mentions, summary.Mentions(sentence, n.Lang)...)
	}
	for i := range mentions {
		m.mention(&mentions[i], from)
	}
	if n.Answer != "" {
		m.answer(&n, mentions, from)
	}
}

// mention states what a sentence says of one name.
func (m *maker) mention(found *summary.Mention, from Provenance) {
	e := entryOf(found.Keys, found.Allergy)
	if e == nil {
		return
	}
	p := Mentions
	from.Confidence = namedSure
	switch {
	case found.Negated:
		p = Denied
	case found.Allergy:
		p = AllergicTo
	case e.Kind == "diagnosis" && found.Suspected:
		p, from.Confidence = SuspectedOf, hintedSure
	case e.Kind == "diagnosis" && found.Past:
		p = HadDiagnosis
	case e.Kind == "diagnosis":
		p = HasDiagnosis
	case e.Kind == "drug" && found.Given:
		p = WasGiven
	case e.Kind == "drug" && found.Ordered:
		p = WasPrescribed
	case e.Kind == "procedure" && !found.Suspected:
		p = Underwent
	default:
		from.Confidence = hintedSure
	}
	m.link(m.patient, p, m.entry(e), from)
}

// told are the kinds of names that a text states something of by naming them. A measure without a value says nothing.
var told = []string{"diagnosis", "drug", "allergen", "procedure", "device"}

// entryOf is the entry that a mention stands for; allergy says that an allergen is meant before a drug.
func entryOf(keys []string, allergy bool) *terms.Entry {
	var best *terms.Entry
	for _, key := range keys {
		kind, name, _ := strings.Cut(key, ":")
		e := terms.ByName(kind, name)
		if e == nil || !slices.Contains(told, kind) {
			continue
		}
		if best == nil || allergy && kind == "allergen" || !allergy && best.Kind == "allergen" {
			best = e
		}
	}
	if best != nil && best.Kind == "allergen" && !allergy {
		return nil // food and latex are named for other reasons, too
	}
	return best
}
