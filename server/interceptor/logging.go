package interceptor

import (
	"context"
	"log/slog"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	reflectiongrpc "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/server/tracing"
)

// reporter logs a call when it ends. go-grpc-middleware's own logging interceptor would log
// the status's message and the caller's address with it; its framework does not.
type reporter struct {
	interceptors.NoopReporter

	ctx    context.Context
	chain  *Chain
	meta   interceptors.CallMeta
	call   *call
	logger *slog.Logger
}

func (c *Chain) reporter(ctx context.Context, meta interceptors.CallMeta) (interceptors.Reporter, context.Context) {
	call, ctx := newCall(ctx)
	return &reporter{ctx: ctx, chain: c, meta: meta, call: call, logger: c.logger}, ctx
}

// PostMsgSend takes the model's name from the answer.
func (r *reporter) PostMsgSend(msg any, err error, _ time.Duration) {
	if err == nil {
		r.call.setModelOf(msg)
	}
}

// PostCall logs the one line of a call.
func (r *reporter) PostCall(err error, took time.Duration) {
	code := status.Code(err)
	// Its levels have slog's values.
	level := slog.Level(logging.DefaultServerCodeToLevel(code))
	if code == codes.Unimplemented {
		level = slog.LevelInfo // the caller's mistake, not the server's
	}
	switch r.meta.Service {
	case healthgrpc.Health_ServiceDesc.ServiceName, reflectiongrpc.ServerReflection_ServiceDesc.ServiceName:
		// Probes come every few seconds, grpcurl looks things up before each call.
		if level < slog.LevelError {
			level = slog.LevelDebug
		}
	case inference.GRPCInferenceService_ServiceDesc.ServiceName, bedsidev1.EmbeddingService_ServiceDesc.ServiceName:
		// Thousands a second: metrics count those that went well.
		if code == codes.OK {
			level = slog.LevelDebug
		}
	}
	r.trace(reasonOf(err))
	if !r.logger.Enabled(r.ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", r.meta.FullMethod()),
		slog.String("code", codeName(code)),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("peer", peerKind(r.ctx)),
		slog.String("request_id", r.call.requestID),
	}
	model, internal := r.call.result()
	if model != "" {
		attrs = append(attrs, slog.String("model", model))
	}
	if reason := reasonOf(err); reason != "" {
		attrs = append(attrs, slog.String("reason", reason))
	}
	if internal != nil {
		attrs = append(attrs, slog.String("error_id", internal.id), slog.String("error_type", internal.types))
	}
	if span := trace.SpanContextFromContext(r.ctx); span.IsValid() {
		attrs = append(attrs, slog.String("trace_id", span.TraceID().String()))
	}
	r.logger.LogAttrs(r.ctx, level, "call", attrs...)
}

// trace tells the call's span what the log will say, where there is a span.
func (r *reporter) trace(reason string) {
	span := trace.SpanFromContext(r.ctx)
	if !span.IsRecording() {
		return
	}
	model, internal := r.call.result()
	if model != "" {
		span.SetAttributes(tracing.Model.String(model))
	}
	if reason != "" {
		span.SetAttributes(tracing.Reason.String(reason))
	}
	if internal != nil {
		span.SetAttributes(tracing.ErrorID.String(internal.id))
	}
}
