package hl7v2_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/hl7v2"
	"github.com/bedside-lm/bedside/clinical/record"
)

const someone = "Zora Vogel"

func parse(t testing.TB, text string) *record.PatientRecord {
	t.Helper()
	rec, err := hl7v2.Parse([]byte(text), hl7v2.Limits{})
	require.NoError(t, err)
	return rec
}

func TestTwoPatientsNeverBecomeOne(t *testing.T) {
	for _, pair := range [][2]string{{"A/1", "A-1"}, {"张三", "李四"}, {strings.Repeat("x", 64) + "1", strings.Repeat("x", 64) + "2"}} {
		ids := map[string]bool{}
		for _, p := range pair {
			text := strings.Replace(head, "p1", p, 1) + "OBX|1|NM|x^y^L||1"
			id := parse(t, text).Patient.ID
			require.Equal(t, id, (&hl7v2.Message{Text: []byte(text)}).Patient())
			ids[id] = true
		}
		require.Len(t, ids, 2)
	}
}

func TestTheHospitalsOwnNumberIsTaken(t *testing.T) {
	for in, want := range map[string]string{
		"110101199003070011^^^^NI~W47^^^H^MR": "W47", "W47^^^H^PI~W48": "W47", "W48~110101199003070011^^^^NNCHN": "W48", "W48": "W48",
	} {
		require.Equal(t, want, parse(t, strings.Replace(head, "p1", in, 1)+"OBX|1|NM|x^y^L||1").Patient.ID, in)
	}
	alone := parse(t, strings.Replace(head, "p1", "110101199003070011^^^^NI", 1)+"OBX|1|NM|x^y^L||1").Patient.ID
	require.NotContains(t, alone, "110101")
	require.Regexp(t, `^patient-[0-9a-f]{16}$`, alone)
}

func TestNoTextOfTheInputAmongWhatIsSkipped(t *testing.T) {
	rec := parse(t, head+"OBX|1|"+someone+"|x^y^L||1\rOBX|2|ED|x^y^L||^^^Base64^AA==")
	require.Equal(t, map[string]int{"OBX of an unknown type": 1, "OBX ED": 1}, rec.Skipped)
	for _, n := range rec.Notices {
		require.NotContains(t, n.Message+n.Path, "Zora")
	}
}

func TestUnitsMeanWhatPeopleMean(t *testing.T) {
	for _, c := range [][3]string{
		{"8310-5", "C", "Cel"}, {"8867-4", "bpm", "/min"}, {"8480-6", "mmHg", "mm[Hg]"}, {"2160-0", "umol/L", "umol/L"}, {"26464-8", "10*9/L", "10*9/L"}, {"59408-5", "%", "%"},
	} {
		q := one(t, "OBX|1|NM|"+c[0]+"^^LN||38|"+c[1]).Observations[0].Value.Quantity
		require.Equal(t, c[2], q.Code, c[1])
		require.Equal(t, c[1], q.Unit)
	}
	for _, u := range []string{"K/uL", "M/uL", "10^9/L", "x10^3/uL"} { // thousands, never kelvins
		q := one(t, "OBX|1|NM|6690-2^^LN||9|"+u).Observations[0].Value.Quantity
		require.NotEqual(t, "K/uL", q.Code)
	}
	require.Equal(t, "[ppm]", one(t, "OBX|1|NM|x^y^L||9|1^MDC_DIM_PPM^MDC").Observations[0].Value.Quantity.Code)
}

func TestTheMachinesZonePlaysNoPart(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	old := time.Local
	time.Local = berlin
	defer func() { time.Local = old }()
	text := strings.Replace(head, "20260314070000+0100", "20260714070000+0200", 1) + "OBX|1|NM|x^y^L||1||||||F|||20260114070000"
	require.Equal(t, "2026-01-14T07:00:00+02:00", parse(t, text).Observations[0].Start.String())
}

func TestAVisitKeepsWhatAnEarlierMessageSaid(t *testing.T) {
	first := strings.Replace(head, "\rOBR", "\rPV1|1|I"+strings.Repeat("|", 17)+"V1"+strings.Repeat("|", 25)+"20260314055000+0100|20260315\rOBR", 1) + "OBX|1|NM|x^y^L||1\r"
	second := strings.Replace(strings.Replace(head, "|C1|", "|C2|", 1), "\rOBR", "\rPV1|1|"+strings.Repeat("|", 17)+"V1\rOBR", 1) + "OBX|1|NM|x^y^L||1\r"
	rec := parse(t, first+second)
	require.Len(t, rec.Encounters, 1)
	e := rec.Encounters[0]
	require.Equal(t, []string{"V1", "IMP", "finished", "2026-03-14T05:50:00+01:00", "2026-03-15"}, []string{e.ID, e.Class, e.Status, e.Start.String(), e.End.String()})
}

func TestALongReportIsRead(t *testing.T) {
	text := strings.TrimSpace(strings.Repeat("The lungs are clear. ", 300))
	require.Equal(t, text, one(t, "OBX|1|FT|18748-4^report^LN||"+text).Observations[0].Value.Text)
}

func TestOtherMessagesAreCounted(t *testing.T) {
	adt := "MSH|^~\\&|A|B|C|D|2026||ADT^A01|C0|P|2.6\rPID|||someone-else\r"
	rec := parse(t, adt+head+"OBX|1|NM|x^y^L||1\r"+adt)
	require.Equal(t, 2, rec.Skipped["ADT^A01"])
	require.Equal(t, "p1", rec.Patient.ID)
	require.Len(t, rec.Notices, 1)
	header, _, _ := strings.Cut(head, "PID")
	_, err := hl7v2.Parse([]byte(header), hl7v2.Limits{})
	require.ErrorContains(t, err, "PID[1]: required")
}

// By PCD-01 since HL7 v2.7 the device stands in PRT-10 behind the OBX that is about it.
func TestDevicesOfPRT(t *testing.T) {
	prt := func(id string) string { return "PRT|1|UC||EQUIP||||||" + id + "\r" }
	rec := parse(t, head+"OBX|1||69837^MDC_DEV_METER_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0||||||||||\r"+prt("^^0012210000000001^EUI-64")+
		"OBX|2|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|80\rOBX|3|NM|147842^MDC_ECG_HEART_RATE^MDC|2.1.1.1|81\r"+prt("pump-2")+"OBX|4|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.2|\r")
	var got []string
	for _, o := range rec.Observations {
		got = append(got, o.DeviceID+" "+o.Value.AbsentReason)
	}
	require.Equal(t, []string{"0012210000000001 ", "pump-2 ", "0012210000000001 unknown"}, got, "a metric without a value is a reading, the device itself is none")
	require.Len(t, rec.Devices, 2)
	require.Equal(t, "69837", rec.Devices[0].Type.Code(record.SystemIEEE11073))
}

// A blood pressure is one observation in FHIR and two or three OBX in HL7 v2.
func TestABloodPressureIsTheSameInBothFormats(t *testing.T) {
	obx := func(n, code, name, value, more string) string {
		return "OBX|" + n + "|NM|" + code + "^" + name + "^LN||" + value + "|mmHg^^UCUM|||||F|||20260314070" + more + "00+0100\r"
	}
	text := strings.Replace(head, "24323-8^panel^LN", "69965^MDC_DEV_MON^MDC", 1) +
		obx("1", "8480-6", "systolic", "88", "0") + obx("2", "8867-4", "rate", "118", "0") + obx("3", "8462-4", "diastolic", "49", "0") +
		obx("4", "8480-6", "systolic", "90", "5") // its other half was lost
	text = strings.ReplaceAll(text, "mmHg^^UCUM|||||F|||20260314070000+0100\rOBX|3", "/min^^UCUM|||||F|||20260314070000+0100\rOBX|3")
	text = strings.ReplaceAll(text, "mmHg^^UCUM", "mm[Hg]^^UCUM")
	quantity := func(code, name, value, unit string) string {
		return `"code":{"coding":[{"system":"http://loinc.org","code":"` + code + `","display":"` + name + `"}]},"valueQuantity":{"value":` + value + `,"unit":"` + unit +
			`","system":"http://unitsofmeasure.org","code":"` + unit + `"}`
	}
	vital := func(id, at, rest string) string {
		return `{"resource":{"resourceType":"Observation","id":"` + id + `","status":"final","subject":{"reference":"Patient/p1"},"effectiveDateTime":"2026-03-14T07:0` + at + `:00+01:00",` +
			`"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],` + rest + `}}`
	}
	bundle := `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p1"}},` + strings.Join([]string{
		vital("C1.1.1", "0", `"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"blood pressure"}]},"component":[{`+
			quantity("8480-6", "systolic", "88", "mm[Hg]")+`},{`+quantity("8462-4", "diastolic", "49", "mm[Hg]")+`}]`),
		vital("C1.1.2", "0", quantity("8867-4", "rate", "118", "/min")),
		vital("C1.1.4", "5", quantity("8480-6", "systolic", "90", "mm[Hg]")),
	}, ",") + `]}`
	want, err := fhir.Parse([]byte(bundle), fhir.Limits{})
	require.NoError(t, err)
	if diff := cmp.Diff(want, parse(t, text), sameInstant, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(record.PatientRecord{}, "Skipped", "Notices")); diff != "" {
		t.Fatalf("-FHIR +HL7v2:\n%s", diff)
	}
}

func TestPressuresOfAReportAndOfTwoSources(t *testing.T) {
	obx := func(code, value string) string { return "OBX|1|NM|" + code + "^x^MDC||" + value + "|mmHg\r" }
	rec := parse(t, head+obx("150021", "120")+obx("150022", "70")+obx("150023", "85")+obx("150037", "118")+obx("150038", "71")+obx("150022", "72"))
	require.Len(t, rec.Observations, 5, "two diastolic pressures of a cuff: nobody knows which belongs")
	rec = parse(t, head+obx("150021", "120")+obx("150022", "70")+obx("150023", "85")+obx("150037", "118")+obx("150038", "71"))
	require.Len(t, rec.Observations, 2)
	require.Len(t, rec.Observations[0].Components, 3)
	require.Equal(t, []string{"C1.1.1", "C1.1.4"}, rec.Reports[0].Results)
}

func TestGB18030HasDelimitersInsideItsSigns(t *testing.T) {
	const text = "乗亅俓臽" // second bytes \ | ^ and the like
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	require.NoError(t, err)
	require.True(t, strings.ContainsAny(gb, `\|^`))
	in := strings.Replace(head, "|P|2.6", "|P|2.6||||||GB 18030-2000", 1) + "OBX|1|ST|x^y^L||"
	in = strings.Replace(in, "PID|||p1", "PID||"+gb+"|p1", 1)
	require.Equal(t, "p1", (&hl7v2.Message{Text: []byte(in + gb)}).Patient())
	require.Equal(t, text, parse(t, in+gb).Observations[0].Value.Text)
	_, err = hl7v2.Parse([]byte(in+"\xff\xff"), hl7v2.Limits{})
	require.ErrorContains(t, err, "MSH[1]-18")
}

func TestAStreamGoesOnBehindWhatIsNoMessage(t *testing.T) {
	text := "hello\rworld\r" + head + "OBX|1|NM|x^y^L||1\r"
	ms := hl7v2.NewMessages(strings.NewReader(text), "day.hl7", hl7v2.Limits{})
	_, err := ms.Next()
	require.EqualError(t, err, "day.hl7:1: expected a segment MSH")
	m, err := ms.Next()
	require.NoError(t, err)
	require.Equal(t, 3, m.Line)
	require.True(t, m.Results())
	m.Text = bytes.Replace(m.Text, []byte("ORU^R01"), []byte("ADT^A01"), 1)
	require.False(t, m.Results())
	_, err = ms.Next()
	require.ErrorIs(t, err, io.EOF)
}

// What is read can be written as FHIR, reads back, and no error quotes the input.
func TestWhatIsReadCanBeWrittenAsFHIR(t *testing.T) {
	data := bytes.ReplaceAll(read(t, "sepsis-ward.hl7"), []byte("rash"), []byte(someone))
	r := rand.New(rand.NewPCG(3, 4))
	good := 0
	for range 3000 {
		rec, err := hl7v2.Parse(mutated(r, data), hl7v2.Limits{})
		var limit *record.LimitError
		if err != nil {
			require.NotContains(t, err.Error(), "Zora")
			require.False(t, errors.As(err, &limit))
			continue
		}
		good++
		text, err := fhir.AppendBundle(nil, rec)
		require.NoError(t, err)
		_, err = fhir.Parse(text, fhir.Limits{})
		require.NoError(t, err)
	}
	require.Greater(t, good, 300)
}
