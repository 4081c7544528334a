package server

import (
	"context"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// modelService tells which models are loaded.
type modelService struct {
	bedsidev1.UnimplementedModelServiceServer
	models *models
}

func (s *modelService) ListModels(context.Context, *bedsidev1.ListModelsRequest) (*bedsidev1.ListModelsResponse, error) {
	out := &bedsidev1.ListModelsResponse{}
	for _, name := range s.models.names() {
		out.Models = append(out.Models, s.describe(s.models.byName[name]))
	}
	return out, nil
}

func (s *modelService) describe(lm *languageModel) *bedsidev1.Model {
	mf := lm.manifest
	m := &bedsidev1.Model{
		Reference:      lm.reference(),
		Kind:           mf.Kind,
		Precision:      mf.Precision,
		Languages:      mf.Languages,
		License:        mf.License,
		ContextLength:  int32(lm.engine.Capacity()),
		VocabSize:      int32(mf.VocabSize),
		BatchInvariant: mf.BatchInvariant,
		State:          bedsidev1.ModelState_MODEL_STATE_READY,
		Default:        mf.Name == s.models.fallback,
	}
	if q := mf.Quality; q != nil {
		m.Quality = &bedsidev1.Quality{
			MeanKl: q.MeanKL, Top1Agreement: q.Top1Agreement, Tokens: int32(q.Tokens), Reference: q.Reference,
		}
	}
	return m
}

func (lm *languageModel) reference() *bedsidev1.ModelReference {
	return &bedsidev1.ModelReference{Name: lm.manifest.Name, Version: lm.manifest.Version, Digest: lm.manifest.Digest}
}
