package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/bedside-lm/bedside/clinical/graph"
)

// candidates is how many patients are compared: those who share most.
const candidates = 2000

// Similar is a patient and what it shares with another.
type Similar struct {
	Patient string
	// Jaccard is the share of what the two have together that both have, from 0 to 1.
	Jaccard float64
	Shared  []graph.Triple // of this patient, without sources
}

// SimilarPatients gives the patients who share most diagnoses, findings, drugs, allergies and procedures
// (graph.Features; fewer where predicates names them) with one, measured as Jaccard's index of the two sets. The nodes of the answer
// are those that Shared names.
func (s *Store) SimilarPatients(ctx context.Context, tenant, patient string, predicates []graph.Predicate, limit int) ([]Similar, *Answer, error) {
	n, err := s.node(ctx, tenant, "patient", patient)
	switch {
	case err != nil:
		return nil, nil, err
	case n.Kind != graph.KindPatient:
		return nil, nil, &Error{Kind: KindQuery, Field: "patient", Reason: "is a node of another kind"}
	}
	if len(predicates) == 0 {
		predicates = graph.Features()
	}
	found, err := query(ctx, s, s.sql.similar, func(rows *sql.Rows) (p Similar, err error) {
		var shared, own, theirs int
		err = rows.Scan(&p.Patient, &shared, &own, &theirs)
		p.Jaccard = float64(shared) / float64(max(1, own+theirs-shared))
		return p, err
	}, tenant, patient, list(predicates), candidates)
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(found, func(a, b Similar) int {
		return cmp.Or(cmp.Compare(b.Jaccard, a.Jaccard), cmp.Compare(a.Patient, b.Patient))
	})
	found = found[:min(len(found), limit)]
	ids, at := []string{}, map[string]int{}
	for i := range found {
		ids, at[found[i].Patient] = append(ids, found[i].Patient), i
	}
	shared, err := query(ctx, s, s.sql.shared, readTriple, tenant, patient, list(ids), list(predicates), maxRows)
	if err != nil {
		return nil, nil, err
	}
	for i := range shared {
		p := &found[at[shared[i].Subject]]
		p.Shared = append(p.Shared, shared[i].Triple)
		ids = append(ids, shared[i].Object)
	}
	slices.Sort(ids)
	nodes, err := s.Nodes(ctx, tenant, slices.Compact(ids))
	return found, &Answer{Nodes: nodes}, err
}
