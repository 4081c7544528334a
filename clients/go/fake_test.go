package bedside_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	bedside "github.com/bedside-lm/bedside/clients/go"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// preparing is the server's side of PrepareRecords.
type preparing = grpc.BidiStreamingServer[bedsidev1.PrepareRecordsRequest, bedsidev1.PrepareRecordsResponse]

// scripted is a server that answers as each test says: what is tested here is the client.
type scripted struct {
	bedsidev1.UnimplementedGenerationServiceServer
	bedsidev1.UnimplementedClinicalServiceServer
	bedsidev1.UnimplementedModelServiceServer
	bedsidev1.UnimplementedPreparationServiceServer

	header   bool // send a request id with every answer, as Bedside's server does
	generate func(ctx context.Context, attempt int, req *bedsidev1.GenerateRequest) (*bedsidev1.GenerateResponse, error)
	stream   func(attempt int, req *bedsidev1.GenerateRequest, out grpc.ServerStreamingServer[bedsidev1.StreamGenerateResponse]) error
	prepare  func(attempt int, stream preparing) error
	describe func(attempt int, req *bedsidev1.DescribeSignalRequest) (*bedsidev1.DescribeSignalResponse, error)

	mu       sync.Mutex
	attempts int
}

func (s *scripted) next() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts++
	return s.attempts
}

func (s *scripted) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attempts
}

func (s *scripted) Generate(ctx context.Context, req *bedsidev1.GenerateRequest) (*bedsidev1.GenerateResponse, error) {
	if s.header {
		_ = grpc.SetHeader(ctx, metadata.Pairs("x-request-id", "1"))
	}
	return s.generate(ctx, s.next(), req)
}

func (s *scripted) StreamGenerate(req *bedsidev1.GenerateRequest, out grpc.ServerStreamingServer[bedsidev1.StreamGenerateResponse]) error {
	if s.header {
		_ = out.SetHeader(metadata.Pairs("x-request-id", "1"))
	}
	return s.stream(s.next(), req, out)
}

func (s *scripted) PrepareRecords(stream preparing) error {
	return s.prepare(s.next(), stream)
}

func (s *scripted) DescribeSignal(_ context.Context, req *bedsidev1.DescribeSignalRequest) (*bedsidev1.DescribeSignalResponse, error) {
	return s.describe(s.next(), req)
}

func (s *scripted) Score(_ context.Context, req *bedsidev1.ScoreRequest) (*bedsidev1.ScoreResponse, error) {
	scores := make([]*bedsidev1.Score, len(req.GetContinuations()))
	for i, text := range req.GetContinuations() {
		scores[i] = &bedsidev1.Score{TokenCount: int32(len(text))}
	}
	return &bedsidev1.ScoreResponse{Scores: scores}, nil
}

func (s *scripted) Tokenize(_ context.Context, req *bedsidev1.TokenizeRequest) (*bedsidev1.TokenizeResponse, error) {
	return &bedsidev1.TokenizeResponse{Tokens: []*bedsidev1.Token{{Piece: []byte(req.GetText())}}}, nil
}

func (s *scripted) SuggestDiagnoses(_ context.Context, req *bedsidev1.SuggestDiagnosesRequest) (*bedsidev1.SuggestDiagnosesResponse, error) {
	return &bedsidev1.SuggestDiagnosesResponse{Language: req.GetLanguage()}, nil
}

func (s *scripted) SuggestTreatments(_ context.Context, req *bedsidev1.SuggestTreatmentsRequest) (*bedsidev1.SuggestTreatmentsResponse, error) {
	return &bedsidev1.SuggestTreatmentsResponse{Diagnosis: &bedsidev1.TreatedDiagnosis{Code: req.GetDiagnosis()}}, nil
}

func (s *scripted) SummarizeRecord(_ context.Context, req *bedsidev1.SummarizeRecordRequest) (*bedsidev1.SummarizeRecordResponse, error) {
	return &bedsidev1.SummarizeRecordResponse{Language: req.GetLanguage()}, nil
}

func (s *scripted) StreamSummarizeRecord(
	req *bedsidev1.SummarizeRecordRequest, out grpc.ServerStreamingServer[bedsidev1.StreamSummarizeRecordResponse],
) error {
	if err := out.Send(&bedsidev1.StreamSummarizeRecordResponse{Section: "summary", Sentence: &bedsidev1.SummarySentence{Text: "x"}}); err != nil {
		return err
	}
	return out.Send(&bedsidev1.StreamSummarizeRecordResponse{Summary: &bedsidev1.SummarizeRecordResponse{Style: req.GetStyle()}})
}

func (s *scripted) ListModels(context.Context, *bedsidev1.ListModelsRequest) (*bedsidev1.ListModelsResponse, error) {
	return &bedsidev1.ListModelsResponse{Models: []*bedsidev1.Model{{Kind: "attention"}}}, nil
}

// serve runs service with health on listener until the returned function is called.
func serve(service *scripted, listener net.Listener, opts ...grpc.ServerOption) (*health.Server, func()) {
	server := grpc.NewServer(append([]grpc.ServerOption{grpc.MaxRecvMsgSize(bedside.MaxRequestBytes)}, opts...)...)
	bedsidev1.RegisterGenerationServiceServer(server, service)
	bedsidev1.RegisterClinicalServiceServer(server, service)
	bedsidev1.RegisterModelServiceServer(server, service)
	bedsidev1.RegisterPreparationServiceServer(server, service)
	check := health.NewServer()
	healthpb.RegisterHealthServer(server, check)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = server.Serve(listener)
	}()
	return check, func() { server.Stop(); <-stopped }
}

func inMemory(listener *bufconn.Listener) bedside.Option {
	return bedside.WithDialOptions(
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
}

// overBoth runs a test in memory and over TCP, and looks for goroutines left behind.
func overBoth(t *testing.T, service func() *scripted, test func(t *testing.T, c *bedside.Client, s *scripted), opts ...bedside.Option) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
		listener := bufconn.Listen(1 << 20)
		s := service()
		_, stop := serve(s, listener)
		defer stop()
		runWith(t, "passthrough:///memory", s, test, append(opts, inMemory(listener))...)
	})
	t.Run("tcp", func(t *testing.T) {
		defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		s := service()
		_, stop := serve(s, listener)
		defer stop()
		runWith(t, listener.Addr().String(), s, test, opts...)
	})
}

func runWith(t *testing.T, target string, s *scripted, test func(*testing.T, *bedside.Client, *scripted), opts ...bedside.Option) {
	t.Helper()
	client, err := bedside.Dial(target, opts...)
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	test(t, client, s)
}

func withDetails(code codes.Code, details ...protoadapt.MessageV1) error {
	s, err := status.New(code, "as scripted").WithDetails(details...)
	if err != nil {
		panic(err)
	}
	return s.Err()
}

func draining(after time.Duration) error {
	return withDetails(codes.Unavailable, &errdetails.RetryInfo{RetryDelay: durationpb.New(after)})
}

func queueFull(after time.Duration) error {
	return withDetails(codes.ResourceExhausted,
		&errdetails.ErrorInfo{Domain: "bedside", Reason: "QUEUE_FULL"},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(after)})
}

func failing(times int, err error) func() *scripted {
	return func() *scripted {
		return &scripted{
			generate: func(_ context.Context, attempt int, req *bedsidev1.GenerateRequest) (*bedsidev1.GenerateResponse, error) {
				if attempt <= times {
					return nil, err
				}
				return &bedsidev1.GenerateResponse{Text: "after " + req.GetPrompt()}, nil
			},
			stream: func(attempt int, req *bedsidev1.GenerateRequest, out grpc.ServerStreamingServer[bedsidev1.StreamGenerateResponse]) error {
				if attempt <= times {
					return err
				}
				return out.Send(&bedsidev1.StreamGenerateResponse{Text: "after " + req.GetPrompt()})
			},
		}
	}
}

var enforcement = grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 30 * time.Second})
