package adversarial

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// twist changes an ordinary record.
type twist struct {
	name    string
	refused bool
	do      func(*maker, *bundle)
}

func twisted(m *maker, from []twist) attack {
	t, b := inTurn(m, from), ordinary(m)
	t.do(m, b)
	return attack{name: t.name, source: b.source(), refused: t.refused}
}

var contradictions = []twist{
	{"two patients", false, func(_ *maker, b *bundle) {
		b.add(obj{"resourceType": "Patient", "id": "q", "gender": "male", "birthDate": "2001-01-01"})
	}},
	{"two birth dates of one patient", false, func(_ *maker, b *bundle) {
		b.add(obj{"resourceType": "Patient", "id": "p", "gender": "other", "birthDate": "1901-01-01"})
	}},
	{"leaves before coming", false, func(_ *maker, b *bundle) { b.encounter(60, 0) }},
	{"readings before birth", false, func(_ *maker, b *bundle) { b.first("Patient")["birthDate"] = "2099-12-31" }},
	{"reading long before the stay", false, func(m *maker, b *bundle) { b.reading(tests[0], tests[0].draw(m), "1890-01-01T00:00:00Z") }},
	{"dead and on the ward", false, func(_ *maker, b *bundle) { b.first("Patient")["deceasedBoolean"] = true }},
	{"died before admission", false, func(_ *maker, b *bundle) { b.first("Patient")["deceasedDateTime"] = "1999-01-01" }},
	{"confirmed and ruled out", false, func(_ *maker, b *bundle) { b.condition("I26.99", "Pulmonary embolism", "refuted") }},
	{"ruled out and confirmed", false, func(_ *maker, b *bundle) {
		b.condition("I26.99", "Pulmonary embolism", "refuted")
		b.condition("I26.99", "Pulmonary embolism", "confirmed")
	}},
	{"allergic and not", false, func(_ *maker, b *bundle) { b.allergy("", "No known allergies") }},
	{"gets what she is allergic to", false, func(_ *maker, b *bundle) {
		b.allergy("1191", "Aspirin")
		b.order("1191", "Aspirin")
	}},
	{"pregnant man", false, func(_ *maker, b *bundle) {
		b.first("Patient")["gender"] = "male"
		b.condition("Z33.1", "Pregnant state", "confirmed")
	}},
	{"diastolic above systolic", false, func(_ *maker, b *bundle) {
		part := func(code string, v int) obj {
			return obj{"code": coded(loinc, code, "pressure"), "valueQuantity": obj{"value": v, "unit": "mm[Hg]", "system": ucum, "code": "mm[Hg]"}}
		}
		b.add(obj{
			"resourceType": "Observation", "id": "bp", "status": "final", "subject": subject, "code": coded(loinc, "85354-9", "Blood pressure"),
			"effectiveDateTime": b.at(1), "component": list{part("8480-6", 60), part("8462-4", 120)},
		})
	}},
	{"two values at once", false, func(m *maker, b *bundle) {
		b.reading(tests[0], 40, b.at(1))
		b.reading(tests[0], 180, b.at(1))
	}},
	{"range upside down", false, func(_ *maker, b *bundle) {
		b.first("Observation")["referenceRange"] = list{obj{"low": obj{"value": 9}, "high": obj{"value": 1}}}
	}},
	{"code and words of two drugs", false, func(_ *maker, b *bundle) { b.order("1191", "Ibuprofen") }},
	{"code and words of two measures", false, func(_ *maker, b *bundle) {
		b.reading(test{"2823-3", "Sodium", "mmol/L", 0, 0, 0, false}, 4.4, b.at(1))
	}},
	{"flagged low and far too high", false, func(_ *maker, b *bundle) {
		b.reading(tests[6], 9.9, b.at(1))["interpretation"] = list{obj{"coding": list{obj{"code": "LL"}}}}
	}},
	{"a value and none", false, func(_ *maker, b *bundle) {
		b.reading(tests[6], 4.4, b.at(1))["dataAbsentReason"] = obj{"coding": list{obj{"code": "unknown"}}}
	}},
	{"entered in error", false, func(_ *maker, b *bundle) { b.reading(tests[0], 299, b.at(1))["status"] = "entered-in-error" }},
}

func contradiction(m *maker) attack { return twisted(m, contradictions) }

// odd are values as a careless sender writes them; some are no numbers at all.
var odd = []any{
	-1, 0, json.Number("-0"), -273.15, json.Number("1e308"), json.Number("-1e308"), json.Number("1e-308"), json.Number("1e309"), json.Number("1e999999"),
	json.Number("0.1e-400"), "NaN", "Infinity", "-inf", "12,5", "0x1F", "１２０", "120 or so", true, nil, list{1, 2}, obj{"value": 1}, "",
	json.Number("9007199254740993"), json.Number(strings.Repeat("9", 400)), json.Number("0." + strings.Repeat("3", 300)), json.Number("120.0000000000000000000001"),
}

var strange = []twist{
	{"heart rate in kilograms", false, func(_ *maker, b *bundle) {
		b.reading(test{tests[0].code, "Heart rate", "kg", 0, 0, 0, true}, 80, b.at(1))
	}},
	{"unit without a meaning", false, func(_ *maker, b *bundle) {
		b.reading(test{tests[5].code, "Lactate", "furlong", 0, 0, 0, false}, 2, b.at(1))
	}},
	{"unit and code apart", true, func(_ *maker, b *bundle) {
		b.reading(tests[5], 2, b.at(1))["valueQuantity"] = obj{"value": 80, "unit": "kPa", "system": ucum, "code": "mm[Hg]"}
	}},
	{"fever in Fahrenheit called Celsius", false, func(_ *maker, b *bundle) { b.reading(tests[3], 101.8, b.at(1)) }},
	{"year ten thousand", true, func(m *maker, b *bundle) { b.reading(tests[0], tests[0].draw(m), "10000-01-01T00:00:00Z") }},
	{"year zero", false, func(m *maker, b *bundle) { b.reading(tests[0], tests[0].draw(m), "0000-01-01T00:00:00Z") }},
	{"end of time", false, func(m *maker, b *bundle) { b.reading(tests[0], tests[0].draw(m), "9999-12-31T23:59:59Z") }},
	{"thirtieth of February", true, func(m *maker, b *bundle) { b.reading(tests[0], tests[0].draw(m), "2025-02-30T00:00:00Z") }},
	{"25 o'clock", true, func(m *maker, b *bundle) { b.reading(tests[0], tests[0].draw(m), "2025-02-03T25:00:00Z") }},
	{"no zone", true, func(m *maker, b *bundle) { b.reading(tests[0], tests[0].draw(m), "2025-02-03T05:00:00") }},
	{"zone of 99 hours", true, func(m *maker, b *bundle) { b.reading(tests[0], tests[0].draw(m), "2025-02-03T05:00:00+99:00") }},
	{"born in the future", false, func(_ *maker, b *bundle) { b.first("Patient")["birthDate"] = "3000-01-01" }},
	{"900 years old", false, func(_ *maker, b *bundle) { b.first("Patient")["birthDate"] = "1125-01-01" }},
	{"negative dose", false, func(_ *maker, b *bundle) {
		b.first("MedicationRequest")["dosageInstruction"] = list{obj{"doseAndRate": list{obj{"doseQuantity": obj{"value": -500, "unit": "mg"}}}}}
	}},
	{"dose beyond numbers", false, func(_ *maker, b *bundle) {
		b.first("MedicationRequest")["dosageInstruction"] = list{obj{"doseAndRate": list{obj{"doseQuantity": obj{"value": json.Number("1e300"), "unit": "mg"}}}}}
	}},
	{"waveform of a billion samples a millisecond", false, func(_ *maker, b *bundle) {
		o := b.reading(tests[0], 5, b.at(1))
		delete(o, "valueQuantity")
		o["valueSampledData"] = obj{"origin": obj{"value": 0}, "period": 1e-9, "dimensions": 1, "data": "1 2 E U L 1e308 -1e308"}
	}},
	{"waveform of words", true, func(_ *maker, b *bundle) {
		o := b.reading(tests[0], 5, b.at(1))
		delete(o, "valueQuantity")
		o["valueSampledData"] = obj{"origin": obj{"value": 0}, "period": 4, "dimensions": 1, "data": "one two"}
	}},
	{"status of its own", true, func(m *maker, b *bundle) { b.first("Observation")["status"] = "MAGNOLIA" }},
	{"wrong type", true, func(m *maker, b *bundle) { b.first("Condition")["code"] = "sepsis" }},
	{"list for an object", true, func(m *maker, b *bundle) { b.first("Observation")["code"] = list{obj{"text": "x"}} }},
}

func impossible(m *maker) attack {
	if m.number%2 == 0 {
		m.number /= 2
		return twisted(m, strange)
	}
	m.number /= 2
	b, v := ordinary(m), inTurn(m, odd)
	b.reading(inTurn(m, tests), v, b.at(1))
	return attack{name: fmt.Sprintf("value %.30v", v), source: b.source()}
}

// nothing are sources that say next to nothing.
var nothing = []*bedsidev1.RecordSource{
	nil, {}, fhirOf(""), fhirOf(" "), fhirOf("{}"), fhirOf("[]"), fhirOf("null"), fhirOf("0"), fhirOf(`""`), fhirOf(`{"resourceType":"Bundle"}`),
	fhirOf(`{"resourceType":"Bundle","type":"collection","entry":[]}`), fhirOf(`{"resourceType":"Bundle","type":"collection","entry":[{}]}`),
	fhirOf(`{"resourceType":"Bundle","type":"collection","entry":[null]}`), fhirOf(`{"resourceType":"Patient"}`), fhirOf(`{"resourceType":"Patient","id":"p"}`),
	fhirOf(`{"resourceType":"Patient","id":"p","gender":null,"birthDate":""}`), fhirOf(`{"resourceType":"Observation","status":"final","code":{}}`),
	fhirOf(`{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`), fhirOf(`{"resourceType":"DocumentReference","status":"current"}`),
	hl7Of(""), hl7Of("\r\r\r"), hl7Of(`MSH|^~\&|`), hl7Of(`MSH|^~\&|A|B|C|D|20250101||ORU^R01|1|P|2.6`), hl7Of("PID|1"),
	{Source: &bedsidev1.RecordSource_Record{}}, {Source: &bedsidev1.RecordSource_Record{Record: &bedsidev1.PatientRecord{}}},
	{Source: &bedsidev1.RecordSource_Record{Record: &bedsidev1.PatientRecord{Patient: &bedsidev1.Patient{}}}},
	{Source: &bedsidev1.RecordSource_Record{Record: &bedsidev1.PatientRecord{Patient: &bedsidev1.Patient{Id: "p"}, Observations: []*bedsidev1.Observation{{}}}}},
	{Source: &bedsidev1.RecordSource_Csv{}}, {Source: &bedsidev1.RecordSource_Csv{Csv: &bedsidev1.CsvSource{Data: "a", Mapping: "b"}}},
	{Source: &bedsidev1.RecordSource_Csv{Csv: &bedsidev1.CsvSource{Data: ",,,\n", Mapping: "columns: {}"}}},
	{Source: &bedsidev1.RecordSource_Csv{Csv: &bedsidev1.CsvSource{Data: "MAGNOLIA", Mapping: "&a [*a, *a, 木兰]"}}},
}

var bare = []twist{
	{"no readings", false, func(_ *maker, b *bundle) { b.entries = b.entries[:2] }},
	{"no patient", false, func(_ *maker, b *bundle) { b.entries = b.entries[1:] }},
	{"only a conclusion", false, func(_ *maker, b *bundle) { b.report("see the ward's notes"); b.entries = b.entries[len(b.entries)-1:] }},
	{"values missing", false, func(_ *maker, b *bundle) {
		for _, o := range b.resources("Observation") {
			delete(o, "valueQuantity")
		}
	}},
	{"codes missing", false, func(_ *maker, b *bundle) {
		for _, o := range b.resources("Observation") {
			o["code"] = obj{"text": " "}
		}
	}},
	{"times missing", false, func(_ *maker, b *bundle) {
		for _, o := range b.resources("Observation") {
			delete(o, "effectiveDateTime")
		}
	}},
	{"nothing but nulls", false, func(_ *maker, b *bundle) { b.add(obj{"resourceType": "Observation", "status": nil, "code": nil}) }},
	{"empty texts", false, func(_ *maker, b *bundle) { b.condition("", "", "") }},
}

func empty(m *maker) attack {
	if m.number >= len(nothing) {
		return twisted(m, bare)
	}
	src := nothing[m.number]
	refused := m.number < 13
	return attack{name: fmt.Sprintf("nothing %d", m.number), source: src, refused: refused}
}

func minutes(b *bundle, n int) string {
	return b.start.Add(time.Duration(n) * time.Minute).Format(time.RFC3339)
}

func many(n int, what func(*maker, *bundle, int)) func(*maker, *bundle) {
	return func(m *maker, b *bundle) {
		for i := range n {
			what(m, b, i)
		}
	}
}

func nested(depth int) any {
	var out any = "deep"
	for range depth {
		out = obj{"x": out}
	}
	return out
}

var enormities = []twist{
	{"20,000 readings", false, many(20_000, func(m *maker, b *bundle, i int) { t := tests[i%6]; b.reading(t, t.draw(m), minutes(b, i/6)) })},
	{"text of 900 KB", false, func(_ *maker, b *bundle) { b.report(strings.Repeat(injected(0)+" 心率为12345。", 12_000)) }},
	{"text over a megabyte", false, func(_ *maker, b *bundle) { b.report(strings.Repeat("x", 1<<20+1)) }},
	{"nested 60 deep", false, func(_ *maker, b *bundle) { b.first("Patient")["extension"] = nested(55) }},
	{"nested 5,000 deep", false, func(_ *maker, b *bundle) { b.first("Patient")["extension"] = nested(5000) }},
	{"900 allergies", false, many(900, func(_ *maker, b *bundle, i int) { b.allergy("", fmt.Sprintf("herb %d", i)) })},
	{"5,000 orders", false, many(5000, func(m *maker, b *bundle, _ int) { d := pick(m, drugs...); b.order(d[0], d[1]) })},
	{"3,000 unknown diagnoses", false, many(3000, func(_ *maker, b *bundle, i int) { b.condition("", injected(i), "confirmed") })},
	{"3,000 measures", false, many(3000, func(_ *maker, b *bundle, i int) {
		b.reading(test{fmt.Sprintf("%d-9", i), fmt.Sprintf("measure %d", i), "mmol/L", 0, 0, 0, false}, i, b.at(1))
	})},
	{"2,000 stays", false, many(2000, func(_ *maker, b *bundle, i int) { b.encounter(float64(-24*i), float64(-24*i+3)) })},
	{"500 components", false, func(m *maker, b *bundle) {
		var parts list
		for range 500 {
			parts = append(parts, obj{"code": coded(loinc, "8480-6", "x"), "valueQuantity": obj{"value": 120}})
		}
		b.first("Observation")["component"] = parts
	}},
	{"10,000 codings", false, func(_ *maker, b *bundle) {
		var codings list
		for i := range 10_000 {
			codings = append(codings, obj{"system": "urn:x", "code": fmt.Sprint(i)})
		}
		b.first("Condition")["code"] = obj{"coding": codings}
	}},
	{"a waveform of 200,000 samples", false, func(_ *maker, b *bundle) {
		o := b.reading(tests[0], 5, b.at(1))
		delete(o, "valueQuantity")
		o["valueSampledData"] = obj{"origin": obj{"value": 0, "unit": "mV"}, "period": 4, "dimensions": 1, "data": strings.Repeat("12 -7 ", 100_000)}
	}},
	{"4,000 doses", false, many(4000, func(_ *maker, b *bundle, i int) {
		b.add(obj{
			"resourceType": "MedicationAdministration", "id": b.id(), "status": "completed", "subject": subject, "effectiveDateTime": minutes(b, i),
			"medicationCodeableConcept": coded(rxnorm, "7052", "Morphine"), "dosage": obj{"dose": obj{"value": 2, "unit": "mg", "system": ucum, "code": "mg"}},
		})
	})},
	{"long identifiers", false, func(_ *maker, b *bundle) { b.first("Condition")["id"] = strings.Repeat("a", 100_000) }},
}

func enormous(m *maker) attack {
	out := twisted(m, enormities)
	out.large = true
	return out
}
