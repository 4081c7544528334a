package draw_test

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/graph/draw"
	"github.com/bedside-lm/bedside/clinical/terms"
)

func TestSVG(t *testing.T) {
	sepsis := graph.EntryNode(terms.ByName("diagnosis", "sepsis"))
	nodes := []graph.Node{sepsis, {ID: "patient/<1>", Kind: graph.KindPatient}}
	triples := []graph.Triple{{Subject: "patient/<1>", Predicate: graph.HasDiagnosis, Object: sepsis.ID}}
	for i := range draw.MaxNodes + 5 {
		triples = append(triples, graph.Triple{Subject: fmt.Sprintf("patient/%d", i), Predicate: graph.SuspectedOf, Object: sepsis.ID})
	}
	picture := draw.SVG("patient/<1>", nodes, triples, terms.Chinese)
	require.NoError(t, xml.Unmarshal(picture, new(struct{})))
	text := string(picture)
	require.Equal(t, draw.MaxNodes, strings.Count(text, "<circle"))
	require.Contains(t, text, "脓毒症")
	require.Contains(t, text, "诊断")
	require.Contains(t, text, "+7</text>", "those that there is no room for are counted")
	require.Equal(t, picture, draw.SVG("patient/<1>", nodes, triples, terms.Chinese))
}

// box is a text as it is drawn: where it begins, the direction in which it is read, and how long it is.
type box struct {
	text           string
	x, y, dx, dy   float64
	length, height float64
}

// labels reads a picture's labels back, in the widths that a usual font has.
func labels(t *testing.T, picture []byte) (viewBox [4]float64, out []box) {
	t.Helper()
	var svg struct {
		ViewBox string `xml:"viewBox,attr"`
		Text    []struct {
			Transform string  `xml:"transform,attr"`
			Anchor    string  `xml:"text-anchor,attr"`
			Size      float64 `xml:"font-size,attr"`
			Content   string  `xml:",chardata"`
		} `xml:"text"`
	}
	require.NoError(t, xml.Unmarshal(picture, &svg))
	_, err := fmt.Sscan(svg.ViewBox, &viewBox[0], &viewBox[1], &viewBox[2], &viewBox[3])
	require.NoError(t, err)
	for _, text := range svg.Text {
		if text.Transform == "" { // of the centre and of the legend
			continue
		}
		b := box{text: text.Content, height: text.Size}
		for _, r := range text.Content {
			if r > 0x2e80 {
				b.length += text.Size
			} else {
				b.length += 0.55 * text.Size
			}
		}
		var angle float64
		_, err := fmt.Sscanf(text.Transform, "translate(%f %f) rotate(%f)", &b.x, &b.y, &angle)
		require.NoError(t, err)
		b.dx, b.dy = math.Cos(angle*math.Pi/180), math.Sin(angle*math.Pi/180)
		require.GreaterOrEqual(t, b.dx, -1e-6, "%s stands on its head", b.text)
		if text.Anchor == "end" {
			b.x, b.y = b.x-b.dx*b.length, b.y-b.dy*b.length
		}
		out = append(out, b)
	}
	return viewBox, out
}

// corners are those of the room that a label takes.
func (b *box) corners() (out [4][2]float64) {
	h := 0.5 * b.height
	for i, at := range [4][2]float64{{0, -h}, {b.length, -h}, {b.length, h}, {0, h}} {
		out[i] = [2]float64{b.x + at[0]*b.dx - at[1]*b.dy, b.y + at[0]*b.dy + at[1]*b.dx}
	}
	return out
}

// overlap looks for a line between two rectangles, along the sides of either.
func overlap(a, b *box) bool {
	for _, axis := range [4][2]float64{{a.dx, a.dy}, {-a.dy, a.dx}, {b.dx, b.dy}, {-b.dy, b.dx}} {
		spanOf := func(c [4][2]float64) (low, high float64) {
			low, high = math.Inf(1), math.Inf(-1)
			for _, p := range c {
				low, high = min(low, p[0]*axis[0]+p[1]*axis[1]), max(high, p[0]*axis[0]+p[1]*axis[1])
			}
			return low, high
		}
		aLow, aHigh := spanOf(a.corners())
		bLow, bHigh := spanOf(b.corners())
		if aHigh <= bLow || bHigh <= aLow {
			return false
		}
	}
	return true
}

// Labels lie within the picture, and none covers another, whatever the shape of the neighbourhood.
func TestLabels(t *testing.T) {
	shapes := map[string]func(i int) (from, to string){
		"star":   func(i int) (string, string) { return "n/0", fmt.Sprintf("n/%d", i+1) },
		"binary": func(i int) (string, string) { return fmt.Sprintf("n/%d", i/2), fmt.Sprintf("n/%d", i+1) },
		"comb": func(i int) (string, string) { // one branch with much on it beside bare ones
			return fmt.Sprintf("n/%d", map[bool]int{true: 0, false: 1}[i < 20]), fmt.Sprintf("n/%d", i+1)
		},
	}
	for name, shape := range shapes {
		for _, n := range []int{1, 2, 3, 25, 110} {
			t.Run(fmt.Sprintf("%s of %d", name, n), func(t *testing.T) {
				nodes := []graph.Node{{ID: "n/0", Kind: graph.KindDiagnosis, Names: map[terms.Lang]string{terms.English: "the centre"}}}
				var triples []graph.Triple
				for i := range n {
					from, to := shape(i)
					nodes = append(nodes, graph.Node{ID: to, Kind: graph.KindFinding, Names: map[terms.Lang]string{
						terms.English: strings.Repeat("low partial pressure ", 1+i%2) + to, terms.Chinese: strings.Repeat("二氧化碳分压偏低", 1+i%3) + to,
					}})
					triples = append(triples, graph.Triple{Subject: from, Predicate: graph.HasFinding, Object: to})
				}
				for _, lang := range []terms.Lang{terms.English, terms.Chinese} {
					view, boxes := labels(t, draw.SVG("n/0", nodes, triples, lang))
					require.Greater(t, len(boxes), n)
					for i := range boxes {
						for _, c := range boxes[i].corners() {
							require.True(t, c[0] >= view[0] && c[0] <= view[0]+view[2] && c[1] >= view[1] && c[1] <= view[1]+view[3], "%s is cut off", boxes[i].text)
						}
						for j := range i {
							require.False(t, overlap(&boxes[i], &boxes[j]), "%s covers %s", boxes[i].text, boxes[j].text)
						}
					}
				}
			})
		}
	}
}

// What was filed about a patient has no name of its own.
func TestLabelsOfWhatHasNoName(t *testing.T) {
	rate := graph.EntryNode(terms.Measure("8867-4"))
	nodes := []graph.Node{rate, {ID: "patient/0123456789ab", Kind: graph.KindPatient}, {ID: "reading/1", Kind: graph.KindReading}, {ID: "reading/223344556677", Kind: graph.KindReading}}
	triples := []graph.Triple{
		{Subject: "patient/0123456789ab", Predicate: graph.HasReading, Object: "reading/1"},
		{Subject: "patient/0123456789ab", Predicate: graph.HasReading, Object: "reading/223344556677"},
		{Subject: "reading/1", Predicate: graph.Of, Object: rate.ID},
		{Subject: "reading/1", Predicate: graph.MeasuredAs, Value: graph.Quantity("131", "/min")},
	}
	text := string(draw.SVG("patient/0123456789ab", nodes, triples, terms.English))
	require.Contains(t, text, ">heart rate 131 /min</text>")
	require.Contains(t, text, ">reading 22334455</text>")
	require.Contains(t, text, ">patient 01234567</text>")
	require.Contains(t, text, "<title>reading/223344556677</title>")
}
