package store

import (
	"context"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/graph"
)

// Bounds of a search for paths.
const (
	MaxDepth  = 8
	maxEdges  = 50_000 // looked at
	maxRoutes = 100    // paths of the same length
)

// Paths asks for the shortest ways between two nodes, along statements in either direction.
type Paths struct {
	From, To   string
	Depth      int               // most statements of a path, at most MaxDepth
	Predicates []graph.Predicate // empty: all
	Limit      int               // most paths, at most 100
}

// side is what is known from one end: how far nodes are, and the statements that lead back.
type side struct {
	far      map[string]int
	back     map[string][]stored // the statements by which a node was reached first
	frontier []string
	depth    int
}

func newSide(node string) *side {
	return &side{far: map[string]int{node: 0}, back: map[string][]stored{}, frontier: []string{node}}
}

// ShortestPaths gives the shortest paths, each as its statements from one end to the other; none where there is no
// path of at most q.Depth statements. It goes from both ends by turns, from the one with less to look at.
func (s *Store) ShortestPaths(ctx context.Context, tenant string, q Paths) ([][]graph.Triple, *Answer, error) {
	for field, id := range map[string]string{"from": q.From, "to": q.To} {
		if _, err := s.node(ctx, tenant, field, id); err != nil {
			return nil, nil, err
		}
	}
	from, to := newSide(q.From), newSide(q.To)
	looked := 0
	for q.From != q.To && from.depth+to.depth < q.Depth {
		next, other := from, to
		if len(to.frontier) < len(from.frontier) {
			next, other = to, from
		}
		if len(next.frontier) == 0 {
			break
		}
		if err := s.step(ctx, tenant, q.Predicates, next, &looked); err != nil {
			return nil, nil, err
		}
		if slices.ContainsFunc(next.frontier, func(id string) bool { _, met := other.far[id]; return met }) {
			return s.routes(ctx, tenant, next, from, to, min(q.Limit, maxRoutes))
		}
	}
	answer, err := s.answer(ctx, tenant, nil, q.From, q.To)
	return nil, answer, err
}

// step goes one statement further from an end.
func (s *Store) step(ctx context.Context, tenant string, predicates []graph.Predicate, e *side, looked *int) error {
	var next []string
	for chunk := range slices.Chunk(e.frontier, rowsOnce) {
		found, err := query(ctx, s, s.sql.around, readTriple, tenant, list(chunk), list(predicates), maxEdges-*looked+1)
		if err != nil {
			return err
		}
		if *looked += len(found); *looked > maxEdges {
			return bound("", maxEdges, "statements between the two nodes")
		}
		for _, t := range found {
			for _, pair := range [][2]string{{t.Subject, t.Object}, {t.Object, t.Subject}} {
				if far, known := e.far[pair[0]]; !known || far != e.depth {
					continue
				}
				if far, known := e.far[pair[1]]; !known {
					e.far[pair[1]] = e.depth + 1
					next = append(next, pair[1])
				} else if far != e.depth+1 {
					continue
				}
				if !slices.ContainsFunc(e.back[pair[1]], func(b stored) bool { return b.key == t.key }) {
					e.back[pair[1]] = append(e.back[pair[1]], t)
				}
			}
		}
	}
	slices.Sort(next)
	e.depth++
	e.frontier = next
	return nil
}

// routes puts the paths together where the two sides have met: in the frontier that was reached last.
func (s *Store) routes(ctx context.Context, tenant string, last, from, to *side, limit int) ([][]graph.Triple, *Answer, error) {
	other := from
	if last == from {
		other = to
	}
	nearest := MaxDepth + 1
	for _, id := range last.frontier {
		if far, met := other.far[id]; met {
			nearest = min(nearest, far)
		}
	}
	var routes [][]stored
	for _, id := range last.frontier {
		if far, met := other.far[id]; !met || far != nearest {
			continue
		}
		for _, head := range from.ways(id, limit) {
			slices.Reverse(head)
			for _, tail := range to.ways(id, limit) {
				if len(routes) < limit {
					routes = append(routes, append(slices.Clone(head), tail...))
				}
			}
		}
	}
	var all []stored
	for _, r := range routes {
		all = append(all, r...)
	}
	slices.SortFunc(all, func(a, b stored) int { return strings.Compare(a.key, b.key) })
	all = slices.CompactFunc(all, func(a, b stored) bool { return a.key == b.key })
	answer, err := s.answer(ctx, tenant, all)
	if err != nil {
		return nil, nil, err
	}
	full := map[string]graph.Triple{}
	for i := range all {
		full[all[i].key] = answer.Triples[i]
	}
	paths := make([][]graph.Triple, len(routes))
	for i, r := range routes {
		for _, t := range r {
			paths[i] = append(paths[i], full[t.key])
		}
	}
	return paths, answer, nil
}

// ways are the statements from a node back to the end, nearest to the node first.
func (e *side) ways(id string, limit int) [][]stored {
	if e.far[id] == 0 {
		return [][]stored{nil}
	}
	var out [][]stored
	for _, t := range e.back[id] {
		before := t.Subject
		if before == id {
			before = t.Object
		}
		for _, rest := range e.ways(before, limit) {
			if len(out) < limit {
				out = append(out, append([]stored{t}, rest...))
			}
		}
	}
	return out
}
