package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/bedside-lm/bedside/runtime/repository"
	"github.com/bedside-lm/bedside/server/apierror"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/interceptor"
)

type (
	manager = repository.Manager[*servable]
	handle  = repository.Handle[*servable]
)

var controlModes = map[string]repository.ControlMode{
	"none": repository.ModeNone, "poll": repository.ModePoll, "explicit": repository.ModeExplicit,
}

// registry finds the models that requests name. Models come from three places: the operator's own
// repositories, which follow the model control mode; the models that come with Bedside, all of which are loaded; and the
// folder that the set-up fills, of which only those that are named are loaded.
type registry struct {
	managers []*manager
	explicit bool // whether clients may load and unload

	defaultLanguage, defaultEmbedding string // answer when a request names none
	defaults                          map[function]string
}

// startRegistry loads what the configuration asks for. Models that it names have to load: a
// server without them is not what was asked for. One of a repository that fails is listed as
// unavailable, with the reason, and the others serve.
func startRegistry(ctx context.Context, cfg config.Config, ops *loader, log *slog.Logger) (*registry, error) {
	r := &registry{
		explicit:        controlModes[cfg.ModelControlMode] == repository.ModeExplicit,
		defaultLanguage: cfg.Model, defaultEmbedding: cfg.EmbeddingModel,
	}
	shipped := shippedModels(cfg)
	r.defaults = defaultsOf(cfg, shipped)
	plans, err := plan(cfg, shipped)
	if err != nil {
		return nil, err
	}
	for _, opt := range plans {
		opt.OnPollError = func(err error) { log.Warn("model repositories cannot be read", "error", err) }
		m, err := repository.NewManager(opt, ops)
		if err != nil {
			return nil, errors.Join(err, r.close())
		}
		r.managers = append(r.managers, m)
		if err := m.Start(ctx); err != nil {
			if _, ofAModel := errors.AsType[*repository.ModelError](err); !ofAModel || ctx.Err() != nil {
				return nil, errors.Join(err, r.close())
			}
		}
	}
	for _, name := range named(cfg) {
		h, err := r.acquire(ctx, name, "")
		if err != nil {
			return nil, errors.Join(fmt.Errorf("model %s (run 'make setup' for the default models): %w", name, err), r.close())
		}
		h.Release()
	}
	return r, nil
}

// named lists the models that the configuration names, each once.
func named(cfg config.Config) []string {
	var names []string
	of := []string{cfg.Model, cfg.EmbeddingModel, cfg.SummaryModel, cfg.DiagnosisModel, cfg.TreatmentModel, cfg.NoteModel}
	for _, name := range append(of, cfg.Load...) {
		if name != "" && name != "*" && name != autoModel && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// plan says what each of the places loads. A name that several have is the first one's: the operator's before Bedside's
// before the set-up's.
func plan(cfg config.Config, shipped string) ([]repository.Options, error) {
	root := cfg.Models
	if root == "" {
		var err error
		if root, err = repository.ModelsDir(); err != nil {
			return nil, err
		}
	}
	var plans []repository.Options
	taken := slices.Clone(cfg.ModelRepository)
	if len(cfg.ModelRepository) > 0 {
		plans = append(plans, operated(cfg))
	}
	if shipped != "" {
		plans = append(plans, repository.Options{Roots: []string{shipped}, Mode: repository.ModeExplicit, Load: []string{"*"}, Verify: cfg.Verify})
		taken = append(taken, shipped)
	}
	builtin := repository.Options{Roots: []string{root}, Mode: repository.ModeExplicit, Verify: cfg.Verify}
	for _, name := range named(cfg) {
		if !isFolderOfAny(taken, name) {
			builtin.Load = append(builtin.Load, name)
		}
	}
	return append(plans, builtin), nil
}

// operated says what the operator's repositories load.
func operated(cfg config.Config) repository.Options {
	opt := repository.Options{
		Roots: cfg.ModelRepository, Mode: controlModes[cfg.ModelControlMode], PollInterval: cfg.RepositoryPoll, Verify: cfg.Verify,
	}
	switch {
	case opt.Mode != repository.ModeExplicit: // it loads them all
	case slices.Contains(cfg.Load, "*"):
		opt.Load = []string{"*"}
	default:
		for _, name := range named(cfg) {
			if isFolderOfAny(cfg.ModelRepository, name) {
				opt.Load = append(opt.Load, name)
			}
		}
	}
	return opt
}

func isFolder(root, name string) bool {
	info, err := os.Stat(filepath.Join(root, name))
	return err == nil && info.IsDir()
}

func isFolderOfAny(roots []string, name string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return isFolder(root, name) })
}

// acquire finds a version of a model ("": the highest that is ready) and notes its name for
// the log and the audit. The caller releases it.
func (r *registry) acquire(ctx context.Context, name, version string) (*handle, error) {
	h, err := r.find(name, version)
	if err != nil {
		return nil, err
	}
	interceptor.SetModel(ctx, h.Spec().Name, h.Spec().Digest)
	return h, nil
}

func (r *registry) find(name, version string) (h *handle, err error) {
	err = r.first(isReady, func(m *manager) (err error) {
		h, err = m.Acquire(name, version)
		return err
	})
	return h, err
}

// first asks one place after the other, until one knows the model. An error about an unknown
// one names those that would have been found.
func (r *registry) first(found func(repository.Status) bool, ask func(*manager) error) (err error) {
	for _, m := range r.managers {
		if err = ask(m); err == nil {
			return nil
		}
		if e, ok := errors.AsType[*repository.ModelError](err); !ok || e.Kind != repository.KindUnknownModel {
			return err
		}
	}
	if e, ok := errors.AsType[*repository.ModelError](err); ok {
		return &apierror.NotFoundError{Kind: "model", Name: e.Name, Known: r.names(found)}
	}
	return err
}

// healthy says whether a version that is ready can work: nil, or why it cannot any more.
func (r *registry) healthy(st repository.Status) error {
	h, err := r.find(st.Name, strconv.FormatInt(st.Version, 10))
	if err != nil {
		return nil //nolint:nilerr // it has gone meanwhile
	}
	defer h.Release()
	return h.Model().healthy()
}

func isReady(st repository.Status) bool { return st.State == repository.StateReady }

func isThere(repository.Status) bool { return true }

func (r *registry) names(keep func(repository.Status) bool) []string {
	var names []string
	for _, st := range r.index() {
		if keep(st) {
			names = append(names, st.Name)
		}
	}
	return slices.Compact(names)
}

// index lists every version of every model, by name and version.
func (r *registry) index() []repository.Status {
	var all []repository.Status
	for _, m := range r.managers {
		all = append(all, m.Index()...)
	}
	slices.SortStableFunc(all, func(a, b repository.Status) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	return all
}

// watch gives every version's state now, then each change, until ctx ends.
func (r *registry) watch(ctx context.Context) iter.Seq[repository.Status] {
	return func(yield func(repository.Status) bool) {
		ctx, cancel := context.WithCancel(ctx)
		states := make(chan repository.Status)
		var watching sync.WaitGroup
		for _, m := range r.managers {
			watching.Go(func() {
				for st := range m.Watch(ctx) {
					select {
					case states <- st:
					case <-ctx.Done():
						return
					}
				}
			})
		}
		go func() {
			watching.Wait() // they end with ctx, or when their managers close
			close(states)
		}()
		defer func() {
			cancel()
			for range states { // whoever still sends is let go
			}
		}()
		for st := range states {
			if !yield(st) {
				return
			}
		}
	}
}

// languageModel finds the language model that a request means. Without an error the caller
// calls release when it is done with it.
func (r *registry) languageModel(ctx context.Context, name string) (lm *languageModel, release func(), err error) {
	h, err := r.acquire(ctx, cmp.Or(name, r.defaultLanguage), "")
	if err != nil {
		return nil, nil, err
	}
	if lm = h.Model().language; lm == nil {
		h.Release()
		return nil, nil, wrongKind("is not a language model")
	}
	return lm, h.Release, nil
}

// embedder finds the embedding model that a request means, as languageModel does.
func (r *registry) embedder(ctx context.Context, name string) (embedder, func(), error) {
	h, err := r.acquire(ctx, cmp.Or(name, r.defaultEmbedding), "")
	if err != nil {
		return nil, nil, err
	}
	if h.Model().embedding == nil {
		h.Release()
		return nil, nil, wrongKind("is not an embedding model")
	}
	return h.Model().embedding, h.Release, nil
}

// wrongKind says that a model exists but does something else than the call is for.
func wrongKind(what string) error {
	return &apierror.FieldError{Field: "model", Message: what + "; ListModels tells each model's kind"}
}

// load and unload do what a client asks, where the control mode allows it.
func (r *registry) load(ctx context.Context, name string) error {
	if !r.explicit {
		return repository.ErrControlMode
	}
	return r.first(isThere, func(m *manager) error { return m.Load(ctx, name) })
}

func (r *registry) unload(ctx context.Context, name string) error {
	if !r.explicit {
		return repository.ErrControlMode
	}
	return r.first(isReady, func(m *manager) error { return m.Unload(ctx, name) })
}

// close waits for the last handle of every model: end the calls first.
func (r *registry) close() error {
	var errs []error
	for _, m := range r.managers {
		errs = append(errs, m.Close())
	}
	return errors.Join(errs...)
}
