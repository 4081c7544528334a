package adversarial

import (
	"fmt"
	"strings"
)

// languages plants words of other languages and letters that look alike where texts are told as filed, and where they are not.
func languages(m *maker) attack {
	b, p, s := ordinary(m), places[m.number*7%len(places)], inTurn(m, scripts)
	p.plant(b, s)
	if m.number%3 == 0 {
		b.report(s + " " + inTurn(m, injections[:4]) + " 结论：肺炎。Findings: 正常 normal.")
	}
	return attack{name: p.name, source: b.source()}
}

// encodings break the text of a record.
var encodings = []struct {
	name    string
	refused bool
	do      func(string) string
}{
	{"lone surrogate", false, func(s string) string { return strings.Replace(s, `"Penicillin G"`, `"\ud800 MAGNOLIA"`, 1) }},
	{"surrogates the wrong way round", false, func(s string) string { return strings.Replace(s, `"Penicillin G"`, `"\udc00\ud800"`, 1) }},
	{"NUL in a text", false, func(s string) string { return strings.Replace(s, `"Penicillin G"`, `"a\u0000b"`, 1) }},
	{"NUL in the document", true, func(s string) string { return strings.Replace(s, `"collection"`, "\"collection\"\x00", 1) }},
	{"byte order mark", false, func(s string) string { return "\ufeff" + s }},
	{"two byte order marks", true, func(s string) string { return "\ufeff\ufeff" + s }},
	{"cut off", true, func(s string) string { return s[:len(s)*2/3] }},
	{"something behind", true, func(s string) string { return s + "MAGNOLIA" }},
	{"twice", true, func(s string) string { return s + s }},
	{"a comment", true, func(s string) string { return "// MAGNOLIA\n" + s }},
	{"trailing comma", true, func(s string) string { return s[:len(s)-2] + ",]}" }},
	{"single quotes", true, func(s string) string { return strings.ReplaceAll(s, `"`, `'`) }},
	{"the same key twice", false, func(s string) string { return strings.Replace(s, `"gender":`, `"gender":"male","gender":`, 1) }},
	{"mojibake", false, func(s string) string { return strings.Replace(s, "Penicillin G", "Ã©Ã¨â‚¬ è‚ºç‚Ž", 1) }},
	{"replacement characters", false, func(s string) string { return strings.ReplaceAll(s, "Penicillin", "\ufffd\ufffd") }},
	{"UTF-16 read as UTF-8", true, func(s string) string { return strings.Join(strings.Split(s, ""), "\x00") }},
	{"XML", true, func(string) string { return `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "MAGNOLIA">]><a>&b;</a>` }},
	{"noncharacters", false, func(s string) string { return strings.Replace(s, "Penicillin G", "\ufffe\uffff\U0010ffff", 1) }},
}

// bytesOf are what no protobuf library would send: a text that is no UTF-8.
var bytesOf = []string{"\xff\xfe", "{\"resourceType\":\"Bundle\xc0\xaf\"}", "MSH|^~\\&|\xe9\xe8", "\xed\xa0\x80"}

func encoding(m *maker) attack {
	if m.number%10 == 9 {
		return attack{name: "no UTF-8", wire: inTurn(m, bytesOf) + " MAGNOLIA", refused: true}
	}
	e := inTurn(m, encodings)
	return attack{name: e.name, source: fhirOf(e.do(ordinary(m).json())), refused: e.refused}
}

// references lead in circles, nowhere, or to another patient.
func references(m *maker) attack { return twisted(m, circles) }

func reference(id any) obj { return obj{"reference": fmt.Sprintf("Observation/%v", id)} }

var circles = []twist{
	{"readings that group each other", false, func(_ *maker, b *bundle) {
		all := b.resources("Observation")
		for i, o := range all {
			o["hasMember"] = list{reference(all[(i+1)%len(all)]["id"])}
		}
	}},
	{"a reading made from itself", false, func(_ *maker, b *bundle) {
		o := b.first("Observation")
		o["derivedFrom"], o["hasMember"] = list{reference(o["id"])}, list{reference(o["id"])}
	}},
	{"a stay within itself", false, func(_ *maker, b *bundle) {
		e := b.first("Encounter")
		e["partOf"] = obj{"reference": "Encounter/" + e["id"].(string)}
	}},
	{"references to nothing", false, func(_ *maker, b *bundle) {
		o := b.first("Observation")
		o["encounter"], o["device"] = obj{"reference": "Encounter/none"}, obj{"reference": "#none"}
	}},
	{"a reading of somebody else", false, func(m *maker, b *bundle) {
		b.reading(tests[0], tests[0].draw(m), b.at(1))["subject"] = obj{"reference": "Patient/somebody"}
	}},
	{"the same id twice", false, func(_ *maker, b *bundle) {
		all := b.resources("Observation")
		all[1]["id"] = all[0]["id"]
	}},
	{"the same reading twice", false, func(_ *maker, b *bundle) { b.add(b.first("Observation")) }},
	{"one id for all", false, func(_ *maker, b *bundle) {
		for _, o := range b.resources("Observation") {
			o["id"] = "same"
		}
	}},
	{"contained in itself", false, func(_ *maker, b *bundle) {
		b.first("Observation")["contained"] = list{obj{
			"resourceType": "Observation", "id": "in", "status": "final", "code": obj{"text": "x"}, "hasMember": list{obj{"reference": "#in"}},
		}}
	}},
	{"absolute references", false, func(_ *maker, b *bundle) {
		b.first("Observation")["subject"] = obj{"reference": "https://example.org/fhir/Patient/p?x=MAGNOLIA"}
	}},
	{"a chain of 500", false, func(m *maker, b *bundle) {
		for i := range 500 {
			b.reading(tests[0], tests[0].draw(m), minutes(b, i))["derivedFrom"] = list{reference(fmt.Sprintf("r%d", b.n-1))}
		}
	}},
}
