package server

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/audit"
	"github.com/bedside-lm/bedside/server/auth"
	"github.com/bedside-lm/bedside/server/config"
)

// The audit names who asked for whose record, and a tenant's graph is its own.
func TestAuditOfARealServer(t *testing.T) {
	var dir string
	s := startSecured(t, func(c *config.Config) {
		dir = t.TempDir()
		c.GraphDatabase, c.AuditDir = dir+"/graph.db", dir+"/audit"
	})
	conn := s.connect(t)
	as := func(roles ...auth.Role) context.Context {
		return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.signer.Token(claims(roles...)), audit.PurposeKey, "TREAT")
	}
	graph, record := bedsidev1.NewKnowledgeGraphServiceClient(conn), recordFile(t, "sepsis-icu.fhir.json")
	in, err := graph.IngestRecord(as(auth.Integrator), &bedsidev1.IngestRecordRequest{Source: fhirSource(record)})
	require.NoError(t, err)
	_, err = graph.Neighbours(as(auth.Clinician), &bedsidev1.NeighboursRequest{Node: in.GetPatientNode()})
	require.NoError(t, err)
	_, err = graph.Neighbours(as(auth.Operator), &bedsidev1.NeighboursRequest{Node: in.GetPatientNode()})
	require.Equal(t, codes.PermissionDenied, status.Code(err))
	elsewhere := with(claims(auth.Clinician), "tenant", "ward-4")
	_, err = graph.Neighbours(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.signer.Token(elsewhere)),
		&bedsidev1.NeighboursRequest{Node: in.GetPatientNode()})
	require.Equal(t, codes.NotFound, status.Code(err), "another tenant's graph")
	stream, err := bedsidev1.NewPreparationServiceClient(conn).PrepareRecords(as(auth.Integrator))
	require.NoError(t, err)
	require.NoError(t, stream.Send(&bedsidev1.PrepareRecordsRequest{Source: fhirSource(record)}))
	answer, err := stream.Recv()
	require.NoError(t, err)
	require.NotNil(t, answer.GetPrepared())

	key := s.audit.Key()
	data, err := os.ReadFile(dir + "/audit/audit-000001.jsonl")
	require.NoError(t, err)
	text := string(data)
	id := regexp.MustCompile(`"subject":\s*{\s*"reference":\s*"Patient/[^"]+`).FindString(record)
	id = id[strings.LastIndexByte(id, '/')+1:]
	for what, hash := range map[string]string{
		"the record, sent twice": audit.HashRecord(key, []byte(record)), "its patient": audit.HashPatient(key, "ward-3", id),
		"the node, asked for by two who may": audit.HashRecord(key, []byte(in.GetPatientNode())),
	} {
		require.Equal(t, 2, strings.Count(text, hash), what)
	}
	require.Equal(t, 1, strings.Count(text, `"code":"PERMISSION_DENIED"`))
	require.NotContains(t, text, id)
	problems, err := (&audit.Verifier{Key: key}).Verify(strings.NewReader(text))
	require.NoError(t, err)
	require.Empty(t, problems)
}
