package fhir_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
)

// export makes the lines of one file, written with ' for ".
func export(name string, resources ...string) []fhir.Line {
	out := make([]fhir.Line, len(resources))
	for i, s := range resources {
		out[i] = fhir.Line{Name: name, Number: i + 1, Text: []byte(strings.ReplaceAll(s, "'", `"`))}
	}
	return out
}

func TestGlance(t *testing.T) {
	const uuid = "0b5d1f7e-1c9a-4f0e-9d57-3f6a3c1b2a10"
	for in, want := range map[string]fhir.Resource{
		`{'resourceType':'Patient','id':'p','link':[{'other':{'reference':'Patient/q'}}]}`: {Type: "Patient", ID: "p", Patient: "p"},
		`{'subject':{'reference':'Patient/p'},'id':'o','resourceType':'Observation'}`:      {Type: "Observation", ID: "o", Patient: "p"},
		`{'resourceType':'AllergyIntolerance','patient':{'reference':'http://a.example/fhir/Patient/p/_history/3'}}`: {
			Type: "AllergyIntolerance", Patient: "p"},
		`{'resourceType':'Observation','subject':{'display':'x','reference':'urn:uuid:` + uuid + `'}}`:                                                       {Type: "Observation", Patient: uuid},
		`{'resourceType':'Observation','subject':{'reference':'Group/g'}}`:                                                                                   {Type: "Observation"},
		`{'resourceType':'Observation','subject':{'reference':'#p'},'contained':[{'resourceType':'Patient','id':'p'}]}`:                                      {Type: "Observation"},
		`{'resourceType':'Observation','subject':{'identifier':{}}}`:                                                                                         {Type: "Observation"},
		`{'resourceType':'Device','id':'d'}`:                                                                                                                 {Type: "Device", ID: "d"},
		`{'resourceType':'Coverage','id':'c','beneficiary':{'reference':'Patient/p'}}`:                                                                       {Type: "Coverage", ID: "c", Patient: "p"},
		`{'resourceType':'Account','subject':[{'reference':'Patient/p'}]}`:                                                                                   {Type: "Account"},
		`{'resourceType':'List','entry':[{'resource':{'resourceType':'Patient','id':'q'}}],'subject':{'reference':'Patient/p'}}`:                             {Type: "List", Patient: "p"},
		`{'resourceType':'Bundle','id':'b','entry':[{'resource':` + obs(`'id':'o'`) + `},{'resource':{'resourceType':'Patient','id':'p'}}]}`:                 {Type: "Bundle", ID: "b", Patient: "p"},
		`{'entry':[{'resource':{'resourceType':'Patient'},'fullUrl':'urn:uuid:` + uuid + `'},{'resource':` + obs(`'id':'o'`) + `}],'resourceType':'Bundle'}`: {Type: "Bundle", Patient: uuid},
		`{'resourceType':'Bundle','entry':[{'resource':{'resourceType':'Device','id':'d'}},{'resource':` + obs(`'id':'o'`) + `}]}`:                           {Type: "Bundle", Patient: "p"},
	} {
		got, err := fhir.Glance(export("x.ndjson", in)[0], fhir.Limits{})
		require.NoError(t, err, in)
		require.Equal(t, want, got, in)
	}
	require.True(t, fhir.Resource{Type: "Medication", ID: "m"}.Shared())
	require.False(t, fhir.Resource{Type: "Device", ID: "d", Patient: "p"}.Shared())
	require.False(t, fhir.Resource{Type: "Location", ID: "l"}.Shared())
}

func TestAGlanceNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ in, path, msg string }{
		{``, "x.ndjson:17", "malformed JSON at line 17, column 1: expected a value"},
		{`{'a':'é' 1}`, "x.ndjson:17", "malformed JSON at line 17, column 10: expected a comma"},
		{`{} {}`, "x.ndjson:17", "malformed JSON at line 17, column 4: unexpected data"},
		{`{'resourceType':'Observation','subject':{'reference':'Patient/p'`, "x.ndjson:17", "column 65: expected a comma or '}', got the end"},
		{"{'a':'\xff'}", "x.ndjson:17", "invalid UTF-8 at byte 6"},
		{`[]`, "x.ndjson:17: Resource", "expected an object, got an array"},
		{`{}`, "x.ndjson:17: Resource.resourceType", "required"},
		{`{'resourceType':'John Smith'}`, "x.ndjson:17: Resource.resourceType", "not a resource type's name"},
		{`{'resourceType':'Patient','id':7}`, "x.ndjson:17: Patient.id", "expected a string, got a number"},
		{`{'id':'John Smith','resourceType':'Patient'}`, "x.ndjson:17: Patient.id", "expected 1 to 64 letters"},
		{`{'resourceType':'Patient','id':'p','id':'q'}`, "x.ndjson:17: Patient.id", "field filed twice"},
		{`{'resourceType':'Observation','subject':'Patient/p'}`, "x.ndjson:17: Observation.subject", "expected an object, got a string"},
		{`{'resourceType':'Observation','subject':{'reference':'John Smith'}}`, "x.ndjson:17: Observation.subject.reference", "not a FHIR reference"},
		{`{'resourceType':'Bundle','entry':[{},{'resource':{'resourceType':'Procedure','subject':{'reference':'John Smith'}}}]}`,
			"x.ndjson:17: Bundle.entry[1].resource.subject.reference", "not a FHIR reference"},
	} {
		l := export("x.ndjson", c.in)[0]
		l.Number = 17
		got, err := fhir.Glance(l, fhir.Limits{})
		var invalid *record.InvalidError
		require.ErrorAs(t, err, &invalid, c.in)
		require.Zero(t, got)
		require.Equal(t, c.path, invalid.Violations[0].Path, c.in)
		require.Contains(t, invalid.Violations[0].Message, c.msg, c.in)
		require.NotContains(t, invalid.Error(), "John", "patient text in a message")
	}
	for what, lim := range map[string]fhir.Limits{
		"bytes in a line": {Bytes: 20}, "entries": {Entries: 1}, "nesting levels": {Depth: 3},
	} {
		_, err := fhir.Glance(export("x.ndjson", `{'resourceType':'Bundle','entry':[{},{'a':[]}]}`)[0], lim)
		var limit *record.LimitError
		require.ErrorAs(t, err, &limit, what)
		require.Equal(t, "x.ndjson:1", limit.Path)
		require.Equal(t, what, limit.What)
	}
}

func TestResourcesOfOnePatientAreOneRecord(t *testing.T) {
	const uuid = "0b5d1f7e-1c9a-4f0e-9d57-3f6a3c1b2a10"
	const about = `'status':'final','code':{'text':'x'},'subject':{'reference':'urn:uuid:` + uuid + `'}`
	lines := append(export("Observation.ndjson",
		`{'resourceType':'Observation','id':'a',`+about+`,'effectiveDateTime':'2026-01-01','device':{'reference':'Device/d'},'encounter':{'reference':'Encounter/e'}}`,
		`{'resourceType':'Observation','id':'b',`+about+`,'effectiveDateTime':'2026-01-01','device':{'reference':'Device/d'},'encounter':{'reference':'Encounter/e'}}`,
		`{'resourceType':'Observation',`+about+`,'hasMember':[{'reference':'https://a.example/fhir/Observation/a'}]}`,
		`{'resourceType':'Goal','subject':{'reference':'Patient/`+uuid+`'}}`,
	), export("Other.ndjson",
		`{'resourceType':'Patient','id':'`+uuid+`','gender':'male'}`,
		`{'resourceType':'Encounter','id':'e','status':'finished','class':{'code':'IMP'},'subject':{'reference':'Patient/`+uuid+`'}}`,
		`{'resourceType':'MedicationRequest','id':'r','status':'active','intent':'order','subject':{'reference':'Patient/`+uuid+`'},'medicationReference':{'reference':'Medication/m'}}`,
		`{'resourceType':'Bundle','type':'collection','entry':[{'fullUrl':'urn:uuid:`+uuid+`','resource':{'resourceType':'Patient','gender':'male'}},
			{'resource':{'resourceType':'Procedure','id':'c','status':'completed','subject':{'reference':'urn:uuid:`+uuid+`'}}}]}`)...)
	shared := fhir.NewShared(fhir.Limits{})
	for _, l := range export("Shared.ndjson", `{'resourceType':'Device','id':'d','type':{'text':'monitor'}}`, `{'resourceType':'Device','id':'other'}`,
		`{'resourceType':'Medication','id':'m','code':{'text':'heparin'}}`) {
		res, err := fhir.Glance(l, fhir.Limits{})
		require.NoError(t, err)
		require.True(t, res.Shared())
		require.NoError(t, shared.Add(l, res))
		require.NoError(t, shared.Add(l, res), "the same again")
	}
	rec, err := fhir.ParseResources(lines, shared, fhir.Limits{})
	require.NoError(t, err)
	require.Equal(t, record.Patient{ID: uuid, Sex: "male"}, rec.Patient)
	require.Len(t, rec.Observations, 2, "one was sent twice")
	require.Equal(t, "d", rec.Observations[0].DeviceID)
	require.Equal(t, "e", rec.Observations[0].EncounterID)
	require.Equal(t, "observation-2", rec.Observations[1].ID)
	require.Equal(t, []string{"a"}, rec.Observations[1].Members)
	require.Len(t, rec.Devices, 1, "only what is named")
	require.Equal(t, "monitor", rec.Devices[0].Type.Text)
	require.Equal(t, "heparin", rec.Medications[0].Code.Label())
	require.Len(t, rec.Procedures, 1)
	require.Equal(t, map[string]int{"Goal": 1}, rec.Skipped)
	require.Equal(t, []record.Notice{
		{Path: "Observation.ndjson:2: Observation", Kind: record.NoticeDuplicate, Message: "the same reading as Observation.ndjson:1, kept once"},
		{Path: "Observation.ndjson:4: Goal", Kind: record.NoticeUnknownResource, Message: "resources of type Goal are not read"},
		{Path: "Other.ndjson:4: Bundle.entry[0].resource", Kind: record.NoticeDuplicate, Message: "the same resource as Other.ndjson:1, kept once"},
	}, rec.Notices)
}

func TestAllThatIsWrongInTheLinesIsNamed(t *testing.T) {
	lines := export("Observation.ndjson",
		`{'resourceType':'Observation','id':'a','status':'final','code':{'text':'x'},'subject':{'reference':'Patient/p'},'valueQuantity':7}`,
		`{'resourceType':'Observation'`,
		"{'a':'\xff'}",
		`{'id':'x'}`,
		`{'resourceType':'Procedure','id':'x','status':'completed','subject':{'reference':'Patient/q'}}`,
		`{'resourceType':'Observation','id':'a','status':'final','code':{'text':'y'}}`,
		`{'resourceType':'Bundle','type':'batch','entry':[]}`,
		`{'resourceType':'Bundle','type':'batch','entry':[{'resource':{'resourceType':'Immunization'}}]}`)
	_, err := fhir.ParseResources(lines, nil, fhir.Limits{})
	var invalid *record.InvalidError
	require.ErrorAs(t, err, &invalid)
	var got []string
	for _, v := range invalid.Violations {
		got = append(got, strings.TrimPrefix(v.Path, "Observation.ndjson:"))
	}
	require.Equal(t, []string{"2", "3", "4: Resource.resourceType", "6: Observation.id", "7: Bundle", "1: Observation.valueQuantity",
		"5: Procedure.subject.reference", "8: Bundle.entry[0].resource.status", "8: Bundle.entry[0].resource.vaccineCode",
		"8: Bundle.entry[0].resource.occurrence[x]", "8: Bundle.entry[0].resource.patient"}, got)
	require.Contains(t, invalid.Violations[3].Message, "the id of Observation.ndjson:1, whose content differs")

	for _, c := range []struct {
		path, what string
		lim        fhir.Limits
	}{
		{"Observation.ndjson:1", "bytes about one patient", fhir.Limits{Bytes: 50}},
		{"Observation.ndjson:5", "entries", fhir.Limits{Entries: 1}},
		{"Observation.ndjson:1", "values", fhir.Limits{Values: 5}},
		{"Observation.ndjson:1", "nesting levels", fhir.Limits{Depth: 1}},
	} {
		_, err := fhir.ParseResources(lines, nil, c.lim)
		var limit *record.LimitError
		require.ErrorAs(t, err, &limit)
		require.Equal(t, c.what, limit.What)
		require.Equal(t, c.path, limit.Path)
	}
	_, err = fhir.ParseResources(nil, nil, fhir.Limits{})
	require.ErrorAs(t, err, &invalid)
}

func TestSharedResourcesAreBounded(t *testing.T) {
	add := func(s *fhir.Shared, n int) error {
		l := export("Device.ndjson", fmt.Sprintf(`{'resourceType':'Device','id':'d%d'}`, n))[0]
		return s.Add(l, fhir.Resource{Type: "Device", ID: fmt.Sprintf("d%d", n)})
	}
	for what, lim := range map[string]fhir.Limits{"shared resources": {Entries: 1}, "bytes of shared resources": {Bytes: 50}} {
		s := fhir.NewShared(lim)
		require.NoError(t, add(s, 1))
		var limit *record.LimitError
		require.ErrorAs(t, add(s, 2), &limit)
		require.Equal(t, what, limit.What)
	}
	s := fhir.NewShared(fhir.Limits{})
	l := export("Device.ndjson", `{'resourceType':'Device','id':'d'}`, `{'resourceType':'Device','id':'d','type':{'text':'x'}}`)
	for i := range l {
		require.NoError(t, s.Add(l[i], fhir.Resource{Type: "Device", ID: "d"}))
	}
	_, err := fhir.ParseResources(export("o.ndjson", obs(`'device':{'reference':'Device/d'}`)), s, fhir.Limits{})
	var invalid *record.InvalidError
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "Device.ndjson:2: Device.id", invalid.Violations[0].Path, "two devices under one id")
}

func TestAHistoryAmongTheLinesGivesItsNewestVersions(t *testing.T) {
	history := strings.Replace(string(bundle(
		`{'resourceType':'Observation','id':'o','status':'amended','code':{'text':'x'},`+me+`,'valueInteger':2}`,
		`{'resourceType':'Observation','id':'o','status':'final','code':{'text':'x'},`+me+`,'valueInteger':1}`)), "collection", "history", 1)
	rec, err := fhir.ParseResources(export("x.ndjson", history, obs(`'id':'n'`)), nil, fhir.Limits{})
	require.NoError(t, err)
	require.EqualValues(t, 2, *rec.Observations[0].Value.Integer)
	require.Equal(t, "x.ndjson:1: Bundle.entry[1].resource", rec.Notices[0].Path)
	require.Equal(t, "an older version of x.ndjson:1: Bundle.entry[0], left out", rec.Notices[0].Message)

	_, err = fhir.ParseResources(export("x.ndjson", history, `{'resourceType':'Observation','id':'o','status':'final','code':{'text':'x'},`+me+`,'valueInteger':3}`), nil, fhir.Limits{})
	var invalid *record.InvalidError
	require.ErrorAs(t, err, &invalid, "a line is no part of the history")
	require.Equal(t, "x.ndjson:2: Observation.id", invalid.Violations[0].Path)
}
