package hl7v2_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/hl7v2"
	"github.com/bedside-lm/bedside/clinical/record"
)

const records = "../../testdata/records/"

func read(t testing.TB, name string) []byte {
	data, err := os.ReadFile(records + name)
	require.NoError(t, err)
	return data
}

// sameInstant holds two times equal that are one moment, in whatever zone object.
var sameInstant = cmp.Comparer(func(a, b time.Time) bool {
	_, x := a.Zone()
	_, y := b.Zone()
	return a.Equal(b) && x == y
})

func TestTheSameStayInBothFormats(t *testing.T) {
	want, err := fhir.Parse(read(t, "sepsis-ward.fhir.json"), fhir.Limits{})
	require.NoError(t, err)
	got, err := hl7v2.Parse(read(t, "sepsis-ward.hl7"), hl7v2.Limits{})
	require.NoError(t, err)
	require.Empty(t, got.Notices)
	if diff := cmp.Diff(want, got, sameInstant, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(record.PatientRecord{}, "Skipped", "Notices")); diff != "" {
		t.Fatalf("-FHIR +HL7v2:\n%s", diff)
	}
}

const head = "MSH|^~\\&|A|B|C|D|20260314070000+0100||ORU^R01|C1|P|2.6\rPID|||p1\rOBR|1|||24323-8^panel^LN|||20260314060000\r"

func one(t *testing.T, obx string) *record.PatientRecord {
	t.Helper()
	rec, err := hl7v2.Parse([]byte(head+obx), hl7v2.Limits{})
	require.NoError(t, err)
	return rec
}

func TestValues(t *testing.T) {
	quantity := func(v, comparator, shown, code string) record.Value {
		d, _ := record.ParseDecimal(v)
		return record.Value{Quantity: &record.Quantity{Value: d, Comparator: comparator, Unit: shown, Code: code}}
	}
	for name, c := range map[string]struct {
		obx  string
		want record.Value
	}{
		"number":               {"OBX|1|NM|2345-7^^LN||5.40|mmol/L", quantity("5.40", "", "mmol/L", "mmol/L")},
		"sign and point":       {"OBX|1|NM|1925-7^^LN||-.5|mmol/L", quantity("-0.5", "", "mmol/L", "mmol/L")},
		"plus and zeros":       {"OBX|1|NM|x^y^L||+007|", quantity("7", "", "", "")},
		"unit in words":        {"OBX|1|NM|8867-4^^LN||80|bpm", quantity("80", "", "bpm", "/min")},
		"unit by MDC":          {"OBX|1|NM|8867-4^^LN||80|264864^MDC_DIM_BEAT_PER_MIN^MDC", quantity("80", "", "/min", "/min")},
		"unit by both":         {"OBX|1|NM|8310-5^^LN||37.2|268192^MDC_DIM_DEGC^MDC^Cel^deg C^UCUM", quantity("37.2", "", "Cel", "Cel")},
		"beyond a limit":       {"OBX|1|SN|1988-5^^LN||<^5|mg/L", quantity("5", "<", "mg/L", "mg/L")},
		"beyond, as text":      {"OBX|1|ST|1988-5^^LN||<5|mg/L", quantity("5", "<", "mg/L", "mg/L")},
		"ratio":                {"OBX|1|SN|x^y^L||^1^:^128", record.Value{Text: "1:128"}},
		"text":                 {"OBX|1|ST|x^y^L||E. coli", record.Value{Text: "E. coli"}},
		"several lines":        {"OBX|1|TX|x^y^L||one~two", record.Value{Text: "one\ntwo"}},
		"escapes":              {`OBX|1|TX|x^y^L||a\T\b \F\ \X41\ \.br\c \H\d\N\`, record.Value{Text: "a&b | A \nc d"}},
		"code":                 {"OBX|1|CWE|x^y^L||112283007^Escherichia coli^SCT", record.Value{Concept: &record.Concept{Codings: []record.Coding{{System: record.SystemSNOMED, Code: "112283007", Display: "Escherichia coli"}}}}},
		"nothing":              {"OBX|1|NM|x^y^L|||", record.Value{AbsentReason: "unknown"}},
		"explicitly nothing":   {`OBX|1|NM|x^y^L||""|`, record.Value{AbsentReason: "unknown"}},
		"number without units": {"OBX|1|ST|x^y^L||<5", record.Value{Text: "<5"}},
	} {
		t.Run(name, func(t *testing.T) {
			rec := one(t, c.obx)
			require.Len(t, rec.Observations, 1)
			require.Equal(t, c.want, rec.Observations[0].Value)
		})
	}
}

func TestTimes(t *testing.T) {
	for in, want := range map[string]string{
		"2026": "2026", "202603": "2026-03", "20260314": "2026-03-14", "202603140705": "2026-03-14T07:05:00+01:00",
		"2026031407": "2026-03-14T07:00:00+01:00", "20260314070501.25-0500": "2026-03-14T07:05:01.25-05:00",
	} {
		rec := one(t, "OBX|1|NM|x^y^L||1||||||F|||"+in)
		require.Equal(t, want, rec.Observations[0].Start.String(), in)
	}
	require.Equal(t, "2026-03-14T06:00:00+01:00", one(t, "OBX|1|NM|x^y^L||1").Observations[0].Start.String(), "the order's time, in MSH-7's zone")
	zoneless := strings.Replace(head, "20260314070000+0100", "20260314070000", 1) + "OBX|1|NM|x^y^L||1"
	rec, err := hl7v2.Parse([]byte(zoneless), hl7v2.Limits{})
	require.NoError(t, err)
	require.Equal(t, record.NoticeZone, rec.Notices[0].Kind)
	shanghai := time.FixedZone("", 8*3600)
	rec, err = hl7v2.Parse([]byte(zoneless), hl7v2.Limits{Location: shanghai})
	require.NoError(t, err)
	require.Empty(t, rec.Notices)
	require.Equal(t, "2026-03-14T06:00:00+08:00", rec.Observations[0].Start.String())
}

func TestResultsTakenBackAreLeftOut(t *testing.T) {
	rec := one(t, "OBX|1|NM|x^y^L||1||||||D\rOBX|2|NM|x^y^L||2||||||W\rOBX|3|NM|x^y^L||3||||||X\r")
	require.Len(t, rec.Observations, 1)
	require.Equal(t, "cancelled", rec.Observations[0].Status)
	require.Equal(t, record.NoticeEnteredInError, rec.Notices[0].Kind)
}

func TestFaultsAreNamed(t *testing.T) {
	for name, c := range map[string]struct{ text, path string }{
		"no message":           {"", "HL7v2"},
		"not a message":        {"hello", "line 1"},
		"no encoding":          {"MSH|", "MSH[1]-1"},
		"two alike":            {"MSH|^^\\&|A|B|C|D|2026||ORU^R01|C1", "MSH[1]-2"},
		"another message":      {"MSH|^~\\&|A|B|C|D|2026||ADT^A01|C1|P|2.6\rPID|||p", "MSH[1]-9"},
		"version 3":            {"MSH|^~\\&|A|B|C|D|2026||ORU^R01|C1|P|3.0\rPID|||p", "MSH[1]-12"},
		"no control id":        {"MSH|^~\\&|A|B|C|D|2026||ORU^R01||P|2.6\rPID|||p", "MSH[1]-10"},
		"charset":              {"MSH|^~\\&|A|B|C|D|2026||ORU^R01|C1|P|2.6||||||EBCDIC\rPID|||p", "MSH[1]-18"},
		"not UTF-8":            {"MSH|^~\\&|A|B|C|D|2026||ORU^R01|C1|P|2.6\rPID|||p\rNTE|\xff", "MSH[1]-18"},
		"no patient":           {"MSH|^~\\&|A|B|C|D|2026||ORU^R01|C1|P|2.6\rPID|||", "PID[1]-3"},
		"birth":                {"MSH|^~\\&|A|B|C|D|2026||ORU^R01|C1|P|2.6\rPID|||p||||58", "PID[1]-7"},
		"sex":                  {"MSH|^~\\&|A|B|C|D|2026||ORU^R01|C1|P|2.6\rPID|||p|||||Q", "PID[1]-8"},
		"OBX without OBR":      {"MSH|^~\\&|A|B|C|D|2026||ORU^R01|C1|P|2.6\rPID|||p\rOBX|1|NM|x||1", "OBX[1]"},
		"no number":            {head + "OBX|1|NM|x^y^L||a lot", "OBX[1]-5.1"},
		"no code":              {head + "OBX|1|NM|||1", "OBX[1]-3"},
		"time":                 {head + "OBX|1|NM|x^y^L||1||||||F|||20261314", "OBX[1]-14"},
		"status":               {head + "OBX|1|NM|x^y^L||1||||||Q", "OBX[1]-11"},
		"unit of another kind": {head + "OBX|1|NM|8867-4^^LN||1|mmol/L", "OBX[1]-6"},
		"comparator":           {head + "OBX|1|SN|x^y^L||about^1", "OBX[1]-5"},
		"segment":              {head + "what is this", "segment 4"},
		"second message":       {head + "OBX|1|NM|x^y^L||1\r" + head + "OBX|1|NM|x^y^L||lots", "message[2].OBX[1]-5.1"},
		"another patient":      {head + strings.Replace(head, "p1", "p2", 1), "message[2].PID[1]-3"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := hl7v2.Parse([]byte(c.text), hl7v2.Limits{})
			var wrong *record.InvalidError
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, c.path, wrong.Violations[0].Path)
			require.NotContains(t, err.Error(), "lot")
		})
	}
}

func TestLimits(t *testing.T) {
	many := head + strings.Repeat("OBX|1|NM|x^y^L||1\r", 100)
	for name, lim := range map[string]hl7v2.Limits{
		"bytes": {Bytes: 200}, "segments": {Segments: 50}, "segment": {SegmentBytes: 20},
	} {
		_, err := hl7v2.Parse([]byte(many), lim)
		var limit *record.LimitError
		require.ErrorAs(t, err, &limit, name)
	}
	_, err := hl7v2.Parse([]byte(head+"OBX|1|TX|x^y^L||"+strings.Repeat("a~", 50)), hl7v2.Limits{Repetitions: 10})
	var limit *record.LimitError
	require.ErrorAs(t, err, &limit)
}

func TestOtherCharsets(t *testing.T) {
	gb := bytes.Replace([]byte(head+"OBX|1|ST|x^y^L||\xb7\xd1\xd1\xd7\xd0\xd4\xb3\xa6\xd1\xd7"), []byte("|P|2.6"), []byte("|P|2.6||||||GB 18030-2000"), 1)
	rec, err := hl7v2.Parse(gb, hl7v2.Limits{})
	require.NoError(t, err)
	require.Equal(t, "费炎性肠炎", rec.Observations[0].Value.Text)
}

func TestMessagesOfAStream(t *testing.T) {
	data := append([]byte("FHS|^~\\&\rBHS|^~\\&\r"), read(t, "sepsis-ward.hl7")...)
	ms := hl7v2.NewMessages(bytes.NewReader(append(data, "BTS|2\rFTS|1\r"...)), "day.hl7", hl7v2.Limits{})
	var lines []int
	var all []hl7v2.Message
	for {
		m, err := ms.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		require.Equal(t, "W4711", m.Patient())
		lines = append(lines, m.Line)
		all = append(all, m)
	}
	require.Equal(t, []int{3, 13}, lines)
	want, err := hl7v2.Parse(data, hl7v2.Limits{})
	require.NoError(t, err)
	got, err := hl7v2.ParseMessages(all, hl7v2.Limits{})
	require.NoError(t, err)
	require.Equal(t, want.Observations, got.Observations)
	all[1].Text = bytes.Replace(all[1].Text, []byte("|118|"), []byte("|much|"), 1)
	_, err = hl7v2.ParseMessages(all, hl7v2.Limits{})
	require.ErrorContains(t, err, "day.hl7:13: OBX[2]-5.1")
}

// mutated changes a text at random places.
func mutated(r *rand.Rand, data []byte) []byte {
	out := bytes.Clone(data)
	for range 1 + r.IntN(8) {
		if len(out) < 2 {
			break
		}
		i, j := r.IntN(len(out)), r.IntN(len(out))
		i, j = min(i, j), max(i, j)
		switch r.IntN(5) {
		case 0:
			out[i] ^= byte(1 << r.IntN(8))
		case 1:
			out = append(out[:i:i], out[min(j, i+40):]...)
		case 2:
			out = append(out[:j:j], out[i:]...)
		case 3:
			out = out[:max(i, len(out)/2)]
		case 4:
			out = append(out[:i:i], append([]byte("|^~\\&\r\"")[r.IntN(7):], out[i:]...)...)
		}
	}
	return out
}

func TestMutatedMessages(t *testing.T) {
	data := read(t, "sepsis-ward.hl7")
	r := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for range 10_000 {
		rec, err := hl7v2.Parse(mutated(r, data), hl7v2.Limits{})
		if err == nil {
			require.NotNil(t, rec)
			continue
		}
		refused++
		checkError(t, err)
	}
	require.Greater(t, refused, 1000)
}

func checkError(t testing.TB, err error) {
	var wrong *record.InvalidError
	var limit *record.LimitError
	switch {
	case errors.As(err, &wrong):
		for _, v := range wrong.Violations {
			require.NotEmpty(t, v.Path)
			require.NotEmpty(t, v.Message)
		}
	case errors.As(err, &limit):
		require.NotEmpty(t, limit.Path)
	default:
		t.Fatalf("an error of type %T", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(read(f, "sepsis-ward.hl7"))
	f.Add([]byte(head + `OBX|1|TX|x^y^L||a\T\b \X4\ \`))
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := hl7v2.Parse(data, hl7v2.Limits{Bytes: 1 << 16})
		if err != nil {
			checkError(t, err)
			return
		}
		ids := map[string]bool{}
		for _, o := range rec.Observations {
			if ids[o.ID] || o.ID == "" || len(o.ID) > 64 {
				t.Fatal("an id that is empty, too long or taken")
			}
			ids[o.ID] = true
		}
	})
}

func BenchmarkParse(b *testing.B) {
	data := []byte(head + strings.Repeat("OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|118|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||20260314070000+0100\r", 1000))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := hl7v2.Parse(data, hl7v2.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
