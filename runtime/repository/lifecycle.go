package repository

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// load brings what serves of a model in line with its folder. opLoad loads every chosen version anew, opSync only those
// whose files or configuration changed. A version that the policy no longer chooses goes once all chosen ones are ready.
func (m *Manager[T]) load(ctx context.Context, md *model[T], kind opKind) error {
	f, err := scanModel(m.opt.Roots, md.name)
	if err != nil {
		return m.failAll(md, err)
	}
	m.mu.Lock()
	m.noteFolder(md, f)
	if f == nil && kind == opSync {
		m.retireAll(md, reasonGone)
	}
	m.mu.Unlock()
	switch {
	case f == nil && kind == opSync:
		return nil
	case f == nil:
		return &ModelError{Kind: KindUnknownModel, Name: md.name}
	case f.err != nil:
		return m.failAll(md, f.err)
	}
	policy, err := m.policy(f.config)
	if err != nil {
		return m.failAll(md, err)
	}
	chosen, missing := policy.choose(f.numbers())
	if len(chosen) == 0 {
		return m.failAll(md, fmt.Errorf("version_policy (%v) chooses none of the versions %v", policy, f.numbers()))
	}
	var errs []error
	for _, v := range chosen {
		if err := m.loadVersion(ctx, md, f, v, kind); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		m.retireOthers(md, chosen)
	}
	if len(missing) > 0 {
		errs = append(errs, m.failAll(md, fmt.Errorf("version_policy names versions without a folder: %v", missing)))
	}
	return errors.Join(errs...)
}

// loadVersion puts a new instance of a version into service and retires the one before.
func (m *Manager[T]) loadVersion(ctx context.Context, md *model[T], f *folder, version int64, kind opKind) error {
	spec := f.spec(version)
	current, fp, err := m.prepare(ctx, md, spec, kind)
	if current || err != nil {
		return m.failVersion(md, spec, err)
	}
	select {
	case m.loading <- struct{}{}:
		defer func() { <-m.loading }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return m.failVersion(md, spec, ctx.Err())
	}
	m.mu.Lock()
	if s := m.slotOf(md, version); s.serving == nil {
		m.set(s, StateLoading, "")
	} else {
		m.set(s, StateReady, "is being loaded anew, the previous instance serves")
	}
	m.mu.Unlock()

	in, err := m.open(ctx, spec, fp)
	if err != nil {
		return m.failVersion(md, spec, err)
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		_ = m.closeModel(in.value) // nobody is left to be told
		return errClosed
	}
	s := m.slotOf(md, version)
	s.status.Format, s.status.Digest = in.spec.Format, in.spec.Digest
	m.replace(s, in)
	m.set(s, StateReady, "")
	m.mu.Unlock()
	return nil
}

// prepare says whether a version serves already in this very form, so that nothing is to be loaded. It waits until the
// instances that were retired before are gone: no more than the one that serves and the new one are in memory at once.
func (m *Manager[T]) prepare(ctx context.Context, md *model[T], spec Spec, kind opKind) (current bool, fp fingerprint, err error) {
	if fp, err = fingerprintOf(spec.Dir, spec.Config); err != nil {
		return false, fp, err
	}
	m.mu.Lock()
	s := m.slotOf(md, spec.Version)
	s.status.Format = spec.Format
	if kind == opSync && s.serving != nil && s.serving.fingerprint == fp {
		m.set(s, StateReady, "")
		m.mu.Unlock()
		return true, fp, nil
	}
	drains := closings(s)
	m.mu.Unlock()
	for _, closed := range drains {
		select {
		case <-closed:
		case <-ctx.Done():
			return false, fp, ctx.Err()
		}
	}
	return false, fp, nil
}

// open checks a version's files and loads it. Files that change meanwhile are an error: nobody could say what was loaded.
func (m *Manager[T]) open(ctx context.Context, spec Spec, fp fingerprint) (*instance[T], error) {
	var err error
	if spec.Digest, err = m.digest(ctx, spec); err != nil {
		return nil, err
	}
	value, err := m.loadModel(ctx, spec)
	if err != nil {
		return nil, err
	}
	now, err := fingerprintOf(spec.Dir, spec.Config)
	if err == nil && now != fp {
		err = errors.New("its files changed while they were loaded")
	}
	if err != nil {
		return nil, errors.Join(err, m.closeModel(value))
	}
	return newInstance(spec, fp, value), nil
}

func (m *Manager[T]) digest(ctx context.Context, spec Spec) (string, error) {
	if spec.Format != FormatBedside {
		return digest(ctx, spec.Dir)
	}
	manifest, err := Open(spec.Dir)
	if err == nil && m.opt.Verify {
		err = manifest.verify(ctx)
	}
	if err == nil {
		if _, none := os.Stat(filepath.Join(spec.Dir, SumsName)); none == nil {
			_, err = digest(ctx, spec.Dir)
		}
	}
	if err != nil {
		return "", err
	}
	return manifest.Digest, nil
}

// The three below turn a panic of Operations into an error.

func (m *Manager[T]) loadModel(ctx context.Context, spec Spec) (value T, err error) {
	defer recovered(&err)
	return m.ops.Load(ctx, spec)
}

func (m *Manager[T]) closeModel(value T) (err error) {
	defer recovered(&err)
	return m.ops.Close(value)
}

func (m *Manager[T]) policy(config []byte) (p VersionPolicy, err error) {
	defer recovered(&err)
	return m.ops.Policy(config)
}

func recovered(err *error) {
	if r := recover(); r != nil {
		*err = &PanicError{Value: r, Stack: debug.Stack()}
	}
}

// failVersion notes why a version could not be loaded; nil stays nil. What serves goes on.
func (m *Manager[T]) failVersion(md *model[T], spec Spec, err error) error {
	if err == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	reason := m.inWords(err)
	m.failSlot(m.slotOf(md, spec.Version), reason)
	return &ModelError{Kind: KindLoadFailed, Name: md.name, Version: spec.Version, Reason: reason, Err: err}
}

// failAll notes what is wrong with a folder as a whole. What serves goes on.
func (m *Manager[T]) failAll(md *model[T], err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	reason := m.inWords(err)
	if len(md.slots) == 0 {
		m.slotOf(md, 0).onDisk = true
	}
	for _, s := range md.slots {
		m.failSlot(s, reason)
	}
	return &ModelError{Kind: KindLoadFailed, Name: md.name, Reason: reason, Err: err}
}

func (m *Manager[T]) failSlot(s *slot[T], reason string) {
	switch {
	case s.serving != nil:
		m.set(s, StateReady, "loading it anew failed, the previous instance serves: "+reason)
	case s.status.State != StateUnloading:
		m.set(s, StateUnavailable, reason)
	}
}

// inWords describes an error with paths relative to the repositories' roots.
func (m *Manager[T]) inWords(err error) string {
	words := err.Error()
	for _, root := range m.opt.Roots {
		words = strings.ReplaceAll(words, strings.TrimSuffix(root, "/")+"/", "")
		words = strings.ReplaceAll(words, root, filepath.Base(root))
	}
	return words
}

// unload takes a model's versions out of service and returns what is closed when each is gone.
func (m *Manager[T]) unload(md *model[T]) []<-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.retireAll(md, reasonUnloaded)
	var drains []<-chan struct{}
	for _, s := range md.slots {
		drains = append(drains, closings(s)...)
	}
	return drains
}
