package rdf_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/piprate/json-gold/ld"
	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/graph/rdf"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
)

func sample(t *testing.T) *graph.Graph {
	data, err := os.ReadFile("../../../testdata/records/sepsis-icu.fhir.json")
	require.NoError(t, err)
	rec, err := fhir.Parse(data, fhir.Limits{})
	require.NoError(t, err)
	names, err := graph.NewPseudonyms(bytes.Repeat([]byte("k"), graph.MinKey))
	require.NoError(t, err)
	g, err := graph.FromRecord(rec, graph.Options{Pseudonyms: names})
	require.NoError(t, err)
	return g
}

func written(t *testing.T, g *graph.Graph, f rdf.Format) string {
	var out bytes.Buffer
	w := rdf.NewWriter(&out, f)
	half := len(g.Triples) / 2
	require.NoError(t, w.Write(g.Nodes, g.Triples[:half]))
	require.NoError(t, w.Write(g.Nodes, g.Triples[half:]))
	require.NoError(t, w.Close())
	return out.String()
}

// flat is a statement with one of its sources.
func flat(g *graph.Graph) (out []graph.Triple) {
	for _, t := range g.Triples {
		for _, p := range t.Provenance {
			one := t
			one.Provenance = []graph.Provenance{p}
			out = append(out, one)
		}
	}
	return out
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	g := sample(t)
	back, err := rdf.Read(strings.NewReader(written(t, g, rdf.NQuads)), graph.Provenance{})
	require.NoError(t, err)
	require.Empty(t, back.Dropped)
	require.ElementsMatch(t, flat(g), flat(back))
	for i := range g.Nodes {
		g.Nodes[i].Aliases = nil
		if g.Nodes[i].Names == nil {
			g.Nodes[i].Names = back.Nodes[0].Names
			clear(g.Nodes[i].Names)
		}
	}
	slices.SortFunc(g.Nodes, func(a, b graph.Node) int { return strings.Compare(a.ID, b.ID) })
	require.Equal(t, len(g.Nodes), len(back.Nodes))
	for i := range g.Nodes {
		require.Equal(t, g.Nodes[i].ID, back.Nodes[i].ID)
		require.Equal(t, g.Nodes[i].Kind, back.Nodes[i].Kind)
		require.Equal(t, g.Nodes[i].Code, back.Nodes[i].Code)
	}
}

// A JSON-LD processor makes of the one format what the other says.
func TestJSONLDSaysTheSame(t *testing.T) {
	g := sample(t)
	var document any
	require.NoError(t, json.Unmarshal([]byte(written(t, g, rdf.JSONLD)), &document))
	options := ld.NewJsonLdOptions("")
	options.Format, options.Algorithm = "application/n-quads", "URDNA2015"
	fromLD, err := ld.NewJsonLdProcessor().ToRDF(document, options)
	require.NoError(t, err)
	text, ok := fromLD.(string)
	require.True(t, ok)
	lines := func(s string) []string {
		all := strings.Split(strings.TrimSpace(s), "\n")
		slices.Sort(all)
		return slices.Compact(all)
	}
	require.Equal(t, lines(written(t, g, rdf.NQuads)), lines(text))
}

func TestGraphML(t *testing.T) {
	g := sample(t)
	edges := 0
	for d := xml.NewDecoder(strings.NewReader(written(t, g, rdf.GraphML))); ; {
		token, err := d.Token()
		if err == io.EOF { //nolint:errorlint // the decoder gives it bare
			break
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "edge" {
			edges++
		}
	}
	require.Equal(t, len(g.Triples), edges)
	require.Equal(t, "", written(t, &graph.Graph{}, rdf.NQuads))
	require.NoError(t, xml.Unmarshal([]byte(written(t, &graph.Graph{}, rdf.GraphML)), new(struct{})))
}

func TestRead(t *testing.T) {
	g, err := rdf.Read(strings.NewReader(`# statements from outside
<urn:bedside:node:icd10cm/A41.9> <http://www.w3.org/2004/02/skos/core#related> <http://example.org/shock> .
<http://example.org/shock> <http://www.w3.org/2000/01/rdf-schema#label> "shock"@en .
<http://example.org/shock> <http://example.org/mortality> "0.4"^^<http://www.w3.org/2001/XMLSchema#decimal> <http://example.org/g> .
<urn:bedside:node:patient/1> <http://xmlns.com/foaf/0.1/name> "Wang" .
<urn:bedside:node:patient/1> <http://example.org/remark> "Wang" .
<urn:bedside:node:patient/1> <urn:bedside:relation:status> "Wang" .
<urn:bedside:node:patient/1> <http://www.w3.org/2000/01/rdf-schema#label> "Wang" .
<http://example.org/someone> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <urn:bedside:kind:patient> .
<http://example.org/someone> <http://www.w3.org/2000/01/rdf-schema#label> "Wang" .
<http://example.org/someone> <http://example.org/contact> <tel:13800138000> .
<urn:bedside:node:patient/1> <http://schema.org/telephone> <tel:13800138000> .
_:b <http://example.org/p> <http://example.org/o> .
`), graph.Provenance{Record: "import"})
	require.NoError(t, err)
	require.Len(t, g.Triples, 2)
	require.Equal(t, "icd10cm/A41.9", g.Triples[0].Subject)
	require.Equal(t, graph.Provenance{Record: "import", Method: graph.MethodImport, Confidence: 0.5}, g.Triples[0].Provenance[0])
	require.Equal(t, graph.Value{Type: graph.TypeNumber, Text: "0.4"}, g.Triples[1].Value)
	require.Equal(t, map[string]int{"personal": 1, "text": 2, "iri": 2, "blank node": 1}, g.Dropped)
	for _, n := range g.Nodes {
		require.NotEqual(t, "Wang", n.Names[terms.English], n.ID)
	}
	_, err = rdf.Read(strings.NewReader("\n<a> <b> \n"), graph.Provenance{})
	var invalid *record.InvalidError
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "line[2]", invalid.Violations[0].Path)
	_, err = rdf.Read(strings.NewReader(strings.Repeat("x", 1<<17)), graph.Provenance{})
	require.ErrorAs(t, err, new(*record.LimitError))
}

func FuzzRead(f *testing.F) {
	f.Add("<urn:a> <urn:b> <urn:c> <urn:d> .\n")
	f.Add("<urn:a> <urn:b> \"x\\u4e2d\"@zh .\n<urn:bedside:source:1> <urn:bedside:relation:confidence> \"0.3\" .\n")
	f.Add("<urn:bedside:node:patient/%31> <urn:bedside:relation:age> \"3\"^^<http://www.w3.org/2001/XMLSchema#decimal> .")
	f.Fuzz(func(t *testing.T, text string) {
		g, err := rdf.Read(strings.NewReader(text), graph.Provenance{Record: "r"})
		if err != nil {
			return
		}
		var out bytes.Buffer
		w := rdf.NewWriter(&out, rdf.NQuads)
		require.NoError(t, w.Write(g.Nodes, g.Triples))
	})
}
