package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/bedside-lm/bedside/cmd/bedside/internal/shield"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server"
)

// TestMain lets tests run this program as a process of its own.
func TestMain(m *testing.M) {
	shield.RunIfAsked()
	if os.Getenv("BEDSIDE_TEST_AS_MAIN") != "" {
		panicWhenTold()
		main()
		return
	}
	for _, name := range os.Environ() { // settings of whoever runs the tests
		if name, _, _ := strings.Cut(name, "="); strings.HasPrefix(name, "BEDSIDE_") && !isPath(name) {
			_ = os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}

func isPath(name string) bool {
	return name == "BEDSIDE_CACHE" || name == "BEDSIDE_MODELS" || name == "BEDSIDE_ORT_LIBRARY"
}

// scripted answers as a test says: for what the real server does only when it is
// broken, full or slow.
type scripted struct {
	bedsidev1.UnimplementedGenerationServiceServer
	bedsidev1.UnimplementedClinicalServiceServer
	bedsidev1.UnimplementedModelServiceServer

	err    error
	chat   bool   // whether the model has a chat template
	block  bool   // until the call ends
	refuse string // the patient whose record is turned down
	hold   string // the patient whose record is answered only when until is closed
	until  chan struct{}
	pieces []*bedsidev1.StreamGenerateResponse
	asked  chan *bedsidev1.GenerateRequest
	styles chan bedsidev1.SummaryStyle
}

func (s *scripted) Tokenize(context.Context, *bedsidev1.TokenizeRequest) (*bedsidev1.TokenizeResponse, error) {
	if !s.chat {
		return nil, errors.New("no template")
	}
	return &bedsidev1.TokenizeResponse{}, nil
}

func (s *scripted) StreamGenerate(req *bedsidev1.GenerateRequest, out grpc.ServerStreamingServer[bedsidev1.StreamGenerateResponse]) error {
	if s.asked != nil {
		s.asked <- req
	}
	for _, piece := range s.pieces {
		if err := out.Send(piece); err != nil {
			return err
		}
	}
	if s.block {
		<-out.Context().Done()
		return out.Context().Err()
	}
	return s.err
}

func (s *scripted) SummarizeRecord(ctx context.Context, req *bedsidev1.SummarizeRecordRequest) (*bedsidev1.SummarizeRecordResponse, error) {
	about := func(patient string) bool {
		return patient != "" && strings.Contains(req.GetSource().GetFhirJson(), strconv.Quote(patient))
	}
	if about(s.refuse) {
		return nil, status.Error(codes.InvalidArgument, "no record")
	}
	if about(s.hold) {
		select {
		case <-s.until:
		case <-ctx.Done():
		}
	}
	return summaryOf(req.GetLanguage()), s.err
}

func (s *scripted) StreamSummarizeRecord(
	req *bedsidev1.SummarizeRecordRequest, out grpc.ServerStreamingServer[bedsidev1.StreamSummarizeRecordResponse],
) error {
	if s.err != nil {
		return s.err
	}
	if s.styles != nil {
		s.styles <- req.GetStyle()
	}
	answer := summaryOf(req.GetLanguage())
	for _, section := range answer.GetSections() {
		for _, x := range section.GetSentences() {
			if err := out.Send(&bedsidev1.StreamSummarizeRecordResponse{Section: section.GetKind(), Heading: section.GetHeading(), Sentence: x}); err != nil {
				return err
			}
		}
	}
	answer.Sections = nil
	return out.Send(&bedsidev1.StreamSummarizeRecordResponse{Summary: answer})
}

func (s *scripted) ListModels(context.Context, *bedsidev1.ListModelsRequest) (*bedsidev1.ListModelsResponse, error) {
	return &bedsidev1.ListModelsResponse{Models: someModels()}, s.err
}

// listen runs the scripted server and gives its address.
func (s *scripted) listen(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	srv := grpc.NewServer()
	bedsidev1.RegisterGenerationServiceServer(srv, s)
	bedsidev1.RegisterClinicalServiceServer(srv, s)
	bedsidev1.RegisterModelServiceServer(srv, s)
	healthpb.RegisterHealthServer(srv, health.NewServer())
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(listener) })
	t.Cleanup(func() { srv.Stop(); serving.Wait() })
	return listener.Addr().String()
}

// result is what a command did.
type result struct {
	code     int
	out, err string
}

// command runs a command line in this process, input being its standard input.
func command(ctx context.Context, input io.Reader, args ...string) result {
	var out, err bytes.Buffer
	code := run(ctx, args, &app{in: input, out: &out, err: &err, start: server.Start})
	return result{code, out.String(), err.String()}
}
