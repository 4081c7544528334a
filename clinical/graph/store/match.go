package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/graph"
)

// Bounds of a pattern.
const (
	MaxPatterns = 8
	maxRows     = 20_000 // found for one part of a pattern, or fitting some parts of it together
)

// Term is a place of a pattern: a variable, a node or, as an object, a value. The zero Term is a variable that is asked
// for nowhere else.
type Term struct {
	Var   string // without the question mark
	Node  string
	Value graph.Value
}

func (t Term) free() bool { return t.Node == "" && t.Value.Text == "" }

// Pattern is one statement with variables. An empty Predicate stands for any.
type Pattern struct {
	Subject   Term
	Predicate graph.Predicate
	Object    Term
}

// Bound is what a variable stands for: a node, or a value.
type Bound struct {
	Node  string
	Value graph.Value
}

// Row is one way in which a pattern fits: what its variables stand for, and by which statements.
type Row struct {
	Vars    map[string]Bound
	Triples []graph.Triple // one for each part, in the pattern's order
}

// partial is a row in the making.
type partial struct {
	vars    map[string]Bound
	triples []stored
}

// Match gives the ways in which all parts fit at once, at most limit of them. more says that there are others.
func (s *Store) Match(ctx context.Context, tenant string, patterns []Pattern, limit int) (rows []Row, answer *Answer, more bool, err error) {
	if err := check(patterns); err != nil {
		return nil, nil, false, err
	}
	partials := []partial{{vars: map[string]Bound{}, triples: make([]stored, len(patterns))}}
	known, done := map[string]bool{}, make([]bool, len(patterns))
	for range patterns {
		i := easiest(patterns, done, known)
		done[i] = true
		if partials, err = s.extend(ctx, tenant, i, patterns[i], partials, known); err != nil {
			return nil, nil, false, err
		}
		known[patterns[i].Subject.Var], known[patterns[i].Object.Var] = true, true
	}
	if more = len(partials) > limit; more {
		partials = partials[:limit]
	}
	rows, answer, err = s.rows(ctx, tenant, partials)
	return rows, answer, more, err
}

func check(patterns []Pattern) error {
	if len(patterns) == 0 || len(patterns) > MaxPatterns {
		return &Error{Kind: KindQuery, Field: "patterns", Reason: fmt.Sprintf("needs 1 to %d", MaxPatterns)}
	}
	for i, p := range patterns {
		if p.Subject.free() && p.Object.free() && p.Predicate == "" {
			return &Error{Kind: KindQuery, Field: fmt.Sprintf("patterns[%d]", i), Reason: "needs a subject, a predicate or an object"}
		}
		if p.Subject.Value.Text != "" {
			return &Error{Kind: KindQuery, Field: fmt.Sprintf("patterns[%d].subject", i), Reason: "must be a node or a variable"}
		}
	}
	return nil
}

// easiest is the part of which most is known: where it begins or ends counts more than its predicate.
func easiest(patterns []Pattern, done []bool, known map[string]bool) int {
	best, most := -1, -1
	for i, p := range patterns {
		if done[i] {
			continue
		}
		n := 0
		for _, t := range []Term{p.Subject, p.Object} {
			switch {
			case !t.free():
				n += 4
			case t.Var != "" && known[t.Var]:
				n += 3
			}
		}
		if p.Predicate != "" {
			n++
		}
		if n > most {
			best, most = i, n
		}
	}
	return best
}

// extend fits one more part to what fits the others.
func (s *Store) extend(ctx context.Context, tenant string, i int, p Pattern, partials []partial, known map[string]bool) ([]partial, error) {
	field := fmt.Sprintf("patterns[%d]", i)
	subjects := candidatesOf(p.Subject, partials, known)
	objects := candidatesOf(p.Object, partials, known)
	var found []stored
	sh := shape{subject: subjects != nil, predicate: p.Predicate != "", object: objects != nil, value: p.Object.Value.Text != ""}
	if sh.subject && sh.object { // by the shorter list; the other is checked below
		sh.subject, sh.object = len(subjects) <= len(objects), len(objects) < len(subjects)
	}
	chunks := slices.Collect(slices.Chunk(pick(sh, subjects, objects), rowsOnce))
	if !sh.subject && !sh.object {
		chunks = [][]string{nil}
	}
	for _, chunk := range chunks {
		got, err := s.find(ctx, tenant, sh, chunk, p)
		if err != nil {
			return nil, err
		}
		if found = append(found, got...); len(found) > maxRows {
			return nil, bound(field, maxRows, "statements")
		}
	}
	return join(field, i, p, partials, found)
}

func pick(sh shape, subjects, objects []string) []string {
	if sh.subject {
		return subjects
	}
	return objects
}

// candidatesOf are the nodes that a place may stand for, nil where any.
func candidatesOf(t Term, partials []partial, known map[string]bool) []string {
	switch {
	case t.Node != "":
		return []string{t.Node}
	case t.Value.Text != "" || t.Var == "" || !known[t.Var]:
		return nil
	}
	out := []string{}
	for _, row := range partials {
		b := row.vars[t.Var]
		if b.Node == "" {
			return nil // a value: the statements are looked through
		}
		out = append(out, b.Node)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (s *Store) find(ctx context.Context, tenant string, sh shape, nodes []string, p Pattern) ([]stored, error) {
	subject, object, predicate := "[]", "[]", "[]"
	if sh.subject {
		subject = list(nodes)
	}
	if sh.object {
		object = list(nodes)
	}
	if sh.predicate {
		predicate = list([]graph.Predicate{p.Predicate})
	}
	v := p.Object.Value
	if !sh.value {
		v = graph.Value{}
	}
	return query(ctx, s, s.sql.match[sh], readTriple, tenant, subject, predicate, object, string(v.Type), v.Text, maxRows+1)
}

// join puts each row together with the statements that fit it.
func join(field string, i int, p Pattern, partials []partial, found []stored) ([]partial, error) {
	byEnds := map[Bound][]stored{}
	joined := p.Subject.Var != "" && p.Subject.Node == ""
	for _, t := range found {
		end := Bound{}
		if joined {
			end = Bound{Node: t.Subject}
		}
		byEnds[end] = append(byEnds[end], t)
	}
	var out []partial
	for _, row := range partials {
		fitting := found
		if b, have := row.vars[p.Subject.Var]; joined && have {
			fitting = byEnds[b]
		}
		for _, t := range fitting {
			vars, ok := fit(p, t, row.vars)
			if !ok {
				continue
			}
			next := partial{vars: vars, triples: slices.Clone(row.triples)}
			next.triples[i] = t
			if out = append(out, next); len(out) > maxRows {
				return nil, bound(field, maxRows, "ways to fit")
			}
		}
	}
	return out, nil
}

// fit says what the variables stand for once a statement is taken, if it can be.
func fit(p Pattern, t stored, vars map[string]Bound) (map[string]Bound, bool) {
	out := make(map[string]Bound, len(vars)+2)
	for k, v := range vars {
		out[k] = v
	}
	for _, place := range []struct {
		term Term
		have Bound
	}{{p.Subject, Bound{Node: t.Subject}}, {p.Object, Bound{t.Object, t.Value}}} {
		switch want, bound := out[place.term.Var]; {
		case !place.term.free():
			if (Bound{place.term.Node, place.term.Value}) != place.have {
				return nil, false
			}
		case place.term.Var == "":
		case bound && want != place.have:
			return nil, false
		default:
			out[place.term.Var] = place.have
		}
	}
	return out, true
}

// rows completes what was found with sources and nodes.
func (s *Store) rows(ctx context.Context, tenant string, partials []partial) ([]Row, *Answer, error) {
	var all []stored
	for _, p := range partials {
		all = append(all, p.triples...)
	}
	slices.SortFunc(all, func(a, b stored) int { return strings.Compare(a.key, b.key) })
	all = slices.CompactFunc(all, func(a, b stored) bool { return a.key == b.key })
	answer, err := s.answer(ctx, tenant, all)
	if err != nil {
		return nil, nil, err
	}
	full := make(map[string]graph.Triple, len(all))
	for i := range all {
		full[all[i].key] = answer.Triples[i]
	}
	out := make([]Row, len(partials))
	for i, p := range partials {
		out[i].Vars = p.vars
		for _, t := range p.triples {
			out[i].Triples = append(out[i].Triples, full[t.key])
		}
	}
	return out, answer, nil
}
