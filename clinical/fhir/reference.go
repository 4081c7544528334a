package fhir

import (
	"strings"

	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
)

// reference is a FHIR literal reference (R4 section 2.3.0.1).
type reference struct {
	text      string // without the version
	typ, id   string // "" where the text names none, such as a urn
	contained bool   // "#id"
	urn       bool
	absolute  bool
}

func (f reference) key() key { return key{typ: f.typ, id: f.id} }

// parseReference reads "#id", "Type/id", "Type/id/_history/1", "Type?query",
// "http://.../Type/id", "urn:uuid:..." and "urn:oid:...".
func parseReference(s string) (reference, bool) {
	if id, ok := strings.CutPrefix(s, "#"); ok {
		return reference{text: s, id: id, contained: true}, validID(id)
	}
	if uuid, ok := strings.CutPrefix(s, "urn:uuid:"); ok {
		return reference{text: s, urn: true}, validUUID(uuid)
	}
	if oid, ok := strings.CutPrefix(s, "urn:oid:"); ok {
		return reference{text: s, urn: true}, oid != "" && strings.Trim(oid, "0123456789.") == ""
	}
	if typ, query, ok := strings.Cut(s, "?"); ok && typeName(typ) {
		return reference{text: s, typ: typ}, query != "" && !strings.ContainsAny(s, " \t\r\n")
	}
	s, _, _ = strings.Cut(s, "/_history/")
	f := reference{text: s, absolute: strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")}
	if n := strings.Count(s, "/"); n == 1 || n > 3 && f.absolute {
		last := strings.LastIndexByte(s, '/')
		f.typ, f.id = s[strings.LastIndexByte(s[:last], '/')+1:last], s[last+1:]
	}
	return f, typeName(f.typ) && validID(f.id) && !strings.ContainsAny(s, " \t\r\n")
}

func typeName(s string) bool {
	if s == "" || len(s) > 64 || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			return false
		}
	}
	return true
}

func validID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}

// uuidOf returns the uuid of a urn:uuid: text, or "".
func uuidOf(s string) string {
	if uuid, ok := strings.CutPrefix(s, "urn:uuid:"); ok && validUUID(uuid) {
		return uuid
	}
	return ""
}

func validUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return true
}

const notAReference = "not a FHIR reference (Type/id, #id, a URL ending in Type/id, urn:uuid: or urn:oid:)"

// literal reads the reference in n (a FHIR Reference) and finds what it names. ok is
// false where n names nothing literally (an identifier or a display alone) or wrongly.
func (r *reader) literal(n *tree.Node) (f reference, t *target, ok bool) {
	if n == nil {
		return f, nil, false
	}
	c := r.field(n, "reference", tree.String, optional)
	if c == nil {
		if n.Get("identifier") == nil && n.Get("display") == nil && n.Get("reference") == nil {
			r.violate(n, "needs a reference, an identifier or a display")
		}
		return f, nil, false
	}
	s := r.strAt(c)
	if s == "" {
		return f, nil, false
	}
	f, ok = parseReference(s)
	if !ok {
		r.violate(c, notAReference)
		return f, nil, false
	}
	t = r.find(f)
	if id := uuidOf(f.text); t == nil && id != "" && r.src.bulk {
		f.id, f.urn = id, false // a line has no fullUrl: the uuid is the id
		t = r.findUUID(id)
	}
	if t == nil && (f.urn || f.contained) {
		r.violate(c, "names no resource in this source")
		return f, nil, false
	}
	return f, t, true
}

// find returns the resource of this source that f names, or nil.
func (r *reader) find(f reference) *target {
	if f.contained {
		return r.byID[containedKey(r.entry, f.id)]
	}
	if t := r.byURL[f.text]; t != nil {
		return t
	}
	if f.id == "" {
		return nil
	}
	t := r.byID[f.key()]
	if t != nil && f.absolute && strings.HasPrefix(t.fullURL, "http") {
		return nil // the same id on another server
	}
	return t
}

// findUUID returns the resource filed under a uuid, of whatever type, or nil.
func (r *reader) findUUID(id string) *target {
	for _, typ := range readTypes {
		if t := r.byID[key{typ: typ, id: id}]; t != nil {
			return t
		}
	}
	if t := r.byID[key{typ: "DeviceMetric", id: id}]; t != nil {
		return t
	}
	return r.byID[key{typ: "Medication", id: id}]
}

// refAt returns the record's id of the resource that the reference n names, or "" if it
// is not part of the record. It must be of one of the given types.
func (r *reader) refAt(n *tree.Node, types ...string) string {
	f, t, ok := r.literal(n)
	return r.idOf(n, f, t, ok, types...)
}

// idOf is refAt of a reference that literal has read.
func (r *reader) idOf(n *tree.Node, f reference, t *target, ok bool, types ...string) string {
	if !ok {
		return ""
	}
	typ := f.typ
	if t != nil {
		typ = t.typ
	}
	if typ != "" && !binding(types).has(typ) {
		r.violate(n.Get("reference"), "expected a reference to %s, got one to another type", oneOf(types))
		return ""
	}
	if t == nil || t.dropped {
		return ""
	}
	return t.id
}

// ref is refAt of a field.
func (r *reader) ref(n *tree.Node, name string, types ...string) string {
	return r.refAt(r.field(n, name, tree.Object, optional), types...)
}

// subject checks that the reference called name is to the record's patient.
func (r *reader) subject(n *tree.Node, name string, need bool) {
	c := r.field(n, name, tree.Object, need)
	f, t, ok := r.literal(c)
	if !ok {
		return
	}
	at := c.Get("reference")
	switch {
	case t != nil && t.typ != "Patient" || t == nil && f.typ != "" && f.typ != "Patient":
		r.violate(at, "expected a reference to the record's Patient, got one to another type")
	case t != nil || f.id == "":
	case r.person != nil:
		r.violate(at, "refers to a patient other than the record's")
	case r.patientID == "":
		r.patientID = f.id
	case r.patientID != f.id:
		r.violate(at, "refers to a patient other than the record's; a record is about one")
	}
}
