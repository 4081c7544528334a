package note

import "slices"

// Rules reads a piece without a model: the names of the table, by the words near them (cues.tsv). It is what is told
// where no model reads notes, and what models are held against.
func Rules(p *Piece) []Statement {
	var out []Statement
	all := inOrder(p.Found, p.Loose)
	for from, i := 0, 0; from < len(p.Text); {
		to := from + sentence(p.Text[from:])
		end := i
		for end < len(all) && all[end].Start < to {
			end++
		}
		s := newScope(p.Text[from:to], p.Lang, from, all[i:end])
		for k, relation := range s.relations() {
			m := all[i+k]
			if len(m.Entries) == 0 {
				continue // what the table lacks makes lists whole; whether it is a name is for a model to say
			}
			st := Statement{Mention: m, Relation: relation}
			if relation == Value {
				if st.Value = measured(p.Text, &m, nextMeasure(p.Found, &m)); st.Value == (Span{}) {
					st.Relation = Named
				}
			}
			out = append(out, st)
		}
		from, i = to, end
	}
	return out
}

// ByRule reads a whole note so. Bytes are those of the note.
func ByRule(text string) []Statement {
	var out []Statement
	pieces := Pieces(text)
	for i := range pieces {
		for _, s := range Rules(&pieces[i]) {
			out = append(out, s.Shift(pieces[i].Start))
		}
	}
	return out
}

// order has, for each kind of name, which relation counts where words say several: "no history of" is denied.
var order = [kindsOfNames][]Relation{
	ofDiagnosis: {Denied, Family, Named, Possible, History, Diagnosis},
	ofDrug:      {Denied, Allergy, Named, Ordered, Given},
	ofProcedure: {Denied, Named, Done},
}

// unsaid is what a name states that no word speaks of.
var unsaid = [kindsOfNames]Relation{ofDiagnosis: Diagnosis, ofDrug: Named, ofProcedure: Named}

// relations are what the sentence states of each of its names.
func (s *scope) relations() []Relation {
	s.forward()
	s.backward()
	out := make([]Relation, len(s.names))
	for k := range s.names {
		if out[k] = s.names[k].relation(); !slices.Contains(s.names[k].Relations(), out[k]) {
			out[k] = Named
		}
	}
	return out
}

func (n *named) relation() Relation {
	switch {
	case n.part:
		return Named
	case n.of == nil:
		return Value
	}
	of := n.of[0]
	for _, r := range order[of] {
		says := func(c *cue) bool { return c.says[of] == r }
		if slices.ContainsFunc(n.before, says) || slices.ContainsFunc(n.behind, says) {
			return r
		}
	}
	return unsaid[of]
}
