package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	bedside "github.com/bedside-lm/bedside/clients/go"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

type graphQueryCmd struct {
	graphConnection

	What  string   `arg:"" help:"search TEXT, neighbours NODE, path NODE NODE, match PATTERN..., or similar PATIENT." enum:"search,neighbours,path,match,similar" placeholder:"WHAT"`
	Of    []string `arg:"" help:"What is asked about." placeholder:"OF"`
	Along []string `help:"Relations to follow; all by default." placeholder:"RELATION"`
	Kind  []string `help:"Kinds of nodes to find; all by default." placeholder:"KIND"`
	Depth int32    `help:"Most statements of a path, 1 to 8." default:"4"`
	Limit int32    `help:"Most results." default:"20"`
	Lang  string   `help:"Language of the names." enum:"en,zh" default:"en"`
}

// Help is what --help adds.
func (*graphQueryCmd) Help() string {
	return `A pattern is "SUBJECT RELATION OBJECT". What begins with a question mark is a variable, "*" stands for anything,
"=" begins a number. All patterns must fit at once.

Examples:

  bedside graph query search 肺炎
  bedside graph query neighbours icd10cm/A41.9 --kind patient
  bedside graph query path rxnorm/11124 icd10cm/N17.9 --depth 6
  bedside graph query match "?p has_diagnosis icd10cm/A41.9" "?p was_given ?drug"
  bedside graph query similar patient/0f3c4b5d6e7f8091a2b3`
}

// Validate is kong's hook.
func (c *graphQueryCmd) Validate() error {
	want := map[string]int{"neighbours": 1, "path": 2, "similar": 1}[c.What]
	if want > 0 && len(c.Of) != want {
		return fmt.Errorf("%s takes %d of them", c.What, want)
	}
	return c.connection.Validate()
}

// Run asks.
func (c *graphQueryCmd) Run(a *app) error {
	return c.withGraph(a, func(client *bedside.Client) error {
		switch c.What {
		case "search":
			r, err := client.Graph().Search(a.ctx, &bedsidev1.SearchRequest{Text: strings.Join(c.Of, " "), Kinds: c.Kind, PageSize: c.Limit})
			return c.print(a, r, err, func(out *bytes.Buffer) {
				for _, n := range r.GetNodes() {
					fmt.Fprintf(out, "%s  %s (%s)\n", line(n.GetId()), line(c.name(n)), n.GetKind())
				}
			})
		case "neighbours":
			r, err := client.Graph().Neighbours(a.ctx, &bedsidev1.NeighboursRequest{Node: c.Of[0], Predicates: c.Along, Kinds: c.Kind, PageSize: c.Limit})
			return c.print(a, r, err, func(out *bytes.Buffer) { c.triples(out, r.GetTriples(), c.names(r.GetNodes()), "") })
		case "path":
			r, err := client.Graph().ShortestPath(a.ctx, &bedsidev1.ShortestPathRequest{
				From: c.Of[0], To: c.Of[1], MaxDepth: c.Depth, Predicates: c.Along, MaxPaths: c.Limit,
			})
			return c.print(a, r, err, func(out *bytes.Buffer) {
				for i, p := range r.GetPaths() {
					fmt.Fprintf(out, "%d.\n", i+1)
					c.triples(out, p.GetTriples(), c.names(r.GetNodes()), "  ")
				}
			})
		case "similar":
			r, err := client.Graph().SimilarPatients(a.ctx, &bedsidev1.SimilarPatientsRequest{Patient: c.Of[0], Predicates: c.Along, Limit: c.Limit})
			return c.print(a, r, err, func(out *bytes.Buffer) {
				for _, p := range r.GetPatients() {
					fmt.Fprintf(out, "%.3f  %s\n", p.GetSimilarity(), line(p.GetPatient()))
					c.triples(out, p.GetShared(), c.names(r.GetNodes()), "  ")
				}
			})
		}
		return c.match(a, client)
	})
}

func (c *graphQueryCmd) match(a *app, client *bedside.Client) error {
	req := &bedsidev1.MatchPatternRequest{Limit: c.Limit}
	for _, text := range c.Of {
		p, err := pattern(text)
		if err != nil {
			return &usageError{fmt.Errorf("pattern %q: %w", text, err)}
		}
		req.Patterns = append(req.Patterns, p)
	}
	r, err := client.Graph().MatchPattern(a.ctx, req)
	return c.print(a, r, err, func(out *bytes.Buffer) {
		names := c.names(r.GetNodes())
		for _, m := range r.GetMatches() {
			for i, v := range slices.Sorted(maps.Keys(m.GetBindings())) {
				if i > 0 {
					out.WriteString("  ")
				}
				b := m.GetBindings()[v]
				text := b.GetValue().GetText()
				if b.GetNode() != "" {
					text = named(b.GetNode(), names)
				}
				fmt.Fprintf(out, "?%s = %s", v, line(text))
			}
			out.WriteByte('\n')
		}
		if r.GetTruncated() {
			out.WriteString("...\n")
		}
	})
}

// pattern reads "SUBJECT RELATION OBJECT".
func pattern(text string) (*bedsidev1.GraphPattern, error) {
	parts := strings.Fields(text)
	if len(parts) != 3 {
		return nil, errors.New("expected SUBJECT RELATION OBJECT")
	}
	p := &bedsidev1.GraphPattern{Subject: patternTerm(parts[0]), Object: patternTerm(parts[2])}
	if parts[1] != "*" {
		p.Predicate = parts[1]
	}
	return p, nil
}

func patternTerm(s string) *bedsidev1.GraphTerm {
	switch {
	case s == "*":
		return nil
	case strings.HasPrefix(s, "?"):
		return &bedsidev1.GraphTerm{Term: &bedsidev1.GraphTerm_Variable{Variable: s[1:]}}
	case strings.HasPrefix(s, "="):
		return &bedsidev1.GraphTerm{Term: &bedsidev1.GraphTerm_Value{Value: &bedsidev1.GraphValue{Type: "number", Text: s[1:]}}}
	}
	return &bedsidev1.GraphTerm{Term: &bedsidev1.GraphTerm_Node{Node: s}}
}

func (c *graphQueryCmd) name(n *bedsidev1.GraphNode) string {
	if c.Lang == "zh" && n.GetNameZh() != "" {
		return n.GetNameZh()
	}
	return n.GetNameEn()
}

func (c *graphQueryCmd) names(nodes []*bedsidev1.GraphNode) map[string]string {
	out := make(map[string]string, len(nodes))
	for _, n := range nodes {
		out[n.GetId()] = c.name(n)
	}
	return out
}

// named is a node's id with its name, where it has one.
func named(id string, names map[string]string) string {
	if name := names[id]; name != "" {
		return name + " <" + id + ">"
	}
	return "<" + id + ">"
}

// triples writes statements, each with how sure it is and the record it comes from.
func (c *graphQueryCmd) triples(out *bytes.Buffer, triples []*bedsidev1.GraphTriple, names map[string]string, indent string) {
	for _, t := range triples {
		object := t.GetValue().GetText()
		if t.GetNode() != "" {
			object = named(t.GetNode(), names)
		}
		fmt.Fprintf(out, "%s%s  %s  %s", indent, line(named(t.GetSubject(), names)), line(t.GetPredicate()), line(object))
		if sources := t.GetSources(); len(sources) > 0 {
			fmt.Fprintf(out, "  [%s %s, %s, %.1f]", line(sources[0].GetRecord()), line(sources[0].GetReading()), line(sources[0].GetMadeBy()), t.GetConfidence())
		}
		out.WriteByte('\n')
	}
}

func writeDropped(out *bytes.Buffer, dropped map[string]int32) {
	for _, why := range slices.Sorted(maps.Keys(dropped)) {
		fmt.Fprintf(out, "not taken: %d (%s)\n", dropped[why], line(why))
	}
}
