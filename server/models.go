package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/bedside-lm/bedside/batcher/continuous"
	"github.com/bedside-lm/bedside/runtime/ort"
	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/runtime/tokenizer"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/engine"
	"github.com/bedside-lm/bedside/server/interceptor"
)

// languageModel is a loaded model with all that a request to it needs.
type languageModel struct {
	manifest  *repository.Manifest
	tokenizer *tokenizer.Tokenizer
	template  *tokenizer.ChatTemplate
	engine    *engine.Engine
}

// models are the loaded models. They do not change while the server runs.
type models struct {
	byName   map[string]*languageModel
	fallback string // answers when a request names none
}

func loadModels(ctx context.Context, cfg config.Config, metrics *engine.MetricSet, log *slog.Logger) (*models, error) {
	root, library := cfg.Models, cfg.ORTLibrary
	var err error
	if root == "" {
		if root, err = repository.ModelsDir(); err != nil {
			return nil, err
		}
	}
	if library == "" {
		if library, err = repository.ORTLibrary(); err != nil {
			return nil, err
		}
	}
	if err := ort.Init(library); err != nil {
		return nil, err
	}
	m := &models{byName: map[string]*languageModel{}, fallback: cfg.Model}
	for _, name := range append([]string{cfg.Model}, cfg.Load...) {
		if m.byName[name] != nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, errors.Join(err, m.close())
		}
		began := time.Now()
		lm, err := loadModel(filepath.Join(root, name), cfg, metrics) //nolint:contextcheck // the engine outlives the call that starts it
		if err != nil {
			return nil, errors.Join(err, m.close())
		}
		m.byName[name] = lm
		log.Info("model loaded", "model", name, "precision", lm.manifest.Precision, "digest", lm.manifest.Digest,
			"slots", cfg.Slots, "slot_capacity", lm.engine.Capacity(), "took", time.Since(began).Round(time.Millisecond))
	}
	return m, nil
}

func loadModel(dir string, cfg config.Config, metrics *engine.MetricSet) (*languageModel, error) {
	mf, err := repository.Open(dir)
	if err != nil {
		return nil, err
	}
	if cfg.Verify {
		if err := mf.Verify(); err != nil {
			return nil, err
		}
	}
	lm := &languageModel{manifest: mf}
	if lm.tokenizer, err = tokenizer.Load(dir); err != nil {
		return nil, fmt.Errorf("model %s: %w", mf.Name, err)
	}
	if lm.template, err = tokenizer.LoadChatTemplate(dir); err != nil {
		return nil, fmt.Errorf("model %s: %w", mf.Name, err)
	}
	batching := continuous.Config{
		Slots: cfg.Slots, SlotCapacity: min(cfg.SlotCapacity, mf.ContextLength),
		TokenBudget: cfg.TokenBudget, MaxChunk: cfg.MaxChunk,
		MaxQueue: cfg.MaxQueueSize, AgingInterval: cfg.AgingInterval,
	}
	model, err := ort.Open(mf, engine.ModelOptions(batching, cfg.Threads))
	if err != nil {
		return nil, err
	}
	if lm.engine, err = engine.New(model, lm.tokenizer, batching, metrics.ForModel(mf.Name)); err != nil {
		return nil, errors.Join(err, model.Close())
	}
	return lm, nil
}

// resolve finds the model that a request means, and notes it for the log.
func (m *models) resolve(ctx context.Context, name string) (*languageModel, error) {
	if name == "" {
		name = m.fallback
	}
	lm := m.byName[name]
	if lm == nil {
		return nil, &apierror.NotFoundError{Kind: "model", Name: name, Known: m.names()}
	}
	interceptor.SetModel(ctx, lm.manifest.Name)
	return lm, nil
}

func (m *models) names() []string {
	names := make([]string, 0, len(m.byName))
	for name := range m.byName {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (m *models) drain() {
	for _, lm := range m.byName {
		lm.engine.Drain()
	}
}

func (m *models) close() error {
	var errs []error
	for _, lm := range m.byName {
		errs = append(errs, lm.engine.Close())
	}
	return errors.Join(errs...)
}
