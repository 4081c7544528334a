package fhir_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
)

// bundle puts resources, written with ' for ", into a collection.
func bundle(resources ...string) []byte {
	entries := make([]string, len(resources))
	for i, s := range resources {
		entries[i] = `{"resource":` + strings.ReplaceAll(s, "'", `"`) + `}`
	}
	return []byte(`{"resourceType":"Bundle","type":"collection","entry":[` + strings.Join(entries, ",") + `]}`)
}

const (
	patient = `{'resourceType':'Patient','id':'p'}`
	me      = `'subject':{'reference':'Patient/p'}`
)

// read reads a patient with the given resources.
func read(t *testing.T, resources ...string) *record.PatientRecord {
	t.Helper()
	rec, err := fhir.Parse(bundle(append([]string{patient}, resources...)...), fhir.Limits{})
	require.NoError(t, err)
	return rec
}

// obs is an observation with more fields.
func obs(fields string) string {
	return `{'resourceType':'Observation','status':'final','code':{'text':'x'},` + me + `,` + fields + `}`
}

func TestEveryTypeOfValueIsRead(t *testing.T) {
	for in, want := range map[string]string{
		`'valueQuantity':{'value':7.40,'comparator':'<','unit':'pH'}`: ".Quantity.Value = 7.40 (7.4)\n.Quantity.Comparator = <\n.Quantity.Unit = pH\n",
		`'valueCodeableConcept':{'text':'3+'}`:                        ".Concept.Text = 3+\n",
		`'valueString':'clear'`:                                       ".Text = clear\n",
		`'valueBoolean':true`:                                         ".Bool = true\n",
		`'valueInteger':-3`:                                           ".Integer = -3\n",
		`'valueRange':{'low':{'value':3.50,'unit':'mg'},'high':{'value':5,'unit':'mg'}}`:         ".Text = 3.50 to 5 mg\n",
		`'valueRange':{'high':{'value':5,'unit':'mg'}}`:                                          ".Text = <= 5 mg\n",
		`'valueRatio':{'numerator':{'value':1},'denominator':{'value':128}}`:                     ".Text = 1:128\n",
		`'valueRatio':{'numerator':{'value':2,'unit':'g'},'denominator':{'value':4,'unit':'L'}}`: ".Text = 2 g / 4 L\n",
		`'valueTime':'07:30:00'`:                                  ".Text = 07:30:00\n",
		`'valueDateTime':'2026-03'`:                               ".Text = 2026-03\n",
		`'valuePeriod':{'start':'2026-03-01','end':'2026-03-02'}`: ".Text = 2026-03-01 to 2026-03-02\n",
		`'valueSampledData':{'origin':{'value':-5,'unit':'uV'},'period':8,'factor':0.5,'dimensions':2,'data':'1 E L U -2.5 3e1'}`: ".Sampled.Origin.Value = -5 (-5)\n.Sampled.Origin.Unit = uV\n.Sampled.PeriodMS = 8\n.Sampled.Factor = 0.5\n" +
			".Sampled.Dimensions = 2\n.Sampled.Samples = 6 samples, [1 NaN -Inf +Inf -2.5 30] ... 28.5\n",
		`'dataAbsentReason':{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/data-absent-reason','code':'error'}]}`: ".AbsentReason = error\n",
	} {
		rec := read(t, obs(in))
		var got []string
		for _, line := range strings.SplitAfter(dump(rec), "\n") {
			if s, ok := strings.CutPrefix(line, ".Observations[0].Value"); ok {
				got = append(got, s)
			}
		}
		require.Equal(t, want, strings.Join(got, ""), in)
	}
}

func TestTimesOfAnObservation(t *testing.T) {
	for in, want := range map[string][2]string{
		`'effectiveDateTime':'2026-01-02T03:04:05.250+08:00'`:                  {"2026-01-02T03:04:05.25+08:00", ""},
		`'effectiveInstant':'2026-01-02T03:04:05Z'`:                            {"2026-01-02T03:04:05Z", ""},
		`'effectivePeriod':{'start':'2026-01','end':'2026-02'}`:                {"2026-01", "2026-02"},
		`'effectiveTiming':{'event':['2026-01-01','2026-01-02','2026-01-03']}`: {"2026-01-01", "2026-01-03"},
		`'issued':'2026-01-02T03:04:05Z'`:                                      {"2026-01-02T03:04:05Z", ""},
	} {
		o := read(t, obs(in)).Observations[0]
		require.Equal(t, want, [2]string{o.Start.String(), o.End.String()}, in)
	}
}

func TestOtherResources(t *testing.T) {
	rec := read(t,
		`{'resourceType':'Condition','id':'c','clinicalStatus':{'coding':[{'code':'active'}]},'onsetPeriod':{'start':'2025'},'abatementDateTime':'2026',`+me+`}`,
		`{'resourceType':'AllergyIntolerance','id':'a','criticality':'high','code':{'text':'nuts'},'patient':{'reference':'Patient/p'},'reaction':[{'manifestation':[{'text':'hives'},{'text':'wheeze'}]}]}`,
		`{'resourceType':'Procedure','id':'pr','status':'completed','performedPeriod':{'start':'2026-01-01'},`+me+`}`,
		`{'resourceType':'Immunization','id':'i','status':'not-done','vaccineCode':{'text':'flu'},'occurrenceString':'last autumn','patient':{'reference':'Patient/p'}}`,
		`{'resourceType':'DiagnosticReport','id':'r','status':'partial','code':{'text':'gas'},'conclusionCode':[{'text':'acidosis'}],'result':[{'reference':'Observation/o'},{'reference':'Observation/elsewhere'}]}`,
		`{'resourceType':'Observation','id':'o','status':'final','code':{'text':'pH'},'hasMember':[{'reference':'Observation/o2'}]}`,
		`{'resourceType':'Observation','id':'o2','status':'final','code':{'text':'pCO2'},'valueInteger':40}`,
		`{'resourceType':'Device','id':'d','deviceName':[{'name':'BM-5','type':'model-name'}]}`,
		`{'resourceType':'Encounter','id':'e','status':'planned','class':{'code':'AMB'},'serviceType':{'text':'eye'}}`)
	require.Equal(t, "2025", rec.Conditions[0].Onset.String())
	require.Equal(t, "2026", rec.Conditions[0].Abatement.String())
	require.Len(t, rec.Allergies[0].Reactions, 2)
	require.Equal(t, "2026-01-01", rec.Procedures[0].Start.String())
	require.Equal(t, "not-done", rec.Immunizations[0].Status)
	require.Equal(t, []string{"o"}, rec.Reports[0].Results, "only what is in the record")
	require.Equal(t, "acidosis", rec.Reports[0].Codes[0].Label())
	require.Equal(t, []string{"o2"}, rec.Observations[0].Members)
	require.Equal(t, "BM-5", rec.Devices[0].Model)
	require.Equal(t, "AMB", rec.Encounters[0].Class)
}

func TestDrugsAreFoundWhereverTheyStand(t *testing.T) {
	const start = `{'resourceType':'MedicationAdministration','status':'completed','effectiveDateTime':'2026-01-01',` + me
	for _, c := range []struct{ name, med, rest, want string }{
		{"concept", `'medicationCodeableConcept':{'text':'heparin'}`, ``, "heparin"},
		{"contained", `'contained':[{'resourceType':'Medication','id':'m','code':{'text':'heparin'}}],'medicationReference':{'reference':'#m'}`, ``, "heparin"},
		{"entry", `'medicationReference':{'reference':'Medication/m'}`, `{'resourceType':'Medication','id':'m','code':{'text':'heparin'}}`, "heparin"},
		{"ingredient", `'medicationReference':{'reference':'Medication/m'}`, `{'resourceType':'Medication','id':'m','ingredient':[{'itemCodeableConcept':{'text':'heparin'}}]}`, "heparin"},
		{"elsewhere", `'medicationReference':{'reference':'Medication/x','display':'heparin'}`, ``, "heparin"},
	} {
		all := []string{start + `,` + c.med + `}`}
		if c.rest != "" {
			all = append(all, c.rest)
		}
		require.Equal(t, c.want, read(t, all...).Medications[0].Code.Label(), c.name)
	}
}

func TestRatesAndDoses(t *testing.T) {
	for in, want := range map[string]string{
		`'rateRatio':{'numerator':{'value':8.0,'unit':'ug'},'denominator':{'value':1,'unit':'min'}}`: "8.0 ug/min",
		`'rateQuantity':{'value':0.05,'unit':'ug/kg/min'}`:                                           "0.05 ug/kg/min",
	} {
		m := read(t, `{'resourceType':'MedicationAdministration','status':'completed','effectiveDateTime':'2026','medicationCodeableConcept':{'text':'x'},'dosage':{`+in+`},`+me+`}`).Medications[0]
		require.Equal(t, want, m.Rate.Value.String()+" "+m.Rate.Unit)
	}
	m := read(t, `{'resourceType':'MedicationRequest','status':'active','intent':'order','medicationCodeableConcept':{'text':'x'},
		'dosageInstruction':[{'doseAndRate':[{'doseRange':{'low':{'value':1,'unit':'tablet'},'high':{'value':2,'unit':'tablet'}},
		'rateRatio':{'numerator':{'value':100,'unit':'mL'},'denominator':{'value':4,'unit':'h'}}}]}],`+me+`}`).Medications[0]
	require.Nil(t, m.Rate, "no number is computed that was not filed")
	require.Equal(t, "1 to 2 tablet", m.DosageText)
}

func TestReferencesResolve(t *testing.T) {
	const uuid = "urn:uuid:0b5d1f7e-1c9a-4f0e-9d57-3f6a3c1b2a10"
	data := `{"resourceType":"Bundle","type":"transaction","entry":[
		{"fullUrl":"` + uuid + `","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}},
		{"fullUrl":"http://a.example/fhir/Device/d","resource":{"resourceType":"Device","id":"d"}},
		{"resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"` + uuid + `"},
			"device":{"reference":"http://a.example/fhir/Device/d/_history/2"}}},
		{"resource":{"resourceType":"Observation","status":"final","code":{"text":"y"},"device":{"reference":"http://b.example/fhir/Device/d"}}},
		{"resource":{"resourceType":"Observation","status":"final","code":{"text":"z"},"contained":[{"resourceType":"Device","id":"in"}],"device":{"reference":"#in"}}}]}`
	rec, err := fhir.Parse([]byte(data), fhir.Limits{})
	require.NoError(t, err)
	require.Equal(t, "patient-0", rec.Patient.ID)
	require.Equal(t, []string{"observation-2", "observation-3", "observation-4"},
		[]string{rec.Observations[0].ID, rec.Observations[1].ID, rec.Observations[2].ID})
	require.Equal(t, "d", rec.Observations[0].DeviceID)
	require.Empty(t, rec.Observations[1].DeviceID, "the same id on another server")
	require.Equal(t, "observation-4.in", rec.Observations[2].DeviceID)
	require.Equal(t, "observation-4.in", rec.Devices[1].ID)
}

func TestIDsAreUniqueInTheWholeRecord(t *testing.T) {
	rec := read(t,
		`{'resourceType':'Device','id':'p'}`,
		obs(`'id':'observation-3'`),
		obs(`'valueInteger':1`),
		obs(`'valueInteger':2,'id':'observation-observation-3'`))
	require.Equal(t, "p", rec.Patient.ID)
	require.Equal(t, "device-p", rec.Devices[0].ID)
	require.Equal(t, "observation-3", rec.Observations[0].ID)
	require.Equal(t, "observation-observation-3-2", rec.Observations[1].ID)
	require.Equal(t, "observation-observation-3", rec.Observations[2].ID)
}

func TestResourcesAloneAreRead(t *testing.T) {
	rec, err := fhir.Parse([]byte("\ufeff"+`{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/q"}}`), fhir.Limits{})
	require.NoError(t, err)
	require.Equal(t, "q", rec.Patient.ID, "the patient is whom the reading is about")
	require.Equal(t, "observation-0", rec.Observations[0].ID)
}

func TestAHistoryGivesTheNewestVersions(t *testing.T) {
	data := strings.Replace(string(bundle(patient, `{'resourceType':'Observation','id':'o','status':'amended','code':{'text':'x'},'valueInteger':2}`,
		`{'resourceType':'Observation','id':'o','status':'final','code':{'text':'x'},'valueInteger':1}`,
		`{'resourceType':'Observation','id':'gone','status':'final','code':{'text':'x'},'valueInteger':3}`)), "collection", "history", 1)
	data = strings.Replace(data, `"entry":[`, `"entry":[{"request":{"method":"DELETE","url":"Observation/gone"}},`, 1)
	rec, err := fhir.Parse([]byte(data), fhir.Limits{})
	require.NoError(t, err)
	require.Len(t, rec.Observations, 1)
	require.EqualValues(t, 2, *rec.Observations[0].Value.Integer)
	require.Len(t, rec.Notices, 2)
	require.Equal(t, record.NoticeOldVersion, rec.Notices[0].Kind)
}

func TestNotices(t *testing.T) {
	const hr = `'code':{'coding':[{'system':'http://loinc.org','code':'8867-4'}]},'status':'final','resourceType':'Observation'`
	const spo2 = `{'resourceType':'Observation','status':'final','code':{'coding':[{'system':'http://loinc.org','code':'2708-6'}]},`
	for _, c := range []struct {
		name  string
		kind  record.NoticeKind
		path  string
		count int // observations kept
		in    []string
	}{
		{"resent", record.NoticeDuplicate, "Bundle.entry[2].resource", 1, []string{
			obs(`'id':'a','valueInteger':1`), obs(`'valueInteger':1,'id':'a','meta':{'lastUpdated':'2026-01-01T00:00:00Z'}`)}},
		{"resent under another id", record.NoticeDuplicate, "Bundle.entry[2].resource", 1, []string{
			obs(`'id':'a','effectiveDateTime':'2026-01-01T00:00:00Z'`), obs(`'id':'b','effectiveDateTime':'2026-01-01T00:00:00Z'`)}},
		{"entered in error", record.NoticeEnteredInError, "Bundle.entry[1].resource", 0, []string{
			`{'resourceType':'Observation','status':'entered-in-error','code':5}`}},
		{"entered in error, escaped", record.NoticeEnteredInError, "Bundle.entry[1].resource", 0, []string{
			`{'resourceType':'Observation','status':'entered\u002din-error'}`}},
		{"wrong diagnosis", record.NoticeEnteredInError, "Bundle.entry[1].resource", 0, []string{
			`{'resourceType':'Condition','verificationStatus':{'coding':[{'code':'entered-in-error'}]}}`}},
		{"unknown type", record.NoticeUnknownResource, "Bundle.entry[1].resource", 0, []string{`{'resourceType':'Goal'}`, `{'resourceType':'Goal'}`}},
		{"unknown unit", record.NoticeUnknownUnit, "Bundle.entry[1].resource.valueQuantity.unit", 1, []string{obs(`'valueQuantity':{'value':1,'unit':'zorks'}`)}},
		{"unknown code of a unit", record.NoticeUnknownUnit, "Bundle.entry[1].resource.valueQuantity.code", 1, []string{
			obs(`'valueQuantity':{'value':1,'system':'http://unitsofmeasure.org','code':'zorks'}`)}},
		{"negative heart rate", record.NoticeImplausible, "Bundle.entry[1].resource.valueQuantity.value", 1, []string{
			`{` + hr + `,'valueQuantity':{'value':-1,'unit':'/min'}}`}},
		{"saturation over 100 %", record.NoticeImplausible, "Bundle.entry[1].resource.valueQuantity.value", 1, []string{spo2 + `'valueQuantity':{'value':101,'unit':'%'}}`}},
		{"saturation as a fraction", record.NoticeImplausible, "Bundle.entry[1].resource.valueQuantity.value", 1, []string{
			spo2 + `'valueQuantity':{'value':1.2,'system':'http://unitsofmeasure.org','code':'1'}}`}},
	} {
		rec := read(t, c.in...)
		require.Len(t, rec.Notices, 1, c.name)
		require.Equal(t, c.kind, rec.Notices[0].Kind, c.name)
		require.Equal(t, c.path, rec.Notices[0].Path, c.name)
		require.Len(t, rec.Observations, c.count, c.name)
	}
	require.Empty(t, read(t, spo2+`'valueQuantity':{'value':100,'unit':'%'}}`).Notices)
	require.Equal(t, map[string]int{"Goal": 2}, read(t, `{'resourceType':'Goal'}`, `{'resourceType':'Goal'}`).Skipped)
	require.Len(t, read(t, obs(`'id':'a'`), obs(`'id':'b'`)).Observations, 2, "without a time two readings may be two")
}

func TestWhatIsNotNeededIsPassedOver(t *testing.T) {
	rec := read(t, obs(`'extension':[{'url':'x','valueString':''}],'_status':{'extension':[]},'unknownField':null,'note':7,'valueInteger':1,'_valueInteger':{'id':'q'}`))
	require.EqualValues(t, 1, *rec.Observations[0].Value.Integer)
	require.Empty(t, rec.Notices)
}
