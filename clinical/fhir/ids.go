package fhir

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

const longestID = 64 // R4 section 2.24.0.1

// shortened returns an id that can be filed again: one that grew too long, as a contained
// resource's does behind its owner's, ends in a digest of the whole.
func shortened(id string) string {
	if len(id) <= longestID {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	tail := "-" + hex.EncodeToString(sum[:8])
	return id[:longestID-len(tail)] + tail
}

// assignIDs gives every resource an id that is its own in the whole record, so that
// evidence is never ambiguous: the filed id where no other type has it too, else a
// deterministic one.
func (r *reader) assignIDs() {
	taken := map[string]bool{}
	claim := func(t *target, id string) {
		if taken[id] {
			id = strings.ToLower(t.typ) + "-" + id
		}
		id = shortened(id)
		base := id
		for n := 2; taken[id]; n++ {
			id = shortened(base + "-" + strconv.Itoa(n))
		}
		taken[id] = true
		t.id = id
	}
	if p := r.person; p != nil && r.byID[p.key()] == p {
		claim(p, p.filedID) // first: it is known by this id outside the record, too
	}
	for _, e := range r.entries {
		if e.target.filedID != "" && e.target.id == "" && readers[e.target.typ] != nil {
			claim(e.target, e.target.filedID)
		}
	}
	for _, e := range r.entries {
		if e.target.filedID == "" && readers[e.target.typ] != nil {
			claim(e.target, strings.ToLower(e.target.typ)+"-"+strconv.Itoa(e.target.entry))
		}
		for _, c := range e.contained {
			claim(c, e.target.id+"."+c.filedID)
		}
	}
}
