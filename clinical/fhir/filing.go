package fhir

import (
	"github.com/bedside-lm/bedside/clinical/fhir/internal/tree"
	"github.com/bedside-lm/bedside/clinical/record"
)

// envelope says whether an entry holds a resource. A resource alone has no envelope.
func (r *reader) envelope(n, res *tree.Node) bool {
	switch {
	case n == nil:
		return true
	case n.Kind != tree.Object:
		r.wrongKind(n, tree.Object)
	case res != nil && res.Kind != tree.Object:
		r.wrongKind(res, tree.Object)
	case res == nil && n.Get("request") == nil && n.Get("response") == nil:
		r.violate(n, "needs a resource, a request or a response")
	case res == nil:
		r.deletion(n.Get("request"))
	default:
		return true
	}
	return false
}

// deletion notes that a history's resource is deleted; its older versions follow.
func (r *reader) deletion(request *tree.Node) {
	if !r.history || !request.Get("method").Is("DELETE") {
		return
	}
	if ref, ok := parseReference(r.str(request, "url", required)); ok && ref.id != "" {
		if k := ref.key(); r.byID[k] == nil {
			r.byID[k] = &target{typ: ref.typ, filedID: ref.id, at: r.at, entry: r.entry, dropped: true, gone: true}
		}
	}
}

// indexResource files one resource, and returns nil where it is left out.
func (r *reader) indexResource(envelope, res *tree.Node) *target {
	t := r.newTarget(res)
	if t == nil {
		return nil
	}
	t.fullURL = r.ownText(r.field(envelope, "fullUrl", tree.String, optional))
	if r.src.bulk && t.filedID == "" {
		t.filedID = uuidOf(t.fullURL)
	}
	if same := r.earlier(t, res); same != nil {
		if t.fullURL != "" && r.byURL[t.fullURL] == nil {
			r.byURL[t.fullURL] = same
		}
		return nil
	}
	if t.filedID != "" {
		r.byID[t.key()] = t
	}
	if t.fullURL != "" {
		if r.byURL[t.fullURL] != nil && !r.history {
			r.violatePath(envelope.Path()+".fullUrl", "the same as in another entry")
		}
		r.byURL[t.fullURL] = t
	}
	if t.typ == "Patient" && !t.dropped {
		r.onePatient(t, res, false)
	}
	if !t.dropped {
		r.keepOrDrop(t, res)
	}
	return t
}

// newTarget reads what every resource has: its type and its id.
func (r *reader) newTarget(res *tree.Node) *target {
	typ := r.str(res, "resourceType", required)
	if typ == "" {
		return nil
	}
	if !typeName(typ) {
		r.violate(res.Get("resourceType"), "not a resource type's name")
		return nil
	}
	t := &target{typ: typ, filedID: r.ownText(r.field(res, "id", tree.String, optional)), at: r.at, entry: r.entry, hash: r.contentHash(res)}
	if t.filedID != "" && !validID(t.filedID) {
		r.violate(res.Get("id"), "expected 1 to 64 letters, digits, hyphens or full stops")
		return nil
	}
	return t
}

// earlier returns the resource that t repeats, if any. A repeated id with another
// content is wrong, but for a history, whose newest version comes first.
func (r *reader) earlier(t *target, res *tree.Node) *target {
	if t.filedID != "" {
		if old := r.byID[t.key()]; old != nil {
			switch {
			case old.gone:
				r.notice(res, record.NoticeOldVersion, "deleted by a newer entry, left out")
			case old.hash == t.hash:
				r.notice(res, record.NoticeDuplicate, "the same resource as %s, kept once", r.place(old))
			case r.history:
				r.notice(res, record.NoticeOldVersion, "an older version of %s, left out", r.place(old))
			default:
				r.violate(res.Get("id"), "the id of %s, whose content differs", r.place(old))
			}
			return old
		}
	}
	// Two findings may share their words; two readings of one moment are one reading.
	if t.typ != "Observation" || !timed(res) {
		return nil
	}
	if old := r.byHash[t.hash]; old != nil {
		r.notice(res, record.NoticeDuplicate, "the same reading as %s, kept once", r.place(old))
		return old
	}
	r.byHash[t.hash] = t
	return nil
}

func timed(observation *tree.Node) bool {
	for _, f := range []string{"effectiveDateTime", "effectiveInstant", "effectivePeriod", "issued"} {
		if observation.Get(f) != nil {
			return true
		}
	}
	return false
}

func (r *reader) place(t *target) string { return r.src.place(t.at) }

// onePatient files the record's patient. Copies of one inside several resources are
// one patient, whatever their ids.
func (r *reader) onePatient(t *target, res *tree.Node, contained bool) {
	switch {
	case r.person == nil:
		r.person = t
	case !contained || r.person.hash != t.hash:
		r.violate(res, "a second Patient; a record is about one (the first is in %s)", r.place(r.person))
	}
}

// keepOrDrop marks what does not become part of the record, and says so.
func (r *reader) keepOrDrop(t *target, res *tree.Node) {
	if readers[t.typ] == nil {
		t.dropped = true
		if t.typ == "Medication" || t.typ == "DeviceMetric" { // read where another names it
			return
		}
		r.rec.Skipped[t.typ]++
		if !r.seen[t.typ] {
			r.seen[t.typ] = true
			r.notice(res, record.NoticeUnknownResource, "resources of type %s are not read", t.typ)
		}
		return
	}
	if isEnteredInError(res) {
		t.dropped = true
		r.notice(res, record.NoticeEnteredInError, "entered in error, left out")
	}
}

func isEnteredInError(res *tree.Node) bool {
	if res.Get("status").Is(enteredInError) {
		return true
	}
	for c := res.Get("verificationStatus").Get("coding").Child(); c != nil; c = c.Next() {
		if c.Get("code").Is(enteredInError) {
			return true
		}
	}
	return false
}

// indexContained files the resources inside a resource, one target each.
func (r *reader) indexContained(owner *target, res *tree.Node) []*target {
	var out []*target
	list := r.field(res, "contained", tree.Array, optional)
	for c := list.Child(); c != nil; c = c.Next() {
		if len(out) >= r.lim.Contained {
			r.exceed(list, "contained resources", r.lim.Contained)
			return nil
		}
		if c.Kind != tree.Object {
			r.wrongKind(c, tree.Object)
			return nil
		}
		t := r.newTarget(c)
		if t == nil {
			return nil
		}
		if t.filedID == "" {
			r.missing(c, "id")
			return nil
		}
		k := containedKey(owner.entry, t.filedID)
		if r.byID[k] != nil {
			r.violate(c.Get("id"), "the id of another contained resource")
		}
		r.byID[k] = t
		if r.keepOrDrop(t, c); t.typ == "Patient" {
			t.dropped = r.person != nil
			r.onePatient(t, c, true)
		}
		out = append(out, t)
	}
	return out
}

func (t *target) key() key { return key{typ: t.typ, id: t.filedID} }

func containedKey(owner int, id string) key { return key{id: id, owner: owner} }
