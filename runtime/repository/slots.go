package repository

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

const (
	reasonNotLoaded = "not loaded"
	reasonUnloaded  = "unloaded"
	reasonGone      = "its folder is gone"
	reasonNotChosen = "version_policy does not choose it"
	reasonInOrder   = "nothing is wrong with the folder any more"
)

// The methods below are called with Manager.mu held.

func (m *Manager[T]) modelOf(name string) *model[T] {
	md := m.models[name]
	if md == nil {
		md = &model[T]{name: name, slots: map[int64]*slot[T]{}}
		m.models[name] = md
	}
	return md
}

func (m *Manager[T]) slotOf(md *model[T], version int64) *slot[T] {
	s := md.slots[version]
	if s == nil {
		s = &slot[T]{status: Status{Name: md.name, Version: version}, onDisk: true}
		md.slots[version] = s
		m.set(s, StateUnavailable, reasonNotLoaded)
	}
	return s
}

// set changes a slot's state and tells the watchers.
func (m *Manager[T]) set(s *slot[T], state State, reason string) {
	if s.status.State != state {
		s.status.Since = time.Now()
	}
	s.status.State, s.status.Reason = state, reason
	if s.serving == nil {
		s.status.Digest = ""
	}
	for w := range m.watchers {
		w.tell(s.status)
	}
}

// replace puts an instance, or none, in the place of the one that serves, and has that one closed when it is let go.
func (m *Manager[T]) replace(s *slot[T], in *instance[T]) {
	old := s.serving
	s.serving = in
	m.publish()
	if old == nil {
		return
	}
	s.draining = append(s.draining, old)
	m.work.Go(func() { m.drain(s, old) })
	old.release()
}

func (m *Manager[T]) retire(s *slot[T], reason string) {
	m.replace(s, nil)
	m.set(s, StateUnloading, reason)
}

func (m *Manager[T]) retireAll(md *model[T], reason string) {
	for _, s := range md.slots {
		if s.serving != nil {
			m.retire(s, reason)
		}
	}
}

// noteFolder takes over which versions a folder has; nil is a folder that is gone.
func (m *Manager[T]) noteFolder(md *model[T], f *folder) {
	for version, s := range md.slots {
		s.onDisk = false
		if f != nil {
			_, s.onDisk = f.versions[version]
		}
	}
	if f != nil {
		for version, place := range f.versions {
			if s := m.slotOf(md, version); s.serving == nil {
				s.status.Format = place.format
			}
		}
		if f.err != nil {
			m.noteFault(md, f.err)
		}
	}
	m.forget(md)
}

// noteFault shows what is wrong with a folder at the versions that do not serve, or at version 0 where there are none.
func (m *Manager[T]) noteFault(md *model[T], err error) {
	reason := m.inWords(err)
	if len(md.slots) == 0 || md.slots[0] != nil {
		m.slotOf(md, 0).onDisk = true
	}
	for _, s := range md.slots {
		if s.serving == nil && s.status.State == StateUnavailable && s.status.Reason != reason {
			m.set(s, StateUnavailable, reason)
		}
	}
}

// forget drops versions that are neither on disk nor in memory, and the model where none is left.
func (m *Manager[T]) forget(md *model[T]) {
	for version, s := range md.slots {
		if s.onDisk || s.serving != nil || len(s.draining) > 0 || s.status.State != StateUnavailable {
			continue
		}
		reason := reasonGone
		if version == 0 {
			reason = reasonInOrder
		}
		if s.status.Reason != reason {
			m.set(s, StateUnavailable, reason)
		}
		delete(md.slots, version)
	}
	if len(md.slots) == 0 && len(md.queue) == 0 && m.models[md.name] == md {
		delete(m.models, md.name)
	}
}

// closings returns what is closed when the retired instances of a slot are.
func closings[T any](s *slot[T]) []<-chan struct{} {
	drains := make([]<-chan struct{}, len(s.draining))
	for i, in := range s.draining {
		drains[i] = in.closed
	}
	return drains
}

// The methods below take Manager.mu themselves.

// drain closes an instance when its last handle is released.
func (m *Manager[T]) drain(s *slot[T], in *instance[T]) {
	<-in.drained
	err := m.closeModel(in.value)
	m.mu.Lock()
	defer m.mu.Unlock()
	s.draining = slices.DeleteFunc(s.draining, func(o *instance[T]) bool { return o == in })
	reason := s.status.Reason
	if err != nil {
		reason += "; closing it failed: " + m.inWords(err)
	}
	if s.status.State == StateUnloading && len(s.draining) == 0 {
		m.set(s, StateUnavailable, reason)
	}
	if md := m.models[s.status.Name]; md != nil {
		m.forget(md)
	}
	close(in.closed)
}

// retireOthers takes the versions out of service that are not chosen.
func (m *Manager[T]) retireOthers(md *model[T], chosen []int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for version, s := range md.slots {
		switch {
		case slices.Contains(chosen, version):
		case s.serving != nil && s.onDisk:
			m.retire(s, reasonNotChosen)
		case s.serving != nil:
			m.retire(s, reasonGone)
		case s.status.State == StateUnavailable && s.status.Reason == reasonNotLoaded:
			m.set(s, StateUnavailable, reasonNotChosen)
		}
	}
}

// note takes over what a look at all repositories found.
func (m *Manager[T]) note(folders map[string]*folder) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, f := range folders {
		m.noteFolder(m.modelOf(name), f)
	}
	for name, md := range m.models {
		if folders[name] == nil {
			m.noteFolder(md, nil)
		}
	}
}

// Index tells the state of every version of every model that is in a repository or in memory, by name and version. In
// ModeExplicit it looks at the repositories first, unless it did so within the last second: callers may be many.
func (m *Manager[T]) Index() []Status {
	if m.opt.Mode == ModeExplicit && m.mayLook() {
		// What cannot be looked at now is told as it was.
		if folders, err := scan(m.opt.Roots); err == nil {
			m.note(folders)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.statuses()
}

func (m *Manager[T]) mayLook() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if m.closed || now.Sub(m.looked) < m.lookAgain {
		return false
	}
	m.looked = now
	return true
}

// statuses lists all states by name and version. The caller holds mu.
func (m *Manager[T]) statuses() []Status {
	var all []Status
	for _, md := range m.models {
		for _, s := range md.slots {
			all = append(all, s.status)
		}
	}
	slices.SortFunc(all, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	return all
}

// numbers returns a folder's versions in ascending order.
func (f *folder) numbers() []int64 { return slices.Sorted(maps.Keys(f.versions)) }
