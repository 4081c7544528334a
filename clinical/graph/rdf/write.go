package rdf

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/terms"
)

var languages = []terms.Lang{terms.English, terms.Chinese}

// Format is a way of writing a graph down.
type Format string

// The formats.
const (
	NQuads  Format = "nquads"
	JSONLD  Format = "jsonld"
	GraphML Format = "graphml"
)

// Writer writes a graph part by part. Close writes what comes last.
type Writer struct {
	w      io.Writer
	format Format
	seen   map[string]bool
	parts  int
}

// NewWriter writes in a format.
func NewWriter(w io.Writer, f Format) *Writer {
	return &Writer{w: w, format: f, seen: map[string]bool{}}
}

// Write writes one part: statements, and the nodes that they are about.
func (w *Writer) Write(nodes []graph.Node, triples []graph.Triple) error {
	var out bytes.Buffer
	switch w.format {
	case JSONLD:
		if err := w.jsonLD(&out, quads(nodes, triples, w.seen)); err != nil {
			return err
		}
	case GraphML:
		w.graphML(&out, nodes, triples)
	default:
		for _, q := range quads(nodes, triples, w.seen) {
			writeQuad(&out, q)
		}
	}
	_, err := w.w.Write(out.Bytes())
	return err
}

// Close ends the document. It does not close what is beneath.
func (w *Writer) Close() error {
	var out bytes.Buffer
	switch w.format {
	case JSONLD:
		w.begin(&out, "{\"@graph\":[")
		out.WriteString("\n]}\n")
	case GraphML:
		w.begin(&out, graphMLHead)
		out.WriteString("</graph></graphml>\n")
	default:
	}
	_, err := w.w.Write(out.Bytes())
	return err
}

// begin writes the head of the document before its first part.
func (w *Writer) begin(out *bytes.Buffer, head string) {
	if w.parts == 0 {
		out.WriteString(head)
	}
	w.parts++
}

var literalEscapes = strings.NewReplacer("\\", `\\`, "\"", `\"`, "\n", `\n`, "\r", `\r`)

// writeQuad writes a line of N-Quads (https://www.w3.org/TR/n-quads/).
func writeQuad(out *bytes.Buffer, q quad) {
	fmt.Fprintf(out, "<%s> <%s> ", q.subject, q.predicate)
	switch {
	case q.datatype == "":
		fmt.Fprintf(out, "<%s>", q.object)
	case q.lang != "":
		fmt.Fprintf(out, "\"%s\"@%s", literalEscapes.Replace(q.object), q.lang)
	case q.datatype == xsd+"string":
		fmt.Fprintf(out, "\"%s\"", literalEscapes.Replace(q.object))
	default:
		fmt.Fprintf(out, "\"%s\"^^<%s>", literalEscapes.Replace(q.object), q.datatype)
	}
	if q.graph != "" {
		fmt.Fprintf(out, " <%s>", q.graph)
	}
	out.WriteString(" .\n")
}

// jsonLD writes quads as expanded JSON-LD (https://www.w3.org/TR/json-ld11/): no context, so that nothing has to be
// fetched to read it. Each quad is an object of its own; readers put those of one name together.
func (w *Writer) jsonLD(out *bytes.Buffer, all []quad) error {
	for _, q := range all {
		separator := ",\n"
		if w.parts == 0 {
			w.begin(out, "{\"@graph\":[")
			separator = "\n"
		}
		value := map[string]string{"@value": q.object, "@type": q.datatype}
		switch {
		case q.datatype == "":
			value = map[string]string{"@id": q.object}
		case q.lang != "":
			value = map[string]string{"@value": q.object, "@language": q.lang}
		case q.datatype == xsd+"string":
			value = map[string]string{"@value": q.object}
		}
		about := map[string]any{"@id": q.subject, q.predicate: []any{value}}
		if q.predicate == rdfType {
			about = map[string]any{"@id": q.subject, "@type": []string{q.object}}
		}
		if q.graph != "" {
			about = map[string]any{"@id": q.graph, "@graph": []any{about}}
		}
		line, err := json.Marshal(about)
		if err != nil {
			return err
		}
		out.WriteString(separator)
		out.Write(line)
	}
	return nil
}

const graphMLHead = xml.Header + `<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="kind" for="node" attr.name="kind" attr.type="string"/>
<key id="system" for="node" attr.name="system" attr.type="string"/>
<key id="code" for="node" attr.name="code" attr.type="string"/>
<key id="en" for="node" attr.name="name_en" attr.type="string"/>
<key id="zh" for="node" attr.name="name_zh" attr.type="string"/>
<key id="value" for="node" attr.name="value" attr.type="string"/>
<key id="relation" for="edge" attr.name="relation" attr.type="string"/>
<key id="confidence" for="edge" attr.name="confidence" attr.type="double"/>
<key id="records" for="edge" attr.name="records" attr.type="string"/>
<graph edgedefault="directed">
`

// graphML writes GraphML (http://graphml.graphdrawing.org/specification.html). A value is a node of its statement's own.
func (w *Writer) graphML(out *bytes.Buffer, nodes []graph.Node, triples []graph.Triple) {
	w.begin(out, graphMLHead)
	for i := range nodes {
		n := &nodes[i]
		if !once(w.seen, n.ID) {
			continue
		}
		fmt.Fprintf(out, "<node id=%q>", attribute(n.ID))
		for _, d := range [][2]string{{"kind", string(n.Kind)}, {"system", n.System}, {"code", n.Code}, {"en", n.Names[terms.English]}, {"zh", n.Names[terms.Chinese]}} {
			data(out, d[0], d[1])
		}
		out.WriteString("</node>\n")
	}
	for i := range triples {
		t := &triples[i]
		object := t.Object
		if object == "" {
			object = fmt.Sprintf("value/%d/%d", w.parts, i)
			fmt.Fprintf(out, "<node id=%q>", object)
			data(out, "value", t.Value.Text)
			out.WriteString("</node>\n")
		}
		fmt.Fprintf(out, "<edge source=%q target=%q>", attribute(t.Subject), attribute(object))
		data(out, "relation", string(t.Predicate))
		data(out, "confidence", number(t.Confidence()))
		data(out, "records", strings.Join(records(t), " "))
		out.WriteString("</edge>\n")
	}
}

func records(t *graph.Triple) (out []string) {
	for _, p := range t.Provenance {
		if p.Record != "" && (len(out) == 0 || out[len(out)-1] != p.Record) {
			out = append(out, p.Record)
		}
	}
	return out
}

func data(out *bytes.Buffer, key, text string) {
	if text != "" {
		fmt.Fprintf(out, "<data key=%q>%s</data>", key, attribute(text))
	}
}

// attribute escapes a text for XML, in attributes too.
func attribute(s string) string {
	var b bytes.Buffer
	if err := xml.EscapeText(&b, []byte(s)); err != nil { // a buffer takes everything
		return ""
	}
	return b.String()
}
