package server

import (
	"context"
	"slices"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/runtime/repository"
)

// modelService tells which models there are, and loads and unloads them.
type modelService struct {
	bedsidev1.UnimplementedModelServiceServer
	models   *registry
	draining context.Context // ends the watches, which would hold a graceful stop up
}

func (s *modelService) ListModels(context.Context, *bedsidev1.ListModelsRequest) (*bedsidev1.ListModelsResponse, error) {
	return &bedsidev1.ListModelsResponse{Models: s.describe(func(repository.Status) bool { return true })}, nil
}

func (s *modelService) LoadModel(ctx context.Context, req *bedsidev1.LoadModelRequest) (*bedsidev1.LoadModelResponse, error) {
	if err := s.models.load(ctx, req.GetName()); err != nil {
		return nil, err
	}
	return &bedsidev1.LoadModelResponse{Models: s.describe(func(st repository.Status) bool {
		return st.Name == req.GetName() && st.State == repository.StateReady
	})}, nil
}

func (s *modelService) UnloadModel(ctx context.Context, req *bedsidev1.UnloadModelRequest) (*bedsidev1.UnloadModelResponse, error) {
	if err := s.models.unload(ctx, req.GetName()); err != nil {
		return nil, err
	}
	return &bedsidev1.UnloadModelResponse{}, nil
}

func (s *modelService) WatchModels(req *bedsidev1.WatchModelsRequest, stream grpc.ServerStreamingServer[bedsidev1.WatchModelsResponse]) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(s.draining, cancel)()
	for st := range s.models.watch(ctx) {
		if names := req.GetNames(); len(names) > 0 && !slices.Contains(names, st.Name) {
			continue
		}
		if err := stream.Send(&bedsidev1.WatchModelsResponse{Model: s.model(st)}); err != nil {
			return err
		}
	}
	return stream.Context().Err() // nil where the server is shutting down
}

func (s *modelService) describe(keep func(repository.Status) bool) []*bedsidev1.Model {
	var out []*bedsidev1.Model
	for _, st := range s.models.index() {
		if keep(st) {
			out = append(out, s.model(st))
		}
	}
	return out
}

var modelStates = map[repository.State]bedsidev1.ModelState{
	repository.StateReady:       bedsidev1.ModelState_MODEL_STATE_READY,
	repository.StateLoading:     bedsidev1.ModelState_MODEL_STATE_LOADING,
	repository.StateUnloading:   bedsidev1.ModelState_MODEL_STATE_UNLOADING,
	repository.StateUnavailable: bedsidev1.ModelState_MODEL_STATE_UNAVAILABLE,
}

// model describes a version: its state, and what it is where it is loaded.
func (s *modelService) model(st repository.Status) *bedsidev1.Model {
	version := strconv.FormatInt(st.Version, 10)
	out := &bedsidev1.Model{
		Reference: &bedsidev1.ModelReference{Name: st.Name, Version: version, Digest: st.Digest},
		State:     modelStates[st.State], StateReason: st.Reason, StateTime: timestamppb.New(st.Since),
		Default: s.models.isDefault(st.Name),
	}
	// It may have gone since; then its state is all there is to say.
	if h, err := s.models.find(st.Name, version); err == nil {
		defer h.Release()
		h.Model().describe(out)
	}
	return out
}

func (lm *languageModel) describe(m *bedsidev1.Model) {
	mf := lm.manifest
	m.Reference = lm.reference()
	m.Kind, m.Precision, m.Languages, m.License = mf.Kind, mf.Precision, mf.Languages, mf.License
	m.ContextLength, m.VocabSize = int32(lm.engine.Capacity()), int32(mf.VocabSize)
	m.BatchInvariant = mf.BatchInvariant
	m.Quality = quality(mf)
}

func quality(mf *repository.Manifest) *bedsidev1.Quality {
	q := mf.Quality
	if q == nil {
		return nil
	}
	return &bedsidev1.Quality{MeanKl: q.MeanKL, Top1Agreement: q.Top1Agreement, Tokens: int32(q.Tokens), Reference: q.Reference}
}

func (lm *languageModel) reference() *bedsidev1.ModelReference { return reference(lm.manifest) }

func reference(mf *repository.Manifest) *bedsidev1.ModelReference {
	return &bedsidev1.ModelReference{Name: mf.Name, Version: mf.Version, Digest: mf.Digest}
}
