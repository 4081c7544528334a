package repository

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ControlMode says what makes a Manager load and unload models.
type ControlMode int

// The control modes, as Triton Inference Server names them.
const (
	// ModeNone: everything is loaded at the start, later changes of the folders are not looked at.
	ModeNone ControlMode = iota
	// ModePoll: as ModeNone, then the folders' changes are followed.
	ModePoll
	// ModeExplicit: what Options.Load names is loaded at the start, later what Load and Unload say.
	ModeExplicit
)

// Options configure a Manager.
type Options struct {
	// Roots are the repositories' folders. A name that is in two of them is refused in both.
	Roots []string
	Mode  ControlMode
	// Load names the models to load at the start in ModeExplicit; "*" alone means all.
	Load []string
	// PollInterval is the time between two looks at the folders in ModePoll. A model's folder must look the same twice in a
	// row before a change counts, so that what is still being copied is left alone.
	PollInterval time.Duration
	// Parallel is how many versions are loaded at once; 0 means 2.
	Parallel int
	// Verify has the files of a bedside.json folder compared with the manifest's digests before they are loaded. SHA256SUMS,
	// where a folder has it, is always compared.
	Verify bool
	// OnPollError is told when the folders could not be looked at; what serves goes on. May be nil.
	OnPollError func(error)
}

// Operations are what a Manager needs to know of models. The methods are called from several goroutines; a panic counts as
// an error.
type Operations[T any] interface {
	// Load opens and warms up one version. When ctx ends it should give up soon.
	Load(ctx context.Context, spec Spec) (T, error)
	// Close gives a model's memory back. Nobody uses it any more, and it is called once.
	Close(model T) error
	// Policy reads the version policy from the text of config.pbtxt; nil where there is none.
	Policy(config []byte) (VersionPolicy, error)
}

// Manager holds the models of one or more repositories: it finds, loads, replaces and closes them. All methods may be
// called by several goroutines.
type Manager[T any] struct {
	opt     Options
	ops     Operations[T]
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	loading chan struct{} // a place for each version being loaded
	work    sync.WaitGroup

	ready atomic.Pointer[table[T]] // written under mu

	lookAgain time.Duration // how long Index trusts its last look

	mu       sync.Mutex
	closed   bool
	looked   time.Time
	started  bool
	models   map[string]*model[T]
	watchers map[*watcher]struct{}
}

// model is what the manager knows of one name. Guarded by Manager.mu.
type model[T any] struct {
	name  string
	slots map[int64]*slot[T]
	queue []*operation // the first one is running
}

// slot is one version of a model, or version 0 for what concerns a folder without versions.
type slot[T any] struct {
	status   Status
	serving  *instance[T]
	draining []*instance[T] // those before, not closed yet
	onDisk   bool           // the last look found a folder for it
}

// foremost is the version that a request without one is about: the highest.
func (md *model[T]) foremost() *slot[T] {
	if len(md.slots) == 0 {
		return nil
	}
	return md.slots[slices.Max(slices.Collect(maps.Keys(md.slots)))]
}

// NewManager checks the options; Start does the work. Errors are of type *ModelError and KindInvalid.
func NewManager[T any](opt Options, ops Operations[T]) (*Manager[T], error) {
	opt.Roots = slices.Clone(opt.Roots)
	opt.Load = slices.Clone(opt.Load)
	if opt.Parallel == 0 {
		opt.Parallel = 2
	}
	if err := opt.check(); err != nil {
		return nil, err
	}
	m := &Manager[T]{
		opt: opt, ops: ops, loading: make(chan struct{}, opt.Parallel), lookAgain: time.Second,
		models: map[string]*model[T]{}, watchers: map[*watcher]struct{}{},
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.ready.Store(&table[T]{})
	return m, nil
}

func (o *Options) check() error {
	bad := func(field, format string, args ...any) error {
		return &ModelError{Kind: KindInvalid, Field: field, Reason: fmt.Sprintf(format, args...)}
	}
	if len(o.Roots) == 0 {
		return bad("roots", "at least one model repository is needed")
	}
	seen := map[string]bool{}
	for i, root := range o.Roots {
		abs, err := filepath.Abs(root)
		if err != nil {
			return bad(fmt.Sprintf("roots[%d]", i), "%v", err)
		}
		if seen[abs] {
			return bad(fmt.Sprintf("roots[%d]", i), "is listed twice")
		}
		seen[abs] = true
		o.Roots[i] = abs
	}
	switch {
	case o.Mode < ModeNone || o.Mode > ModeExplicit:
		return bad("mode", "is unknown")
	case o.Mode != ModeExplicit && len(o.Load) > 0:
		return bad("load", "names models, but only the explicit mode loads by name")
	case len(o.Load) > 1 && slices.Contains(o.Load, "*"):
		return bad("load", "\"*\" stands for all models and must be the only one")
	case o.Mode == ModePoll && o.PollInterval <= 0:
		return bad("poll_interval", "must be above 0")
	case slices.ContainsFunc(o.Load, func(name string) bool { return name != "*" && !validName(name) }):
		return bad("load", "holds a name that no model can have")
	case o.Parallel < 0:
		return bad("parallel", "must be at least 1")
	}
	return nil
}

// Start looks at the repositories and loads what the mode asks for. It returns when all of that is loaded or has failed,
// with the failures joined, each a *ModelError; the other models serve nevertheless. It may be called once.
func (m *Manager[T]) Start(ctx context.Context) error {
	m.mu.Lock()
	again := m.started
	m.started = true
	m.mu.Unlock()
	if again {
		return &ModelError{Kind: KindInvalid, Field: "start", Reason: "was called already"}
	}
	folders, err := scan(m.opt.Roots)
	if err != nil {
		return err
	}
	m.note(folders)
	load := m.opt.Load
	if m.opt.Mode != ModeExplicit || slices.Contains(load, "*") {
		load = slices.Sorted(maps.Keys(folders))
	}
	looks := newLooks(folders)
	ops := make([]*operation, 0, len(load))
	for _, name := range load {
		op, err := m.submit(name, opLoad)
		if err != nil {
			return err
		}
		ops = append(ops, op)
	}
	errs := make([]error, len(ops))
	for i, op := range ops {
		errs[i] = m.wait(ctx, op)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if m.opt.Mode == ModePoll && !m.goIfOpen(func() { m.poll(looks) }) {
		return errClosed
	}
	return errors.Join(errs...)
}

// Load loads the versions that a model's policy chooses, each anew from its folder, and returns when they are ready. An
// instance that serves goes on until its successor is ready, and for good where that fails. Calls that come while one is
// waiting for its turn share that one. When ctx ends and nobody else waits, the loading is given up. Errors: ErrControlMode,
// ctx's, or *ModelError of kind KindUnknownModel, KindLoadFailed or KindClosed.
func (m *Manager[T]) Load(ctx context.Context, name string) error {
	return m.demand(ctx, name, opLoad)
}

// Unload takes all versions of a model out of service and returns when their handles are released and they are closed. When
// ctx ends first it returns ctx's error, and the rest happens without it. A model that is not loaded is no error.
func (m *Manager[T]) Unload(ctx context.Context, name string) error {
	return m.demand(ctx, name, opUnload)
}

func (m *Manager[T]) demand(ctx context.Context, name string, kind opKind) error {
	if m.opt.Mode != ModeExplicit {
		return ErrControlMode
	}
	if !validName(name) {
		return &ModelError{Kind: KindUnknownModel, Name: name}
	}
	if kind == opUnload && !m.known(name) {
		return &ModelError{Kind: KindUnknownModel, Name: name}
	}
	op, err := m.submit(name, kind)
	if err != nil {
		return err
	}
	return m.wait(ctx, op)
}

func (m *Manager[T]) known(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.models[name] != nil
}

// Close ends what is being loaded, takes all models out of service, and returns when every handle is released and every
// model closed: end the requests first. Further calls wait as well.
func (m *Manager[T]) Close() error {
	m.mu.Lock()
	if !m.closed {
		m.closed = true
		m.cancel()
		for _, md := range m.models {
			m.retireAll(md, "the server is shutting down")
		}
	}
	m.mu.Unlock()
	m.work.Wait()
	return nil
}

// goIfOpen runs f on a goroutine that Close waits for, unless Close was called.
func (m *Manager[T]) goIfOpen(f func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.work.Go(f)
	return true
}

// publish renews the table that Acquire reads. The caller holds mu.
func (m *Manager[T]) publish() {
	t := make(table[T], len(m.models))
	for name, md := range m.models {
		var ready []*instance[T]
		for _, s := range md.slots {
			if s.serving != nil {
				ready = append(ready, s.serving)
			}
		}
		if len(ready) > 0 {
			slices.SortFunc(ready, func(a, b *instance[T]) int { return cmp.Compare(b.spec.Version, a.spec.Version) })
			t[name] = ready
		}
	}
	m.ready.Store(&t)
}
