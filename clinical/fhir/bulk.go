package fhir

import (
	"bytes"

	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
	"github.com/bedside-lm/bedside/clinical/record"
)

// ParseResources reads the lines of a bulk export that are about one patient, resources and
// Bundles in any mix, into one record. Duplicates, repeated ids and references between the
// lines are judged as between the entries of a Bundle; resources that the lines name and
// shared holds (which may be nil) become part of the record. Readings keep the order of the
// lines, and made-up ids follow it: give them in the same order to get the same record.
//
// A resource of a type that is not read is counted, not refused. The limits of bytes and
// entries hold for the sum of all lines. The error is a *record.InvalidError or a
// *record.LimitError; paths begin with a line's place, such as
// "Observation.ndjson:17: Observation.valueQuantity".
func ParseResources(lines []Line, shared *Shared, lim Limits) (*record.PatientRecord, error) {
	lim = lim.withDefaults()
	if len(lines) == 0 {
		return nil, invalid(bundle, "empty record: no line")
	}
	texts := make([]text, len(lines))
	left := lim.Bytes
	for i, l := range lines {
		if left -= int64(len(l.Text)); left < 0 {
			return nil, &record.LimitError{Path: l.String(), What: "bytes about one patient", Limit: lim.Bytes}
		}
		texts[i] = text{data: l.Text, line: l}
	}
	r := newReader(newSource(texts, true, lim), lim)
	r.shared = shared
	return r.run()
}

// Shared keeps resources that belong to no one patient and that many name: the drugs and
// devices of a bulk export. Add to it from one goroutine; after that, any number may read.
type Shared struct {
	lim     Limits
	bytes   int64
	entries int
	lines   map[key][]Line
}

// NewShared returns an empty store, bounded by lim.Bytes and lim.Entries.
func NewShared(lim Limits) *Shared {
	return &Shared{lim: lim.withDefaults(), lines: map[key][]Line{}}
}

// Add keeps a copy of a line that Glance told the resource of. Where lines differ under one
// id two are kept, so that the record that names them is refused. The error is a
// *record.LimitError.
func (s *Shared) Add(l Line, res Resource) error {
	k := key{typ: res.Type, id: res.ID}
	if old := s.lines[k]; len(old) > 1 || len(old) == 1 && bytes.Equal(old[0].Text, l.Text) {
		return nil
	}
	if s.bytes += int64(len(l.Text)); s.bytes > s.lim.Bytes {
		return &record.LimitError{Path: l.String(), What: "bytes of shared resources", Limit: s.lim.Bytes}
	}
	if s.entries++; s.entries > s.lim.Entries {
		return &record.LimitError{Path: l.String(), What: "shared resources", Limit: int64(s.lim.Entries)}
	}
	s.lines[k] = append(s.lines[k], l.Clone())
	return nil
}

func (s *Shared) find(k key) []Line {
	if s == nil {
		return nil
	}
	return s.lines[k]
}

// wanted notes which shared resources a resource names.
func (r *reader) wanted(t *target, res *tree.Node) {
	if r.shared == nil {
		return
	}
	switch t.typ {
	case "Observation":
		r.want("Device", res.Get("device"))
		r.want("DeviceMetric", res.Get("device"))
	case "DeviceMetric":
		r.want("Device", res.Get("source"))
	case "MedicationRequest", "MedicationAdministration":
		r.want("Medication", res.Get("medicationReference"))
	}
}

// want notes one reference; a wrong one is reported by the second pass.
func (r *reader) want(typ string, ref *tree.Node) {
	c := ref.Get("reference")
	if c == nil || c.Kind != tree.String {
		return
	}
	f, ok := parseReference(r.strAt(c))
	if !ok || f.contained || f.id != "" && f.typ != typ {
		return
	}
	k := key{typ: typ, id: f.id}
	if id := uuidOf(f.text); id != "" {
		k.id = id
	}
	if k.id != "" && !r.asked[k] && len(r.shared.find(k)) > 0 {
		r.asked[k] = true
		r.wants = append(r.wants, k)
	}
}

// indexShared files the shared resources that the lines name and do not hold.
func (r *reader) indexShared() {
	for i := 0; i < len(r.wants); i++ { // what is filed may name more
		k := r.wants[i]
		if r.byID[k] != nil {
			continue
		}
		for _, l := range r.shared.find(k) {
			if r.stop() {
				return
			}
			r.src.texts = append(r.src.texts, text{data: l.Text, line: l})
			r.indexText(len(r.src.texts) - 1)
		}
	}
}
