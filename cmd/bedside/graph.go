package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	bedside "github.com/bedside-lm/bedside/clients/go"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
)

type graphCmd struct {
	Build  graphBuildCmd  `cmd:"" help:"Add records to the graph."`
	Query  graphQueryCmd  `cmd:"" help:"Ask the graph: search, neighbours, path, match or similar."`
	Export graphExportCmd `cmd:"" help:"Write the whole graph as N-Quads, JSON-LD or GraphML."`
	Import graphImportCmd `cmd:"" help:"Add statements from outside, in N-Quads."`
	Render graphRenderCmd `cmd:"" help:"Draw the neighbourhood of a node as SVG."`
}

// graphConnection are the flags of every command about the graph.
type graphConnection struct {
	connection

	Database string `help:"SQLite file of the graph; the default is that of \"bedside serve\". With --addr it is the server's." type:"path" placeholder:"FILE"`
}

// withGraph runs call with a client of a server that has the graph. None needs a model.
func (g *graphConnection) withGraph(a *app, call func(*bedside.Client) error) error {
	if g.Addr != "" && g.Database != "" {
		return &usageError{fmt.Errorf("--addr and --database exclude each other: the server has a graph of its own")}
	}
	g.graph = true
	g.need = func(c *config.Config) {
		c.Model = ""
		if g.Database != "" {
			c.GraphDatabase, c.GraphURLFile = g.Database, ""
		}
	}
	return g.withClient(a, call)
}

type graphExportCmd struct {
	graphConnection

	Format string `help:"nquads, jsonld or graphml." enum:"nquads,jsonld,graphml" default:"nquads"`
	Out    string `help:"File to write instead of standard output; it is there only when it is whole." type:"path" placeholder:"FILE"`
}

// Help is what --help adds.
func (*graphExportCmd) Help() string {
	return `Examples:

  bedside graph export --format graphml --out ward.graphml
  bedside graph export --addr 127.0.0.1:8001 | gzip > ward.nq.gz`
}

// Run exports.
func (c *graphExportCmd) Run(a *app) error {
	format := map[string]bedsidev1.GraphFormat{
		"nquads": bedsidev1.GraphFormat_GRAPH_FORMAT_NQUADS, "jsonld": bedsidev1.GraphFormat_GRAPH_FORMAT_JSONLD,
		"graphml": bedsidev1.GraphFormat_GRAPH_FORMAT_GRAPHML,
	}[c.Format]
	return c.withGraph(a, func(client *bedside.Client) error {
		return toFile(a, c.Out, func(w io.Writer) error {
			return c.failed(client.ExportGraph(a.ctx, w, format))
		})
	})
}

// toFile writes to standard output, or to a file that is there only once it is whole.
func toFile(a *app, path string, write func(io.Writer) error) error {
	if path == "" {
		return write(a.out)
	}
	return wholeFile(path, write)
}

func wholeFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".bedside-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone where all went well
	if err = write(f); err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

type graphImportCmd struct {
	graphConnection

	File   string `arg:"" help:"Statements in N-Quads, at most 64 MiB; \"-\" reads standard input." placeholder:"FILE"`
	Record string `help:"What the statements come from, where they do not say so." placeholder:"NAME"`
}

// Run imports.
func (c *graphImportCmd) Run(a *app) error {
	text, err := a.readText(c.File, maxRecordBytes)
	if err != nil {
		return err
	}
	return c.withGraph(a, func(client *bedside.Client) error {
		answer, err := client.Graph().ImportTriples(a.ctx, &bedsidev1.ImportTriplesRequest{Nquads: []byte(text), RecordId: c.Record})
		return c.print(a, answer, err, func(out *bytes.Buffer) {
			fmt.Fprintf(out, "%d statements, %d of them new\n", answer.GetTriples(), answer.GetNewTriples())
			writeDropped(out, answer.GetDropped())
		})
	})
}

type graphRenderCmd struct {
	graphConnection

	Node  string   `arg:"" help:"The node in the middle, such as icd10cm/A41.9." placeholder:"NODE"`
	Depth int32    `help:"Rings around it, 1 to 3." default:"1"`
	Along []string `help:"Relations to follow; all by default." placeholder:"RELATION"`
	Lang  string   `help:"Language of the names." enum:"en,zh" default:"en"`
	Out   string   `help:"File to write instead of standard output." type:"path" placeholder:"FILE"`
}

// Run draws.
func (c *graphRenderCmd) Run(a *app) error {
	return c.withGraph(a, func(client *bedside.Client) error {
		answer, err := client.Graph().Render(a.ctx, &bedsidev1.RenderRequest{Node: c.Node, Depth: c.Depth, Predicates: c.Along, Language: c.Lang})
		if err != nil {
			return c.failed(err)
		}
		return toFile(a, c.Out, func(w io.Writer) error {
			_, err := w.Write(answer.GetSvg())
			return err
		})
	})
}

// print writes an answer as JSON, or as text.
func (g *graphConnection) print(a *app, answer proto.Message, err error, text func(*bytes.Buffer)) error {
	if err != nil {
		return g.failed(err)
	}
	if g.Output == "json" {
		return writeJSON(a.out, answer)
	}
	var out bytes.Buffer
	text(&out)
	_, err = a.out.Write(out.Bytes())
	return err
}
