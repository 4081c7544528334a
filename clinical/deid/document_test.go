package deid_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/deid"
	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/hl7v2"
	"github.com/bedside-lm/bedside/clinical/record"
)

var update = flag.Bool("update", false, "write the golden files")

var secret = []byte("thirty-two bytes of no randomness")

func keys(t testing.TB) *deid.Keys {
	t.Helper()
	k, err := deid.NewKeys(secret)
	require.NoError(t, err)
	return k
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	require.Equal(t, read(t, path), got)
}

// identifying is what must not be left of the test's documents, whatever is done to it.
var identifying = []string{
	"Okonjo", "OKONJO", "okonjo", "Ruth", "Ada", "欧阳娜娜", "娜娜", "7734201", "536-48-2210", "11010519491231002X", "555-0142", "555-0143", "Chestnut", "Salem",
	"01970", "1931", "03-08", "20240308", "3/8/2024", "March 8", "Hartwig", "Lena", "pat-48213", "obs-1", "ehr.example.org", "SN-77120", "10987654d321", "9j/4AA",
	"Iyer", "ACC-99182", "POL-7712345", "V-88123", "ST MARY", "13912345678", "张伟",
}

func TestFHIRGolden(t *testing.T) {
	doc := read(t, "testdata/patient.fhir.json")
	for name, policy := range map[string]deid.Policy{
		"patient.redacted.json": {},
		"patient.pseudonyms.json": {Default: deid.Hash, Actions: map[deid.Type]deid.Action{
			deid.Name: deid.Pseudonym, deid.Date: deid.Shift, deid.Zip: deid.Generalize, deid.Age: deid.Generalize,
		}},
	} {
		r, err := deid.FHIR(doc, deid.Options{Keys: keys(t), Policy: policy})
		require.NoError(t, err)
		require.True(t, json.Valid([]byte(r.Text)))
		for _, s := range identifying {
			require.NotContains(t, r.Text, s, "%s of %s", name, s)
		}
		require.Contains(t, r.Text, "disease is stable", "what identifies nobody stays")
		golden(t, name, r.Text)
		again, err := fhir.Parse([]byte(r.Text), fhir.Limits{})
		require.NoError(t, err)
		require.Len(t, again.Observations, 1)
		require.Equal(t, "88", again.Observations[0].Value.Quantity.Value.Text)
	}
}

func TestHL7Golden(t *testing.T) {
	doc := read(t, "testdata/message.hl7")
	for name, policy := range map[string]deid.Policy{
		"message.redacted.hl7":   {},
		"message.pseudonyms.hl7": {Default: deid.Hash, Actions: map[deid.Type]deid.Action{deid.Name: deid.Pseudonym, deid.Date: deid.Shift}},
	} {
		r, err := deid.HL7v2(doc, deid.Options{Keys: keys(t), Policy: policy})
		require.NoError(t, err)
		for _, s := range identifying {
			require.NotContains(t, r.Text, s, "%s of %s", name, s)
		}
		golden(t, name, r.Text)
		again, err := hl7v2.Parse([]byte(r.Text), hl7v2.Limits{})
		require.NoError(t, err)
		require.NotEmpty(t, again.Observations)
	}
}

func TestSampleRecordsStayReadable(t *testing.T) {
	for _, path := range []string{"sepsis-icu.fhir.json", "diabetes-ward.fhir.json", "minimal.fhir.json", "sepsis-ward.fhir.json"} {
		doc := read(t, filepath.Join("../../testdata/records", path))
		// Years alone would make readings of one value the same reading.
		policy := deid.Policy{Actions: map[deid.Type]deid.Action{deid.Date: deid.Shift}}
		r, err := deid.FHIR(doc, deid.Options{Keys: keys(t), Policy: policy})
		require.NoError(t, err, path)
		for _, s := range r.Spans { // words of codes are no names
			free := strings.HasSuffix(s.Path, ".display") || strings.HasSuffix(s.Path, ".text")
			require.False(t, free && s.Type == deid.Name && !strings.Contains(s.Path, "name"), "%s: %s", path, s.Path)
		}
		before, err := fhir.Parse([]byte(doc), fhir.Limits{})
		require.NoError(t, err)
		after, err := fhir.Parse([]byte(r.Text), fhir.Limits{})
		require.NoError(t, err, path)
		require.Equal(t, len(before.Observations), len(after.Observations), path)
		require.Len(t, after.Conditions, len(before.Conditions), path)
		require.Len(t, after.Medications, len(before.Medications), path)
	}
}

func TestNDJSONSearchesAllLines(t *testing.T) {
	doc := `{"resourceType":"Patient","id":"p1","name":[{"family":"Zweig","given":["Xan"]}]}` + "\n\n" +
		`{"resourceType":"Observation","id":"o1","subject":{"reference":"Patient/p1"},"valueString":"xan zweig slept; ZWEIG ate"}` + "\n"
	r, err := deid.NDJSON(doc, deid.Options{})
	require.NoError(t, err)
	require.NotContains(t, strings.ToLower(r.Text), "zweig")
	require.Equal(t, 3, strings.Count(r.Text, "\n"))
	require.Equal(t, 2, strings.Count(r.Text, "slept")+strings.Count(r.Text, "ate\""))
	_, err = deid.NDJSON(doc+"{", deid.Options{})
	require.ErrorContains(t, err, "line 3")
}

func TestShiftKeepsIntervalsAndForms(t *testing.T) {
	policy := deid.Policy{Actions: map[deid.Type]deid.Action{deid.Date: deid.Shift}}
	r, err := deid.Text("2024-02-28; 2024-03-01; 02/28/2024; Feb 28, 2024", deid.Options{Keys: keys(t), Policy: policy, Patient: "p1"})
	require.NoError(t, err)
	parts := strings.Split(r.Text, "; ")
	a, err := time.Parse("2006-01-02", parts[0])
	require.NoError(t, err)
	b, err := time.Parse("2006-01-02", parts[1])
	require.NoError(t, err)
	require.Equal(t, 48*time.Hour, b.Sub(a))
	require.NotEqual(t, "2024-02-28", parts[0])
	require.Equal(t, a.Format("01/02/2006"), parts[2])
	require.Equal(t, a.Format("Jan 2, 2006"), parts[3])
	other, err := deid.Text("2024-02-28", deid.Options{Keys: keys(t), Policy: policy, Patient: "p2"})
	require.NoError(t, err)
	require.NotEqual(t, parts[0], other.Text)
}

func TestPseudonymsAreOnePersons(t *testing.T) {
	policy := deid.Policy{Actions: map[deid.Type]deid.Action{deid.Name: deid.Pseudonym}}
	opt := deid.Options{Keys: keys(t), Policy: policy}
	r, err := deid.Text("Dr. Jane Whitfield came. WHITFIELD, JANE left. 患者张伟，男。张先生诉痛。", opt)
	require.NoError(t, err)
	words := strings.Fields(r.Text)
	given, last := words[1], words[2]
	require.NotEqual(t, "Jane", given)
	require.Equal(t, []string{strings.ToUpper(last) + ",", strings.ToUpper(given)}, words[4:6])
	zh := []rune(words[7])
	require.Equal(t, zh[2], zh[len(zh)-6], "the same surname")
	again, err := deid.Text("Whitfield, Jane. MRN 12345678", opt)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(again.Text, last+", "+given), "the same in every document")
	other, err := deid.NewKeys([]byte("another thirty-two bytes, as good"))
	require.NoError(t, err)
	differs, err := deid.Text("Whitfield, Jane. MRN 12345678", deid.Options{Keys: other, Policy: policy})
	require.NoError(t, err)
	require.NotEqual(t, again.Text, differs.Text)
}

func TestReverseGivesTheOriginal(t *testing.T) {
	k := keys(t)
	for _, doc := range []string{read(t, "testdata/patient.fhir.json"), read(t, "testdata/message.hl7"), "患者张伟 was seen on 3/5/2024 by Dr. Adebayo"} {
		policy := deid.Policy{Default: deid.Hash, Actions: map[deid.Type]deid.Action{deid.Name: deid.Pseudonym, deid.Date: deid.Shift}}
		opt := deid.Options{Keys: k, Policy: policy, Seal: true}
		do := deid.Text
		switch doc[0] {
		case '{':
			do = deid.FHIR
		case 'M':
			do = deid.HL7v2
		}
		r, err := do(doc, opt)
		require.NoError(t, err)
		back, err := k.Reverse(r.Text, r.Sealed)
		require.NoError(t, err)
		require.Equal(t, doc, back)
		require.NotContains(t, string(r.Sealed), "Okonjo")
		_, err = k.Reverse(r.Text+" ", r.Sealed)
		require.ErrorAs(t, err, new(*deid.KeyError))
		other, err := k.Within("another tenant")
		require.NoError(t, err)
		_, err = other.Reverse(r.Text, r.Sealed)
		require.ErrorAs(t, err, new(*deid.KeyError))
	}
	_, err := deid.Text("x", deid.Options{Seal: true})
	require.ErrorAs(t, err, new(*deid.KeyError), "without a key nothing can be undone")
}

func TestPolicies(t *testing.T) {
	p, err := deid.ParsePolicy([]byte("default: redact\nactions:\n  NAME: pseudonym\n  DATE: keep\n"))
	require.NoError(t, err)
	r, err := deid.Text("Dr. Adebayo, 2024-03-05, MRN 1234567", deid.Options{Policy: p})
	require.NoError(t, err)
	require.Contains(t, r.Text, "2024-03-05, MRN [MRN]")
	for bad, field := range map[string]string{
		"default: shift": "default", "actions: {NAME: shift}": "actions[NAME]", "actions: {NAMES: keep}": "actions", "actions: {NAME: burn}": "actions[NAME]",
		"other: 1": "policy", "actions: {MRN: generalize}": "actions[MRN]",
	} {
		_, err := deid.ParsePolicy([]byte(bad))
		var e *deid.PolicyError
		require.ErrorAs(t, err, &e, bad)
		require.Equal(t, field, e.Field, bad)
	}
}

func TestBounds(t *testing.T) {
	_, err := deid.Text("too long", deid.Options{Limits: deid.Limits{Bytes: 4}})
	require.ErrorAs(t, err, new(*record.LimitError))
	_, err = deid.FHIR(strings.Repeat("[", 100)+strings.Repeat("]", 100), deid.Options{})
	require.ErrorAs(t, err, new(*record.LimitError))
	_, err = deid.FHIR(`{"a":[1,2,3]}`, deid.Options{Limits: deid.Limits{Values: 3}})
	require.ErrorAs(t, err, new(*record.LimitError))
	for _, bad := range []string{"", "{", `{"name":"Jane Whitfield"`, "\xff"} {
		_, err = deid.FHIR(bad, deid.Options{})
		require.ErrorAs(t, err, new(*record.InvalidError))
		require.NotContains(t, err.Error(), "Whitfield")
	}
	_, err = deid.HL7v2("PID|1||Whitfield", deid.Options{})
	require.ErrorAs(t, err, new(*record.InvalidError))
	require.NotContains(t, err.Error(), "Whitfield")
}

func TestPathsHoldNoValues(t *testing.T) {
	r, err := deid.FHIR(`{"resourceType":"Patient","Jane Whitfield 13912345678":{"x":"call 13912345678"}}`, deid.Options{})
	require.NoError(t, err)
	for _, s := range r.Spans {
		require.NotContains(t, s.Path, "Whitfield")
	}
}

func TestRecordTakesIdentifiersOutOfFreeText(t *testing.T) {
	rec := &record.PatientRecord{
		Observations: []record.Observation{{ID: "a", Code: record.Concept{Codings: []record.Coding{{System: record.SystemLOINC, Display: "Glasgow Coma Scale"}}}, Value: record.Value{Text: "Xan slept on 2024-03-05"}}},
		Reports:      []record.Report{{ID: "r", Conclusion: "Discussed with Dr. Adebayo, phone 617-555-0142. Parkinson's disease."}},
		Medications:  []record.Medication{{ID: "m", DosageText: "as 患者家属张伟 asks"}},
	}
	asked := 0
	n, err := deid.Record(rec, deid.PromptPolicy(), func() *deid.Known {
		asked++
		k := deid.NewKnown()
		k.AddName("Xan Zweig")
		return k
	})
	require.NoError(t, err)
	require.Equal(t, 1, asked)
	require.Equal(t, 4, n)
	require.Equal(t, "[NAME] slept on 2024-03-05", rec.Observations[0].Value.Text, "what happened when stays")
	require.Equal(t, "Discussed with Dr. [NAME], phone [PHONE]. Parkinson's disease.", rec.Reports[0].Conclusion)
	require.Equal(t, "as 患者家属[NAME] asks", rec.Medications[0].DosageText)
}

func FuzzFHIR(f *testing.F) {
	f.Add(`{"resourceType":"Patient","id":"p1","name":[{"family":"Zweig","given":["Xan"]}],"birthDate":"1970-01-01"}`)
	f.Add(`{"text":{"div":"<p a='b'>x<"},"a":"\u00e9\ud83d\ude00 13912345678"}`)
	f.Fuzz(func(t *testing.T, s string) {
		check(t, s, deid.FHIR, func(out string) bool { return json.Valid([]byte(out)) })
	})
}

func FuzzHL7v2(f *testing.F) {
	f.Add("MSH|^~\\&|A|B|C|D|20240101||ORU^R01|1|P|2.6\rPID|1||77^^^H^MR||Zweig^Xan||19700101\rOBX|1|TX|a||Dr. Adebayo\\.br\\came")
	f.Fuzz(func(t *testing.T, s string) { check(t, s, deid.HL7v2, func(string) bool { return true }) })
}

// check holds that a document stays one, that doing it again changes nothing, and that it can be undone.
func check(t *testing.T, s string, do func(string, deid.Options) (*deid.Result, error), valid func(string) bool) {
	if len(s) > 4096 {
		return
	}
	k := keys(t)
	policy := deid.Policy{Actions: map[deid.Type]deid.Action{deid.ResourceID: deid.Keep}} // a hash of a hash is another one
	r, err := do(s, deid.Options{Keys: k, Seal: true, Policy: policy})
	if err != nil {
		return
	}
	if !valid(r.Text) {
		t.Fatal("the result cannot be read")
	}
	for _, x := range r.Spans {
		if x.Start > x.End || x.End > len(s) || x.OutStart > x.OutEnd || x.OutEnd > len(r.Text) {
			t.Fatal("a span out of bounds")
		}
	}
	if back, err := k.Reverse(r.Text, r.Sealed); err != nil || back != s {
		t.Fatal("it cannot be undone")
	}
}
