package server

import (
	"context"
	"sync/atomic"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/bedside-lm/bedside/server/memory"
)

// readiness says whether new requests are welcome.
type readiness struct {
	on    atomic.Bool            // the server has started, and is not draining
	fault atomic.Pointer[string] // why it cannot work all the same; nil: it can
}

func (r *readiness) set(on bool) { r.on.Store(on) }

// ok says whether requests are welcome.
func (r *readiness) ok() bool { return r.on.Load() && r.fault.Load() == nil }

// reason is what a prober is told.
func (r *readiness) reason() string {
	if !r.on.Load() {
		return "loading or draining"
	}
	if fault := r.fault.Load(); fault != nil {
		return *fault
	}
	return "ready"
}

// checkEvery is how often the server looks at itself.
const checkEvery = 250 * time.Millisecond

// followFaults keeps readiness and gRPC's health what they should be, until ctx ends.
func (s *Server) followFaults(ctx context.Context) {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	was := ""
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		s.pressure.Note(memory.Resident())
		fault := s.findFault()
		if fault == was {
			continue
		}
		was = fault
		status := healthpb.HealthCheckResponse_SERVING
		if fault == "" {
			s.ready.fault.Store(nil)
			s.log.Info("the server is ready again")
		} else {
			s.ready.fault.Store(&fault)
			status = healthpb.HealthCheckResponse_NOT_SERVING
			s.log.Error("the server is not ready", "reason", fault)
		}
		s.health.SetServingStatus("", status)
		for name := range s.grpc.GetServiceInfo() {
			s.health.SetServingStatus(name, status)
		}
	}
}

// findFault says what keeps the server from answering; "" where nothing does.
func (s *Server) findFault() string {
	if s.audit != nil && s.audit.Ready() != nil {
		return "the audit log cannot be written"
	}
	if s.pressure.High() {
		return "memory is short"
	}
	for _, st := range s.models.index() {
		if !isReady(st) {
			continue
		}
		if err := s.models.healthy(st); err != nil {
			return "model " + st.Name + " hangs or has failed for good"
		}
	}
	return ""
}
