package fhir

import (
	"errors"
	"fmt"

	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/record/measure"
)

// reader turns one source into one record. Its methods never stop at a violation:
// they note it and return a zero value, so that a caller sees all that is wrong.
type reader struct {
	lim Limits
	src *source
	rec *record.PatientRecord
	index

	violations []record.Violation
	limit      error // set once a limit is passed; reading ends at the next entry
	moreNotes  int   // notices beyond lim.Notices

	at    spot   // of the resource being read
	entry int    // its number among all
	id    string // its id in the record
	// patientID is whom references name where the source holds no Patient.
	patientID string

	shared *Shared      // may be nil
	wants  []key        // of it, in the order in which the resources name them
	asked  map[key]bool // those in wants

	texts       map[string]string  // one copy of each text that repeats
	metrics     map[*target]string // the devices of DeviceMetrics
	units       map[filedUnit]*measure.Finding
	medications map[*target]record.Concept // Medication resources read so far
}

func newReader(src *source, lim Limits) *reader {
	return &reader{
		lim: lim, src: src, rec: &record.PatientRecord{Skipped: map[string]int{}},
		asked: map[key]bool{}, texts: map[string]string{}, metrics: map[*target]string{},
		units: map[filedUnit]*measure.Finding{}, medications: map[*target]record.Concept{},
	}
}

// readers has one function for each type that becomes part of a record.
var readers = map[string]func(*reader, *tree.Node){
	"Patient":                  (*reader).patient,
	"Encounter":                (*reader).encounter,
	"Device":                   (*reader).device,
	"Observation":              (*reader).observation,
	"Condition":                (*reader).condition,
	"MedicationRequest":        (*reader).medicationRequest,
	"MedicationAdministration": (*reader).medicationAdministration,
	"AllergyIntolerance":       (*reader).allergy,
	"DiagnosticReport":         (*reader).report,
	"Procedure":                (*reader).procedure,
	"Immunization":             (*reader).immunization,
}

// run reads in two passes. The first finds what there is: types, ids, duplicates.
// The second reads each resource, with every reference resolvable.
func (r *reader) run() (*record.PatientRecord, error) {
	r.indexAll()
	if n := r.readings(); n > 0 {
		r.rec.Observations = make([]record.Observation, 0, n)
	}
	for i := range r.entries {
		if r.stop() {
			break
		}
		r.readEntry(&r.entries[i])
	}
	if r.limit != nil {
		return nil, r.limit
	}
	if len(r.violations) > 0 {
		return nil, r.invalid()
	}
	if r.rec.Patient.ID == "" {
		r.rec.Patient.ID = r.patientID
	}
	if r.moreNotes > 0 {
		r.rec.Notices = append(r.rec.Notices, record.Notice{
			Path: bundle, Kind: record.NoticeMore, Message: fmt.Sprintf("%d more notices left out", r.moreNotes),
		})
	}
	return r.rec, nil
}

// header checks what stands around the entries of a text, and says whether they, or the
// resource itself, can be read.
func (r *reader) header(top *tree.Node) bool {
	before := len(r.violations)
	if top.Kind != tree.Object {
		r.wrongKind(top, tree.Object)
		return false
	}
	r.repeatedFields(r.src.parser.Duplicates)
	if top.Child() == nil {
		r.violate(top, "empty record: an object without fields")
		return false
	}
	t := r.str(top, "resourceType", required)
	if t == "" {
		return false
	}
	if !r.src.texts[r.at.text].bundle {
		if readers[t] == nil && !r.src.bulk {
			r.violate(top.Get("resourceType"), "expected Bundle or %s", oneOf(readTypes))
		}
		return len(r.violations) == before
	}
	r.code(top, "type", required, bundleTypes)
	entries := top.Get("entry")
	switch {
	case entries == nil:
		r.violate(top, "empty record: no entry")
	case entries.Kind != tree.Array:
		r.wrongKind(entries, tree.Array)
	case len(r.src.texts[r.at.text].ranges) == 0:
		r.violate(top, "empty record: no entry")
	}
	return len(r.violations) == before
}

func (r *reader) repeatedFields(fields []*tree.Node) {
	for _, d := range fields {
		r.violate(d, "field filed twice in the same object")
	}
}

// readEntry reads the resources of one entry that are kept.
func (r *reader) readEntry(e *entry) {
	if !e.kept() {
		return
	}
	r.at, r.entry = e.target.at, e.target.entry
	_, res, err := r.src.resource(r.at)
	if err != nil {
		r.fail(err)
		return
	}
	r.readAs(e.target, res)
	if len(e.contained) == 0 {
		return
	}
	i := 0
	for c := res.Get("contained").Child(); c != nil && i < len(e.contained); c = c.Next() {
		r.readAs(e.contained[i], c)
		i++
	}
}

func (r *reader) readAs(t *target, n *tree.Node) {
	if t == nil || t.dropped {
		return
	}
	if read := readers[t.typ]; read != nil {
		r.id = t.id
		read(r, n)
	}
}

func (r *reader) stop() bool {
	return r.limit != nil || len(r.violations) >= r.lim.Violations
}

func (r *reader) invalid() error { return &record.InvalidError{Violations: r.violations} }

func (r *reader) violate(n *tree.Node, format string, args ...any) {
	r.violatePath(n.Path(), format, args...)
}

func (r *reader) violatePath(path, format string, args ...any) {
	if len(r.violations) < r.lim.Violations {
		path = r.src.prefix(r.at.text) + knownPath(path)
		r.violations = append(r.violations, record.Violation{Path: path, Message: fmt.Sprintf(format, args...)})
	}
}

// missing notes that n lacks a required field.
func (r *reader) missing(n *tree.Node, field string) {
	r.violatePath(n.Path()+"."+field, "required")
}

func (r *reader) wrongKind(n *tree.Node, want tree.Kind) {
	r.violate(n, "expected %s, got %s", want, n.Kind)
}

func (r *reader) notice(n *tree.Node, kind record.NoticeKind, format string, args ...any) {
	if len(r.rec.Notices) >= r.lim.Notices {
		r.moreNotes++
		return
	}
	r.rec.Notices = append(r.rec.Notices, record.Notice{
		Path: r.src.prefix(r.at.text) + n.Path(), Kind: kind, Message: fmt.Sprintf(format, args...),
	})
}

// exceed notes that a limit was passed; the first one counts.
func (r *reader) exceed(n *tree.Node, what string, limit int) {
	if r.limit == nil {
		r.limit = &record.LimitError{Path: r.src.prefix(r.at.text) + n.Path(), What: what, Limit: int64(limit)}
	}
}

// fail takes the tree parser's error about the resource being read.
func (r *reader) fail(err error) {
	if r.limit != nil {
		return
	}
	var limit *tree.LimitError
	if errors.As(err, &limit) {
		err = &record.LimitError{Path: r.src.place(r.at), What: limit.What, Limit: int64(limit.Limit)}
	}
	r.limit = err
}
