package rdf

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/piprate/json-gold/ld"

	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Bounds of what is read.
const (
	maxLine  = 64 << 10
	MaxQuads = 200_000 // of one import
	maxText  = 4096
	maxID    = 1024
)

// Read reads N-Quads. from is where statements come from whose graph says nothing of it: its Record names the import.
//
// What could name a person is not taken, and counted in Dropped: texts but for labels, values of patients that are no
// relation of the graph's own, and relations such as foaf:name or vcard:hasEmail. The error is a *record.InvalidError, with the
// line, or a *record.LimitError.
func Read(r io.Reader, from graph.Provenance) (*graph.Graph, error) {
	in := &reader{from: from, nodes: map[string]*graph.Node{}, sources: map[string]*graph.Provenance{}, dropped: map[string]int{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		if err := in.line(lines.Text()); err != nil {
			return nil, &record.InvalidError{Violations: []record.Violation{{Path: fmt.Sprintf("line[%d]", n), Message: err.Error()}}}
		}
		if len(in.quads) > MaxQuads {
			return nil, &record.LimitError{Path: "nquads", What: "statements", Limit: MaxQuads}
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, &record.LimitError{Path: "nquads", What: "bytes of a line", Limit: maxLine}
	} else if err != nil {
		return nil, err
	}
	return in.graph(), nil
}

type reader struct {
	from    graph.Provenance
	quads   []quad
	nodes   map[string]*graph.Node
	sources map[string]*graph.Provenance
	dropped map[string]int
}

// errSyntax has no text of the line.
var errSyntax = errors.New("is no statement of N-Quads")

// line reads one statement. Lines are parsed one by one, since the library would read a whole file into memory.
func (in *reader) line(text string) error {
	if t := strings.TrimSpace(text); t == "" || t[0] == '#' {
		return nil
	}
	set, err := ld.ParseNQuads(text + "\n")
	if err != nil {
		return errSyntax
	}
	for name, found := range set.Graphs {
		if name == "@default" {
			name = ""
		}
		for _, f := range found {
			q := quad{graph: name, subject: f.Subject.GetValue(), predicate: f.Predicate.GetValue(), object: f.Object.GetValue()}
			if l, ok := f.Object.(ld.Literal); ok {
				q.datatype, q.lang = l.Datatype, l.Language
			} else if !ld.IsIRI(f.Object) {
				in.dropped["blank node"]++
				return nil
			}
			if !ld.IsIRI(f.Subject) {
				in.dropped["blank node"]++
				return nil
			}
			in.take(q)
		}
	}
	return nil
}

// take keeps a statement, or what it says of a node or a source.
func (in *reader) take(q quad) {
	switch {
	case len(q.subject) > maxID || len(q.predicate) > maxID || q.datatype == "" && len(q.object) > maxID || len(q.object) > maxText:
		in.dropped["too long"]++
	case !isIRI(q.subject) || !isIRI(q.predicate) || q.datatype == "" && !isIRI(q.object): // tel:, mailto: and the like
		in.dropped["iri"]++
	case strings.ContainsFunc(q.subject+q.predicate+q.object, unicode.IsControl):
		in.dropped["control character"]++
	case strings.HasPrefix(q.subject, source):
		in.source(q)
	case q.predicate == rdfType || q.predicate == label || q.predicate == notation || q.predicate == inScheme:
		in.describe(q)
	default:
		in.quads = append(in.quads, q)
	}
}

func (in *reader) source(q quad) {
	p := in.sources[q.subject]
	if p == nil {
		p = &graph.Provenance{Method: graph.MethodImport, Confidence: importSure}
		in.sources[q.subject] = p
	}
	switch q.predicate {
	case inRecord:
		p.Record = q.object
	case provFrom:
		p.Source = q.object
	case provBy:
		p.By = q.object
	case provAt:
		p.At = q.object
	case method:
		if slices.Contains(graph.Methods(), graph.Method(q.object)) {
			p.Method = graph.Method(q.object)
		}
	case certainty:
		if f, err := strconv.ParseFloat(q.object, 64); err == nil && f >= 0 && f <= 1 {
			p.Confidence = f
		}
	}
}

// importSure is how sure a statement is of which the file says nothing.
const importSure = 0.5

func (in *reader) node(iri string) *graph.Node {
	id := nodeID(iri)
	n := in.nodes[id]
	if n == nil {
		n = &graph.Node{ID: id, Kind: graph.KindExternal, Names: map[terms.Lang]string{}}
		in.nodes[id] = n
	}
	return n
}

// nodeID is a node's id: the graph's own where the name is one of its own, else the IRI.
func nodeID(iri string) string {
	if rest, ok := strings.CutPrefix(iri, node); ok {
		if id, err := url.PathUnescape(rest); err == nil && id != "" {
			return id
		}
	}
	return iri
}

func (in *reader) describe(q quad) {
	n := in.node(q.subject)
	switch q.predicate {
	case rdfType:
		if k := graph.Kind(strings.TrimPrefix(q.object, kind)); slices.Contains(graph.Kinds(), k) {
			n.Kind = k
		}
	case label:
		if lang, _, _ := strings.Cut(q.lang, "-"); lang == string(terms.Chinese) {
			n.Names[terms.Chinese] = q.object
		} else {
			n.Names[terms.English] = q.object
		}
	case notation:
		n.Code = q.object
	case inScheme:
		n.System = q.object
	}
}

// personal are the last parts of relations that name people, of FOAF, vCard, schema.org and FHIR among others.
var personal = regexp.MustCompile(`(?i)(^|[a-z])?(name|mbox|email|e-mail|phone|telephone|tel|fax|address|adr|street|postal|zip|ssn|mrn|nationalid|idcard|passport|photo|birth(date|day|place)?|nick|surname|identifier)$`)

// graph makes a graph of what was read.
func (in *reader) graph() *graph.Graph {
	out := &graph.Graph{Dropped: in.dropped}
	for _, q := range in.quads {
		p := graph.Predicate(strings.TrimPrefix(q.predicate, relation))
		if !p.Known() {
			if p = graph.Predicate(q.predicate); personal.MatchString(lastPart(q.predicate)) {
				in.dropped["personal"]++
				continue
			}
		}
		t := graph.Triple{Subject: in.node(q.subject).ID, Predicate: p}
		if q.datatype == "" {
			t.Object = in.node(q.object).ID
		} else {
			t.Value = valueOf(q.object, q.datatype)
			if t.Value.Text == "" || !in.mayHold(t) {
				in.dropped["text"]++
				continue
			}
		}
		in.add(out, t, q.graph)
	}
	for _, n := range in.nodes {
		kind, _, _ := strings.Cut(n.ID, "/")
		if n.Kind.Personal() || graph.Kind(kind).Personal() { // whose label would be a name
			n.Names, n.System, n.Code = map[terms.Lang]string{}, "", ""
		}
		out.Nodes = append(out.Nodes, *n)
	}
	slices.SortFunc(out.Nodes, func(a, b graph.Node) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// add appends a statement with its source; the store puts equal ones together.
func (in *reader) add(out *graph.Graph, t graph.Triple, name string) {
	p := in.from
	p.Method, p.Confidence = graph.MethodImport, importSure
	if said := in.sources[name]; said != nil {
		p = *said
	}
	t.Provenance = []graph.Provenance{p}
	out.Triples = append(out.Triples, t)
}

// mayHold says whether a value may be taken: a text only as a value of the graph's own relations, in their own
// words, and of a patient nothing but those relations.
func (in *reader) mayHold(t graph.Triple) bool {
	n := in.nodes[t.Subject]
	if t.Value.Type != graph.TypeText {
		return t.Predicate.Known() || n.Kind != graph.KindPatient
	}
	return t.Predicate.Known() && graph.Word(t.Value.Text)
}

func lastPart(iri string) string {
	return iri[strings.LastIndexAny(iri, "/#:")+1:]
}
