package fhir

import (
	"errors"
	"fmt"

	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
	"github.com/bedside-lm/bedside/clinical/record"
)

// target is a resource that a reference can name.
type target struct {
	typ     string
	id      string // in the record
	filedID string // in the source, "" if it has none
	fullURL string
	at      spot
	entry   int // its number among all
	hash    digest
	dropped bool // not part of the record: unknown type, or entered in error
	gone    bool // deleted, in a history
}

// entry is a resource that the first pass found, with those inside it.
type entry struct {
	target    *target
	contained []*target
}

func (e *entry) kept() bool { return !e.target.dropped }

// key names a resource by its type and filed id; a contained one by its owner's number and
// its id alone.
type key struct {
	typ   string
	id    string
	owner int
}

// index knows every resource of a source.
type index struct {
	entries []entry
	count   int                // of entries seen, kept or not
	byURL   map[string]*target // by fullUrl
	byID    map[key]*target
	byHash  map[digest]*target // observations with a time
	person  *target            // the one Patient
	history bool               // the text being indexed is a history
	seen    map[string]bool    // unknown types that have their notice
	hasher
}

// indexAll opens one text after another, and files what is in it.
func (r *reader) indexAll() {
	n := len(r.src.texts)
	r.index = index{
		entries: make([]entry, 0, n), byURL: map[string]*target{}, byID: make(map[key]*target, n),
		byHash: map[digest]*target{}, seen: map[string]bool{},
	}
	for i := 0; i < n && !r.stop(); i++ {
		r.indexText(i)
	}
	r.indexShared()
	r.assignIDs()
	if len(r.violations) == 0 && r.limit == nil && !r.anything() {
		r.at = spot{}
		r.blame(0, "empty record: no resource of a type that is read")
	}
}

// blame notes a violation of text i as a whole.
func (r *reader) blame(i int, format string, args ...any) {
	if len(r.violations) < r.lim.Violations {
		r.violations = append(r.violations, record.Violation{Path: r.src.name(i), Message: fmt.Sprintf(format, args...)})
	}
}

func (r *reader) indexText(i int) {
	t := &r.src.texts[i]
	r.at = spot{text: i}
	if at := invalidUTF8(t.data); at >= 0 {
		r.blame(i, "invalid UTF-8 at byte %d", at)
		return
	}
	if t.blank() {
		r.blame(i, "empty record: no text")
		return
	}
	top, err := r.src.open(i)
	if err != nil {
		r.unreadable(i, err)
		return
	}
	if !r.header(top) {
		return
	}
	if !t.bundle {
		r.history = false
		r.indexEntry(nil, top)
		return
	}
	r.history = top.Get("type").Is("history")
	for item := range t.ranges {
		if r.stop() {
			return
		}
		r.at.item = item
		envelope, res, err := r.src.resource(r.at)
		if err != nil {
			r.fail(err)
			return
		}
		r.repeatedFields(r.src.parser.Duplicates)
		r.indexEntry(envelope, res)
	}
}

// unreadable notes that text i is no JSON, or too much of it.
func (r *reader) unreadable(i int, err error) {
	err = broken(&r.src.texts[i], r.src.name(i), err)
	var invalid *record.InvalidError
	if errors.As(err, &invalid) {
		r.blame(i, "%s", invalid.Violations[0].Message)
		return
	}
	r.limit = err
}

func (r *reader) indexEntry(envelope, res *tree.Node) {
	r.entry = r.count
	r.count++
	if r.entry >= r.lim.Entries {
		r.limit = &record.LimitError{Path: r.src.name(r.at.text), What: "entries", Limit: int64(r.lim.Entries)}
		return
	}
	if !r.envelope(envelope, res) {
		return
	}
	e := entry{target: r.indexResource(envelope, res)}
	if e.target == nil {
		return
	}
	r.wanted(e.target, res)
	if e.kept() {
		e.contained = r.indexContained(e.target, res)
	}
	r.entries = append(r.entries, e)
}

// readings counts the observations to be read, which outnumber all else.
func (ix *index) readings() int {
	n := 0
	for _, e := range ix.entries {
		if e.kept() && e.target.typ == "Observation" {
			n++
		}
	}
	return n
}

func (ix *index) anything() bool {
	for _, e := range ix.entries {
		if readers[e.target.typ] != nil {
			return true
		}
		for _, t := range e.contained {
			if readers[t.typ] != nil {
				return true
			}
		}
	}
	return false
}
