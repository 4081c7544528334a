package fhir

import (
	"strconv"
	"strings"
)

// assignIDs gives every resource an id that is its own in the whole record, so that
// evidence is never ambiguous: the filed id where no other type has it too, else a
// deterministic one.
func (r *reader) assignIDs() {
	taken := map[string]bool{}
	claim := func(t *target, id string) {
		if taken[id] {
			id = strings.ToLower(t.typ) + "-" + id
		}
		base := id
		for n := 2; taken[id]; n++ {
			id = base + "-" + strconv.Itoa(n)
		}
		taken[id] = true
		t.id = id
	}
	for _, e := range r.entries {
		if e.target.filedID != "" && readers[e.target.typ] != nil {
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
