package draw_test

import (
	"encoding/xml"
	"fmt"
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
