package fhir

import (
	"bytes"
	"fmt"

	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
)

// source hands out resources one tree at a time, so that memory is needed for one. It is
// one text, or the lines of a bulk export that are about one patient.
type source struct {
	texts  []text
	bulk   bool
	parser *tree.Parser // makes one resource's tree after another
	side   *tree.Parser // for a look at a second resource while the first is read
}

// text is a Bundle, or a resource alone.
type text struct {
	data   []byte
	line   Line         // where it stands; zero for the one text that is no line
	bundle bool         // known once it is open
	ranges []tree.Range // of a Bundle's entries
}

// spot is the place of a resource: a text, and the entry in it if it is a Bundle.
type spot struct{ text, item int }

var (
	bundleName   = []byte(bundle)
	entryName    = []byte("Bundle.entry")
	resourceName = []byte("Resource")
)

const entryDepth = 3 // Bundle, entry, and the entry itself

func newSource(texts []text, bulk bool, lim Limits) *source {
	limits := tree.Limits{Depth: lim.Depth, Values: lim.Values, Items: lim.Entries}
	return &source{texts: texts, bulk: bulk, parser: tree.NewParser(limits), side: tree.NewParser(limits)}
}

// open reads text i: a resource alone, or a Bundle without its entries, whose places it
// keeps.
func (s *source) open(i int) (*tree.Node, error) {
	t := &s.texts[i]
	root := bundleName
	if s.bulk {
		root = resourceName
	}
	top, ranges, err := s.parser.Outline(t.data, root, "entry")
	if err != nil {
		return nil, err
	}
	typ := top.Get("resourceType")
	if t.bundle = typ.Is(bundle); t.bundle {
		t.ranges = ranges
		top.Rename(bundleName)
		return top, nil
	}
	if ranges != nil { // another resource that has entries, such as a List
		if top, _, err = s.parser.Outline(t.data, root, ""); err != nil {
			return nil, err
		}
		typ = top.Get("resourceType")
	}
	nameByType(top, typ)
	return top, nil
}

// nameByType makes the paths of a resource alone begin with its own type.
func nameByType(top, typ *tree.Node) {
	if typ != nil && typ.Kind == tree.String && typeName(typ.Text()) {
		top.Rename(typ.Raw())
	}
}

// resource returns the entry at a spot and the resource in it, which may be nil. A resource
// alone has no entry. Both are valid until the next call.
func (s *source) resource(at spot) (entry, resource *tree.Node, err error) {
	return s.with(s.parser, at)
}

// glance is resource, and leaves what resource returned untouched.
func (s *source) glance(at spot) (*tree.Node, error) {
	_, res, err := s.with(s.side, at)
	return res, err
}

func (s *source) with(p *tree.Parser, at spot) (entry, resource *tree.Node, err error) {
	t := &s.texts[at.text]
	if t.bundle {
		entry, err = p.Tree(t.data, t.ranges[at.item], entryName, at.item, entryDepth)
		return entry, entry.Get("resource"), err
	}
	top, _, err := p.Outline(t.data, resourceName, "")
	if err != nil {
		return nil, nil, err
	}
	nameByType(top, top.Get("resourceType"))
	return nil, top, nil
}

// prefix is what stands before every path of text i.
func (s *source) prefix(i int) string {
	if !s.bulk {
		return ""
	}
	return s.texts[i].line.String() + ": "
}

// name is text i as a whole, in an error.
func (s *source) name(i int) string {
	if !s.bulk {
		return bundle
	}
	return s.texts[i].line.String()
}

// place names a resource of another text or entry.
func (s *source) place(at spot) string {
	switch {
	case s.texts[at.text].bundle:
		return fmt.Sprintf("%sBundle.entry[%d]", s.prefix(at.text), at.item)
	case s.bulk:
		return s.name(at.text)
	}
	return "the resource itself"
}

// number is a text's own first line, for messages.
func (t *text) number() int { return max(t.line.Number, 1) }

func (t *text) blank() bool { return len(bytes.TrimSpace(t.data)) == 0 }
