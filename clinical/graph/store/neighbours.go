package store

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/graph"
)

// Direction says which statements of a node are meant.
type Direction int

// The directions.
const (
	Both Direction = iota
	Outgoing
	Incoming
)

// Neighbours asks for the statements of one node.
type Neighbours struct {
	Node       string
	Direction  Direction
	Predicates []graph.Predicate // empty: all
	Kinds      []graph.Kind      // of the node at the other end; values are left out where it is not empty
	Limit      int
	After      string // an Answer's Next
}

// Neighbours gives the statements of a node, those that it is the subject of first, in the order of their predicates.
func (s *Store) Neighbours(ctx context.Context, tenant string, q Neighbours) (*Answer, error) {
	if _, err := s.node(ctx, tenant, "node", q.Node); err != nil {
		return nil, err
	}
	incoming, predicate, key, err := place(q.After)
	if err != nil {
		return nil, err
	}
	var found []stored
	side := "out"
	if !incoming && q.Direction != Incoming {
		found, err = query(ctx, s, s.sql.outgoing, readTriple, tenant, q.Node, predicate, key, list(q.Predicates), list(q.Kinds), q.Limit+1)
		predicate, key = "", ""
	}
	if err == nil && len(found) <= q.Limit && q.Direction != Outgoing {
		var more []stored
		more, err = query(ctx, s, s.sql.incoming, readTriple, tenant, q.Node, predicate, key, list(q.Predicates), list(q.Kinds), q.Limit+1-len(found))
		if len(found)+len(more) > q.Limit && q.Limit > len(found) {
			side = "in"
		}
		found = append(found, more...)
	}
	if err != nil {
		return nil, err
	}
	next := ""
	if len(found) > q.Limit {
		found = found[:q.Limit]
		last := found[len(found)-1]
		next = base64.RawURLEncoding.EncodeToString([]byte(side + "\x00" + string(last.Predicate) + "\x00" + last.key))
	}
	out, err := s.answer(ctx, tenant, found, q.Node)
	if err == nil {
		out.Next = next
	}
	return out, err
}

// place reads where a page begins.
func place(after string) (incoming bool, predicate, key string, err error) {
	if after == "" {
		return false, "", "", nil
	}
	data, err := base64.RawURLEncoding.DecodeString(after)
	parts := strings.Split(string(data), "\x00")
	if err != nil || len(parts) != 3 || parts[0] != "in" && parts[0] != "out" {
		return false, "", "", &Error{Kind: KindQuery, Field: "page_token", Reason: "is none that this service gave"}
	}
	return parts[0] == "in", parts[1], parts[2], nil
}

// Around gives the statements between a node and what is at most depth statements away from it: of each node at most
// each statements, and no further nodes once there are most.
func (s *Store) Around(ctx context.Context, tenant, centre string, depth int, predicates []graph.Predicate, each, most int) ([]graph.Node, []graph.Triple, error) {
	nodes, triples := map[string]graph.Node{}, map[string]graph.Triple{}
	here, asked := []string{centre}, map[string]bool{centre: true}
	for range depth {
		var next []string
		for _, id := range here {
			if len(nodes) > most {
				break
			}
			found, err := s.Neighbours(ctx, tenant, Neighbours{Node: id, Predicates: predicates, Kinds: graph.Kinds(), Limit: each})
			if err != nil {
				return nil, nil, err
			}
			for _, n := range found.Nodes {
				if nodes[n.ID] = n; !asked[n.ID] {
					asked[n.ID] = true
					next = append(next, n.ID)
				}
			}
			for i := range found.Triples {
				triples[Key(&found.Triples[i])] = found.Triples[i]
			}
		}
		here = next
	}
	return slices.SortedFunc(maps.Values(nodes), func(a, b graph.Node) int { return strings.Compare(a.ID, b.ID) }),
		slices.SortedFunc(maps.Values(triples), func(a, b graph.Triple) int { return strings.Compare(Key(&a), Key(&b)) }), nil
}
