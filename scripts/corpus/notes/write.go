package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/note"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Bounds on a note, in bytes: 20 to 150 tokens, about.
const (
	shortest = 30
	longest  = 400
	attempts = 200
)

// writer writes the notes of one patient in one language.
type writer struct {
	part   string
	lang   terms.Lang
	person *person
	rng    *rand.Rand
	draft
}

// draft is what has been written of a note.
type draft struct {
	text  strings.Builder
	marks []mark
	used  []*terms.Entry
	// written are its sentences before their slots were filled.
	written []string
}

// mark is a name that was written to state something of it.
type mark struct {
	span     note.Span
	entry    *terms.Entry // nil for a name that the table does not have
	relation note.Relation
	value    note.Span
}

// relations are the words of slots.
var relations = map[string]note.Relation{
	"has": note.Diagnosis, "had": note.History, "susp": note.Possible, "den": note.Denied, "fam": note.Family, "given": note.Given,
	"rx": note.Ordered, "all": note.Allergy, "und": note.Done, "men": note.Named,
}

// example writes a note. Notes that cannot be read as they are meant ("fever" of "feverfew") are written anew.
func (w *writer) example(draw int) *example {
	p := w.person
	for range attempts {
		w.draft = draft{}
		w.compose()
		text := w.text.String()
		if len(text) < shortest || len(text) > longest {
			continue
		}
		statements, ok := w.statements(text)
		if !ok {
			continue
		}
		return &example{
			ID: fmt.Sprintf("%s-note-%d-%s", p.id, draw, w.lang), Patient: p.id, Disease: p.disease, Hours: 24, Tests: "visible", Draw: draw,
			Language: w.lang, Task: "triples", Prompt: text, Answer: note.Write(text, w.lang, statements),
		}
	}
	panic("no note could be written") // of hundreds of sentences one always can
}

// compose writes sentences.
func (w *writer) compose() {
	templates, _ := sentences(w.lang) // run has loaded them
	from := templates[w.part]
	count := []int{1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5}[w.rng.IntN(20)]
	lines := w.rng.IntN(7) == 0
	var seen []int
	for range count {
		i := w.rng.IntN(len(from))
		if slices.Contains(seen, i) {
			continue
		}
		sentence := from[i].chosen(w.rng.IntN)
		if w.part != "train" && learnt[w.lang]()[skeleton(sentence)] {
			continue
		}
		seen = append(seen, i)
		switch {
		case w.text.Len() == 0:
		case lines:
			w.text.WriteByte('\n')
		case w.lang == terms.English:
			w.text.WriteByte(' ')
		}
		w.written = append(w.written, sentence)
		w.sentence(sentence)
	}
}

// statements are what the note states, in the order of its names; ok is false where it does not read as it was meant.
func (w *writer) statements(text string) (out []note.Statement, ok bool) {
	marks := slices.Clone(w.marks)
	for _, found := range note.Find(text) {
		s := note.Statement{Mention: found, Relation: note.Named}
		for i := range marks {
			m := &marks[i]
			switch {
			case m.span.End <= found.Start || m.span.Start >= found.End:
				continue
			case m.span != found.Span || m.entry == nil || !slices.Contains(found.Entries, m.entry):
				return nil, false
			case m.relation == note.Value && !slices.Contains(found.Values, m.value):
				return nil, false
			}
			s.Relation, s.Value = m.relation, m.value
			m.span = note.Span{Start: -1, End: -1}
		}
		if !slices.Contains(found.Relations(), s.Relation) {
			return nil, false
		}
		out = append(out, s)
	}
	for _, m := range marks {
		switch {
		case m.span.Start < 0:
		case m.entry != nil:
			return nil, false
		default:
			out = append(out, note.Statement{Mention: note.Mention{Span: m.span}, Relation: m.relation})
		}
	}
	slices.SortFunc(out, func(a, b note.Statement) int { return cmp.Compare(a.Mention.Start, b.Mention.Start) })
	return out, true
}

// links are the names of the note just written and what they were drawn as.
func (w *writer) links() map[string]string {
	out, text := map[string]string{}, w.text.String()
	for _, m := range w.marks {
		node := ""
		if m.entry != nil {
			node = graph.EntryNode(m.entry).ID
		}
		out[m.span.Of(text)] = node
	}
	return out
}
