package fhir_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
)

func TestDerivedFromAndMarks(t *testing.T) {
	o := read(t, obs(`'id':'o','meta':{'tag':[{'system':'urn:other','code':'x'},{'system':'`+fhir.SystemMark+`','code':'merged'},
		{'system':'`+fhir.SystemMark+`','code':'converted'}]},'derivedFrom':[{'reference':'Observation/o2'},{'reference':'Observation/raw-1'},
		{'reference':'https://elsewhere.example/fhir/Observation/x'},{'reference':'Media/m'},{'display':'a strip'}]`), obs(`'id':'o2'`)).Observations[0]
	require.Equal(t, []record.Mark{record.MarkMerged, record.MarkConverted}, o.Marks)
	require.Equal(t, []string{"o2", "raw-1"}, o.DerivedFrom, "a raw reading keeps its id, though it is not here")

	wrong := violations(t, bundle(patient, obs(`'meta':{'tag':[{'system':'`+fhir.SystemMark+`'}]},'derivedFrom':[{'reference':'Patient/p'}]`)))
	require.Equal(t, []record.Violation{
		{Path: "Bundle.entry[1].resource.derivedFrom[0].reference", Message: wrong[0].Message},
		{Path: "Bundle.entry[1].resource.meta.tag[0].code", Message: "required"},
	}, wrong)
	require.Contains(t, wrong[0].Message, "expected a reference to one of Observation")
}

func TestTheDeviceOfAMetric(t *testing.T) {
	rec := read(t,
		`{'resourceType':'Device','id':'d'}`,
		`{'resourceType':'DeviceMetric','id':'m','type':{'text':'heart rate'},'source':{'reference':'Device/d'},'category':'measurement'}`,
		obs(`'id':'a','device':{'reference':'DeviceMetric/m'}`), obs(`'id':'b','device':{'reference':'DeviceMetric/m'}`),
		obs(`'id':'c','device':{'reference':'#m'},'contained':[{'resourceType':'DeviceMetric','id':'m','source':{'reference':'Device/d'}}]`))
	for _, o := range rec.Observations {
		require.Equal(t, "d", o.DeviceID, o.ID)
	}
	require.Empty(t, rec.Skipped)

	shared := fhir.NewShared(fhir.Limits{})
	for _, l := range export("DeviceMetric.ndjson", `{'resourceType':'DeviceMetric','id':'m','source':{'reference':'Device/d'}}`, `{'resourceType':'Device','id':'d'}`) {
		res, err := fhir.Glance(l, fhir.Limits{})
		require.NoError(t, err)
		require.NoError(t, shared.Add(l, res))
	}
	rec, err := fhir.ParseResources(export("o.ndjson", obs(`'device':{'reference':'DeviceMetric/m'}`)), shared, fhir.Limits{})
	require.NoError(t, err)
	require.Equal(t, "d", rec.Observations[0].DeviceID)
	require.Len(t, rec.Devices, 1)
}

func TestTimings(t *testing.T) {
	for in, want := range map[string][2]string{
		`{'event':['2026-01-03','2026-01-01','2026-01-02']}`:                    {"2026-01-01", "2026-01-03"},
		`{'event':['2026-01-03']}`:                                              {"2026-01-03", ""},
		`{'repeat':{'boundsPeriod':{'start':'2026-01-01','end':'2026-01-02'}}}`: {"2026-01-01", "2026-01-02"},
		`{'repeat':{'frequency':2}}`:                                            {"", ""},
	} {
		o := read(t, obs(`'effectiveTiming':`+in)).Observations[0]
		require.Equal(t, want, [2]string{o.Start.String(), o.End.String()}, in)
		order := `{'resourceType':'MedicationRequest','status':'active','intent':'order','medicationCodeableConcept':{'text':'x'},` + me + `,
			'dosageInstruction':[{'timing':` + in + `}]`
		m := read(t, order+`}`).Medications[0]
		require.Equal(t, want, [2]string{m.Start.String(), m.End.String()}, in)
		m = read(t, order+`,'authoredOn':'2025'}`).Medications[0]
		require.Equal(t, [2]string{"2025", want[1]}, [2]string{m.Start.String(), m.End.String()}, in)
	}
}

func TestAReasonStandsForWhatIsRequired(t *testing.T) {
	const why = `'extension':[{'url':'http://hl7.org/fhir/StructureDefinition/data-absent-reason','valueCode':'unknown'}]`
	rec := read(t, `{'resourceType':'Observation','status':'final','code':{`+why+`},`+me+`}`)
	require.True(t, rec.Observations[0].Code.IsZero())
	wrong := violations(t, bundle(patient, `{'resourceType':'Observation','status':'final','code':{'extension':[{'url':'urn:x'}]},`+me+`}`))
	require.Equal(t, "needs a coding or a text", wrong[0].Message)
}

func TestRatesJoinTheirUnitsInWordsAndInCode(t *testing.T) {
	quantity := func(value, unit, code string) string {
		s := `{'value':` + value
		if unit != "" {
			s += `,'unit':'` + unit + `'`
		}
		if code != "" {
			s += `,'system':'http://unitsofmeasure.org','code':'` + code + `'`
		}
		return s + `}`
	}
	for _, c := range []struct{ numerator, denominator, unit, code, text string }{
		{quantity("8", "mcg", "ug"), quantity("1", "min", "min"), "mcg/min", "ug/min", ""},
		{quantity("8", "mg", ""), quantity("1", "hour", "h"), "mg/hour", "", ""},
		{quantity("8", "", "g"), quantity("1", "min", "min"), "", "g/min", ""},
		{quantity("8", "g", ""), quantity("1", "", "min"), "", "", "8 g / 1 min"}, // not 8 g
		{quantity("8", "g", "g"), quantity("1", "", ""), "g", "g", ""},
		{quantity("8", "mg", "mg"), quantity("1", "kg/d", "kg/d"), "", "", "8 mg / 1 kg/d"}, // mg/kg/d is another unit
		{quantity("8", "mg", "mg"), quantity("2", "h", "h"), "", "", "8 mg / 2 h"},
	} {
		m := read(t, `{'resourceType':'MedicationAdministration','status':'completed','effectiveDateTime':'2026','medicationCodeableConcept':{'text':'x'},
			'dosage':{'rateRatio':{'numerator':`+c.numerator+`,'denominator':`+c.denominator+`}},`+me+`}`).Medications[0]
		require.Equal(t, c.text, m.DosageText)
		if c.text == "" {
			require.Equal(t, [2]string{c.unit, c.code}, [2]string{m.Rate.Unit, m.Rate.Code})
		}
	}
}

func TestZonesThatNoPlaceHasAreRefused(t *testing.T) {
	for zone, ok := range map[string]bool{"+14:00": true, "-12:00": true, "+14:15": false, "-23:00": false} {
		in := bundle(patient, obs(`'effectiveDateTime':'2026-01-02T03:04:05`+zone+`'`))
		if _, err := fhir.Parse(in, fhir.Limits{}); ok {
			require.NoError(t, err, zone)
		} else {
			require.Equal(t, "Bundle.entry[1].resource.effectiveDateTime", violations(t, in)[0].Path)
		}
	}
}

func TestIDsCanBeFiledAgain(t *testing.T) {
	long := strings.Repeat("o", 60)
	rec := read(t,
		`{'resourceType':'Device','id':'`+long+`'}`,
		obs(`'id':'`+long+`','contained':[{'resourceType':'Device','id':'first'},{'resourceType':'Device','id':'other'}]`))
	seen := map[string]bool{}
	for _, id := range []string{rec.Devices[0].ID, rec.Devices[1].ID, rec.Devices[2].ID, rec.Observations[0].ID} {
		require.LessOrEqual(t, len(id), 64)
		require.False(t, seen[id], id)
		seen[id] = true
	}
	require.Equal(t, long, rec.Devices[0].ID)

	ordered, err := fhir.Parse(bundle(`{'resourceType':'Device','id':'p'}`, patient), fhir.Limits{})
	require.NoError(t, err)
	require.Equal(t, "p", ordered.Patient.ID, "the patient keeps the id, wherever it stands")
	require.Equal(t, "device-p", ordered.Devices[0].ID)
}
