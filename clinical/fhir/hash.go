package fhir

import (
	"crypto/sha256"
	"hash"
	"slices"

	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
)

type digest [sha256.Size]byte

// end closes each part of what is hashed: no UTF-8 text holds this byte.
const end = 0xff

// hasher writes a resource in one form, whatever the order of its fields.
type hasher struct {
	sum     hash.Hash
	pending []byte
	members []*tree.Node // a stack: each object's members, sorted
}

// contentHash tells whether two resources say the same: it leaves out the order of
// fields and what a resent copy changes (id, version, narrative).
func (h *hasher) contentHash(res *tree.Node) (d digest) {
	if h.sum == nil {
		h.sum = sha256.New()
	}
	h.sum.Reset()
	h.pending = h.pending[:0]
	h.write(res, true)
	h.sum.Write(h.pending)
	h.sum.Sum(d[:0])
	return d
}

func (h *hasher) write(n *tree.Node, top bool) {
	const enough = 16 << 10
	if len(h.pending) > enough {
		h.sum.Write(h.pending)
		h.pending = h.pending[:0]
	}
	h.pending = append(h.pending, '0'+byte(n.Kind))
	switch n.Kind {
	case tree.Object:
		h.object(n, top)
	case tree.Array:
		for c := n.Child(); c != nil; c = c.Next() {
			h.write(c, false)
		}
	case tree.String, tree.Number, tree.Bool, tree.Null:
		h.pending = n.AppendText(h.pending)
	}
	h.pending = append(h.pending, end)
}

func (h *hasher) object(n *tree.Node, top bool) {
	base := len(h.members)
	for c := n.Child(); c != nil; c = c.Next() {
		h.members = append(h.members, c)
	}
	slices.SortStableFunc(h.members[base:], tree.CompareName)
	for i := base; i < len(h.members); i++ {
		c := h.members[i]
		if name := c.Name(); top && (name == "id" || name == "meta" || name == "text") {
			continue
		}
		h.pending = append(c.AppendName(h.pending), end)
		h.write(c, false)
	}
	h.members = h.members[:base]
}
