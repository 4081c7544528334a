package repository

import (
	"strconv"
	"sync/atomic"
)

// instance is one loaded model. It is shared by the manager and by every handle, and is closed when all have let go.
type instance[T any] struct {
	spec        Spec
	fingerprint fingerprint
	value       T
	refs        atomic.Int64  // the manager's own, and one per handle; never rises again from 0
	drained     chan struct{} // closed when refs reaches 0
	closed      chan struct{} // closed when Operations.Close has returned
}

func newInstance[T any](spec Spec, fp fingerprint, value T) *instance[T] {
	in := &instance[T]{spec: spec, fingerprint: fp, value: value, drained: make(chan struct{}), closed: make(chan struct{})}
	in.refs.Store(1)
	return in
}

// acquire takes a reference unless the last one is gone.
func (in *instance[T]) acquire() bool {
	for {
		n := in.refs.Load()
		if n == 0 {
			return false
		}
		if in.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (in *instance[T]) release() {
	if in.refs.Add(-1) == 0 {
		close(in.drained)
	}
}

// Handle is the right to use one loaded version. The model stays loaded until every handle is released.
type Handle[T any] struct {
	in       *instance[T]
	released atomic.Bool
}

// Model returns the loaded model. It must not be used after Release.
func (h *Handle[T]) Model() T { return h.in.value }

// Spec returns what the model was loaded from.
func (h *Handle[T]) Spec() Spec { return h.in.spec }

// Release gives the handle back. Further calls do nothing.
func (h *Handle[T]) Release() {
	if !h.released.Swap(true) {
		h.in.release()
	}
}

// table holds what serves: per model its ready versions, highest first. It is never changed once published.
type table[T any] map[string][]*instance[T]

// Acquire returns a handle of a model's version; "" is the highest one that is ready. Errors are of type *ModelError, of
// kind KindInvalid (Field "model_version"), KindUnknownModel, KindUnknownVersion, KindNotReady or KindClosed. While a model
// is loaded anew, Acquire finds either the old instance or the new one.
func (m *Manager[T]) Acquire(name, version string) (*Handle[T], error) {
	var number int64
	if version != "" {
		n, ok := parseVersion(version)
		if !ok {
			return nil, &ModelError{Kind: KindInvalid, Name: name, Field: "model_version", Reason: "must be a positive whole number without leading zeros"}
		}
		number = n
	}
	for {
		in := m.find(name, number)
		if in == nil {
			return nil, m.whyNot(name, number)
		}
		// An instance that is gone already was replaced in the table before its last reference went: look again.
		if in.acquire() {
			return &Handle[T]{in: in}, nil
		}
	}
}

func (m *Manager[T]) find(name string, version int64) *instance[T] {
	for _, in := range (*m.ready.Load())[name] {
		if version == 0 || in.spec.Version == version {
			return in
		}
	}
	return nil
}

// whyNot says why nothing serves under a name and version.
func (m *Manager[T]) whyNot(name string, version int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return errClosed
	}
	md := m.models[name]
	if md == nil || len(md.slots) == 0 {
		return &ModelError{Kind: KindUnknownModel, Name: name}
	}
	st := md.slots[version]
	if version == 0 {
		st = md.foremost()
	}
	if st == nil {
		return &ModelError{Kind: KindUnknownVersion, Name: name, Version: version}
	}
	reason := st.status.Reason
	if reason == "" {
		reason = "it is " + st.status.State.String()
	}
	return &ModelError{Kind: KindNotReady, Name: name, Version: st.status.Version, Reason: reason}
}

// parseVersion reads a version as folder names and requests write it: a positive whole number without leading zeros.
func parseVersion(s string) (int64, bool) {
	if s == "" || s[0] < '1' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
