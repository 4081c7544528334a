package constrain

import "slices"

// maxForced bounds the bytes that Forced looks ahead.
const maxForced = 1024

// Matcher is one text's state. It is for one goroutine.
type Matcher struct {
	automaton *Automaton
	table     *table
	state     stateID
	over      bool // a token that ends texts was accepted
	err       error
}

// Start begins a text.
func (a *Automaton) Start() *Matcher {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := &Matcher{automaton: a}
	a.refresh()
	m.table, m.state = a.table, a.table.start()
	_ = m.failure() // which the next call tells
	return m
}

// refresh begins a new table where the present one has grown too large.
func (a *Automaton) refresh() {
	if a.table.spent > a.limit || a.table.failed {
		a.table = newTable(a)
	}
}

// lock takes the automaton, and the matcher's state along to its present table.
func (m *Matcher) lock() {
	m.automaton.mu.Lock()
	m.automaton.refresh()
	if to := m.automaton.table; m.table != to {
		m.table, m.state = to, to.adopt(m.table, m.state)
	}
}

func (m *Matcher) unlock() { m.automaton.mu.Unlock() }

// failure tells, from the first time on, that the table could not hold what was asked of it: a text never goes on by half
// of what should have been found out.
func (m *Matcher) failure() error {
	if m.err == nil && m.table.failed {
		m.err = fail(KindLimit, "", "is too ambiguous: what may come next takes more memory to tell than is allowed")
	}
	return m.err
}

// Mask returns the tokens that may come next, a bit for each id, those that end texts where the text may end. It is never
// empty while Finished is false. It must not be changed, and stays as it is.
func (m *Matcher) Mask() ([]uint64, error) {
	m.lock()
	defer m.unlock()
	if m.err != nil {
		return nil, m.err
	}
	mask := m.table.mask(m.state)
	return mask, m.failure()
}

// Accept adds a token to the text. One that Mask does not allow is KindToken and changes nothing.
func (m *Matcher) Accept(id int32) error {
	v := m.automaton.vocabulary
	m.lock()
	defer m.unlock()
	if m.err != nil {
		return m.err
	}
	if slices.Contains(v.end, id) && m.table.states[m.state].ends && !m.over {
		m.over = true
		return nil
	}
	text := v.text(id)
	if text == "" || m.over {
		return fail(KindToken, "", "token %d cannot come here", id)
	}
	next := m.table.walk(m.state, text)
	if err := m.failure(); err != nil {
		return err
	}
	if next == dead {
		return fail(KindToken, "", "token %d cannot come here", id)
	}
	m.state = next
	return nil
}

// Matches tells whether a text has the form.
func (a *Automaton) Matches(text string) bool {
	m := a.Start()
	m.lock()
	defer m.unlock()
	at := m.table.walk(m.state, text)
	return at != dead && m.table.states[at].ends
}

// Complete tells whether the text so far is one of the form's.
func (m *Matcher) Complete() bool {
	m.lock()
	defer m.unlock()
	return m.table.states[m.state].ends
}

// Finished tells whether the text is complete and nothing may follow.
func (m *Matcher) Finished() bool {
	m.lock()
	defer m.unlock()
	s := &m.table.states[m.state]
	return m.over || s.ends && len(s.places) == 0
}

// Forced returns the bytes that must come next, whatever the model says: at most 1,024 of them. The text stays as it is.
func (m *Matcher) Forced() string {
	m.lock()
	defer m.unlock()
	text, _ := m.forced()
	return text
}

// forced gives the bytes that must come next, and the state after them.
func (m *Matcher) forced() (string, stateID) {
	var out []byte
	at := m.state
	for !m.over && len(out) < maxForced {
		b, ok := m.table.only(at)
		if !ok {
			break
		}
		next := m.table.step(at, b)
		if m.table.failed {
			break
		}
		out, at = append(out, b), next
	}
	return string(out), at
}

// ForcedTokens returns tokens for the bytes that must come next, as encode cuts them: those at the end that what may come
// after could make another token of are left to the model. The result depends on the text alone, may be empty, and
// the text stays as it is.
func (m *Matcher) ForcedTokens(encode func(string) []int32) []int32 {
	m.lock()
	defer m.unlock()
	text, after := m.forced()
	if m.failure() != nil || text == "" {
		return nil
	}
	ids := encode(text)
	ends := make([]int, len(ids)) // where each token ends
	at := 0
	for i, id := range ids {
		token := m.automaton.vocabulary.text(id)
		if token == "" || len(token) > len(text)-at || text[at:at+len(token)] != token {
			return nil // a part of a character, or bytes that the tokenizer writes otherwise
		}
		at += len(token)
		ends[i] = at
	}
	if at != len(text) {
		return nil
	}
	begin := 0
	for i := range ids {
		if m.extends(text[begin:], after) {
			ids = ids[:i]
			break
		}
		begin = ends[i]
	}
	if m.failure() != nil {
		return nil
	}
	return ids
}

// extends tells whether a token begins with text and goes on with what may follow after.
func (m *Matcher) extends(text string, after stateID) bool {
	v := m.automaton.vocabulary
	for _, t := range []*trie{v.short, v.long} {
		if at := t.find(text); at >= 0 && m.table.goesOn(t, at, after) {
			return true
		}
	}
	return false
}

// goesOn tells whether a token below a node of the trie can follow a state.
func (t *table) goesOn(tr *trie, root int32, from stateID) bool {
	var at [maxTokenBytes + 1]stateID
	base := tr.nodes[root].depth
	at[base] = from
	for i := root + 1; i < tr.nodes[root].skip; {
		n := &tr.nodes[i]
		next := t.step(at[n.depth-1], n.label)
		switch {
		case next == dead:
			i = n.skip
			continue
		case n.ids[0] < n.ids[1]:
			return true
		}
		at[n.depth] = next
		i++
	}
	return false
}
