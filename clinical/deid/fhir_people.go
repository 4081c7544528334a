package deid

import (
	"strings"
	"time"
)

// collect gathers what a document's fields say of its people.
func (r *fhirReader) collect(n int32, key string) {
	switch r.nodes[n].kind {
	case array:
		r.each(n, func(c int32) { r.collect(c, key) })
	case object:
		r.person(n, key)
		r.each(n, func(c int32) { r.collect(c, r.key(c)) })
	case text:
		if raw := r.src[r.nodes[n].start+1 : r.nodes[n].end-1]; key != "birthDate" && len(raw) >= 10 && fhirDate.MatchString(raw) {
			if t, err := time.Parse("2006-01-02", raw[:10]); err == nil && t.After(r.latest) && t.Year() < 2200 {
				r.latest = t
			}
		}
	case scalar:
	}
}

// person adds what one object says.
func (r *fhirReader) person(n int32, key string) {
	at := place{key: "value", parent: n, above: key}
	switch {
	case isName(key):
		family := r.str(r.get(n, "family"))
		var given []string
		if g := r.get(n, "given"); g >= 0 {
			r.each(g, func(c int32) { given = append(given, r.str(c)) })
		}
		r.addPerson(family, strings.Join(given, " "), r.str(r.get(n, "text")))
	case key == "identifier":
		if v := r.str(r.get(n, "value")); v != "" {
			r.known.AddValue(v, r.identifierType(at, v))
		}
	case key == "telecom":
		if v := r.str(r.get(n, "value")); v != "" {
			r.known.AddValue(v, contactType(r.str(r.get(n, "system")), v))
		}
	case key == "address":
		r.known.AddValue(r.str(r.get(n, "text")), Address)
		if l := r.get(n, "line"); l >= 0 {
			r.each(l, func(c int32) { r.known.AddValue(r.str(c), Address) })
		}
	case personKeys.has(key):
		if r.displayType(place{parent: n, above: key}) == Name {
			r.addPerson("", "", r.str(r.get(n, "display")))
		}
	}
	switch typ := r.str(r.get(n, "resourceType")); typ {
	case "Patient":
		if id := r.str(r.get(n, "id")); len(id) >= 5 && countDigits(id) > 0 {
			r.known.AddValue(id, MRN)
		}
		if r.patient == "" {
			r.patient = r.str(r.get(n, "id"))
		}
	case "Organization":
		r.known.AddValue(r.str(r.get(n, "name")), Organization)
	}
}

func (j *job) addPerson(family, given, whole string) {
	for _, s := range []string{whole, family, given} {
		if s != "" {
			j.known.AddName(s)
		}
	}
	if family != "" && given != "" {
		j.known.add(given+" "+family, Name)
		j.known.add(family+given, Name) // as Chinese names are written
	}
}
