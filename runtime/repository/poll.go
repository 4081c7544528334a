package repository

import "time"

// looks remembers what the polls saw of each model's folder.
type looks map[string]look

type look struct {
	last    fingerprint // as the last look saw it; zero: it was gone
	applied fingerprint // as it was when the model was last loaded or unloaded for it; zero: gone
}

// newLooks takes what is being loaded at the start for settled.
func newLooks(folders map[string]*folder) looks {
	l := make(looks, len(folders))
	for name, f := range folders {
		fp := f.fingerprint()
		l[name] = look{last: fp, applied: fp}
	}
	return l
}

// changed takes a new look and returns the models whose folders differ from what was applied and look as they did last time.
func (l looks) changed(folders map[string]*folder) []string {
	var names []string
	for name := range folders {
		if _, ok := l[name]; !ok {
			l[name] = look{}
		}
	}
	for name, before := range l {
		var now fingerprint
		if f := folders[name]; f != nil {
			now = f.fingerprint()
		}
		settled := now == before.last
		before.last = now
		if settled && now != before.applied {
			before.applied = now
			names = append(names, name)
		}
		l[name] = before
		if now == (fingerprint{}) && before.applied == now {
			delete(l, name)
		}
	}
	return names
}

// poll follows the folders until the manager is closed.
func (m *Manager[T]) poll(l looks) {
	tick := time.NewTicker(m.opt.PollInterval)
	defer tick.Stop()
	for {
		select {
		case <-m.ctx.Done():
			return
		case <-tick.C:
		}
		folders, err := scan(m.opt.Roots)
		if err != nil {
			if m.opt.OnPollError != nil {
				m.opt.OnPollError(err)
			}
			continue
		}
		for _, name := range l.changed(folders) {
			if _, err := m.submit(name, opSync); err != nil {
				return
			}
		}
	}
}
