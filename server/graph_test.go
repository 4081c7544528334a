package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/tenant"
)

func TestKnowledgeGraph(t *testing.T) {
	path := filepath.Join(t.TempDir(), "graph.db")
	s := startServer(t, func(c *config.Config) { withoutModels(c); c.GraphDatabase = path })
	client, ctx := bedsidev1.NewKnowledgeGraphServiceClient(dial(t, s)), t.Context()
	for _, file := range []string{path, path + ".key"} {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file)
	}
	ingest := &bedsidev1.IngestRecordRequest{
		Source: fhirSource(recordFile(t, "sepsis-icu.fhir.json")), IncludeReferences: true,
		Notes: []*bedsidev1.GraphNote{{Id: "n1", Text: "未见肺栓塞。给予万古霉素。", Time: "2026-01-02"}},
	}
	first, err := client.IngestRecord(ctx, ingest)
	require.NoError(t, err)
	require.Equal(t, first.GetTriples(), first.GetNewTriples())
	require.NotEmpty(t, first.GetReferences())
	require.Positive(t, first.GetLinkedConcepts())
	again, err := client.IngestRecord(ctx, ingest)
	require.NoError(t, err)
	require.Zero(t, again.GetNewTriples())
	require.Equal(t, first.GetPatientNode(), again.GetPatientNode())
	_, err = client.IngestRecord(ctx, &bedsidev1.IngestRecordRequest{Source: fhirSource(recordFile(t, "sepsis-ward.fhir.json"))})
	require.NoError(t, err)

	found, err := client.Search(ctx, &bedsidev1.SearchRequest{Text: "肺栓塞"})
	require.NoError(t, err)
	require.Equal(t, "肺栓塞", found.GetNodes()[0].GetNameZh())
	denied, err := client.Neighbours(ctx, &bedsidev1.NeighboursRequest{Node: found.GetNodes()[0].GetId(), Kinds: []string{"patient"}})
	require.NoError(t, err)
	require.Equal(t, "denied", denied.GetTriples()[0].GetPredicate())
	require.Equal(t, "2026-01-02", denied.GetTriples()[0].GetSources()[0].GetTime())
	matched, err := client.MatchPattern(ctx, &bedsidev1.MatchPatternRequest{Patterns: []*bedsidev1.GraphPattern{{
		Subject:   &bedsidev1.GraphTerm{Term: &bedsidev1.GraphTerm_Variable{Variable: "p"}},
		Predicate: "has_diagnosis", Object: &bedsidev1.GraphTerm{Term: &bedsidev1.GraphTerm_Node{Node: "icd10cm/A41.9"}},
	}}})
	require.NoError(t, err)
	require.Equal(t, first.GetPatientNode(), matched.GetMatches()[0].GetBindings()["p"].GetNode())
	similar, err := client.SimilarPatients(ctx, &bedsidev1.SimilarPatientsRequest{Patient: first.GetPatientNode()})
	require.NoError(t, err)
	require.Len(t, similar.GetPatients(), 1)
	routes, err := client.ShortestPath(ctx, &bedsidev1.ShortestPathRequest{From: first.GetPatientNode(), To: similar.GetPatients()[0].GetPatient()})
	require.NoError(t, err)
	require.NotEmpty(t, routes.GetPaths())
	picture, err := client.Render(ctx, &bedsidev1.RenderRequest{Node: first.GetPatientNode(), Depth: 2, Language: "zh"})
	require.NoError(t, err)
	require.Contains(t, string(picture.GetSvg()), "脓毒症")

	quads := exported(t, client, bedsidev1.GraphFormat_GRAPH_FORMAT_NQUADS)
	require.True(t, json.Valid(exported(t, client, bedsidev1.GraphFormat_GRAPH_FORMAT_JSONLD)))
	other := metadata.AppendToOutgoingContext(ctx, tenant.Key, "other")
	_, err = client.Neighbours(other, &bedsidev1.NeighboursRequest{Node: first.GetPatientNode()})
	require.Equal(t, codes.NotFound, status.Code(err), "another tenant's graph")
	imported, err := client.ImportTriples(other, &bedsidev1.ImportTriplesRequest{Nquads: quads})
	require.NoError(t, err)
	require.Empty(t, imported.GetDropped())
	same, err := client.Neighbours(other, &bedsidev1.NeighboursRequest{Node: first.GetPatientNode(), PageSize: 1000})
	require.NoError(t, err)
	before, err := client.Neighbours(ctx, &bedsidev1.NeighboursRequest{Node: first.GetPatientNode(), PageSize: 1000})
	require.NoError(t, err)
	require.Equal(t, len(before.GetTriples()), len(same.GetTriples()))
}

func exported(t *testing.T, client bedsidev1.KnowledgeGraphServiceClient, f bedsidev1.GraphFormat) []byte {
	stream, err := client.Export(t.Context(), &bedsidev1.ExportRequest{Format: f})
	require.NoError(t, err)
	var out bytes.Buffer
	for {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return out.Bytes()
		}
		require.NoError(t, err)
		out.Write(piece.GetData())
	}
}

func TestKnowledgeGraphRefuses(t *testing.T) {
	s := startServer(t, func(c *config.Config) { withoutModels(c); c.GraphDatabase = filepath.Join(t.TempDir(), "graph.db") })
	client, ctx := bedsidev1.NewKnowledgeGraphServiceClient(dial(t, s)), t.Context()
	calls := map[string]error{}
	var err error
	_, calls["kinds[0]"] = client.Neighbours(ctx, &bedsidev1.NeighboursRequest{Node: "x", Kinds: []string{"person"}})
	_, calls["page_token"] = client.Search(ctx, &bedsidev1.SearchRequest{Text: "x", PageToken: "y"})
	_, calls["line[1]"] = client.ImportTriples(ctx, &bedsidev1.ImportTriplesRequest{Nquads: []byte("nonsense")})
	_, calls["source"] = client.IngestRecord(ctx, &bedsidev1.IngestRecordRequest{})
	_, calls["patterns[0]"] = client.MatchPattern(ctx, &bedsidev1.MatchPatternRequest{Patterns: []*bedsidev1.GraphPattern{{}}})
	_, calls["notes[0].time"] = client.IngestRecord(ctx, &bedsidev1.IngestRecordRequest{
		Source: fhirSource(recordFile(t, "minimal.fhir.json")), Notes: []*bedsidev1.GraphNote{{Id: "n", Text: "x", Time: "yesterday"}},
	})
	for field, err := range calls {
		require.Equal(t, codes.InvalidArgument, status.Code(err), field)
		require.Contains(t, err.Error(), strings.SplitN(field, "[", 2)[0])
	}
	_, err = client.Render(ctx, &bedsidev1.RenderRequest{Node: "x"})
	require.Equal(t, codes.NotFound, status.Code(err))
	none := bedsidev1.NewKnowledgeGraphServiceClient(dial(t, startServer(t, withoutModels)))
	_, err = none.Search(ctx, &bedsidev1.SearchRequest{Text: "x"})
	require.Equal(t, codes.FailedPrecondition, status.Code(err))
}

func TestGraphSecrets(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	key := file("key", strings.Repeat("k", 32), 0o600)
	url := file("url", "postgres://u@127.0.0.1/x", 0o600)
	for setting, cfg := range map[string]config.Config{
		"graph-key-file": {GraphURLFile: url},
		"graph-url-file": {GraphURLFile: file("open", "postgres://u@127.0.0.1/x", 0o644), GraphKeyFile: key},
	} {
		_, err := (&graphs{cfg: cfg}).get(t.Context())
		var e *config.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, setting, e.Setting)
	}
	for _, cfg := range []config.Config{
		{GraphURLFile: file("other", "mysql://x", 0o600), GraphKeyFile: key},
		{GraphDatabase: filepath.Join(dir, "g.db"), GraphKeyFile: file("short", "k", 0o600)},
		{GraphDatabase: filepath.Join(dir, "g.db"), GraphKeyFile: filepath.Join(dir, "none")},
	} {
		_, err := (&graphs{cfg: cfg}).get(t.Context())
		require.ErrorAs(t, err, new(*config.Error))
	}
}
