package store_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/graph/store"
	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/terms"
)

func open(t testing.TB, database string) *store.Store {
	s, err := store.Open(t.Context(), database)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// TestStore holds both databases to the same.
func TestStore(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { conformance(t, filepath.Join(t.TempDir(), "a folder", "graph?.db")) })
	t.Run("postgres", func(t *testing.T) { conformance(t, startPostgres(t)) })
}

func conformance(t *testing.T, database string) {
	s := open(t, database)
	require.NoError(t, s.Ping(t.Context()))
	for name, test := range map[string]func(*testing.T, *store.Store){
		"put": putTwice, "concurrent": putAtOnce, "neighbours": neighbours, "paths": paths, "match": match, "similar": similar, "search": search,
		"tenants": tenants,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
	open(t, database) // a second program, on a schema that is up to date
}

func putTwice(t *testing.T, s *store.Store) {
	data, err := os.ReadFile("../../../testdata/records/sepsis-icu.fhir.json")
	require.NoError(t, err)
	rec, err := fhir.Parse(data, fhir.Limits{})
	require.NoError(t, err)
	names, err := graph.NewPseudonyms(bytes.Repeat([]byte("k"), graph.MinKey))
	require.NoError(t, err)
	g, err := graph.FromRecord(prepare.Run(rec, prepare.Options{}).Record, graph.Options{Pseudonyms: names, Record: "a"})
	require.NoError(t, err)
	added, err := s.Put(t.Context(), "put", g)
	require.NoError(t, err)
	require.Equal(t, len(g.Triples), added)
	for range 2 {
		added, err = s.Put(t.Context(), "put", g)
		require.NoError(t, err)
		require.Zero(t, added)
	}
	n, err := s.Count(t.Context(), "put")
	require.NoError(t, err)
	require.Equal(t, store.Counts{Nodes: len(g.Nodes), Triples: len(g.Triples)}, n)
	all, err := s.Page(t.Context(), "put", "", 1000)
	require.NoError(t, err)
	require.ElementsMatch(t, withoutSources(g.Triples), withoutSources(all.Triples), "what was put is what is there")

	other, err := graph.FromRecord(rec, graph.Options{Pseudonyms: names, Record: "b"})
	require.NoError(t, err)
	_, err = s.Put(t.Context(), "put", other)
	require.NoError(t, err)
	found, err := s.Neighbours(t.Context(), "put", store.Neighbours{Node: g.Patient, Predicates: []graph.Predicate{graph.Sex}, Limit: 10})
	require.NoError(t, err)
	require.Len(t, found.Triples, 1)
	require.Len(t, found.Triples[0].Provenance, 2, "the same statement of two records has two sources")
	require.Equal(t, "a", found.Triples[0].Provenance[0].Record)
}

func withoutSources(in []graph.Triple) []graph.Triple {
	out := make([]graph.Triple, len(in))
	for i := range in {
		out[i] = in[i]
		out[i].Provenance = nil
	}
	return out
}

func putAtOnce(t *testing.T, s *store.Store) {
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 8 {
				_, err := s.Put(context.Background(), "at once", ward((i+w)%8))
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	n, err := s.Count(t.Context(), "at once")
	require.NoError(t, err)
	require.Equal(t, 8*3, n.Triples)
}

// ward gives patient i of a ward: everyone has sepsis, every second one pneumonia, and a drug each but the last two.
func ward(i int) *graph.Graph {
	from := []graph.Provenance{{Record: "r" + strconv.Itoa(i), Source: "condition/1", Method: graph.MethodStructured, By: "record", At: "2026-01-02", Confidence: 0.9}}
	p := "patient/" + strconv.Itoa(i)
	g := &graph.Graph{Nodes: []graph.Node{{ID: p, Kind: graph.KindPatient}}}
	link := func(subject string, how graph.Predicate, e *terms.Entry) {
		n := graph.EntryNode(e)
		g.Nodes = append(g.Nodes, n)
		g.Triples = append(g.Triples, graph.Triple{Subject: subject, Predicate: how, Object: n.ID, Provenance: from})
	}
	link(p, graph.HasDiagnosis, terms.ByName("diagnosis", "sepsis"))
	if i%2 == 0 {
		link(p, graph.HasDiagnosis, terms.ByName("diagnosis", "pneumonia"))
	} else {
		link(p, graph.WasGiven, terms.ByName("drug", "vancomycin"))
	}
	g.Triples = append(g.Triples, graph.Triple{
		Subject: p, Predicate: graph.Age, Value: graph.Value{Type: graph.TypeNumber, Text: strconv.Itoa(40 + i%4)}, Provenance: from,
	})
	return g
}

func fill(t *testing.T, s *store.Store, tenant string) {
	for i := range 8 {
		_, err := s.Put(t.Context(), tenant, ward(i))
		require.NoError(t, err)
	}
}

const sepsis, pneumonia, vancomycin = "icd10cm/A41.9", "icd10cm/J18.9", "rxnorm/11124"

func neighbours(t *testing.T, s *store.Store) {
	fill(t, s, "n")
	q := store.Neighbours{Node: sepsis, Direction: store.Incoming, Kinds: []graph.Kind{graph.KindPatient}, Limit: 3}
	seen := map[string]bool{}
	for pages := 1; ; pages++ {
		got, err := s.Neighbours(t.Context(), "n", q)
		require.NoError(t, err)
		for _, tr := range got.Triples {
			require.False(t, seen[tr.Subject])
			seen[tr.Subject] = true
			require.Equal(t, "2026-01-02", tr.Provenance[0].At)
			require.InDelta(t, 0.9, tr.Confidence(), 0)
		}
		if q.After = got.Next; q.After == "" {
			require.Equal(t, 3, pages)
			break
		}
	}
	require.Len(t, seen, 8)
	// Page by page, out of a node and into it, is the same as at once.
	q = store.Neighbours{Node: "patient/0", Limit: 1}
	var single []graph.Triple
	for {
		got, err := s.Neighbours(t.Context(), "n", q)
		require.NoError(t, err)
		single = append(single, got.Triples...)
		if q.After = got.Next; q.After == "" {
			break
		}
	}
	all, err := s.Neighbours(t.Context(), "n", store.Neighbours{Node: "patient/0", Limit: 10})
	require.NoError(t, err)
	require.Equal(t, all.Triples, single)
	require.Len(t, all.Triples, 3)
	require.Len(t, all.Nodes, 3)
	_, err = s.Neighbours(t.Context(), "n", store.Neighbours{Node: "patient/x", Limit: 1})
	requireKind(t, store.KindNotFound, err)
	_, err = s.Neighbours(t.Context(), "n", store.Neighbours{Node: sepsis, Limit: 1, After: "?"})
	requireKind(t, store.KindQuery, err)
}

func requireKind(t *testing.T, want store.Kind, err error) {
	t.Helper()
	var e *store.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, want, e.Kind)
}

func paths(t *testing.T, s *store.Store) {
	fill(t, s, "p")
	routes, answer, err := s.ShortestPaths(t.Context(), "p", store.Paths{From: pneumonia, To: vancomycin, Depth: 6, Limit: 100})
	require.NoError(t, err)
	require.Len(t, routes, 16, "four patients with the one, sepsis between, four with the other")
	for _, r := range routes {
		require.Len(t, r, 4)
		require.Equal(t, pneumonia, r[0].Object)
		require.Equal(t, sepsis, r[1].Object)
		require.Equal(t, r[0].Subject, r[1].Subject)
		require.Equal(t, vancomycin, r[3].Object)
		require.NotEmpty(t, r[0].Provenance)
	}
	require.NotEmpty(t, answer.Nodes)
	routes, _, err = s.ShortestPaths(t.Context(), "p", store.Paths{From: pneumonia, To: vancomycin, Depth: 3, Limit: 100})
	require.NoError(t, err)
	require.Empty(t, routes)
	routes, _, err = s.ShortestPaths(t.Context(), "p", store.Paths{
		From: pneumonia, To: vancomycin, Depth: 6, Limit: 3, Predicates: []graph.Predicate{graph.HasDiagnosis},
	})
	require.NoError(t, err)
	require.Empty(t, routes, "not along those")
	routes, _, err = s.ShortestPaths(t.Context(), "p", store.Paths{From: "patient/0", To: sepsis, Depth: 6, Limit: 3})
	require.NoError(t, err)
	require.Len(t, routes, 1)
	require.Len(t, routes[0], 1)
}

func match(t *testing.T, s *store.Store) {
	fill(t, s, "m")
	who := store.Term{Var: "who"}
	rows, answer, more, err := s.Match(t.Context(), "m", []store.Pattern{
		{Subject: who, Predicate: graph.Age, Object: store.Term{Var: "age"}},
		{Subject: who, Predicate: graph.HasDiagnosis, Object: store.Term{Node: sepsis}},
		{Subject: store.Term{Var: "other"}, Predicate: graph.Age, Object: store.Term{Var: "age"}},
		{Subject: store.Term{Var: "other"}, Predicate: graph.HasDiagnosis, Object: store.Term{Node: pneumonia}},
	}, 100)
	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, rows, 8, "0, 2, 4 and 6 have pneumonia, and the age of one another")
	for _, r := range rows {
		require.Equal(t, r.Vars["age"].Value, r.Triples[0].Value)
		require.Len(t, r.Triples, 4)
	}
	require.NotEmpty(t, answer.Nodes)
	rows, _, more, err = s.Match(t.Context(), "m", []store.Pattern{{Subject: who, Predicate: graph.Age, Object: store.Term{Value: graph.Value{Type: graph.TypeNumber, Text: "41"}}}}, 1)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.True(t, more)
	rows, _, _, err = s.Match(t.Context(), "m", []store.Pattern{{Subject: who, Object: who}}, 1)
	requireKind(t, store.KindQuery, err)
	require.Empty(t, rows)
	rows, _, _, err = s.Match(t.Context(), "m", []store.Pattern{{Subject: store.Term{Node: "patient/1"}, Object: store.Term{}}}, 9)
	require.NoError(t, err)
	require.Len(t, rows, 3, "any relation")
	_, _, _, err = s.Match(t.Context(), "m", nil, 1)
	requireKind(t, store.KindQuery, err)
	injection := store.Term{Node: "' OR '1'='1"}
	rows, _, _, err = s.Match(t.Context(), "m", []store.Pattern{{Subject: injection, Object: store.Term{}}}, 9)
	require.NoError(t, err)
	require.Empty(t, rows)
}

func similar(t *testing.T, s *store.Store) {
	fill(t, s, "s")
	like, answer, err := s.SimilarPatients(t.Context(), "s", "patient/0", nil, 5)
	require.NoError(t, err)
	require.Len(t, like, 5)
	for i, want := range []struct {
		patient string
		jaccard float64
		shared  int
	}{{"patient/2", 1, 2}, {"patient/4", 1, 2}, {"patient/6", 1, 2}, {"patient/1", 1. / 3, 1}, {"patient/3", 1. / 3, 1}} {
		require.Equal(t, want.patient, like[i].Patient)
		require.InDelta(t, want.jaccard, like[i].Jaccard, 1e-9)
		require.Len(t, like[i].Shared, want.shared)
	}
	require.NotEmpty(t, answer.Nodes)
	_, _, err = s.SimilarPatients(t.Context(), "s", sepsis, nil, 5)
	requireKind(t, store.KindQuery, err)
}

func search(t *testing.T, s *store.Store) {
	g := &graph.Graph{}
	for _, e := range terms.Entries() {
		if e.Kind == "measure" || e.Kind == "diagnosis" || e.Kind == "drug" {
			g.Nodes = append(g.Nodes, graph.EntryNode(e))
		}
	}
	_, err := s.Put(t.Context(), "f", g)
	require.NoError(t, err)
	for text, want := range map[string]string{
		"肺炎": "pneumonia", "heart rate": "heart rate", "脉搏": "heart rate", "Vancomy": "vancomycin", "感染性休克": "septic shock",
		"A41.9": "sepsis", "8867-4": "heart rate", "paracetamol": "acetaminophen", "C反应蛋白": "C-reactive protein",
	} {
		found, err := s.Search(t.Context(), "f", text, nil, 5, 0)
		require.NoError(t, err)
		require.NotEmpty(t, found, text)
		require.Equal(t, want, found[0].Name(terms.English), text)
	}
	found, err := s.Search(t.Context(), "f", "sepsis", []graph.Kind{graph.KindDrug}, 5, 0)
	require.NoError(t, err)
	require.Empty(t, found)
	first, err := s.Search(t.Context(), "f", "pneumonia", nil, 3, 0)
	require.NoError(t, err)
	second, err := s.Search(t.Context(), "f", "pneumonia", nil, 3, 3)
	require.NoError(t, err)
	require.NotEmpty(t, second)
	require.NotEqual(t, first[0].ID, second[0].ID)
	_, err = s.Search(t.Context(), "f", "?!", nil, 5, 0)
	requireKind(t, store.KindQuery, err)
}

func tenants(t *testing.T, s *store.Store) {
	_, err := s.Put(t.Context(), "one", ward(1))
	require.NoError(t, err)
	_, err = s.Neighbours(t.Context(), "two", store.Neighbours{Node: "patient/1", Limit: 9})
	requireKind(t, store.KindNotFound, err)
	n, err := s.Count(t.Context(), "two")
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestOpenRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "graph.db")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("no database "), 100), 0o600))
	_, err := store.Open(t.Context(), path)
	requireKind(t, store.KindOpen, err)
	_, err = store.Open(t.Context(), "postgres://u:hunter2@%zz/")
	requireKind(t, store.KindOpen, err)
	require.NotContains(t, fmt.Sprintf("%v %+v", err, err), "hunter2")
}
