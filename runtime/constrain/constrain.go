// Package constrain keeps a model's text within a form: one of several choices, a regular expression, or a JSON schema.
//
// A form is compiled once to a small expression over bytes (Grammar), whatever the model. With a Vocabulary it becomes an
// Automaton, whose deterministic states are made as they are met: a state is a set of places in the expression, where a
// place carries what is still to come after it and how often what it repeats may still be repeated, so that "at most
// 10,000 characters" costs no more than "at most 10". A Matcher is one text's state in it, and tells which tokens
// may come next (a bit for each), which must, and whether the text may end.
//
// Which tokens a state allows is found by walking a trie of the vocabulary's bytes along the automaton, once a
// state, and kept. States that no token can tell apart share that work: see project. What is kept is bounded; when the
// bound is reached, it is forgotten and made anew (as RE2's lazy automaton does).
//
// No state is ever without a token: bytes that no single token stands for are taken out of the expression
// beforehand, with everything that cannot do without them. A text that ended at its own end is one of the form's; one cut
// off by a limit is the beginning of one.
package constrain

import (
	"fmt"
	"unicode/utf8"
)

// Limits of what is compiled.
const (
	MaxChoices      = 1024
	MaxChoiceBytes  = 4096     // of one choice
	MaxPatternBytes = 4096     // of a regular expression, also one within a schema
	MaxSchemaBytes  = 64 << 10 // of a JSON schema's text
	MaxDepth        = 32       // of a schema within schemas
	MaxReferences   = 8        // how often $ref may lead through the same definition on one path; beyond, nothing is written
	maxNodes        = 1 << 17  // of an expression
)

// Kind says what sort of failure an Error is.
type Kind int

// The kinds of Error.
const (
	// KindInvalid: the form breaks its own language's rules: no JSON, no regular expression, an unknown reference.
	KindInvalid Kind = iota + 1
	// KindUnsupported: the form is well made but asks for what this package does not do.
	KindUnsupported
	// KindLimit: the form is larger, deeper or more ambiguous than is allowed.
	KindLimit
	// KindEmpty: no text has the form, or none that the vocabulary can write.
	KindEmpty
	// KindToken: a token was accepted that the form does not allow. The caller is at fault.
	KindToken
)

// Error is the error type of this package. It holds nothing of the form's text but keywords of JSON schema, plain names
// of properties, and places.
type Error struct {
	Kind Kind
	// Path is the place within the form: "[3]" of choices, a JSON pointer ("/properties/age") in a schema, else "".
	Path   string
	Reason string
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	return e.Path + ": " + e.Reason
}

func fail(kind Kind, path, format string, args ...any) *Error {
	return &Error{Kind: kind, Path: path, Reason: fmt.Sprintf(format, args...)}
}

// Grammar is a compiled form. It never changes and is safe for concurrent use.
type Grammar struct {
	graph *graph
	root  nodeID
}

// Choices compiles a form of the given texts, each not empty and valid UTF-8. A text may begin another.
func Choices(texts []string) (*Grammar, error) {
	if len(texts) == 0 || len(texts) > MaxChoices {
		return nil, fail(KindLimit, "", "holds %d texts; allowed is 1 to %d", len(texts), MaxChoices)
	}
	g := newGraph()
	parts := make([]nodeID, len(texts))
	for i, text := range texts {
		path := fmt.Sprintf("[%d]", i)
		if text == "" || len(text) > MaxChoiceBytes {
			return nil, fail(KindLimit, path, "is %d bytes long; allowed is 1 to %d", len(text), MaxChoiceBytes)
		}
		if !utf8.ValidString(text) {
			return nil, fail(KindInvalid, path, "is not valid UTF-8")
		}
		parts[i] = g.lit(text)
	}
	return g.grammar(g.alt(parts...))
}

// grammar checks what was built.
func (g *graph) grammar(root nodeID) (*Grammar, error) {
	if g.full {
		return nil, fail(KindLimit, "", "is larger than is allowed: its expression has more than %d parts", maxNodes)
	}
	if root == none {
		return nil, fail(KindEmpty, "", "has no text: nothing fulfils it")
	}
	return &Grammar{graph: g, root: root}, nil
}
