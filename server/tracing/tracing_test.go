package tracing

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/emptypb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink is an OpenTelemetry collector that keeps what it is sent.
type sink struct {
	collector.UnimplementedTraceServiceServer
	mu   sync.Mutex
	got  []*collector.ExportTraceServiceRequest
	fail bool
}

func (s *sink) Export(_ context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail {
		return nil, status.Error(codes.InvalidArgument, "no")
	}
	s.got = append(s.got, r)
	return &collector.ExportTraceServiceResponse{}, nil
}

func listen(t *testing.T, register func(*grpc.Server), opts ...grpc.ServerOption) (addr string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := grpc.NewServer(opts...)
	register(g)
	var running sync.WaitGroup
	running.Go(func() { _ = g.Serve(l) })
	t.Cleanup(func() { g.Stop(); running.Wait() })
	return l.Addr().String()
}

const secret = "Wilhelmina-Quistgaard"

// A span leaves with what is on the list, and nothing that a caller, a handler or a library put beside it.
func TestASpanHoldsWhatIsAllowedAlone(t *testing.T) {
	s := &sink{}
	addr := listen(t, func(g *grpc.Server) { collector.RegisterTraceServiceServer(g, s) })
	tracer, err := New(t.Context(), Options{
		Endpoint: "http://" + addr, Ratio: 1, Version: "test", Logger: slog.New(slog.DiscardHandler),
		Methods: func(m string) bool { return m == "/ward/Known" },
	})
	require.NoError(t, err)
	served := listen(t, func(g *grpc.Server) {
		g.RegisterService(&grpc.ServiceDesc{ServiceName: "ward", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{
			MethodName: "Known", Handler: func(_ any, ctx context.Context, _ func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				span := trace.SpanFromContext(ctx)
				span.SetAttributes(Model.String("smollm2"), attribute.String("patient", secret))
				span.AddEvent(secret)
				span.RecordError(fmt.Errorf("about %s", secret))
				span.AddLink(trace.Link{Attributes: []attribute.KeyValue{attribute.String("x", secret)}})
				span.SetStatus(otelcodes.Error, secret)
				return nil, status.Error(codes.Internal, secret)
			},
		}}}, nil)
	}, tracer.ServerOption())
	conn, err := grpc.NewClient(served, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(t.Context(),
		"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate", "ward="+secret, "baggage", "patient="+secret)
	for _, method := range []string{"/ward/Known", "/ward/" + secret, "/grpc.health.v1.Health/Check"} {
		require.Error(t, conn.Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{}))
	}
	require.NoError(t, tracer.Close(t.Context()))

	require.Len(t, s.got, 1)
	text, err := protojson.Marshal(s.got[0])
	require.NoError(t, err)
	require.NotContains(t, string(text), secret)
	spans := s.got[0].GetResourceSpans()[0].GetScopeSpans()[0].GetSpans()
	require.Len(t, spans, 1, "nobody chooses a span's name, and probes have none")
	require.Equal(t, "ward/Known", spans[0].GetName())
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", fmt.Sprintf("%x", spans[0].GetTraceId()), "the caller's trace goes on")
	got := map[string]string{}
	for _, a := range spans[0].GetAttributes() {
		got[a.GetKey()] = a.GetValue().GetStringValue()
	}
	require.Equal(t, map[string]string{
		"rpc.system.name": "grpc", "rpc.method": "ward/Known", "rpc.response.status_code": "INTERNAL", "bedside.model": "smollm2",
	}, got)
}

// A collector that refuses is told of once, and stands in nobody's way.
func TestACollectorThatRefuses(t *testing.T) {
	s := &sink{fail: true}
	addr := listen(t, func(g *grpc.Server) { collector.RegisterTraceServiceServer(g, s) })
	var log strings.Builder
	tracer, err := New(t.Context(), Options{
		Endpoint: "http://" + addr, Ratio: 1, Logger: slog.New(slog.NewJSONHandler(&log, nil)), Methods: func(string) bool { return true },
	})
	require.NoError(t, err)
	for range 3 {
		_, span := tracer.provider.Tracer("test").Start(t.Context(), "one")
		span.End()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		require.NoError(t, tracer.provider.ForceFlush(ctx))
		cancel()
	}
	require.NoError(t, tracer.Close(t.Context()))
	require.Equal(t, 1, strings.Count(log.String(), "\n"), log.String())
	var line map[string]any
	require.NoError(t, json.Unmarshal([]byte(log.String()), &line))
	require.Equal(t, "traces cannot be sent, and are dropped", line["msg"])
}
