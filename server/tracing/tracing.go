// Package tracing sends a span of every call to an OpenTelemetry collector. What a span may hold is a list; whatever else
// gRPC's instrumentation, a library or a later change puts into one is left out before it is sent.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// Attributes of a call's span, beside those of gRPC's instrumentation.
const (
	Model   = attribute.Key("bedside.model")    // the server's own name of the model that answered
	Reason  = attribute.Key("bedside.reason")   // of google.rpc.ErrorInfo: one of a fixed list
	ErrorID = attribute.Key("bedside.error_id") // of an internal error, as in the log
)

// Options say where spans go.
type Options struct {
	Endpoint string  // URL of a collector's OTLP port for gRPC: https, or http where that is not encrypted
	Ratio    float64 // of the calls whose caller has not decided; 1: all
	Version  string  // of the server
	Logger   *slog.Logger
	// Methods says whether a method, as in "/package.Service/Method", is one of the server's own. Spans bear their names, and
	// a caller may write anything where a method's name belongs.
	Methods func(fullMethod string) bool
}

// Tracer makes spans and sends them.
type Tracer struct {
	provider *sdktrace.TracerProvider
	methods  func(string) bool
}

// New begins to send. A collector that cannot be reached stands in nobody's way: spans that find no room are dropped, and
// the log says that they are.
func New(ctx context.Context, opt Options) (*Tracer, error) {
	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(opt.Endpoint))
	if err != nil {
		return nil, fmt.Errorf("traces (--otlp-endpoint): %w", err)
	}
	return &Tracer{methods: opt.Methods, provider: sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&allowing{SpanExporter: exporter, log: opt.Logger}),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(opt.Ratio))),
		// The SDK's own description of a process has its command line and its machine's name.
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "bedside"), attribute.String("service.version", opt.Version),
		)),
	)}, nil
}

// ServerOption has a server make a span of each of its calls. Probes and reflection make none. Of a caller's headers the
// trace's id alone is read (traceparent): baggage and tracestate could hold any text.
func (t *Tracer) ServerOption() grpc.ServerOption {
	return grpc.StatsHandler(otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(t.provider),
		otelgrpc.WithMeterProvider(noop.NewMeterProvider()), // Prometheus counts
		otelgrpc.WithPropagators(idsAlone{}),
		otelgrpc.WithFilter(func(info *stats.RPCTagInfo) bool {
			return !strings.HasPrefix(info.FullMethodName, "/grpc.") && t.methods(info.FullMethodName)
		}),
	))
}

// Close sends what is left, for as long as ctx allows.
func (t *Tracer) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// idsAlone reads W3C's traceparent without what callers may add to it.
type idsAlone struct{ propagation.TraceContext }

// Extract is of propagation.TextMapPropagator.
func (p idsAlone) Extract(ctx context.Context, from propagation.TextMapCarrier) context.Context {
	ctx = p.TraceContext.Extract(ctx, from)
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, sc.WithTraceState(trace.TraceState{}))
	}
	return ctx
}
