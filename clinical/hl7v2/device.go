package hl7v2

import (
	"strings"

	"github.com/bedside-lm/bedside/clinical/record"
)

// tree is the device part of OBX-4: by PCD-01 the first number of "1.2.3.4" is the device (MDS),
// those behind it its modules, channels and metrics.
func (r *reader) tree() string {
	tree, _, _ := strings.Cut(r.seg.field(4).component(1), ".")
	return tree
}

// device finds the instrument of an OBX: the one that OBX-18 names, else the one that holds this
// part of a device's tree. An OBX about a device itself, without a value, says what kind it is.
func (r *reader) device(code record.Concept) string {
	id := entity(r.seg.field(18).first())
	if id == "" {
		return r.contained[r.tree()]
	}
	var kind record.Concept
	if r.seg.field(5).empty() {
		kind = code
	}
	r.holds(r.tree(), id, kind)
	return id
}

// entity is the id of an EI: its own, else its universal one (an EUI-64).
func entity(v value) string {
	if id := v.component(1); id != "" {
		return record.IDOf(id)
	}
	return record.IDOf(v.component(3))
}

// holds notes that a device stands at a place of the tree, and files it once.
func (r *reader) holds(tree, id string, kind record.Concept) {
	if tree != "" && r.contained[tree] == "" {
		r.contained[tree] = id
	}
	if !r.devices[id] {
		r.devices[id] = true
		r.rec.Devices = append(r.rec.Devices, record.Device{ID: id, Type: kind})
	}
}

// participant reads PRT behind an OBX: since HL7 v2.7 the device stands in PRT-10 instead of
// OBX-18. Persons and places, which PRT is for as well, are not read.
func (r *reader) participant() {
	id := entity(r.seg.field(10).first())
	if id == "" || r.obr == nil || r.lastOBX == nil {
		r.rec.Skipped["PRT"]++
		return
	}
	r.holds(r.lastOBX.tree, id, r.lastOBX.kind)
	if i := r.lastOBX.filed; i >= 0 && r.rec.Observations[i].DeviceID == "" {
		r.rec.Observations[i].DeviceID = id
	}
}

// lastOBX is what a PRT may be about.
type lastOBX struct {
	tree  string
	kind  record.Concept // of a device; zero for a reading
	filed int            // index of the observation, or -1
}
