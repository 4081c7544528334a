package engine

import (
	"container/list"
	"crypto/sha256"
	"sync"

	"github.com/bedside-lm/bedside/runtime/constrain"
)

// maxForms is how many automata are kept beyond those in use; each takes a few MB at most.
const maxForms = 16

// forms makes the automata of an engine's model, and keeps the latest. It is safe for concurrent use.
type forms struct {
	vocabulary func() *constrain.Vocabulary // made at the first call

	mu    sync.Mutex
	order *list.List // of *form, the latest used first
	byKey map[[sha256.Size]byte]*list.Element
}

type form struct {
	key       [sha256.Size]byte
	automaton *constrain.Automaton
}

func newForms(vocabulary func() *constrain.Vocabulary) *forms {
	return &forms{vocabulary: sync.OnceValue(vocabulary), order: list.New(), byKey: map[[sha256.Size]byte]*list.Element{}}
}

// get returns the automaton of a form, or a *constrain.Error.
func (f *forms) get(want constrain.Form) (*constrain.Automaton, error) {
	key := want.Key()
	if a := f.find(key); a != nil {
		return a, nil
	}
	// Two requests may do this at once; the later one's is kept.
	grammar, err := want.Compile()
	if err != nil {
		return nil, err
	}
	a, err := f.vocabulary().Compile(grammar)
	if err != nil {
		return nil, err
	}
	if !want.Once {
		f.keep(form{key, a})
	}
	return a, nil
}

func (f *forms) find(key [sha256.Size]byte) *constrain.Automaton {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, ok := f.byKey[key]
	if !ok {
		return nil
	}
	f.order.MoveToFront(e)
	return e.Value.(*form).automaton //nolint:errcheck // the list holds nothing else
}

func (f *forms) keep(made form) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e, ok := f.byKey[made.key]; ok {
		f.order.Remove(e)
	}
	f.byKey[made.key] = f.order.PushFront(&made)
	if f.order.Len() > maxForms {
		last := f.order.Back()
		f.order.Remove(last)
		delete(f.byKey, last.Value.(*form).key) //nolint:errcheck // the list holds nothing else
	}
}
