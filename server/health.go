package server

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// drainableHealth is grpc's health service, but for one thing: a Watch ends once it has
// reported that the server is going down. Left open, it would hold up a graceful stop for
// the whole grace, and load balancers keep one open for good.
type drainableHealth struct {
	*health.Server
	draining context.Context
}

func (h *drainableHealth) Watch(in *healthpb.HealthCheckRequest, stream grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	return h.Server.Watch(in, &drainableWatch{ServerStreamingServer: stream, ctx: ctx, cancel: cancel, draining: h.draining})
}

type drainableWatch struct {
	grpc.ServerStreamingServer[healthpb.HealthCheckResponse]
	ctx      context.Context
	cancel   context.CancelFunc
	draining context.Context
}

func (w *drainableWatch) Context() context.Context { return w.ctx }

func (w *drainableWatch) Send(r *healthpb.HealthCheckResponse) error {
	err := w.ServerStreamingServer.Send(r)
	if w.draining.Err() != nil && r.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		w.cancel()
	}
	return err
}
