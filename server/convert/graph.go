package convert

import (
	"strings"

	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/graph/rdf"
	"github.com/bedside-lm/bedside/clinical/graph/store"
	"github.com/bedside-lm/bedside/clinical/note"
	"github.com/bedside-lm/bedside/clinical/terms"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// IngestedToProto says what came of a record.
func IngestedToProto(g *graph.Graph, added int, references bool) *bedsidev1.IngestRecordResponse {
	out := &bedsidev1.IngestRecordResponse{
		PatientNode: g.Patient, Triples: count(len(g.Triples)), NewTriples: count(added), Dropped: CountsToProto(g.Dropped),
	}
	if references {
		out.References = g.References
	}
	for i := range g.Nodes {
		switch {
		case g.Nodes[i].Linked():
			out.LinkedConcepts++
		case strings.HasPrefix(g.Nodes[i].ID, "unlinked/"):
			out.UnlinkedConcepts++
		}
	}
	return out
}

// CountsToProto writes counts by reason.
func CountsToProto(counts map[string]int) map[string]int32 {
	out := make(map[string]int32, len(counts))
	for why, n := range counts {
		out[why] = count(n)
	}
	return out
}

// NodesToProto writes nodes.
func NodesToProto(nodes []graph.Node) []*bedsidev1.GraphNode {
	return toEach(nodes, func(n graph.Node) *bedsidev1.GraphNode {
		return &bedsidev1.GraphNode{
			Id: n.ID, Kind: string(n.Kind), System: n.System, Code: n.Code, NameEn: n.Names[terms.English], NameZh: n.Names[terms.Chinese],
		}
	})
}

// TriplesToProto writes statements with their sources.
func TriplesToProto(triples []graph.Triple) []*bedsidev1.GraphTriple {
	return toEach(triples, func(t graph.Triple) *bedsidev1.GraphTriple {
		out := &bedsidev1.GraphTriple{Subject: t.Subject, Predicate: string(t.Predicate), Confidence: t.Confidence()}
		if t.Object != "" {
			out.Object = &bedsidev1.GraphTriple_Node{Node: t.Object}
		} else {
			out.Object = &bedsidev1.GraphTriple_Value{Value: graphValueTo(t.Value)}
		}
		out.Sources = toEach(t.Provenance, func(p graph.Provenance) *bedsidev1.GraphSource {
			return &bedsidev1.GraphSource{
				Record: p.Record, Reading: p.Source, Method: string(p.Method), MadeBy: p.By, Time: p.At, Confidence: p.Confidence,
			}
		})
		return out
	})
}

func graphValueTo(v graph.Value) *bedsidev1.GraphValue {
	return &bedsidev1.GraphValue{Type: string(v.Type), Text: v.Text}
}

// Predicates reads the names of relations.
func Predicates(names []string) []graph.Predicate {
	out := make([]graph.Predicate, len(names))
	for i, n := range names {
		out[i] = graph.Predicate(n)
	}
	return out
}

// Patterns reads a pattern.
func Patterns(in []*bedsidev1.GraphPattern) []store.Pattern {
	out := make([]store.Pattern, len(in))
	for i, p := range in {
		out[i] = store.Pattern{Subject: graphTerm(p.GetSubject()), Predicate: graph.Predicate(p.GetPredicate()), Object: graphTerm(p.GetObject())}
	}
	return out
}

func graphTerm(t *bedsidev1.GraphTerm) store.Term {
	return store.Term{
		Var: t.GetVariable(), Node: t.GetNode(),
		Value: graph.Value{Type: graph.ValueType(t.GetValue().GetType()), Text: t.GetValue().GetText()},
	}
}

// MatchesToProto writes the ways in which a pattern fits.
func MatchesToProto(rows []store.Row) []*bedsidev1.GraphMatch {
	return toEach(rows, func(r store.Row) *bedsidev1.GraphMatch {
		out := &bedsidev1.GraphMatch{Bindings: make(map[string]*bedsidev1.GraphBinding, len(r.Vars)), Triples: TriplesToProto(r.Triples)}
		for name, b := range r.Vars {
			if b.Node != "" {
				out.Bindings[name] = &bedsidev1.GraphBinding{Binding: &bedsidev1.GraphBinding_Node{Node: b.Node}}
			} else {
				out.Bindings[name] = &bedsidev1.GraphBinding{Binding: &bedsidev1.GraphBinding_Value{Value: graphValueTo(b.Value)}}
			}
		}
		return out
	})
}

// GraphFormat reads a format.
func GraphFormat(f bedsidev1.GraphFormat) rdf.Format {
	switch f {
	case bedsidev1.GraphFormat_GRAPH_FORMAT_JSONLD:
		return rdf.JSONLD
	case bedsidev1.GraphFormat_GRAPH_FORMAT_GRAPHML:
		return rdf.GraphML
	default:
		return rdf.NQuads
	}
}

// ReadNotesToProto gives what notes state, by whoever read them.
func ReadNotesToProto(notes []graph.Note, model *bedsidev1.ModelReference) *bedsidev1.ReadNotesResponse {
	out := &bedsidev1.ReadNotesResponse{Model: model}
	for i := range notes {
		n := &notes[i]
		read := &bedsidev1.ReadNote{Id: n.ID}
		statements, method := n.Read()
		for k := range statements {
			read.Statements = append(read.Statements, statementToProto(&statements[k], n.Text, method))
		}
		out.Notes = append(out.Notes, read)
	}
	return out
}

func statementToProto(s *note.Statement, text string, method graph.Method) *bedsidev1.NoteStatement {
	out := &bedsidev1.NoteStatement{
		Start: int32(s.Mention.Start), End: int32(s.Mention.End), Name: s.Mention.Of(text), Relation: string(graph.PredicateOf(s.Relation)),
		Value: s.Value.Of(text), Probability: s.Probability, Method: string(method),
	}
	if e := s.Entry(); e != nil {
		out.Node = NodesToProto([]graph.Node{graph.EntryNode(e)})[0]
	}
	return out
}
