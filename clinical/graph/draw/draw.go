// Package draw makes a picture of a node's neighbourhood: the node in the middle, what it is related to in rings around
// it, each beside what it hangs on, labels along the rays so that none covers another. Rings are laid out by own code: the layouts of
// gonum push nodes about until they settle, which puts labels on top of each other in a picture with one centre, and
// Graphviz comes as 3 MB of WebAssembly.
package draw

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"slices"

	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// MaxNodes is how many nodes a picture shows. What is beyond is counted in its corner.
const MaxNodes = 120

// Sizes in pixels.
const (
	radius    = 6.0
	fontSize  = 11.0
	smallFont = 9.0
	pitch     = 16.0  // least distance of neighbours on a ring, the height of a label
	ring      = 130.0 // from the centre to the first ring, at least
	gap       = 95.0  // from the end of a ring's longest label to the next ring: room for the edges' own labels
	margin    = 16.0
	maxLabel  = 32 // characters
)

// colours by kind: Okabe and Ito's, which colour-blind people can tell apart. Others are grey.
var colours = map[graph.Kind]string{
	graph.KindDiagnosis: "#d55e00", graph.KindCondition: "#d55e00", graph.KindDrug: "#0072b2",
	graph.KindMedication: "#0072b2", graph.KindDrugClass: "#56b4e9", graph.KindFinding: "#cc79a7", graph.KindReading: "#009e73",
	graph.KindMeasure: "#009e73", graph.KindAllergen: "#e69f00", graph.KindAllergy: "#e69f00",
}

// style has the colours of a light and of a dark page; paper is light.
const style = `<style>.bg-paper{fill:#fff}.bg-ink{fill:#1b1f24}.bg-soft{fill:#59636e}.bg-edge{stroke:#c4cad1}.bg-halo{stroke:#fff;stroke-width:3px;stroke-linejoin:round;paint-order:stroke}` +
	`@media screen and (prefers-color-scheme:dark){.bg-paper{fill:#15191e}.bg-ink{fill:#e6e9ed}.bg-soft{fill:#9aa5b1}.bg-edge{stroke:#3d4650}.bg-halo{stroke:#15191e}}</style>`

// picture is what is drawn.
type picture struct {
	lang    terms.Lang
	nodes   map[string]*graph.Node
	triples []graph.Triple
	labels  map[string]string
	tree    *tree
	spots   map[string]*spot
	// How far what is drawn reaches.
	left, top, right, bottom float64
}

// spot is where a node is drawn: at the end of a ray from the centre.
type spot struct{ angle, r, x, y float64 }

// SVG draws the statements around a node. All of what is drawn lies within the picture.
func SVG(centre string, nodes []graph.Node, triples []graph.Triple, lang terms.Lang) []byte {
	p := &picture{lang: lang, nodes: map[string]*graph.Node{}, triples: triples, labels: map[string]string{}, spots: map[string]*spot{}}
	for i := range nodes {
		p.nodes[nodes[i].ID] = &nodes[i]
	}
	p.tree = grow(centre, triples)
	p.name()
	p.place()
	var drawn bytes.Buffer
	p.edges(&drawn)
	for _, ids := range p.tree.rings {
		for _, id := range ids {
			p.node(&drawn, id)
		}
	}
	more := p.legend(&drawn)
	x, y, w, h := p.left-margin, p.top-margin, p.right-p.left+2*margin, p.bottom-p.top+2*margin+more
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="%.0f %.0f %.0f %.0f" font-family="sans-serif" font-size="%g">%s`, x, y, w, h, fontSize, style)
	fmt.Fprintf(&out, `<rect x="%.0f" y="%.0f" width="%.0f" height="%.0f" class="bg-paper"/>`+"\n", x, y, w, h)
	out.Write(drawn.Bytes())
	out.WriteString("</svg>\n")
	return out.Bytes()
}

// place gives every node its ray and its ring. A ring is as wide as its nodes need to stand apart, and lies beyond the
// labels of the one before.
func (p *picture) place() {
	r := 0.0
	for depth, ids := range p.tree.rings {
		if depth > 0 {
			r = max(r, ring, pitch/2/math.Sin(math.Min(p.tree.narrowest(depth), math.Pi)/2))
		}
		longest := 0.0
		for _, id := range ids {
			angle := p.tree.angles[id]
			p.spots[id] = &spot{angle: angle, r: r, x: r * math.Cos(angle), y: r * math.Sin(angle)}
			if depth > 0 {
				longest = max(longest, textWidth(p.labels[id], fontSize))
			}
		}
		r += radius + longest + gap
	}
}

// edge is all that is said from one node to another.
type edge struct {
	from, to string
	says     []string
}

func (p *picture) edges(out *bytes.Buffer) {
	var all []*edge
	index := map[[2]string]*edge{}
	for i := range p.triples {
		t := &p.triples[i]
		if p.spots[t.Subject] == nil || p.spots[t.Object] == nil {
			continue
		}
		e := index[[2]string{t.Subject, t.Object}]
		if e == nil {
			e = &edge{from: t.Subject, to: t.Object}
			index[[2]string{t.Subject, t.Object}] = e
			all = append(all, e)
		}
		if says := t.Predicate.Name(p.lang); !slices.Contains(e.says, says) {
			e.says = append(e.says, says)
		}
	}
	slices.SortFunc(all, func(a, b *edge) int { return slices.Compare([]string{a.from, a.to}, []string{b.from, b.to}) })
	for _, e := range all {
		a, b := p.spots[e.from], p.spots[e.to]
		faint := ""
		if p.tree.child(e) == "" { // it joins two branches, across others
			faint = ` stroke-opacity="0.5"`
		}
		fmt.Fprintf(out, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="bg-edge"%s><title>%s</title></line>`+"\n", a.x, a.y, b.x, b.y, faint, escape(e.text()))
	}
	for _, e := range p.tree.told(all) {
		inner, outer := p.spots[p.tree.parent(e)], p.spots[p.tree.child(e)]
		// Just before the outer end, along the edge.
		angle := math.Atan2(outer.y-inner.y, outer.x-inner.x)
		x, y := outer.x-math.Cos(angle)*(radius+6), outer.y-math.Sin(angle)*(radius+6)
		p.along(out, e.text(), x, y, angle, true, smallFont, "bg-soft bg-halo")
	}
}

func (e *edge) text() string {
	if more := len(e.says) - 1; more > 0 {
		return fmt.Sprintf("%s +%d", e.says[0], more)
	}
	return e.says[0]
}

// along writes a text along a ray that goes out at an angle, from (x, y) outwards, or ending there; never upside down.
func (p *picture) along(out *bytes.Buffer, text string, x, y, angle float64, ends bool, size float64, class string) {
	w := textWidth(text, size)
	far := w
	if ends {
		far = -w
	}
	p.reach(x, y, size)
	p.reach(x+far*math.Cos(angle), y+far*math.Sin(angle), size)
	anchor := "start"
	if math.Cos(angle) < -1e-9 {
		angle += math.Pi
		ends = !ends
	}
	if ends {
		anchor = "end"
	}
	fmt.Fprintf(out, `<text transform="translate(%.1f %.1f) rotate(%.1f)" dy="0.35em" font-size="%g" class="%s" text-anchor="%s">%s</text>`+"\n",
		x, y, math.Mod(angle*180/math.Pi, 360), size, class, anchor, escape(text))
}

func (p *picture) reach(x, y, by float64) {
	p.left, p.right = min(p.left, x-by), max(p.right, x+by)
	p.top, p.bottom = min(p.top, y-by), max(p.bottom, y+by)
}

func (p *picture) node(out *bytes.Buffer, id string) {
	at := p.spots[id]
	fill := `class="bg-ink"`
	if n := p.nodes[id]; n == nil || n.Kind != graph.KindPatient {
		fill = fmt.Sprintf(`fill="%s"`, p.colour(id))
	}
	fmt.Fprintf(out, `<circle cx="%.1f" cy="%.1f" r="%g" %s><title>%s</title></circle>`, at.x, at.y, radius, fill, escape(id))
	if at.r > 0 {
		p.along(out, p.labels[id], at.x+math.Cos(at.angle)*(radius+4), at.y+math.Sin(at.angle)*(radius+4), at.angle, false, fontSize, "bg-ink bg-halo")
		return
	}
	half := textWidth(p.labels[id], fontSize) / 2
	p.reach(-half, -radius-7, fontSize)
	p.reach(half, radius, fontSize)
	fmt.Fprintf(out, `<text y="%g" text-anchor="middle" class="bg-ink bg-halo">%s</text>`+"\n", -radius-7, escape(p.labels[id]))
}

func (p *picture) colour(id string) string {
	if n := p.nodes[id]; n != nil && colours[n.Kind] != "" {
		return colours[n.Kind]
	}
	return "#999999"
}

func escape(s string) string {
	var b bytes.Buffer
	if err := xml.EscapeText(&b, []byte(s)); err != nil { // a buffer takes everything
		return ""
	}
	return b.String()
}
