package oip

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	inference "github.com/bedside-lm/bedside/proto/inference/v2"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/infer"
)

// extensions are the protocol's that this server has. What is absent (classification, sequence, shared memory, trace,
// logging) is refused by name where a request asks for it.
var extensions = []string{
	"model_repository", "model_repository(unload_dependents)", "schedule_policy", "model_configuration",
	"binary_tensor_data", "parameters", "statistics",
}

// ServerLive says that the server answers.
func (s *Service) ServerLive(context.Context, *inference.ServerLiveRequest) (*inference.ServerLiveResponse, error) {
	return &inference.ServerLiveResponse{Live: true}, nil
}

// ServerReady says whether the server takes requests.
func (s *Service) ServerReady(context.Context, *inference.ServerReadyRequest) (*inference.ServerReadyResponse, error) {
	return &inference.ServerReadyResponse{Ready: s.opt.Ready()}, nil
}

// ServerMetadata tells what the server is.
func (s *Service) ServerMetadata(context.Context, *inference.ServerMetadataRequest) (*inference.ServerMetadataResponse, error) {
	return &inference.ServerMetadataResponse{Name: s.opt.Name, Version: s.opt.Version, Extensions: extensions}, nil
}

// ModelReady says whether a model takes requests; one that is not known does not.
func (s *Service) ModelReady(ctx context.Context, req *inference.ModelReadyRequest) (*inference.ModelReadyResponse, error) {
	lease, err := s.acquire(ctx, "name", req.GetName(), "version", req.GetVersion())
	switch {
	case err == nil:
		lease.Release()
		return &inference.ModelReadyResponse{Ready: s.opt.Ready()}, nil
	case isAbsent(err):
		return &inference.ModelReadyResponse{}, nil
	}
	return nil, err
}

// isAbsent says that a model is not there or not ready, as against a request that means none.
func isAbsent(err error) bool {
	_, unknown := errors.AsType[*apierror.NotFoundError](err)
	e, other := errors.AsType[*repository.ModelError](err)
	return unknown || other && e.Kind != repository.KindInvalid
}

// ModelMetadata tells a model's tensors, and its versions that are ready.
func (s *Service) ModelMetadata(ctx context.Context, req *inference.ModelMetadataRequest) (*inference.ModelMetadataResponse, error) {
	lease, err := s.acquire(ctx, "name", req.GetName(), "version", req.GetVersion())
	if err != nil {
		return nil, err
	}
	defer lease.Release()
	cfg, sig := lease.Model.Config(), lease.Model.Signature()
	out := &inference.ModelMetadataResponse{
		Name: req.GetName(), Platform: cfg.GetPlatform(), Inputs: describe(sig.Inputs), Outputs: describe(sig.Outputs),
	}
	if out.Platform == "" {
		out.Platform = cfg.GetBackend()
	}
	if req.GetVersion() != "" {
		out.Versions = []string{strconv.FormatInt(lease.Version, 10)}
		return out, nil
	}
	for _, v := range s.readyVersions(req.GetName()) {
		out.Versions = append(out.Versions, strconv.FormatInt(v, 10))
	}
	return out, nil
}

func describe(ports []infer.Port) []*inference.ModelMetadataResponse_TensorMetadata {
	out := make([]*inference.ModelMetadataResponse_TensorMetadata, len(ports))
	for i, p := range ports {
		out[i] = &inference.ModelMetadataResponse_TensorMetadata{Name: p.Name, Datatype: p.Type.String(), Shape: p.Dims}
	}
	return out
}

func (s *Service) readyVersions(name string) []int64 {
	var versions []int64
	for _, st := range s.models.Index() {
		if st.Name == name && st.State == repository.StateReady {
			versions = append(versions, st.Version)
		}
	}
	return versions
}

// ModelConfig gives the configuration in force.
func (s *Service) ModelConfig(ctx context.Context, req *inference.ModelConfigRequest) (*inference.ModelConfigResponse, error) {
	lease, err := s.acquire(ctx, "name", req.GetName(), "version", req.GetVersion())
	if err != nil {
		return nil, err
	}
	defer lease.Release()
	return &inference.ModelConfigResponse{Config: lease.Model.Config()}, nil
}

// ModelStatistics gives the counts of one version, of all ready versions of a model, or of all models.
func (s *Service) ModelStatistics(ctx context.Context, req *inference.ModelStatisticsRequest) (*inference.ModelStatisticsResponse, error) {
	out := &inference.ModelStatisticsResponse{}
	if req.GetName() != "" {
		// It says what is wrong where there is nothing to tell of.
		lease, err := s.acquire(ctx, "name", req.GetName(), "version", req.GetVersion())
		if err != nil {
			return nil, err
		}
		defer lease.Release()
		if req.GetVersion() != "" && req.GetVersion() != "-1" {
			out.ModelStats = append(out.ModelStats, statistics(req.GetName(), lease))
			return out, nil
		}
	}
	for _, st := range s.models.Index() {
		if st.State != repository.StateReady || req.GetName() != "" && req.GetName() != st.Name {
			continue
		}
		lease, err := s.models.Acquire(ctx, st.Name, strconv.FormatInt(st.Version, 10))
		switch {
		case err == nil:
			out.ModelStats = append(out.ModelStats, statistics(st.Name, lease))
			lease.Release()
		case !isAbsent(err): // else it went away in between
			return nil, err
		}
	}
	return out, nil
}

func statistics(name string, lease Lease) *inference.ModelStatistics {
	st := lease.Model.Statistics()
	st.Name, st.Version = name, strconv.FormatInt(lease.Version, 10)
	return st
}

// RepositoryIndex lists the models, loaded or not.
func (s *Service) RepositoryIndex(_ context.Context, req *inference.RepositoryIndexRequest) (*inference.RepositoryIndexResponse, error) {
	if err := noRepositoryName(req.GetRepositoryName()); err != nil {
		return nil, err
	}
	out := &inference.RepositoryIndexResponse{}
	for _, st := range s.models.Index() {
		if req.GetReady() && st.State != repository.StateReady {
			continue
		}
		entry := &inference.RepositoryIndexResponse_ModelIndex{Name: st.Name, State: st.State.String(), Reason: st.Reason}
		if st.Version > 0 {
			entry.Version = strconv.FormatInt(st.Version, 10)
		}
		out.Models = append(out.Models, entry)
	}
	return out, nil
}

// RepositoryModelLoad loads a model as its folder has it.
func (s *Service) RepositoryModelLoad(ctx context.Context, req *inference.RepositoryModelLoadRequest) (*inference.RepositoryModelLoadResponse, error) {
	if err := checkRepositoryCall(req.GetRepositoryName(), req.GetModelName()); err != nil {
		return nil, err
	}
	for key := range req.GetParameters() {
		if key == "config" || strings.HasPrefix(key, "file:") {
			return nil, status.Error(codes.Unimplemented,
				"a model is loaded as its folder in the repository has it: its configuration and files are changed there, not in the call")
		}
		return nil, invalid("parameters", "holds a key that is none of this call's")
	}
	if err := s.models.Load(ctx, req.GetModelName()); err != nil {
		return nil, err
	}
	return &inference.RepositoryModelLoadResponse{}, nil
}

// RepositoryModelUnload ends a model. No model depends on another, so unload_dependents changes nothing.
func (s *Service) RepositoryModelUnload(ctx context.Context, req *inference.RepositoryModelUnloadRequest) (*inference.RepositoryModelUnloadResponse, error) {
	if err := checkRepositoryCall(req.GetRepositoryName(), req.GetModelName()); err != nil {
		return nil, err
	}
	for key, p := range req.GetParameters() {
		if key != "unload_dependents" {
			return nil, invalid("parameters", "holds a key that is none of this call's")
		}
		if _, ok := p.GetParameterChoice().(*inference.ModelRepositoryParameter_BoolParam); !ok {
			return nil, invalid(paramPath(key), "must be a bool_param")
		}
	}
	if err := s.models.Unload(ctx, req.GetModelName()); err != nil {
		return nil, err
	}
	return &inference.RepositoryModelUnloadResponse{}, nil
}

func checkRepositoryCall(repositoryName, model string) error {
	if model == "" {
		return invalid("model_name", "is needed")
	}
	return noRepositoryName(repositoryName)
}

func noRepositoryName(name string) error {
	if name == "" {
		return nil
	}
	return invalid("repository_name", "is not supported: a model's name is unique among all repositories")
}
