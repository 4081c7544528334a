package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// sourcesTold is how many sources of a statement a query gives, the surest first.
const sourcesTold = 20

// Answer is part of a graph: statements, and the nodes that they are about.
type Answer struct {
	Nodes   []graph.Node // in the order of their ids
	Triples []graph.Triple
	// Next gives what follows, where there is more; else "".
	Next string
}

// stored is a statement with its key.
type stored struct {
	key string
	graph.Triple
}

func readTriple(rows *sql.Rows) (stored, error) {
	var t stored
	err := rows.Scan(&t.key, &t.Subject, (*string)(&t.Predicate), &t.Object, (*string)(&t.Value.Type), &t.Value.Text)
	return t, err
}

func readNode(rows *sql.Rows) (graph.Node, error) { return scanNode(rows) }

// scanNode reads a node, and what the query has behind it.
func scanNode(rows *sql.Rows, also ...any) (graph.Node, error) {
	var n graph.Node
	var en, zh string
	err := rows.Scan(append([]any{&n.ID, (*string)(&n.Kind), &n.System, &n.Code, &en, &zh}, also...)...)
	n.Names = nodeNames(en, zh)
	return n, err
}

func nodeNames(en, zh string) map[terms.Lang]string {
	names := map[terms.Lang]string{}
	if en != "" {
		names[terms.English] = en
	}
	if zh != "" {
		names[terms.Chinese] = zh
	}
	return names
}

// list writes a parameter for {in}.
func list[T ~string](values []T) string {
	if len(values) == 0 {
		return "[]"
	}
	data, err := json.Marshal(values)
	if err != nil { // strings always can be
		return "[]"
	}
	return string(data)
}

// Nodes gives the nodes with these ids that there are, in the order of their ids.
func (s *Store) Nodes(ctx context.Context, tenant string, ids []string) ([]graph.Node, error) {
	var out []graph.Node
	for chunk := range slices.Chunk(ids, rowsOnce) {
		found, err := query(ctx, s, s.sql.nodes, readNode, tenant, list(chunk))
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	slices.SortFunc(out, func(a, b graph.Node) int { return strings.Compare(a.ID, b.ID) })
	return slices.CompactFunc(out, func(a, b graph.Node) bool { return a.ID == b.ID }), nil
}

// node gives one node, or an error of KindNotFound.
func (s *Store) node(ctx context.Context, tenant, field, id string) (graph.Node, error) {
	found, err := s.Nodes(ctx, tenant, []string{id})
	switch {
	case err != nil:
		return graph.Node{}, err
	case len(found) == 0:
		return graph.Node{}, &Error{Kind: KindNotFound, Field: field, Reason: "the graph has no such node"}
	}
	return found[0], nil
}

// answer completes statements with their sources and nodes.
func (s *Store) answer(ctx context.Context, tenant string, found []stored, also ...string) (*Answer, error) {
	ids, keys := slices.Clone(also), make([]string, 0, len(found))
	for i := range found {
		keys = append(keys, found[i].key)
		ids = append(ids, found[i].Subject)
		if found[i].Object != "" {
			ids = append(ids, found[i].Object)
		}
	}
	slices.Sort(ids)
	nodes, err := s.Nodes(ctx, tenant, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	sources, err := s.sources(ctx, tenant, keys)
	if err != nil {
		return nil, err
	}
	out := &Answer{Nodes: nodes}
	for i := range found {
		t := found[i].Triple
		t.Provenance = sources[found[i].key]
		out.Triples = append(out.Triples, t)
	}
	return out, nil
}

type source struct {
	key string
	graph.Provenance
}

// sources gives the surest sources of statements, by their keys.
func (s *Store) sources(ctx context.Context, tenant string, keys []string) (map[string][]graph.Provenance, error) {
	out := make(map[string][]graph.Provenance, len(keys))
	for chunk := range slices.Chunk(keys, rowsOnce) {
		found, err := query(ctx, s, s.sql.provenance, func(rows *sql.Rows) (p source, err error) {
			err = rows.Scan(&p.key, &p.Record, &p.Source, (*string)(&p.Method), &p.By, &p.At, &p.Confidence)
			return p, err
		}, tenant, list(chunk), sourcesTold)
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			out[p.key] = append(out[p.key], p.Provenance)
		}
	}
	return out, nil
}

// Page gives a tenant's statements in the order of their keys, those behind the one that after names ("" from the start).
// What is written meanwhile may be left out.
func (s *Store) Page(ctx context.Context, tenant, after string, limit int) (*Answer, error) {
	found, err := query(ctx, s, s.sql.page, readTriple, tenant, after, limit)
	if err != nil {
		return nil, err
	}
	out, err := s.answer(ctx, tenant, found)
	if err == nil && len(found) == limit {
		out.Next = found[len(found)-1].key
	}
	return out, err
}

// Search finds nodes by their names in both languages, their other names, and codes, the nearest first. kinds may be empty.
func (s *Store) Search(ctx context.Context, tenant, text string, kinds []graph.Kind, limit, offset int) ([]graph.Node, error) {
	parts := asked(text)
	if len(parts) == 0 {
		return nil, &Error{Kind: KindQuery, Field: "text", Reason: "needs a letter or digit to look for"}
	}
	least := (len(parts) + 1) / 2
	parts = append(parts, whole(text))
	return query(ctx, s, s.sql.search, func(rows *sql.Rows) (graph.Node, error) {
		var hits int
		return scanNode(rows, &hits)
	}, tenant, list(parts), list(kinds), least, limit, offset)
}
