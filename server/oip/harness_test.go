package oip

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"google.golang.org/genproto/googleapis/rpc/errdetails"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/server/infer"
	"github.com/bedside-lm/bedside/server/interceptor"
	"github.com/bedside-lm/bedside/server/modelconfig"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// models loads the test models for a real manager; texts are language models beside them.
type models struct {
	*repository.Manager[*infer.Model]
	metrics *infer.MetricSet
	texts   map[string]*TextModel
}

func (m *models) Acquire(_ context.Context, name, version string) (Lease, error) {
	if text := m.texts[name]; text != nil {
		return Lease{Model: text, Version: 1, Release: func() {}}, nil
	}
	h, err := m.Manager.Acquire(name, version)
	if err != nil {
		return Lease{}, err
	}
	return Lease{Model: h.Model(), Version: h.Spec().Version, Release: h.Release}, nil
}

type operations struct{ metrics *infer.MetricSet }

func (o operations) Load(ctx context.Context, spec repository.Spec) (*infer.Model, error) {
	return infer.Open(ctx, spec, infer.Options{Metrics: o.metrics})
}

func (operations) Close(m *infer.Model) error { return m.Close() }

func (operations) Policy(text []byte) (repository.VersionPolicy, error) {
	if text == nil {
		return modelconfig.Policy(nil), nil
	}
	cfg, err := modelconfig.Parse(text)
	return modelconfig.Policy(cfg), err
}

// fixture is a server of test models.
type fixture struct {
	models   *models
	draining chan struct{}
	limits   interceptor.Limits
	server   *grpc.Server
	client   inference.GRPCInferenceServiceClient
	conn     *grpc.ClientConn
}

type setting func(*fixture, *Options)

// withText adds a language model.
func withText(name string, g Generator) setting {
	return func(f *fixture, _ *Options) { f.models.texts[name], _ = NewTextModel(name, g) }
}

// serve starts the service behind the interceptors of the real server, over TCP or in memory.
func serve(t testing.TB, tcp bool, load []string, settings ...setting) *fixture {
	t.Helper()
	library, err := repository.ORTLibrary()
	require.NoError(t, err, "run 'make setup'")
	require.NoError(t, ort.Init(library))
	registry := prometheus.NewRegistry()
	metrics, err := infer.NewMetricSet(registry)
	require.NoError(t, err)
	root, err := filepath.Abs("../../testdata/models")
	require.NoError(t, err)
	manager, err := repository.NewManager(repository.Options{Roots: []string{root}, Mode: repository.ModeExplicit, Load: load}, operations{metrics})
	require.NoError(t, err)
	require.NoError(t, manager.Start(t.Context()))
	f := &fixture{models: &models{Manager: manager, metrics: metrics, texts: map[string]*TextModel{}}, draining: make(chan struct{})}
	opt := Options{Name: "bedside", Version: "test", Draining: f.draining}
	for _, set := range settings {
		set(f, &opt)
	}
	chain, err := interceptor.New(interceptor.Options{
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Registerer: registry, Limits: f.limits,
	})
	require.NoError(t, err)
	opt.Errors = chain
	f.server = grpc.NewServer(chain.ServerOptions()...)
	inference.RegisterGRPCInferenceServiceServer(f.server, NewService(f.models, opt))
	f.listen(t, tcp)
	t.Cleanup(func() {
		require.NoError(t, f.conn.Close())
		f.server.Stop()
		require.NoError(t, manager.Close())
	})
	return f
}

func (f *fixture) listen(t testing.TB, tcp bool) {
	t.Helper()
	var listener net.Listener
	var err error
	target, options := "passthrough:///memory", []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if tcp {
		listener, err = net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		target = listener.Addr().String()
	} else {
		memory := bufconn.Listen(1 << 20)
		listener = memory
		options = append(options, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return memory.DialContext(ctx) }))
	}
	go func() { _ = f.server.Serve(listener) }()
	f.conn, err = grpc.NewClient(target, options...)
	require.NoError(t, err)
	f.client = inference.NewGRPCInferenceServiceClient(f.conn)
}

// requireStatus says that a call failed with a code, and gives the status' details.
func requireStatus(t testing.TB, code codes.Code, err error) []any {
	t.Helper()
	require.Equal(t, code, status.Code(err), "%v", err)
	return status.Convert(err).Details()
}

// violation is the field that a status names, "" if none.
func violation(err error) string {
	for _, d := range status.Convert(err).Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			return bad.GetFieldViolations()[0].GetField()
		}
	}
	return ""
}

// scripted writes the same pieces for every prompt, each when next lets it.
type scripted struct {
	pieces []string
	next   <-chan struct{} // nil: at once
	seen   chan TextRequest
	ended  chan error
}

var errScripted = errors.New("the script says so")

func (g *scripted) Generate(ctx context.Context, r TextRequest, yield func(string) error) (sum TextSummary, err error) {
	if g.seen != nil {
		g.seen <- r
	}
	defer func() {
		if g.ended != nil {
			g.ended <- err
		}
	}()
	if r.Prompt == "fail" {
		return sum, errScripted
	}
	if r.Prompt == "panic" {
		panic("the script says so")
	}
	for _, p := range g.pieces {
		if g.next != nil {
			select {
			case <-g.next:
			case <-ctx.Done():
				return sum, ctx.Err()
			}
		}
		if err := yield(p); err != nil {
			return sum, err
		}
	}
	return TextSummary{FinishReason: "stop", PromptTokens: 3, CompletionTokens: len(g.pieces), Queue: time.Microsecond}, nil
}
