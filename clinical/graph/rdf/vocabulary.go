// Package rdf writes graphs as N-Quads, JSON-LD and GraphML, and reads statements from N-Quads.
//
// A statement of a graph becomes a quad in a named graph that stands for its source; what is known of the source is said
// of that name in the default graph, in the words of PROV-O (https://www.w3.org/TR/prov-o/). So what is written can be
// read back as it was.
package rdf

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/bedside-lm/bedside/clinical/graph"
)

// Names of the vocabularies in use.
const (
	node      = "urn:bedside:node:"
	relation  = "urn:bedside:relation:"
	kind      = "urn:bedside:kind:"
	source    = "urn:bedside:source:"
	xsd       = "http://www.w3.org/2001/XMLSchema#"
	ucum      = "https://w3id.org/cdt/ucum" // quantities with UCUM units, https://ci.mines-stetienne.fr/lindt/v4/custom_datatypes
	rdfType   = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
	langText  = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"
	label     = "http://www.w3.org/2000/01/rdf-schema#label"
	notation  = "http://www.w3.org/2004/02/skos/core#notation"
	inScheme  = "http://www.w3.org/2004/02/skos/core#inScheme"
	provFrom  = "http://www.w3.org/ns/prov#wasDerivedFrom"
	provBy    = "http://www.w3.org/ns/prov#wasAttributedTo"
	provAt    = "http://www.w3.org/ns/prov#atTime"
	inRecord  = relation + "record"
	method    = relation + "method"
	certainty = relation + "confidence"
)

// nodeIRI is a node's name. What was imported under an IRI keeps it.
func nodeIRI(id string) string {
	if isIRI(id) {
		return id
	}
	return node + escapePath(id)
}

func predicateIRI(p graph.Predicate) string {
	if p.Known() {
		return relation + string(p)
	}
	return string(p)
}

// isIRI says whether a name is an absolute IRI of a scheme that imports may have.
func isIRI(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "urn:")
}

// escapePath escapes what an IRI may not have, and keeps the slashes of ids.
func escapePath(id string) string { return strings.ReplaceAll(url.PathEscape(id), "%2F", "/") }

var datatypes = map[graph.ValueType]string{
	graph.TypeText: xsd + "string", graph.TypeNumber: xsd + "decimal", graph.TypeQuantity: ucum, graph.TypeTime: xsd + "dateTime",
	graph.TypeBool: xsd + "boolean",
}

// datatype is a value's type in RDF: times of less than a second's precision and numbers with a comparator have types of their own.
func datatype(v graph.Value) string {
	switch {
	case v.Type == graph.TypeTime && len(v.Text) == len("2006-01-02"):
		return xsd + "date"
	case v.Type == graph.TypeTime && len(v.Text) == len("2006-01"):
		return xsd + "gYearMonth"
	case v.Type == graph.TypeTime && len(v.Text) == len("2006"):
		return xsd + "gYear"
	case v.Type == graph.TypeNumber && strings.ContainsAny(v.Text, "<>eE"):
		return ucum // "<0.01", 1e9: no xsd:decimal
	}
	return datatypes[v.Type]
}

// valueOf reads a literal.
func valueOf(text, datatype string) graph.Value {
	switch datatype {
	case xsd + "decimal", xsd + "integer", xsd + "double", xsd + "float", xsd + "int", xsd + "long", xsd + "nonNegativeInteger":
		return graph.Value{Type: graph.TypeNumber, Text: text}
	case ucum:
		if !strings.Contains(text, " ") {
			return graph.Value{Type: graph.TypeNumber, Text: text}
		}
		return graph.Value{Type: graph.TypeQuantity, Text: text}
	case xsd + "dateTime", xsd + "date", xsd + "gYearMonth", xsd + "gYear":
		return graph.Value{Type: graph.TypeTime, Text: text}
	case xsd + "boolean":
		return graph.Value{Type: graph.TypeBool, Text: text}
	}
	return graph.Value{Type: graph.TypeText, Text: text}
}

// sourceIRI names a source: the same source has the same name.
func sourceIRI(p graph.Provenance) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []string{p.Record, p.Source, string(p.Method), p.By, p.At, number(p.Confidence)}))
	return source + hex.EncodeToString(sum[:10])
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// quad is a statement in the words of RDF. Object is an IRI where datatype is "".
type quad struct{ subject, predicate, object, datatype, lang, graph string }

// quads are a part of a graph: its statements, what is known of their sources, and of its nodes. seen holds what other
// parts have said already, and is bounded: what does not fit is said again.
func quads(nodes []graph.Node, triples []graph.Triple, seen map[string]bool) []quad {
	var out []quad
	for i := range triples {
		t := &triples[i]
		q := quad{subject: nodeIRI(t.Subject), predicate: predicateIRI(t.Predicate)}
		if q.object = t.Value.Text; t.Object != "" {
			q.object = nodeIRI(t.Object)
		} else {
			q.datatype = datatype(t.Value)
		}
		for _, p := range t.Provenance {
			q.graph = sourceIRI(p)
			out = append(out, q)
			if once(seen, q.graph) {
				out = append(out, sourceQuads(q.graph, p)...)
			}
		}
	}
	for i := range nodes {
		if once(seen, nodes[i].ID) {
			out = append(out, nodeQuads(&nodes[i])...)
		}
	}
	return out
}

const mostSeen = 1 << 20

func once(seen map[string]bool, name string) bool {
	if seen[name] {
		return false
	}
	if len(seen) < mostSeen {
		seen[name] = true
	}
	return true
}

func sourceQuads(name string, p graph.Provenance) []quad {
	var out []quad
	for _, q := range []quad{
		{predicate: inRecord, object: p.Record, datatype: xsd + "string"},
		{predicate: provFrom, object: p.Source, datatype: xsd + "string"},
		{predicate: method, object: string(p.Method), datatype: xsd + "string"},
		{predicate: provBy, object: p.By, datatype: xsd + "string"},
		{predicate: provAt, object: p.At, datatype: datatype(graph.Value{Type: graph.TypeTime, Text: p.At})},
		{predicate: certainty, object: number(p.Confidence), datatype: xsd + "decimal"},
	} {
		if q.object != "" {
			q.subject = name
			out = append(out, q)
		}
	}
	return out
}

func nodeQuads(n *graph.Node) []quad {
	name := nodeIRI(n.ID)
	out := []quad{{subject: name, predicate: rdfType, object: kind + string(n.Kind)}}
	if n.System != "" {
		out = append(out, quad{subject: name, predicate: inScheme, object: n.System}, quad{subject: name, predicate: notation, object: n.Code, datatype: xsd + "string"})
	}
	for _, lang := range languages {
		if text := n.Names[lang]; text != "" {
			out = append(out, quad{subject: name, predicate: label, object: text, datatype: langText, lang: string(lang)})
		}
	}
	return out
}
