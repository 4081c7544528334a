package server

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/bedside-lm/bedside/runtime/repository"
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

// modelHealth is the name under which a model's health is found: Check {"service":
// "models/NAME"}.
func modelHealth(name string) string { return "models/" + name }

// followModels keeps the health of every model current, until ctx ends. A model is serving
// when one of its versions is ready. The metrics of a model that is gone go with it.
func (s *Server) followModels(ctx context.Context) {
	ready := map[string]map[int64]bool{}
	for st := range s.models.watch(ctx) {
		versions := ready[st.Name]
		if versions == nil {
			versions = map[int64]bool{}
			ready[st.Name] = versions
		}
		delete(versions, st.Version)
		if st.State == repository.StateReady {
			versions[st.Version] = true
		}
		status := healthpb.HealthCheckResponse_SERVING
		if len(versions) == 0 {
			status = healthpb.HealthCheckResponse_NOT_SERVING
			if st.State == repository.StateUnavailable {
				s.language.Forget(st.Name)
			}
		}
		s.health.SetServingStatus(modelHealth(st.Name), status)
	}
}
