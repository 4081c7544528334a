package interceptor_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/interceptor"
)

// canary stands for what a patient said. It may come back to nobody and be logged nowhere.
const canary = "Zhang Wei, 13800138000, HIV positive"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service answers with what a test tells it to.
type service struct {
	bedsidev1.UnimplementedGenerationServiceServer
	bedsidev1.UnimplementedClinicalServiceServer
	handle func(ctx context.Context) error
	flood  func(grpc.ServerStreamingServer[bedsidev1.StreamGenerateResponse]) error // instead of handle, where it is set
}

func (s *service) Generate(ctx context.Context, _ *bedsidev1.GenerateRequest) (*bedsidev1.GenerateResponse, error) {
	if err := s.handle(ctx); err != nil {
		return nil, err
	}
	return &bedsidev1.GenerateResponse{Text: canary, Model: &bedsidev1.ModelReference{Name: "small"}}, nil
}

func (s *service) StreamGenerate(_ *bedsidev1.GenerateRequest, stream grpc.ServerStreamingServer[bedsidev1.StreamGenerateResponse]) error {
	if s.flood != nil {
		return s.flood(stream)
	}
	if err := stream.Send(&bedsidev1.StreamGenerateResponse{Text: canary}); err != nil {
		return err
	}
	if err := s.handle(stream.Context()); err != nil {
		return err
	}
	return stream.Send(&bedsidev1.StreamGenerateResponse{Model: &bedsidev1.ModelReference{Name: "small"}})
}

func (s *service) SummarizeRecord(ctx context.Context, _ *bedsidev1.SummarizeRecordRequest) (*bedsidev1.SummarizeRecordResponse, error) {
	return &bedsidev1.SummarizeRecordResponse{}, s.handle(ctx)
}

// logBuffer is a log that calls may write to while a test reads it.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// system is a server with the chain around it, and clients of it.
type system struct {
	generation bedsidev1.GenerationServiceClient
	clinical   bedsidev1.ClinicalServiceClient
	health     healthgrpc.HealthClient
	log        *logBuffer
	registry   *prometheus.Registry
	impl       *service
	stop       func() // waits for every call to be logged
}

func start(t *testing.T, handle func(ctx context.Context) error, change ...func(*interceptor.Options)) *system {
	t.Helper()
	s := &system{log: &logBuffer{}, registry: prometheus.NewRegistry()}
	opt := interceptor.Options{
		Logger:     slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registerer: s.registry,
	}
	for _, c := range change {
		c(&opt)
	}
	chain, err := interceptor.New(opt)
	require.NoError(t, err)
	server := grpc.NewServer(chain.ServerOptions()...)
	impl := &service{handle: handle}
	s.impl = impl
	bedsidev1.RegisterGenerationServiceServer(server, impl)
	bedsidev1.RegisterClinicalServiceServer(server, impl)
	healthgrpc.RegisterHealthServer(server, health.NewServer())
	chain.InitializeMetrics(server)

	listener := bufconn.Listen(1 << 20)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///bufconn",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	s.generation, s.clinical = bedsidev1.NewGenerationServiceClient(conn), bedsidev1.NewClinicalServiceClient(conn)
	s.health = healthgrpc.NewHealthClient(conn)
	s.stop = sync.OnceFunc(func() {
		_ = conn.Close()
		server.GracefulStop()
		<-served
	})
	t.Cleanup(s.stop)
	return s
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func prompt() *bedsidev1.GenerateRequest {
	return &bedsidev1.GenerateRequest{Model: canary, Input: &bedsidev1.GenerateRequest_Prompt{Prompt: canary}}
}

// stream reads a StreamGenerate to its end and returns its error.
func (s *system) stream(ctx context.Context, req *bedsidev1.GenerateRequest) error {
	answers, err := s.generation.StreamGenerate(ctx, req)
	for err == nil {
		_, err = answers.Recv()
	}
	return err
}

// detail returns the status's only detail of type D; the zero value where there is none.
func detail[D any](t *testing.T, err error) D {
	t.Helper()
	var found []D
	for _, d := range status.Convert(err).Details() {
		if d, ok := d.(D); ok {
			found = append(found, d)
		}
	}
	require.LessOrEqual(t, len(found), 1)
	var none D
	if len(found) == 0 {
		return none
	}
	return found[0]
}

// violations returns "field: description" of each.
func violations(t *testing.T, err error) []string {
	var out []string
	for _, v := range detail[*errdetails.BadRequest](t, err).GetFieldViolations() {
		out = append(out, v.GetField()+": "+v.GetDescription())
	}
	return out
}
