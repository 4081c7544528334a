// Package draw makes a picture of a node's neighbourhood: the node in the middle, what it is related to in rings around
// it. Rings are drawn by own code: the layouts of gonum push nodes about until they settle, which puts labels on
// top of each other in a picture with one centre, and Graphviz comes as 3 MB of WebAssembly.
package draw

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"math"
	"slices"

	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// MaxNodes is how many nodes a picture shows. What is beyond is counted in its corner.
const MaxNodes = 120

const (
	ring   = 190.0 // between rings, in pixels
	spread = 64.0  // least distance of neighbours on a ring
	margin = 130.0
	radius = 7.0
)

// colours by kind: Okabe and Ito's, which colour-blind people can tell apart.
var colours = map[graph.Kind]string{
	graph.KindPatient: "#000000", graph.KindDiagnosis: "#d55e00", graph.KindCondition: "#d55e00", graph.KindDrug: "#0072b2",
	graph.KindMedication: "#0072b2", graph.KindDrugClass: "#56b4e9", graph.KindFinding: "#cc79a7", graph.KindReading: "#009e73",
	graph.KindMeasure: "#009e73", graph.KindAllergen: "#e69f00", graph.KindAllergy: "#e69f00",
}

// spot is where a node is drawn.
type spot struct {
	depth int
	angle float64
	x, y  float64
}

// SVG draws the statements around a node.
func SVG(centre string, nodes []graph.Node, triples []graph.Triple, lang terms.Lang) []byte {
	byID := map[string]*graph.Node{}
	for i := range nodes {
		byID[nodes[i].ID] = &nodes[i]
	}
	rings, left := place(centre, triples)
	spots := map[string]*spot{}
	far := 0.0
	for depth, ids := range rings {
		r := float64(depth) * ring
		if n := float64(len(ids)); depth > 0 {
			r = math.Max(r, n*spread/(2*math.Pi)+float64(depth-1)*ring/2)
		}
		for i, id := range ids {
			angle := 2*math.Pi*float64(i)/float64(len(ids)) - math.Pi/2
			spots[id] = &spot{depth: depth, angle: angle, x: r * math.Cos(angle), y: r * math.Sin(angle)}
		}
		far = max(far, r)
	}
	half := far + margin
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="%.0f %.0f %.0f %.0f" font-family="sans-serif" font-size="11">`, -half, -half, 2*half, 2*half)
	out.WriteString(`<rect x="-100%" y="-100%" width="300%" height="300%" fill="#fff"/>` + "\n")
	edges(&out, triples, spots, lang)
	for _, ids := range rings {
		for _, id := range ids {
			drawNode(&out, byID[id], id, spots[id], lang)
		}
	}
	if left > 0 {
		fmt.Fprintf(&out, `<text x="%.0f" y="%.0f" fill="#666">+%d</text>`, -half+12, half-12, left)
	}
	out.WriteString("</svg>\n")
	return out.Bytes()
}

// place puts nodes into rings by how many statements they are away; those of one ring stand in the order of those
// that they hang on. left is how many there is no room for.
func place(centre string, triples []graph.Triple) (rings [][]string, left int) {
	next := map[string][]string{}
	for i := range triples {
		if t := &triples[i]; t.Object != "" {
			next[t.Subject] = append(next[t.Subject], t.Object)
			next[t.Object] = append(next[t.Object], t.Subject)
		}
	}
	seen, shown := map[string]bool{centre: true}, 1
	for here := []string{centre}; len(here) > 0; {
		rings = append(rings, here)
		var further []string
		for _, id := range here {
			around := slices.Clone(next[id])
			slices.Sort(around)
			for _, other := range around {
				if seen[other] {
					continue
				}
				seen[other] = true
				if shown == MaxNodes {
					left++
					continue
				}
				shown++
				further = append(further, other)
			}
		}
		here = further
	}
	return rings, left
}

func edges(out *bytes.Buffer, triples []graph.Triple, spots map[string]*spot, lang terms.Lang) {
	type ends struct{ from, to string }
	labels := map[ends][]string{}
	var order []ends
	for i := range triples {
		t := &triples[i]
		if spots[t.Subject] == nil || spots[t.Object] == nil {
			continue
		}
		e := ends{t.Subject, t.Object}
		if labels[e] == nil {
			order = append(order, e)
		}
		labels[e] = append(labels[e], t.Predicate.Name(lang))
	}
	slices.SortFunc(order, func(a, b ends) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	for _, e := range order {
		a, b := spots[e.from], spots[e.to]
		fmt.Fprintf(out, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#bbb"/>`, a.x, a.y, b.x, b.y)
		text := labels[e][0]
		if more := len(labels[e]) - 1; more > 0 {
			text = fmt.Sprintf("%s +%d", text, more)
		}
		fmt.Fprintf(out, `<text x="%.1f" y="%.1f" fill="#888" font-size="9" text-anchor="middle">%s</text>`+"\n", (a.x+b.x)/2, (a.y+b.y)/2, escape(text))
	}
}

func drawNode(out *bytes.Buffer, n *graph.Node, id string, at *spot, lang terms.Lang) {
	name, colour := id, "#999999"
	if n != nil {
		name = n.Name(lang)
		if c := colours[n.Kind]; c != "" {
			colour = c
		}
	}
	if runes := []rune(name); len(runes) > 32 {
		name = string(runes[:31]) + "…"
	}
	anchor, dx := "start", radius+4
	switch {
	case at.depth == 0:
		anchor, dx = "middle", 0
	case math.Cos(at.angle) < -1e-9:
		anchor, dx = "end", -radius-4
	}
	dy := 4.0
	if at.depth == 0 {
		dy = -radius - 5
	}
	fmt.Fprintf(out, `<circle cx="%.1f" cy="%.1f" r="%.0f" fill="%s"><title>%s</title></circle>`, at.x, at.y, radius, colour, escape(id))
	fmt.Fprintf(out, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", at.x+dx, at.y+dy, anchor, escape(name))
}

func escape(s string) string {
	var b bytes.Buffer
	if err := xml.EscapeText(&b, []byte(s)); err != nil { // a buffer takes everything
		return ""
	}
	return b.String()
}
