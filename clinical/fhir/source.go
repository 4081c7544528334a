package fhir

import (
	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
)

// source hands out a Bundle's entries one tree at a time, so that memory is needed
// for one. A resource alone is a source of one entry without envelope.
type source struct {
	top    *tree.Node   // the Bundle without its entries, or the resource
	ranges []tree.Range // of the entries
	parser *tree.Parser // makes one entry's tree after another
	side   *tree.Parser // for a look at a second entry while the first is read

	doubles []*tree.Node // fields of top that stand twice
}

func open(data []byte, lim Limits) (*source, error) {
	limits := tree.Limits{Depth: lim.Depth, Values: lim.Values, Items: lim.Entries}
	p := tree.NewParser(data, limits)
	top, ranges, err := p.Outline(bundle, "entry")
	if err != nil {
		return nil, err
	}
	if t := top.Get("resourceType"); t != nil && !t.Is(bundle) && typeName(t.Text()) {
		// A resource alone: its paths begin with its own type.
		p = tree.NewParser(data, limits)
		if top, ranges, err = p.Outline(t.Text(), ""); err != nil {
			return nil, err
		}
	}
	return &source{
		top: top, ranges: ranges, doubles: p.Duplicates,
		parser: tree.NewParser(data, limits), side: tree.NewParser(data, limits),
	}, nil
}

func (s *source) isBundle() bool { return s.top.Get("resourceType").Is(bundle) }

// len returns the number of entries.
func (s *source) len() int {
	if s.isBundle() {
		return len(s.ranges)
	}
	return 1
}

const entryDepth = 3 // Bundle, entry, and the entry itself

// resource returns entry i and the resource in it, which may be nil. Both are valid
// until the next call.
func (s *source) resource(i int) (entry, resource *tree.Node, err error) {
	return s.with(s.parser, i)
}

// glance is resource, and leaves what resource returned untouched.
func (s *source) glance(i int) (*tree.Node, error) {
	_, res, err := s.with(s.side, i)
	return res, err
}

func (s *source) with(p *tree.Parser, i int) (entry, resource *tree.Node, err error) {
	if !s.isBundle() {
		return nil, s.top, nil
	}
	entry, err = p.Tree(s.ranges[i], "Bundle.entry", i, entryDepth)
	return entry, entry.Get("resource"), err
}

// repeated returns the fields that stand twice in the entry read last.
func (s *source) repeated() []*tree.Node {
	if s.isBundle() {
		return s.parser.Duplicates
	}
	return nil // doubles has them
}
