package cohort_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/prepare/cohort"
)

// ward is the same readings of some patients, in the order in which they were made.
type ward struct{ readings []wardReading }

type wardReading struct {
	patient, time string // time as "20260302080000", UTC
	code, unit    string
	value         float64
}

func newWard(patients, each int) *ward {
	w := &ward{}
	for i := range each {
		for p := range patients {
			m := []struct {
				code, unit string
				level      float64
			}{{"8867-4", "/min", 80}, {"59408-5", "%", 94}, {"9279-1", "/min", 18}}[i%3]
			w.readings = append(w.readings, wardReading{
				patient: fmt.Sprintf("w%d", p), time: fmt.Sprintf("202603020%d%02d00", 8+i/60, i%60),
				code: m.code, unit: m.unit, value: m.level + float64((i*7+p*3)%5),
			})
		}
	}
	return w
}

const unread = "MSH|^~\\&|ADT|WARD|BEDSIDE|ICU|20260302080000+0000||ADT^A01|A1|P|2.6\rPID|1||w0^^^WARD^MR||||19610101|F\r"

func (w *ward) hl7() string {
	b := &strings.Builder{}
	b.WriteString(unread)
	for i, r := range w.readings {
		fmt.Fprintf(b, "MSH|^~\\&|MON|WARD|BEDSIDE|ICU|20260302090000+0000||ORU^R01|M%d|P|2.6\rPID|1||%s^^^WARD^MR||||19610101|F\r"+
			"OBR|1|||x^vitals^L|||%s+0000\rOBX|1|NM|%s^^LN||%g|%s^^UCUM|||||F|||%s+0000\r", i, r.patient, r.time, r.code, r.value, r.unit, r.time)
	}
	return b.String()
}

func (w *ward) csv() string {
	b := &strings.Builder{}
	b.WriteString("id,remark,at,test,result,unit\n")
	for _, r := range w.readings {
		fmt.Fprintf(b, "%s,Zora Vogel,%s,%s,%g,%s\n", r.patient, r.time, r.code, r.value, r.unit)
	}
	return b.String()
}

func (w *ward) fhir() string {
	b := &strings.Builder{}
	seen := map[string]bool{}
	for i, r := range w.readings {
		if !seen[r.patient] {
			seen[r.patient] = true
			fmt.Fprintf(b, `{"resourceType":"Patient","id":%q,"gender":"female","birthDate":"1961-01-01"}`+"\n", r.patient)
		}
		t := r.time
		fmt.Fprintf(b, `{"resourceType":"Observation","id":"o%d","status":"final","subject":{"reference":"Patient/%s"},"effectiveDateTime":"%s-%s-%sT%s:%s:00Z","code":{"coding":[{"system":"http://loinc.org","code":%q}]},"valueQuantity":{"value":%g,"system":"http://unitsofmeasure.org","code":%q}}`+"\n",
			i, r.patient, t[:4], t[4:6], t[6:8], t[8:10], t[10:12], r.code, r.value, r.unit)
	}
	return b.String()
}

const wardMapping = `patient: {id: id}
time: {columns: [at], layouts: ["YYYYMMDDhhmmss"], zone: UTC}
long: {code: test, system: loinc, value: result, unit: unit}
`

// readings are the patients' numbers in a cohort's records.
func wardNumbers(t *testing.T, dir string) []string {
	var out []string
	for _, l := range lines(t, dir, "records") {
		_, text, _ := strings.Cut(l, " ")
		rec, err := fhir.Parse([]byte(text), fhir.Limits{})
		require.NoError(t, err)
		for _, o := range rec.Observations {
			q := o.Value.Quantity
			out = append(out, fmt.Sprint(rec.Patient.ID, " ", o.Code.Codings[0].Code, " ", o.Start.Time.UTC(), " ", q.Value, " ", q.Code))
		}
	}
	slices.Sort(out)
	return out
}

func wardJob(t *testing.T, name, text string) cohort.Job {
	in := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(in, name), []byte(text), 0o600))
	j := job(in, t.TempDir())
	j.Prepare.FillInterval = 0
	if strings.HasPrefix(name, "ward.csv") {
		j.Mapping = []byte(wardMapping)
	}
	return j
}

func TestTheSameStayInEveryFormat(t *testing.T) {
	w := newWard(5, 30)
	var want []string
	for _, c := range []struct {
		name, text string
		pieces     int
	}{{"ward.ndjson", w.fhir(), 155}, {"ward.hl7", w.hl7(), 150}, {"ward.csv", w.csv(), 150}} {
		t.Run(c.name, func(t *testing.T) {
			j := wardJob(t, c.name, c.text)
			m := run(t, j)
			require.Equal(t, 5, m.Patients)
			require.Equal(t, c.pieces, m.Pieces)
			require.Zero(t, m.RejectedText+m.Rejected)
			got := wardNumbers(t, j.Output)
			require.Len(t, got, 150)
			if want == nil {
				want = got
			}
			require.Equal(t, want, got)

			packed := wardJob(t, c.name, c.text)
			packed.BlockBytes, packed.PartitionBytes = 2_000, 3_000
			zip(t, filepath.Join(packed.Inputs[0], c.name))
			run(t, packed)
			require.Equal(t, want, wardNumbers(t, packed.Output))
		})
	}
}

// rejected are the places of a run's rejects, and what is wrong there.
func rejected(t *testing.T, j cohort.Job) string {
	data, err := os.ReadFile(filepath.Join(j.Output, "rejects.jsonl"))
	require.NoError(t, err)
	require.NotContains(t, string(data), "Zora")
	return string(data)
}

func TestMessagesThatCannotBeReadAreTold(t *testing.T) {
	w := newWard(5, 12)
	good := w.hl7()
	bad := "MSH|^~\\&|MON|WARD|BEDSIDE|ICU|20260302090000+0000||ORU^R01|M1|P|2.6\r"
	j := wardJob(t, "ward.hl7", good+
		bad+"OBX|1|NM|8867-4^^LN||80\r"+ // nobody's
		"Zora Vogel\r"+ // no segment
		bad+"PID|1||w3^^^WARD^MR\rOBR|1|||x^vitals^L\rOBX|1|NM|8867-4^^LN||Zora|/min^^UCUM|||||F\r"+ // no number
		unread)
	j.MaxRejects = 0.5
	m := run(t, j)
	told := rejected(t, j)
	require.Equal(t, 4, m.Patients, told)
	require.Equal(t, 1, m.Rejected, told)
	require.Equal(t, 1, m.RejectedText, told)
	line := strings.Count(good, "\r") + 1
	require.Contains(t, told, fmt.Sprintf(`"line":%d`, line))
	require.Contains(t, told, "OBX[1]-5")
}

func TestRowsThatCannotBeReadAreTold(t *testing.T) {
	w := newWard(5, 12)
	good := w.csv()
	j := wardJob(t, "ward.csv", good+
		"w1,Zora Vogel,20260302100000,8867-4\n"+ // too short
		"w3,Zora Vogel,20260302100000,8867-4,Zora,/min\n"+ // no number
		"w2,Zora Vogel,20260302100000,8867-4,80,/min\n")
	j.MaxRejects = 0.5
	m := run(t, j)
	told := rejected(t, j)
	require.Equal(t, 4, m.Patients, told)
	require.Equal(t, 1, m.Rejected, told)
	require.Equal(t, 1, m.RejectedText, told)
	require.Contains(t, told, "ward.csv: row 62")
	require.Len(t, wardNumbers(t, j.Output), 4*12+1, "what stands behind a bad row is read")
}

func TestATableNeedsAMapping(t *testing.T) {
	for _, mapping := range []string{"", "patient: {id: id}\nlong: {cod: x}\n"} {
		j := wardJob(t, "ward.csv", newWard(1, 1).csv())
		j.Mapping = []byte(mapping)
		_, err := cohort.Local{}.Run(t.Context(), j)
		var wrong *cohort.JobError
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, "mapping", wrong.Field)
		left, err := os.ReadDir(j.Output)
		require.NoError(t, err)
		require.Empty(t, left, "a job that cannot be run claims no folder")
	}
}

func TestOnePatientInTwoFormatsIsRejected(t *testing.T) {
	w := newWard(3, 6)
	j := wardJob(t, "ward.hl7", w.hl7())
	one := newWard(1, 6)
	require.NoError(t, os.WriteFile(filepath.Join(j.Inputs[0], "ward.ndjson"), []byte(one.fhir()), 0o600))
	j.MaxRejects = 0.5
	m := run(t, j)
	require.Equal(t, 2, m.Patients)
	require.Contains(t, rejected(t, j), "prepare them apart")
}
