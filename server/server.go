// Package server is the gRPC server: it loads models, starts an engine for each, and puts
// the services in front of them.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	channelz "google.golang.org/grpc/channelz/service"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/test/bufconn"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/server/audit"
	"github.com/bedside-lm/bedside/server/auth"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/convert"
	"github.com/bedside-lm/bedside/server/engine"
	"github.com/bedside-lm/bedside/server/interceptor"
	"github.com/bedside-lm/bedside/server/memory"
	"github.com/bedside-lm/bedside/server/oip"
	"github.com/bedside-lm/bedside/server/quota"
	"github.com/bedside-lm/bedside/server/tenant"
	"github.com/bedside-lm/bedside/server/tracing"
)

// Server serves the models of one configuration.
type Server struct {
	cfg      config.Config
	log      *slog.Logger
	models   *registry
	graphs   *graphs
	gate     *auth.Gate
	audit    *audit.Log // nil: none is kept
	quota    *quota.Ledger
	deid     *deidentifier
	tracer   *tracing.Tracer // nil: no traces are made
	grpc     *grpc.Server
	registry *prometheus.Registry
	language *engine.MetricSet
	health   *health.Server
	http     *http.Server

	listener     net.Listener      // nil without a gRPC port
	httpListener net.Listener      // nil without an HTTP port
	inside       *bufconn.Listener // for callers in this process
	serving      errgroup.Group
	ready        readiness
	pressure     *memory.Pressure
	draining     context.Context // ends when Shutdown begins
	drain        context.CancelFunc
	watching     sync.WaitGroup // following the models' states
	stopWatching context.CancelFunc
}

// Start loads the models and serves, on cfg.Listen where it is set and for callers in this
// process in any case. When it returns without an error, calls are answered.
func Start(ctx context.Context, cfg config.Config, log *slog.Logger) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.MemoryLimit == 0 {
		cfg.MemoryLimit = memory.Limit()
	}
	s := &Server{cfg: cfg, log: log, health: health.NewServer(), pressure: memory.NewPressure(cfg.MemoryLimit)}
	s.draining, s.drain = context.WithCancel(context.Background())
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.close()) //nolint:contextcheck // what is left is sent, whatever has ended
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	// Ports first: loading takes seconds, and a port that is taken should say so at once.
	if err := s.listen(ctx); err != nil {
		return err
	}
	if err := s.guard(); err != nil { //nolint:contextcheck // the gate outlives the call that starts it
		return err
	}
	registry := prometheus.NewRegistry()
	s.registry = registry
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if s.httpListener != nil {
		s.http = newHTTPServer(registry, &s.ready)
		s.serving.Go(func() error { return ignoreClosed(s.http.Serve(s.httpListener)) })
	}
	err := s.load(ctx)
	if err != nil {
		return err
	}
	s.graphs = &graphs{cfg: s.cfg}
	if err := s.graphs.start(ctx); err != nil {
		return err
	}
	if s.deid, err = newDeidentifier(s.cfg); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stopWatching = stop
	s.watching.Go(func() { s.followModels(watching) })
	s.watching.Go(func() { s.followFaults(watching) })
	s.ready.set(true)
	return nil
}

// open makes the gRPC server and lets callers in.
func (s *Server) open(ctx context.Context) error {
	chain, err := s.chain()
	if err != nil {
		return err
	}
	if err := s.newGRPC(ctx, chain); err != nil {
		return err
	}
	s.register(chain)
	chain.InitializeMetrics(s.grpc)
	s.inside = bufconn.Listen(1 << 20)
	s.serving.Go(func() error { return s.serve(s.inside) })
	if s.listener != nil {
		listener := interceptor.Guard(netutil.LimitListener(s.listener, s.cfg.MaxConnections))
		s.serving.Go(func() error { return s.serve(listener) })
	}
	return nil
}

// newGRPC makes the gRPC server, which no service has been registered with.
func (s *Server) newGRPC(ctx context.Context, chain *interceptor.Chain) (err error) {
	options := append(chain.ServerOptions(), grpc.ConnectionTimeout(20*time.Second))
	if s.tracer, err = newTracer(ctx, s.cfg, s.log); err != nil {
		return err
	}
	if s.tracer != nil {
		options = append(options, s.tracer.ServerOption())
	}
	s.grpc = grpc.NewServer(options...)
	return nil
}

// newTracer gives nil where no traces are wanted.
func newTracer(ctx context.Context, cfg config.Config, log *slog.Logger) (*tracing.Tracer, error) {
	if cfg.OTLPEndpoint == "" {
		return nil, nil
	}
	return tracing.New(ctx, tracing.Options{
		Endpoint: cfg.OTLPEndpoint, Ratio: cfg.TraceRatio, Version: cfg.Version, Logger: log, Methods: auth.Known,
	})
}

// serve answers on a listener. That the server was stopped before it began is no failure.
func (s *Server) serve(l net.Listener) error {
	if err := s.grpc.Serve(l); !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil
}

// listen opens the ports of the configuration.
func (s *Server) listen(ctx context.Context) (err error) {
	var lc net.ListenConfig
	if s.cfg.Listen != "" {
		if s.listener, err = lc.Listen(ctx, "tcp", s.cfg.Listen); err != nil {
			return fmt.Errorf("gRPC port (--listen): %w", err)
		}
	}
	if s.cfg.HTTPListen != "" {
		if s.httpListener, err = lc.Listen(ctx, "tcp", s.cfg.HTTPListen); err != nil {
			return fmt.Errorf("HTTP port (--http-listen): %w", err)
		}
	}
	return nil
}

func (s *Server) register(chain *interceptor.Chain) {
	bedsidev1.RegisterGenerationServiceServer(s.grpc, &generationService{models: s.models})
	bedsidev1.RegisterEmbeddingServiceServer(s.grpc, &embeddingService{models: s.models, tenant: tenant.Of})
	bedsidev1.RegisterClinicalServiceServer(s.grpc, newClinicalService(s.models, s.cfg))
	bedsidev1.RegisterPreparationServiceServer(s.grpc, &preparationService{
		preparer: &preparer{models: s.models, limits: convert.Limits{Bytes: s.cfg.MaxRecordBytes}, tenant: tenant.Of, prompts: promptsOf(s.cfg)},
		errors:   chain, draining: s.draining, deid: s.deid,
	})
	bedsidev1.RegisterKnowledgeGraphServiceServer(s.grpc, &graphService{
		graphs: s.graphs, models: s.models, limits: convert.Limits{Bytes: s.cfg.MaxRecordBytes}, tenant: tenant.Of, prompts: promptsOf(s.cfg),
	})
	bedsidev1.RegisterModelServiceServer(s.grpc, &modelService{models: s.models, draining: s.draining})
	inference.RegisterGRPCInferenceServiceServer(s.grpc, oip.NewService(inferenceModels{s.models}, oip.Options{
		Name: "bedside", Version: s.cfg.Version, Ready: s.ready.ok, Draining: s.draining.Done(), Errors: chain,
		RequestTimeout: s.cfg.RequestTimeout,
	}))
	healthpb.RegisterHealthServer(s.grpc, &drainableHealth{Server: s.health, draining: s.draining})
	for name := range s.grpc.GetServiceInfo() {
		s.health.SetServingStatus(name, healthpb.HealthCheckResponse_SERVING)
	}
	reflection.Register(s.grpc) // v1 and v1alpha
	if s.cfg.Register != nil {
		s.cfg.Register(s.grpc)
	}
	if s.cfg.Channelz {
		channelz.RegisterChannelzServiceToServer(s.grpc)
	}
}

// Addr is the gRPC port's address, or "".
func (s *Server) Addr() string { return address(s.listener) }

// HTTPAddr is the HTTP port's address, or "".
func (s *Server) HTTPAddr() string { return address(s.httpListener) }

func address(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// InProcess gives what grpc.NewClient needs to call this server without a port.
func (s *Server) InProcess() (target string, opts []grpc.DialOption) {
	return "passthrough:///in-process", []grpc.DialOption{
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return s.inside.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
	}
}

// Wait returns when the server has stopped serving: nil after Shutdown.
func (s *Server) Wait() error { return s.serving.Wait() }

// Shutdown drains: it turns readiness off, refuses new requests, and lets running ones
// finish until ctx ends, when they are cut off. Then it frees everything.
func (s *Server) Shutdown(ctx context.Context) error {
	s.ready.set(false)
	s.drain()
	s.health.Shutdown()
	stopped := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-ctx.Done():
		s.log.Warn("grace is over, running requests are cut off")
		s.grpc.Stop()
		<-stopped
	}
	return errors.Join(s.close(), s.serving.Wait()) //nolint:contextcheck // what is left is sent, whatever has ended
}

// close frees what start had got to.
func (s *Server) close() error {
	var errs []error
	if s.grpc != nil {
		s.grpc.Stop()
	} else if s.listener != nil {
		errs = append(errs, s.listener.Close())
	}
	if s.inside != nil {
		errs = append(errs, s.inside.Close())
	}
	if s.http != nil {
		errs = append(errs, s.http.Close())
	} else if s.httpListener != nil {
		errs = append(errs, s.httpListener.Close())
	}
	if s.stopWatching != nil {
		s.stopWatching()
		s.watching.Wait()
	}
	if s.graphs != nil {
		errs = append(errs, s.graphs.close())
	}
	if s.models != nil {
		errs = append(errs, s.models.close())
	}
	errs = append(errs, s.unguard())
	if s.tracer != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second) // for the last spans
		defer cancel()
		errs = append(errs, s.tracer.Close(ctx))
	}
	return errors.Join(errs...)
}
