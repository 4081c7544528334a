package tokenizer

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// pieces is a trie of a vocabulary's pieces. A node's children lie side by side in nodes, their bytes in labels.
type pieces struct {
	labels []byte
	nodes  []pieceNode
}

type pieceNode struct {
	first    int32 // of its children
	children int32
	id       int32 // of the piece that ends here; -1: none does
}

type piece struct {
	text string
	id   int32
}

// newPieces makes the trie of a list, which it sorts. Texts are not empty; where one stands there twice, the second one's
// id is returned, else -1.
func newPieces(list []piece) (p *pieces, twice int32) {
	slices.SortFunc(list, func(a, b piece) int { return cmp.Or(strings.Compare(a.text, b.text), cmp.Compare(a.id, b.id)) })
	for i := 1; i < len(list); i++ {
		if list[i].text == list[i-1].text {
			return nil, list[i].id
		}
	}
	p = &pieces{labels: []byte{0}, nodes: []pieceNode{{id: -1}}}
	// Breadth first: spans[i] are the pieces below node i, which share their first depth bytes.
	type span struct{ from, to, depth int }
	spans := []span{{0, len(list), 0}}
	for node := 0; node < len(spans); node++ {
		s := spans[node]
		if s.from < s.to && len(list[s.from].text) == s.depth {
			p.nodes[node].id = list[s.from].id
			s.from++
		}
		p.nodes[node].first = int32(len(p.nodes))
		for from := s.from; from < s.to; {
			label, to := list[from].text[s.depth], from+1
			for to < s.to && list[to].text[s.depth] == label {
				to++
			}
			p.labels = append(p.labels, label)
			p.nodes = append(p.nodes, pieceNode{id: -1})
			spans = append(spans, span{from, to, s.depth + 1})
			from = to
		}
		p.nodes[node].children = int32(len(p.nodes)) - p.nodes[node].first
	}
	return p, -1
}

// child returns the node that label leads to from node.
func (p *pieces) child(node int32, label byte) (int32, bool) {
	n := &p.nodes[node]
	i := bytes.IndexByte(p.labels[n.first:n.first+n.children], label)
	return n.first + int32(i), i >= 0
}
