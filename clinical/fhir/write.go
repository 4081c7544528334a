package fhir

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"

	"github.com/bedside-lm/bedside/clinical/record"
)

// Write writes a record as a FHIR R4 Bundle of type collection: one line of compact JSON
// without a line end. The error is a *record.InvalidError, and nothing is written, or w's own.
func Write(w io.Writer, rec *record.PatientRecord) error {
	b, err := AppendBundle(nil, rec)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("writing FHIR JSON: %w", err)
	}
	return nil
}

// AppendBundle appends what Write writes to b. Parse reads it back as the same record, with
// these exceptions: Skipped and Notices are not written; an id that two types share, or none,
// comes back as Parse makes ids its own; what is entered in error is left out by Parse; a
// status that was not filed comes back as "unknown"; and what FHIR has only in relation to
// other resources, such as the encounter of a reading, is lost where the record lacks them.
//
// What FHIR cannot say is refused: the error is a *record.InvalidError with at most 20
// violations, whose paths are the record's: "Observations[3].Value.Quantity". b is then
// returned as it was.
func AppendBundle(b []byte, rec *record.PatientRecord) ([]byte, error) {
	w := &writer{rec: rec, out: bytes.NewBuffer(b), bodies: map[digest]bool{}, ids: map[key]bool{}, component: -1}
	w.out.WriteString(`{"resourceType":"Bundle","type":"collection"`)
	w.patient(&rec.Patient)
	each(w, "Encounters", rec.Encounters, w.encounter)
	each(w, "Devices", rec.Devices, w.device)
	each(w, "Observations", rec.Observations, w.observation)
	each(w, "Conditions", rec.Conditions, w.condition)
	each(w, "Medications", rec.Medications, w.medication)
	each(w, "Allergies", rec.Allergies, w.allergy)
	each(w, "Reports", rec.Reports, w.report)
	each(w, "Procedures", rec.Procedures, w.procedure)
	each(w, "Immunizations", rec.Immunizations, w.immunization)
	switch {
	case len(w.violations) > 0:
		return b, &record.InvalidError{Violations: w.violations}
	case w.entries == 0:
		return b, invalid("PatientRecord", "empty record: nothing to write")
	}
	w.out.WriteString("]}")
	return w.out.Bytes(), nil
}

// each writes one slice of a record.
func each[R any](w *writer, section string, items []R, write func(*R)) {
	w.section = section
	for i := range items {
		if len(w.violations) >= defaultViolations {
			return
		}
		w.index = i
		write(&items[i])
	}
}

// writer writes one record.
type writer struct {
	rec     *record.PatientRecord
	out     *bytes.Buffer
	scratch bytes.Buffer // one resource
	entries int
	bodies  map[digest]bool // of the timed readings written
	ids     map[key]bool

	violations []record.Violation
	section    string // the slice of the record being written
	index      int    // in it
	component  int    // of an observation, or -1
}

// refuse notes that a field of the item being written cannot be filed.
func (w *writer) refuse(field, format string, args ...any) {
	if len(w.violations) >= defaultViolations {
		return
	}
	path := fmt.Sprintf("%s[%d]", w.section, w.index)
	if w.section == "Patient" {
		path = w.section
	}
	if w.component >= 0 {
		path += fmt.Sprintf(".Components[%d]", w.component)
	}
	w.violations = append(w.violations, record.Violation{Path: path + "." + field, Message: fmt.Sprintf(format, args...)})
}

// meta is a resource's metadata.
type outMeta struct {
	Tag []outCoding `json:"tag"`
}

// put writes one entry. What every resource begins with stands apart from its body, so that
// bodies can be compared.
func (w *writer) put(typ, id string, meta *outMeta, body any) {
	if id != "" && !validID(id) {
		w.refuse("ID", "expected 1 to %d letters, digits, hyphens or full stops", longestID)
	}
	if k := (key{typ: typ, id: id}); id != "" {
		if w.ids[k] {
			w.refuse("ID", "the id of another %s", typ)
		}
		w.ids[k] = true
	}
	if len(w.violations) > 0 {
		return // nothing will be written: go on to find the rest
	}
	w.scratch.Reset()
	w.encode(&w.scratch, body)
	again := w.repeats(typ, body)
	if w.entries++; w.entries == 1 {
		w.out.WriteString(`,"entry":[`)
	} else {
		w.out.WriteByte(',')
	}
	w.out.WriteString(`{"resource":{"resourceType":"` + typ + `"`)
	if id != "" {
		w.out.WriteString(`,"id":"` + id + `"`)
	}
	if meta != nil {
		w.out.WriteString(`,"meta":`)
		w.encode(w.out, meta)
	}
	if again && id != "" {
		w.out.WriteString(`,"identifier":[{"system":"` + systemReading + `","value":"` + id + `"}]`)
	}
	if rest := w.scratch.Bytes()[1:]; len(rest) > 1 { // more than the closing brace
		w.out.WriteByte(',')
		w.out.Write(rest)
	} else {
		w.out.WriteByte('}')
	}
	w.out.WriteByte('}')
}

// systemReading is the system of the identifier that tells two readings apart that are
// alike in all else, and which a reader would otherwise take for one that was sent twice.
const systemReading = "urn:bedside:reading"

// repeats says whether scratch holds a reading like one before.
func (w *writer) repeats(typ string, body any) bool {
	o, ok := body.(*outObservation)
	if !ok || typ != "Observation" || o.EffectiveDateTime == "" && o.EffectivePeriod == nil {
		return false
	}
	sum := digest(sha256.Sum256(w.scratch.Bytes()))
	if w.bodies[sum] {
		return true
	}
	w.bodies[sum] = true
	return false
}

// encode appends v as JSON. Strings keep their <, > and &.
func (w *writer) encode(out *bytes.Buffer, v any) {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		// Every number was checked and nothing else can fail.
		w.refuse("ID", "cannot be encoded")
		return
	}
	out.Truncate(out.Len() - 1) // the line end that Encode adds
}
