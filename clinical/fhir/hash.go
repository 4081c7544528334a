package fhir

import (
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
)

type digest [sha256.Size]byte

// contentHash tells whether two resources say the same: it leaves out the order of
// fields and what a resent copy changes (id, version, narrative).
func contentHash(res *tree.Node) digest {
	return sha256.Sum256(canonical(make([]byte, 0, 1024), res, true))
}

func canonical(b []byte, n *tree.Node, top bool) []byte {
	b = append(b, '0'+byte(n.Kind))
	switch n.Kind {
	case tree.Object:
		var members []*tree.Node
		for c := n.Child(); c != nil; c = c.Next() {
			members = append(members, c)
		}
		slices.SortStableFunc(members, func(x, y *tree.Node) int { return strings.Compare(x.Name(), y.Name()) })
		for _, c := range members {
			if name := c.Name(); !top || name != "id" && name != "meta" && name != "text" {
				b = append(append(b, name...), 0)
				b = canonical(b, c, false)
			}
		}
		b = append(b, 0)
	case tree.Array:
		for c := n.Child(); c != nil; c = c.Next() {
			b = canonical(b, c, false)
		}
		b = append(b, 0)
	case tree.String:
		b = append(append(b, n.Text()...), 0)
	case tree.Number, tree.Bool, tree.Null:
		b = append(append(b, n.Raw()...), 0)
	}
	return b
}
