package fhir

import (
	"fmt"

	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
	"github.com/bedside-lm/bedside/clinical/record"
)

// Resource is what a glance at a line tells.
type Resource struct {
	Type string // resourceType, or "Bundle"
	ID   string // as filed, "" where none is
	// Patient is the id of the patient whom the resource is about: its own, or whom its
	// subject, patient or beneficiary names. It is "" where none is named, as of a drug.
	Patient string
}

// Shared says whether the resource is a drug or device of no one patient, which the
// resources of many may name.
func (r Resource) Shared() bool {
	return r.Patient == "" && r.ID != "" && (r.Type == "Device" || r.Type == "DeviceMetric" || r.Type == "Medication")
}

// Glance checks that a line is JSON and finds whose resource it is, without building its
// tree. "Patient/x", "https://host/fhir/Patient/x", either with "/_history/1" behind it,
// and "urn:uuid:x" all give x: an export is one server's. A Bundle belongs to its Patient, by id or else by the uuid
// of its fullUrl, and without one to whom its first resource names.
//
// The error is a *record.InvalidError or a *record.LimitError, its path the line's place,
// with the field's behind it where a field is wrong.
func Glance(l Line, lim Limits) (Resource, error) {
	lim = lim.withDefaults()
	t := text{data: l.Text, line: l}
	if int64(len(l.Text)) > lim.Bytes {
		return Resource{}, &record.LimitError{Path: l.String(), What: "bytes in a line", Limit: lim.Bytes}
	}
	if at := invalidUTF8(l.Text); at >= 0 {
		return Resource{}, invalid(l.String(), fmt.Sprintf("invalid UTF-8 at byte %d", at))
	}
	g := glancer{p: tree.NewParser(tree.Limits{Depth: lim.Depth}), entries: lim.Entries}
	g.p.Start(l.Text)
	top, err := g.top()
	if err == nil {
		err = g.p.End()
	}
	switch {
	case err != nil:
		return Resource{}, broken(&t, l.String(), err)
	case top.wrong != "":
		return Resource{}, invalid(l.String()+": "+top.root()+top.field, top.wrong)
	}
	return top.Resource, nil
}

// glancer reads one line.
type glancer struct {
	p       *tree.Parser
	entries int // of a Bundle, at most
}

// glanced is a resource of which a few fields were looked at.
type glanced struct {
	Resource
	fullURL string
	seen    [4]bool
	// field is the first that is wrong, as ".subject.reference"; wrong says how.
	field, wrong string
}

// The fields that are looked at. A resource names its patient in one field.
const (
	seenType = iota
	seenID
	seenPatient
	seenEntry
)

func (o *glanced) blame(field, wrong string) {
	if o.wrong == "" {
		o.field, o.wrong = field, wrong
	}
}

func (o *glanced) root() string {
	if o.Type == "" {
		return string(resourceName)
	}
	return o.Type
}

// top reads the line's own resource.
func (g *glancer) top() (glanced, error) {
	var inside glanced // whom the entries are about
	out, err := g.resource(&inside)
	if err != nil || out.wrong != "" {
		return out, err
	}
	switch {
	case out.Type == "":
		out.blame(".resourceType", "required")
	case out.Type == bundle:
		out.Patient = inside.Patient
		if inside.wrong != "" && inside.Patient == "" {
			out.blame(inside.field, inside.wrong)
		}
	case out.Type == "Patient":
		out.Patient = out.ID
	}
	return out, nil
}

// resource reads the resource at hand. What the entries of a Bundle tell goes into inside;
// where that is nil they are passed over.
func (g *glancer) resource(inside *glanced) (out glanced, err error) {
	if kind := g.p.Kind(); kind != tree.Object {
		out.blame("", fmt.Sprintf("expected %s, got %s", tree.Object, kind))
		return out, g.p.Skip()
	}
	err = g.p.Members(func(name []byte) error {
		kind, known := glancedFields[string(name)]
		if !known || kind == seenEntry && inside == nil {
			return g.p.Skip()
		}
		if out.seen[kind] {
			out.blame("."+string(name), "field filed twice in the same object")
			return g.p.Skip()
		}
		out.seen[kind] = true
		return g.field(&out, kind, string(name), inside)
	})
	if readers[out.Type] == nil && out.Type != "" && out.Type != bundle {
		out.wrong = "" // not read: nothing of it needs to be right
	}
	return out, err
}

var glancedFields = map[string]int{
	"resourceType": seenType, "id": seenID, "entry": seenEntry,
	"subject": seenPatient, "patient": seenPatient, "beneficiary": seenPatient,
}

func (g *glancer) field(out *glanced, kind int, name string, inside *glanced) error {
	switch kind {
	case seenEntry:
		return g.bundle(inside)
	case seenPatient:
		return g.subject(out, name)
	}
	text, err := g.text(out, "."+name)
	if err != nil || text == nil {
		return err
	}
	switch {
	case kind == seenType && !typeName(string(text)):
		out.blame(".resourceType", "not a resource type's name")
	case kind == seenType:
		out.Type = intern(text)
	case !validID(string(text)):
		out.blame(".id", "expected 1 to 64 letters, digits, hyphens or full stops")
	default:
		out.ID = string(text)
	}
	return nil
}

// intern returns a type's name, without a copy where it is a common one.
func intern(name []byte) string {
	for _, t := range readTypes {
		if string(name) == t {
			return t
		}
	}
	return string(name)
}

// text reads a string, or says that it is none and returns nil.
func (g *glancer) text(out *glanced, field string) ([]byte, error) {
	if kind := g.p.Kind(); kind != tree.String {
		out.blame(field, fmt.Sprintf("expected %s, got %s", tree.String, kind))
		return nil, g.p.Skip()
	}
	return g.p.Text()
}

// subject reads the reference to a patient.
func (g *glancer) subject(out *glanced, name string) error {
	if kind := g.p.Kind(); kind != tree.Object {
		out.blame("."+name, fmt.Sprintf("expected %s, got %s", tree.Object, kind))
		return g.p.Skip()
	}
	return g.p.Members(func(member []byte) error {
		if string(member) != "reference" {
			return g.p.Skip()
		}
		text, err := g.text(out, "."+name+".reference")
		if err != nil || text == nil {
			return err
		}
		f, ok := parseReference(string(text))
		switch {
		case !ok:
			out.blame("."+name+".reference", notAReference)
		case f.typ == "Patient":
			out.Patient = f.id
		case f.urn:
			out.Patient = uuidOf(f.text)
		}
		return nil
	})
}

// bundle reads the entries of a Bundle up to the last, for whom they are about.
func (g *glancer) bundle(inside *glanced) error {
	if g.p.Kind() != tree.Array {
		return g.p.Skip()
	}
	found := false // the Patient, who goes before any subject
	return g.p.Elements(func(i int) error {
		if i >= g.entries {
			return &tree.LimitError{What: "entries", Limit: g.entries}
		}
		if g.p.Kind() != tree.Object {
			return g.p.Skip()
		}
		e, err := g.entry()
		if err != nil || found {
			return err
		}
		if e.Type == "Patient" {
			found = true
			if inside.Patient = e.ID; e.ID == "" {
				inside.Patient = uuidOf(e.fullURL)
			}
		} else if inside.Patient == "" {
			inside.Patient = e.Patient
		}
		if e.wrong != "" {
			inside.blame(fmt.Sprintf(".entry[%d].resource%s", i, e.field), e.wrong)
		}
		return nil
	})
}

func (g *glancer) entry() (out glanced, err error) {
	fullURL := ""
	err = g.p.Members(func(name []byte) error {
		switch string(name) {
		case "fullUrl":
			text, err := g.text(&glanced{}, "")
			fullURL = string(text)
			return err
		case "resource":
			out, err = g.resource(nil)
			return err
		}
		return g.p.Skip()
	})
	out.fullURL = fullURL
	return out, err
}
