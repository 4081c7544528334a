package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Bounds of what is stored, in bytes.
const (
	maxName  = 512
	maxValue = 4096
	rowsOnce = 2000 // rows of one statement
)

// Counts are numbers of nodes and statements.
type Counts struct{ Nodes, Triples int }

type nodeRow struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	System string `json:"system"`
	Code   string `json:"code"`
	NameEN string `json:"name_en"`
	NameZH string `json:"name_zh"`
}

type gramRow struct {
	Gram string `json:"gram"`
	Node string `json:"node"`
}

type tripleRow struct {
	Key       string `json:"key"`
	Subject   string `json:"subject"`
	Predicate string `json:"predicate"`
	Object    string `json:"object"`
	Type      string `json:"type"`
	Value     string `json:"value"`
}

type provenanceRow struct {
	Key        string `json:"key"`
	Record     string `json:"record"`
	Source     string `json:"source"`
	Method     string `json:"method"`
	By         string `json:"made_by"`
	At         string `json:"at_time"`
	Confidence string `json:"confidence"`
}

// Put adds a graph to a tenant's, as a whole or not at all. When it returns without an error, the graph is on the
// disk. A statement that is there already gains the sources that it lacks. added is how many were not there.
func (s *Store) Put(ctx context.Context, tenant string, g *graph.Graph) (added int, err error) {
	nodes, grams := nodeRows(g)
	triples, provenance, err := tripleRows(g)
	if err != nil {
		return 0, err
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		if err := put(ctx, tx, s.sql.putNodes, tenant, nodes, nil); err != nil {
			return err
		}
		if err := put(ctx, tx, s.sql.putGrams, tenant, grams, nil); err != nil {
			return err
		}
		added = 0
		if err := put(ctx, tx, s.sql.putTriples, tenant, triples, &added); err != nil {
			return err
		}
		return put(ctx, tx, s.sql.putProvenance, tenant, provenance, nil)
	})
	return added, err
}

// put inserts rows, some at a time, and adds up how many were touched.
func put[T any](ctx context.Context, tx *sql.Tx, text, tenant string, rows []T, touched *int) error {
	for chunk := range slices.Chunk(rows, rowsOnce) {
		data, err := json.Marshal(chunk)
		if err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, text, tenant, string(data))
		if err != nil {
			return err
		}
		if touched != nil {
			n, err := done.RowsAffected()
			if err != nil {
				return err
			}
			*touched += int(n)
		}
	}
	return nil
}

// nodeRows gives rows in the order of their keys: transactions that lock them in one order cannot wait for each other.
func nodeRows(g *graph.Graph) (nodes []nodeRow, grams []gramRow) {
	seen := map[string]bool{}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if seen[n.ID] {
			continue
		}
		seen[n.ID] = true
		nodes = append(nodes, nodeRow{
			ID: n.ID, Kind: string(n.Kind), System: n.System, Code: n.Code,
			NameEN: cut(n.Names[terms.English]), NameZH: cut(n.Names[terms.Chinese]),
		})
		for _, gram := range gramsOf(n) {
			grams = append(grams, gramRow{gram, n.ID})
		}
	}
	slices.SortFunc(nodes, func(a, b nodeRow) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(grams, func(a, b gramRow) int {
		if c := strings.Compare(a.Gram, b.Gram); c != 0 {
			return c
		}
		return strings.Compare(a.Node, b.Node)
	})
	return nodes, grams
}

func cut(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxName)], "") }

func tripleRows(g *graph.Graph) (triples []tripleRow, provenance []provenanceRow, err error) {
	at := map[string]bool{}
	from := map[provenanceRow]bool{}
	for i := range g.Triples {
		t := &g.Triples[i]
		if len(t.Value.Text) > maxValue || t.Subject == "" || t.Object == "" && t.Value.Text == "" {
			return nil, nil, &Error{Kind: KindQuery, Field: fmt.Sprintf("triples[%d]", i), Reason: "needs a subject, and an object of at most 4096 bytes"}
		}
		key := Key(t)
		if !at[key] {
			at[key] = true
			triples = append(triples, tripleRow{key, t.Subject, string(t.Predicate), t.Object, string(t.Value.Type), t.Value.Text})
		}
		for _, p := range t.Provenance {
			row := provenanceRow{key, p.Record, p.Source, string(p.Method), p.By, p.At, ""}
			if from[row] {
				continue
			}
			from[row] = true
			row.Confidence = strconv.FormatFloat(p.Confidence, 'g', -1, 64)
			provenance = append(provenance, row)
		}
	}
	slices.SortFunc(triples, func(a, b tripleRow) int { return strings.Compare(a.Key, b.Key) })
	slices.SortFunc(provenance, func(a, b provenanceRow) int {
		return slices.Compare([]string{a.Key, a.Record, a.Source, a.Method, a.By, a.At}, []string{b.Key, b.Record, b.Source, b.Method, b.By, b.At})
	})
	return triples, provenance, nil
}

// Key names a statement: the same subject, predicate and object have the same.
func Key(t *graph.Triple) string {
	h := sha256.New()
	for _, part := range []string{t.Subject, string(t.Predicate), t.Object, string(t.Value.Type), t.Value.Text} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Count says how many nodes and statements a tenant has.
func (s *Store) Count(ctx context.Context, tenant string) (Counts, error) {
	var n Counts
	err := s.db.QueryRowContext(ctx, s.sql.count, tenant).Scan(&n.Nodes, &n.Triples)
	return n, failed(ctx, err)
}
