package fhir_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
)

func violations(t *testing.T, data []byte) []record.Violation {
	t.Helper()
	rec, err := fhir.Parse(data, fhir.Limits{})
	require.Nil(t, rec, "nothing is returned beside an error")
	var invalid *record.InvalidError
	require.ErrorAs(t, err, &invalid)
	return invalid.Violations
}

// TestViolations puts one fault into a resource; path is below the resource.
func TestViolations(t *testing.T) {
	loinc := func(code string) string {
		return `{'resourceType':'Observation','status':'final','code':{'coding':[{'system':'http://loinc.org','code':'` + code + `'}]},`
	}
	admin := func(rest string) string {
		return `{'resourceType':'MedicationAdministration','status':'completed',` + rest + `,` + me + `}`
	}
	for _, c := range []struct{ in, path, msg string }{
		{obs(`'status':5`), "status", "filed twice"},
		{strings.Replace(obs(`'id':'x'`), "'final'", "5", 1), "status", "expected a string, got a number"},
		{strings.Replace(obs(`'id':'x'`), "'final'", "null", 1), "status", "expected a string, got null"},
		{strings.Replace(obs(`'id':'x'`), "'final'", "''", 1), "status", "empty"},
		{obs(`'id':'no spaces'`), "id", "letters, digits"},
		{obs(`'category':[]`), "category", "at least one"},
		{obs(`'category':[3]`), "category[0]", "expected an object, got a number"},
		{obs(`'category':[{}]`), "category[0]", "needs a coding or a text"},
		{obs(`'category':[{'coding':[{'code':' x'}]}]`), "category[0].coding[0].code", "space"},
		{obs(`'valueString':'a\u0000b'`), "valueString", "control character at byte 1"},
		{obs(`'valueString':['a']`), "valueString", "expected a string, got an array"},
		{obs(`'valueAttachment':{}`), "valueAttachment", "not a type of value[x] here"},
		{obs(`'valueInteger':1.5`), "valueInteger", "whole number"},
		{obs(`'valueInteger':3000000000`), "valueInteger", "32 bits"},
		{obs(`'valueBoolean':'true'`), "valueBoolean", "expected a boolean, got a string"},
		{obs(`'valueTime':'7 o clock'`), "valueTime", "hh:mm:ss"},
		{obs(`'valueCodeableConcept':'x'`), "valueCodeableConcept", "expected an object, got a string"},
		{obs(`'valueQuantity':{'unit':'mg'}`), "valueQuantity.value", "required"},
		{obs(`'valueQuantity':{'value':1e999}`), "valueQuantity.value", "not a decimal"},
		{obs(`'valueQuantity':{'value':1,'comparator':'='}`), "valueQuantity.comparator", "expected one of <, <=, >= or >"},
		{obs(`'valueQuantity':{'value':1,'code':'mg'}`), "valueQuantity.system", "required where a code is given"},
		{obs(`'valueQuantity':{'value':1,'unit':'mg/dL','system':'http://unitsofmeasure.org','code':'mmol/L'}`), "valueQuantity.unit", "contradicts"},
		{obs(`'component':[{'code':{'text':'x'},'valueQuantity':{'value':1,'unit':'mmHg','system':'http://unitsofmeasure.org','code':'kPa'}}]`), "component[0].valueQuantity.unit", "contradicts"},
		{obs(`'component':[{'valueInteger':1}]`), "component[0].code", "required"},
		{obs(`'valueRatio':{'numerator':{'value':1}}`), "valueRatio", "both a numerator and a denominator"},
		{obs(`'valueRange':{'low':{'value':5},'high':{'value':1}}`), "valueRange", "low is greater than high"},
		{obs(`'referenceRange':[{}]`), "referenceRange[0]", "needs a low"},
		{obs(`'referenceRange':[{'low':{'value':1,'comparator':'<'}}]`), "referenceRange[0].low.comparator", "not allowed"},
		{obs(`'valueInteger':1,'dataAbsentReason':{'text':'x'}`), "dataAbsentReason", "not allowed beside a value"},
		{obs(`'effectivePeriod':{'start':'2026-02-01','end':'2026-01-01'}`), "effectivePeriod", "end is before start"},
		{obs(`'effectiveDateTime':'2026-01-01T10:00:00'`), "effectiveDateTime", "not a FHIR dateTime"},
		{obs(`'effectiveDateTime':'2026-02-30'`), "effectiveDateTime", "not a FHIR dateTime"},
		{obs(`'effectiveDateTime':'2026-01-01T10:00:00,5Z'`), "effectiveDateTime", "not a FHIR dateTime"},
		{obs(`'effectiveInstant':'2026-01-01'`), "effectiveInstant", "not a FHIR instant"},
		{obs(`'effectiveDateTime':'2026','effectivePeriod':{}`), "effectivePeriod", "a second effective[x]"},
		{obs(`'valueSampledData':{'period':8,'dimensions':1}`), "valueSampledData.origin", "required"},
		{obs(`'valueSampledData':{'origin':{'value':0},'period':0,'dimensions':1}`), "valueSampledData.period", "above 0"},
		{obs(`'valueSampledData':{'origin':{'value':0},'period':8,'dimensions':0}`), "valueSampledData.dimensions", "above 0"},
		{obs(`'valueSampledData':{'origin':{'value':0},'period':8,'dimensions':2,'data':'1 2 3'}`), "valueSampledData.data", "3 samples do not fill 2 dimensions"},
		{obs(`'valueSampledData':{'origin':{'value':0},'period':8,'dimensions':1,'data':'1 inf'}`), "valueSampledData.data", "sample 1"},
		{obs(`'device':{}`), "device", "needs a reference"},
		{obs(`'device':{'reference':'Patient/p'}`), "device.reference", "another type"},
		{obs(`'device':{'reference':'#d'}`), "device.reference", "names no resource"},
		{obs(`'device':{'reference':'urn:uuid:0b5d1f7e-1c9a-4f0e-9d57-3f6a3c1b2a10'}`), "device.reference", "names no resource"},
		{obs(`'device':{'reference':'urn:uuid:12'}`), "device.reference", "not a FHIR reference"},
		{obs(`'contained':[{'resourceType':'Device'}]`), "contained[0].id", "required"},
		{obs(`'contained':[{'resourceType':'Device','id':'d'},{'resourceType':'Device','id':'d'}]`), "contained[1].id", "another contained"},
		{loinc("8867-4") + `'valueQuantity':{'value':1,'unit':'mmol/L'}}`, "valueQuantity.unit", "cannot measure"},
		{loinc("2524-7") + `'valueQuantity':{'value':1,'system':'http://unitsofmeasure.org','code':'mm[Hg]'}}`, "valueQuantity.code", "cannot measure"},
		{`{'resourceType':'Observation','status':'final','code':{'text':'x'},'subject':{'reference':'Device/p'}}`, "subject.reference", "Patient"},
		{`{'resourceType':'Patient','id':'q'}`, "", "a second Patient"},
		{`{'resourceType':'John Smith'}`, "resourceType", "not a resource type's name"},
		{`{'id':'x'}`, "resourceType", "required"},
		{`{'resourceType':'Encounter','status':'finished'}`, "class", "required"},
		{`{'resourceType':'Encounter','class':{'code':'IMP'}}`, "status", "required"},
		{`{'resourceType':'Device','status':'broken'}`, "status", `unknown code: expected`},
		{`{'resourceType':'Device','deviceName':[{'type':'model-name'}]}`, "deviceName[0].name", "required"},
		{`{'resourceType':'Condition'}`, "subject", "required"},
		{`{'resourceType':'Condition','clinicalStatus':{'coding':[{'code':'John Smith'}]},` + me + `}`, "clinicalStatus.coding[0].code", "expected one of active"},
		{`{'resourceType':'AllergyIntolerance'}`, "patient", "required"},
		{`{'resourceType':'AllergyIntolerance','patient':{'reference':'Patient/p'},'reaction':[{'severity':'mild'}]}`, "reaction[0].manifestation", "required"},
		{`{'resourceType':'Procedure',` + me + `}`, "status", "required"},
		{`{'resourceType':'Immunization','status':'completed','vaccineCode':{'text':'x'},'patient':{'reference':'Patient/p'}}`, "occurrence[x]", "required"},
		{`{'resourceType':'DiagnosticReport','status':'final'}`, "code", "required"},
		{`{'resourceType':'DiagnosticReport','status':'final','code':{'text':'x'},'issued':'2026'}`, "issued", "instant"},
		{`{'resourceType':'MedicationRequest','status':'active','medicationCodeableConcept':{'text':'x'},` + me + `}`, "intent", "required"},
		{admin(`'medicationCodeableConcept':{'text':'x'}`), "effective[x]", "required"},
		{admin(`'effectiveDateTime':'2026'`), "medication[x]", "required"},
		{admin(`'effectiveDateTime':'2026','medicationReference':{'reference':'Device/d'}`), "medicationReference.reference", "expected a reference to Medication"},
	} {
		got := violations(t, bundle(patient, c.in))
		want := strings.TrimSuffix("Bundle.entry[1].resource."+c.path, ".")
		require.Equal(t, want, got[0].Path, "%s: %v", c.in, got)
		require.Contains(t, got[0].Message, c.msg, c.in)
		require.NotContains(t, got[0].Message, "John", "patient text in a message")
	}
}

func TestPatientsAndEnvelopes(t *testing.T) {
	for in, want := range map[string]record.Violation{
		`{"resourceType":"Patient","birthDate":"2026-01-01T00:00:00Z"}`:                      {Path: "Patient.birthDate", Message: "not a FHIR date"},
		`{"resourceType":"Patient","deceasedBoolean":1}`:                                     {Path: "Patient.deceasedBoolean", Message: "expected a boolean"},
		`{"resourceType":"Goal"}`:                                                            {Path: "Goal.resourceType", Message: "expected Bundle or one of Patient"},
		`[]`:                                                                                 {Path: "Bundle", Message: "expected an object, got an array"},
		`{"resourceType":"Bundle","type":"message","entry":[{}]}`:                            {Path: "Bundle.type", Message: "one of collection"},
		`{"resourceType":"Bundle","type":"batch","entry":{}}`:                                {Path: "Bundle.entry", Message: "expected an array"},
		`{"resourceType":"Bundle","type":"batch","entry":[]}`:                                {Path: "Bundle", Message: "empty record"},
		`{"resourceType":"Bundle","type":"batch","entry":[7]}`:                               {Path: "Bundle.entry[0]", Message: "expected an object"},
		`{"resourceType":"Bundle","type":"batch","entry":[{}]}`:                              {Path: "Bundle.entry[0]", Message: "needs a resource"},
		`{"resourceType":"Bundle","type":"batch","type":"batch","entry":[]}`:                 {Path: "Bundle.type", Message: "filed twice"},
		"{\"a\":\n  \"中文\", x}":                                                              {Path: "Bundle", Message: "line 2, column 9"},
		`{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"DELETE"}}]}`: {Path: "Bundle", Message: "empty record: no resource"},
	} {
		got := violations(t, []byte(in))[0]
		require.Equal(t, want.Path, got.Path, in)
		require.Contains(t, got.Message, want.Message, in)
	}
	two := bundle(`{'resourceType':'Observation','status':'final','code':{'text':'x'},'subject':{'reference':'Patient/a'}}`,
		`{'resourceType':'Observation','status':'final','code':{'text':'y'},'subject':{'reference':'Patient/b'}}`)
	require.Equal(t, "Bundle.entry[1].resource.subject.reference", violations(t, two)[0].Path, "two patients and no Patient")
}

func TestAllViolationsAreCollectedUpToALimit(t *testing.T) {
	two := violations(t, bundle(patient, `{'resourceType':'Observation','valueInteger':'x'}`, `{'resourceType':'Procedure'}`))
	require.Len(t, two, 5, "%v", two)
	many := make([]string, 50)
	for i := range many {
		many[i] = `{'resourceType':'Procedure'}`
	}
	require.Len(t, violations(t, bundle(many...)), 20)
}

func TestNoticesAreBounded(t *testing.T) {
	many := make([]string, 30)
	for i := range many {
		many[i] = obs(`'valueQuantity':{'value':1,'unit':'zorks'}`)
	}
	rec, err := fhir.Parse(bundle(many...), fhir.Limits{Notices: 10})
	require.NoError(t, err)
	require.Len(t, rec.Notices, 11)
	require.Equal(t, record.Notice{Path: "Bundle", Kind: record.NoticeMore, Message: "20 more notices left out"}, rec.Notices[10])
}

func TestLimits(t *testing.T) {
	nested := `{"resourceType":"Patient","x":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`
	text := obs(`'valueString':'` + strings.Repeat("a", 100) + `'`)
	wave := obs(`'valueSampledData':{'origin':{'value':0},'period':8,'dimensions':1,'data':'` + strings.Repeat("1 ", 100) + `'}`)
	codings := obs(`'category':[{'coding':[` + strings.Repeat(`{'code':'x'},`, 50) + `{'code':'x'}]}]`)
	contained := obs(`'contained':[{'resourceType':'Goal','id':'a'},{'resourceType':'Goal','id':'b'}]`)
	for _, c := range []struct {
		what, path string
		limit      int64
		data       []byte
		limits     fhir.Limits
	}{
		{"bytes", "Bundle", 100, bundle(patient, text), fhir.Limits{Bytes: 100}},
		{"entries", "Bundle", 1, bundle(patient, text), fhir.Limits{Entries: 1}},
		{"nesting levels", "Bundle", 64, []byte(nested), fhir.Limits{}},
		{"values", "Bundle.entry[2]", 12, bundle(patient, text, codings), fhir.Limits{Values: 12}},
		{"bytes in a text", "Bundle.entry[1].resource.valueString", 50, bundle(patient, text), fhir.Limits{StringBytes: 50}},
		{"samples", "Bundle.entry[1].resource.valueSampledData.data", 99, bundle(patient, wave), fhir.Limits{Samples: 99, StringBytes: 50}},
		{"codings", "Bundle.entry[1].resource.category[0].coding", 50, bundle(patient, codings), fhir.Limits{}},
		{"contained resources", "Bundle.entry[1].resource.contained", 1, bundle(patient, contained), fhir.Limits{Contained: 1}},
	} {
		_, err := fhir.Parse(c.data, c.limits)
		var limit *record.LimitError
		require.ErrorAs(t, err, &limit, c.what)
		require.Equal(t, record.LimitError{Path: c.path, What: c.what, Limit: c.limit}, *limit)
	}
	_, err := fhir.Parse(bundle(patient, wave), fhir.Limits{Samples: 100, StringBytes: 50})
	require.NoError(t, err, "a waveform is bounded by its samples, not as a text")
}

// counting counts what is read of an endless text.
type counting struct{ n int64 }

func (c *counting) Read(p []byte) (int, error) {
	fill(p, ' ')
	c.n += int64(len(p))
	return len(p), nil
}

// fill doubles what is there: byte by byte, 64 MiB take seconds under the race detector.
func fill(p []byte, b byte) {
	if len(p) == 0 {
		return
	}
	p[0] = b
	for n := 1; n < len(p); n *= 2 {
		copy(p[n:], p[:n])
	}
}

func TestReadStopsAtTheLimit(t *testing.T) {
	endless := &counting{}
	_, err := fhir.Read(endless, fhir.Limits{})
	var limit *record.LimitError
	require.ErrorAs(t, err, &limit)
	require.Equal(t, record.LimitError{Path: "Bundle", What: "bytes", Limit: 64 << 20}, *limit)
	require.LessOrEqual(t, endless.n, int64(64<<20+1))

	broken := errors.New("line is dead")
	_, err = fhir.Read(io.MultiReader(bytes.NewReader([]byte("{")), failing{broken}), fhir.Limits{})
	require.ErrorIs(t, err, broken)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
