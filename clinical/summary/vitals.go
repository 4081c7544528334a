package summary

import (
	"slices"
	"sync"

	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// vitalSigns are the keys of the measures that a brief summary gives the latest value of: those of NEWS2 that are
// numbers, and the coma score. Of a blood pressure the systolic value counts.
var vitalSigns = sync.OnceValue(func() []string {
	var out []string
	for _, loinc := range []string{"8867-4", "85354-9", "8480-6", "9279-1", "2708-6", "8310-5", "9269-2"} {
		out = append(out, terms.Measure(loinc).Key)
	}
	return out
})

// isVital says whether a fact is of a vital sign with a latest value.
func isVital(from render.SectionKind, f *render.Fact) bool {
	return from == render.SectionVitals && len(f.Terms) > 0 && f.Last != "" && slices.Contains(vitalSigns(), f.Terms[0].Key) &&
		len(f.LatestNumbers()) > 0
}

// vitals tells the latest vital signs in one sentence, with those of the facts that say which of them is out of range. A
// sentence that would not stand by itself is not made, and vital signs in range go untold then.
func (w *writing) vitals(doc *render.Document, section *Section, facts []chosenFact) (rest []chosenFact, joined []*turn) {
	var told, out []render.Fact
	var others []chosenFact
	for _, f := range facts {
		if isVital(f.from, &f.Fact) {
			f.Evidence = []string{f.Last}
			told = append(told, f.Fact)
			continue
		}
		others = append(others, f)
	}
	if len(told) == 0 {
		return facts, nil
	}
	for _, f := range others {
		if f.from == render.SectionOpen && render.Joined(f.Fact) && slices.ContainsFunc(told, func(t render.Fact) bool { return sameValue(&t, &f.Fact) }) {
			out = append(out, f.Fact)
			continue
		}
		rest = append(rest, f)
	}
	t := &turn{section: section, from: render.SectionVitals, joined: true, done: make(chan struct{}), also: append(told, out...)}
	if t.fact = doc.LatestVitals(told); !w.inspect(tidy(t.fact.Text)).OK {
		return others, nil
	}
	return rest, []*turn{t}
}

// sameValue says whether a fact of a value out of range tells the latest value of a vital sign.
func sameValue(vital, abnormal *render.Fact) bool {
	return slices.Contains(abnormal.Evidence, vital.Last) && slices.ContainsFunc(vital.Terms, func(t render.Term) bool {
		return t.Key == abnormal.Terms[0].Key
	})
}
