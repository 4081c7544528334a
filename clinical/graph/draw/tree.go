package draw

import (
	"math"
	"slices"

	"github.com/bedside-lm/bedside/clinical/graph"
)

// tree is the shortest way to each node from the centre, and the ray that each stands on: what hangs on a node lies
// side by side, so that no two of its edges cross.
type tree struct {
	rings  [][]string // by distance, in the order of their angles
	up     map[string]string
	depth  map[string]int
	angles map[string]float64
	left   int // nodes that there is no room for
}

// grow finds the nodes that a picture shows.
func grow(centre string, triples []graph.Triple) *tree {
	t := &tree{up: map[string]string{}, depth: map[string]int{centre: 0}, angles: map[string]float64{}}
	next := around(triples)
	children := map[string][]string{}
	for here := []string{centre}; len(here) > 0; {
		var further []string
		for _, id := range here {
			for _, other := range next[id] {
				if _, seen := t.depth[other]; seen {
					continue
				}
				t.depth[other] = t.depth[id] + 1
				if len(t.up)+1 >= MaxNodes {
					t.left++
					continue
				}
				t.up[other] = id
				children[id] = append(children[id], other)
				further = append(further, other)
			}
		}
		here = further
	}
	t.spread(centre, children)
	return t
}

// around gives the neighbours of each node, those of the same relation side by side.
func around(triples []graph.Triple) map[string][]string {
	type link struct{ says, to string }
	links := map[string][]link{}
	for i := range triples {
		if t := &triples[i]; t.Object != "" {
			links[t.Subject] = append(links[t.Subject], link{string(t.Predicate), t.Object})
			links[t.Object] = append(links[t.Object], link{string(t.Predicate), t.Subject})
		}
	}
	out := map[string][]string{}
	for id, ls := range links {
		slices.SortFunc(ls, func(a, b link) int { return slices.Compare([]string{a.says, a.to}, []string{b.says, b.to}) })
		for _, l := range ls {
			if !slices.Contains(out[id], l.to) {
				out[id] = append(out[id], l.to)
			}
		}
	}
	return out
}

// spread shares the circle out: every node on which nothing hangs gets the same piece, any other stands in the middle of
// what hangs on it.
func (t *tree) spread(centre string, children map[string][]string) {
	leaves := 0
	for id := range t.depth {
		if len(children[id]) == 0 && (id == centre || t.up[id] != "") {
			leaves++
		}
	}
	piece, at := 2*math.Pi/float64(max(leaves, 1)), 0
	var visit func(id string, depth int) (from, to float64)
	visit = func(id string, depth int) (from, to float64) {
		if depth == len(t.rings) {
			t.rings = append(t.rings, nil)
		}
		t.rings[depth] = append(t.rings[depth], id)
		if len(children[id]) == 0 {
			// Half a piece off the vertical, where a label would stand on the centre's own.
			from = piece*(float64(at)+0.5) - math.Pi/2
			at++
			t.angles[id] = from
			return from, from
		}
		for i, child := range children[id] {
			a, b := visit(child, depth+1)
			if i == 0 {
				from = a
			}
			to = b
		}
		t.angles[id] = (from + to) / 2
		return from, to
	}
	visit(centre, 0)
}

// narrowest is the least angle between neighbours of a ring.
func (t *tree) narrowest(depth int) float64 {
	ids := t.rings[depth]
	least := 2 * math.Pi
	for i, id := range ids {
		apart := t.angles[ids[(i+1)%len(ids)]] - t.angles[id]
		if i == len(ids)-1 {
			apart += 2 * math.Pi
		}
		least = min(least, apart)
	}
	return least
}

// told picks the edges whose text is written: of those from one node that stand side by side and say the same, the
// middle one. What joins two branches says it when pointed at.
func (t *tree) told(all []*edge) []*edge {
	of := map[string]*edge{} // the edges of the tree, by their outer end
	for _, e := range all {
		if child := t.child(e); child != "" && of[child] == nil {
			of[child] = e
		}
	}
	var out, run []*edge
	flush := func() {
		if len(run) > 0 {
			out = append(out, run[len(run)/2])
		}
		run = nil
	}
	for _, ids := range t.rings {
		for _, id := range ids {
			e := of[id]
			if e == nil { // the centre
				continue
			}
			if len(run) > 0 && (t.parent(run[0]) != t.parent(e) || run[0].text() != e.text()) {
				flush()
			}
			run = append(run, e)
		}
		flush()
	}
	return out
}

// child is the outer end of an edge of the tree, "" of any other.
func (t *tree) child(e *edge) string {
	switch {
	case t.up[e.to] == e.from:
		return e.to
	case t.up[e.from] == e.to:
		return e.from
	}
	return ""
}

func (t *tree) parent(e *edge) string { return t.up[t.child(e)] }
