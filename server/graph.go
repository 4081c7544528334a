package server

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc"

	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/graph/draw"
	"github.com/bedside-lm/bedside/clinical/graph/rdf"
	"github.com/bedside-lm/bedside/clinical/graph/store"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/convert"
)

// graphService builds graphs and answers questions about them.
type graphService struct {
	bedsidev1.UnimplementedKnowledgeGraphServiceServer
	graphs  *graphs
	models  *registry
	limits  convert.Limits
	tenant  func(context.Context) (string, error)
	prompts prompts
}

// of gives the store, and the tenant that the call is for.
func (s *graphService) of(ctx context.Context) (db *store.Store, tenant string, err error) {
	if tenant, err = s.tenant(ctx); err != nil {
		return nil, "", err
	}
	db, err = s.graphs.get(ctx)
	return db, tenant, err
}

func (s *graphService) ImportTriples(ctx context.Context, req *bedsidev1.ImportTriplesRequest) (*bedsidev1.ImportTriplesResponse, error) {
	db, tenant, err := s.of(ctx)
	if err != nil {
		return nil, err
	}
	g, err := rdf.Read(strings.NewReader(string(req.GetNquads())), graph.Provenance{Record: cmp.Or(req.GetRecordId(), "import")})
	if err != nil {
		return nil, err
	}
	added, err := db.Put(ctx, tenant, g)
	if err != nil {
		return nil, err
	}
	return &bedsidev1.ImportTriplesResponse{Triples: int32(len(g.Triples)), NewTriples: int32(added), Dropped: convert.CountsToProto(g.Dropped)}, nil
}

func (s *graphService) Neighbours(ctx context.Context, req *bedsidev1.NeighboursRequest) (*bedsidev1.NeighboursResponse, error) {
	db, tenant, err := s.of(ctx)
	if err != nil {
		return nil, err
	}
	kinds, err := kindsOf(req.GetKinds())
	if err != nil {
		return nil, err
	}
	answer, err := db.Neighbours(ctx, tenant, store.Neighbours{
		Node: req.GetNode(), Direction: store.Direction(req.GetDirection()), Predicates: convert.Predicates(req.GetPredicates()),
		Kinds: kinds, Limit: limit(req.GetPageSize(), 100), After: req.GetPageToken(),
	})
	if err != nil {
		return nil, err
	}
	return &bedsidev1.NeighboursResponse{
		Triples: convert.TriplesToProto(answer.Triples), Nodes: convert.NodesToProto(answer.Nodes), NextPageToken: answer.Next,
	}, nil
}

func limit(asked int32, usual int) int {
	if asked == 0 {
		return usual
	}
	return int(asked)
}

func kindsOf(names []string) ([]graph.Kind, error) {
	var out []graph.Kind
	for i, n := range names {
		if !slices.Contains(graph.Kinds(), graph.Kind(n)) {
			return nil, &apierror.FieldError{Field: fmt.Sprintf("kinds[%d]", i), Message: "is no kind of node"}
		}
		out = append(out, graph.Kind(n))
	}
	return out, nil
}

func (s *graphService) ShortestPath(ctx context.Context, req *bedsidev1.ShortestPathRequest) (*bedsidev1.ShortestPathResponse, error) {
	db, tenant, err := s.of(ctx)
	if err != nil {
		return nil, err
	}
	paths, answer, err := db.ShortestPaths(ctx, tenant, store.Paths{
		From: req.GetFrom(), To: req.GetTo(), Depth: limit(req.GetMaxDepth(), 4), Predicates: convert.Predicates(req.GetPredicates()),
		Limit: limit(req.GetMaxPaths(), 10),
	})
	if err != nil {
		return nil, err
	}
	out := &bedsidev1.ShortestPathResponse{Nodes: convert.NodesToProto(answer.Nodes)}
	for _, p := range paths {
		out.Paths = append(out.Paths, &bedsidev1.GraphPath{Triples: convert.TriplesToProto(p)})
	}
	return out, nil
}

func (s *graphService) MatchPattern(ctx context.Context, req *bedsidev1.MatchPatternRequest) (*bedsidev1.MatchPatternResponse, error) {
	db, tenant, err := s.of(ctx)
	if err != nil {
		return nil, err
	}
	rows, answer, more, err := db.Match(ctx, tenant, convert.Patterns(req.GetPatterns()), limit(req.GetLimit(), 100))
	if err != nil {
		return nil, err
	}
	return &bedsidev1.MatchPatternResponse{Matches: convert.MatchesToProto(rows), Nodes: convert.NodesToProto(answer.Nodes), Truncated: more}, nil
}

func (s *graphService) SimilarPatients(ctx context.Context, req *bedsidev1.SimilarPatientsRequest) (*bedsidev1.SimilarPatientsResponse, error) {
	db, tenant, err := s.of(ctx)
	if err != nil {
		return nil, err
	}
	found, answer, err := db.SimilarPatients(ctx, tenant, req.GetPatient(), convert.Predicates(req.GetPredicates()), limit(req.GetLimit(), 10))
	if err != nil {
		return nil, err
	}
	out := &bedsidev1.SimilarPatientsResponse{Nodes: convert.NodesToProto(answer.Nodes)}
	for _, p := range found {
		out.Patients = append(out.Patients, &bedsidev1.SimilarPatient{
			Patient: p.Patient, Similarity: p.Jaccard, Shared: convert.TriplesToProto(p.Shared),
		})
	}
	return out, nil
}

// furthestPage is how far into what a search found one may go.
const furthestPage = 10_000

func (s *graphService) Search(ctx context.Context, req *bedsidev1.SearchRequest) (*bedsidev1.SearchResponse, error) {
	db, tenant, err := s.of(ctx)
	if err != nil {
		return nil, err
	}
	kinds, err := kindsOf(req.GetKinds())
	if err != nil {
		return nil, err
	}
	from := 0
	if token := req.GetPageToken(); token != "" {
		if from, err = strconv.Atoi(token); err != nil || from < 0 || from > furthestPage {
			return nil, &apierror.FieldError{Field: "page_token", Message: "is none that this service gave"}
		}
	}
	size := limit(req.GetPageSize(), 20)
	nodes, err := db.Search(ctx, tenant, req.GetText(), kinds, size+1, from)
	if err != nil {
		return nil, err
	}
	out := &bedsidev1.SearchResponse{Nodes: convert.NodesToProto(nodes[:min(len(nodes), size)])}
	if len(nodes) > size && from+size <= furthestPage {
		out.NextPageToken = strconv.Itoa(from + size)
	}
	return out, nil
}

// exportPage is how many statements one piece of an export holds.
const exportPage = 500

func (s *graphService) Export(req *bedsidev1.ExportRequest, stream grpc.ServerStreamingServer[bedsidev1.ExportResponse]) error {
	ctx := stream.Context()
	db, tenant, err := s.of(ctx)
	if err != nil {
		return err
	}
	w := rdf.NewWriter(exportStream{stream}, convert.GraphFormat(req.GetFormat()))
	for after := ""; ; {
		page, err := db.Page(ctx, tenant, after, exportPage)
		if err != nil {
			return err
		}
		if err := w.Write(page.Nodes, page.Triples); err != nil {
			return err
		}
		if after = page.Next; after == "" {
			return w.Close()
		}
	}
}

// exportStream sends what is written.
type exportStream struct {
	stream grpc.ServerStreamingServer[bedsidev1.ExportResponse]
}

const pieceBytes = 256 << 10

func (e exportStream) Write(data []byte) (int, error) {
	for piece := range slices.Chunk(data, pieceBytes) {
		if err := e.stream.Send(&bedsidev1.ExportResponse{Data: piece}); err != nil {
			return 0, err
		}
	}
	return len(data), nil
}

// renderedEach is how many statements of one node a picture is made of.
const renderedEach = 60

func (s *graphService) Render(ctx context.Context, req *bedsidev1.RenderRequest) (*bedsidev1.RenderResponse, error) {
	db, tenant, err := s.of(ctx)
	if err != nil {
		return nil, err
	}
	nodes, triples, err := db.Around(ctx, tenant, req.GetNode(), limit(req.GetDepth(), 1), convert.Predicates(req.GetPredicates()), renderedEach, draw.MaxNodes)
	if err != nil {
		return nil, err
	}
	return &bedsidev1.RenderResponse{Svg: draw.SVG(req.GetNode(), nodes, triples, languageOf(req.GetLanguage()))}, nil
}
