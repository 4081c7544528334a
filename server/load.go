package server

import (
	"context"

	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/embed"
	"github.com/bedside-lm/bedside/server/engine"
	"github.com/bedside-lm/bedside/server/infer"
	"github.com/bedside-lm/bedside/server/interceptor"
	"github.com/bedside-lm/bedside/server/memory"
	"github.com/bedside-lm/bedside/server/quota"
)

// load loads ONNX Runtime and the models.
func (s *Server) load(ctx context.Context) (err error) {
	if s.language, err = engine.NewMetricSet(s.registry); err != nil {
		return err
	}
	tensors, err := infer.NewMetricSet(s.registry)
	if err != nil {
		return err
	}
	embedding, err := embed.NewMetricSet(s.registry)
	if err != nil {
		return err
	}
	if err := initRuntime(s.cfg); err != nil {
		return err
	}
	s.models, err = startRegistry(ctx, s.cfg, &loader{
		cfg: s.cfg, language: s.language, embedding: embedding, tensors: tensors, log: s.log,
		budget: &budget{limit: s.cfg.MemoryLimit, cache: s.cfg.CacheMemory, resident: memory.Resident},
	}, s.log)
	return err
}

// chain is what every call passes through.
func (s *Server) chain() (_ *interceptor.Chain, err error) {
	if s.quota, err = quota.New(s.cfg.TenantLimits, s.registry); err != nil {
		return nil, err
	}
	return interceptor.New(interceptor.Options{
		Logger: s.log, Registerer: s.registry, Gate: s.gate, Audit: s.audit, Quota: s.quota, Pressure: s.pressure, Limits: interceptor.Limits{
			MessageBytes: s.cfg.MaxMessageBytes, MaxConcurrentStreams: s.cfg.MaxConcurrentStreams,
			RequestTimeout: s.cfg.RequestTimeout, KeepaliveMinTime: s.cfg.KeepaliveMinTime, SendTimeout: s.cfg.SendTimeout,
			ConnectionAge: s.cfg.MaxConnectionAge, ConnectionGrace: s.cfg.MaxConnectionGrace, ConnectionIdle: s.cfg.MaxConnectionIdle,
		},
	})
}

// initRuntime loads ONNX Runtime.
func initRuntime(cfg config.Config) error {
	library := cfg.ORTLibrary
	if library == "" {
		var err error
		if library, err = repository.ORTLibrary(); err != nil {
			return err
		}
	}
	return ort.Init(library)
}
