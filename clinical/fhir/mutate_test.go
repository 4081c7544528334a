package fhir_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
)

// mutants is how many damaged inputs each format has to stand.
const mutants = 10_000

// someone stands in every text of the inputs below, and in no error.
const someone = "Zora Vogel"

// kinds has each type of resource and of value; the first is the patient.
var kinds = []string{
	`{'resourceType':'Patient','id':'p','gender':'female','birthDate':'1970-02-03','name':[{'text':'` + someone + `'}]}`,
	`{'resourceType':'Encounter','id':'e','status':'finished','class':{'code':'IMP'},` + me + `,'period':{'start':'2026-01-02T03:04:05Z','end':'2026-01-09'},'reasonCode':[{'text':'` + someone + `'}]}`,
	`{'resourceType':'Device','id':'d','manufacturer':'` + someone + `','deviceName':[{'name':'BM-5','type':'model-name'}]}`,
	obs(`'id':'o1','effectiveDateTime':'2026-01-02T03:04:05.5+08:00','valueQuantity':{'value':7.40,'unit':'mmHg','system':'http://unitsofmeasure.org','code':'mm[Hg]'},'device':{'reference':'Device/d'}`),
	obs(`'id':'o2','valueString':'` + someone + `','interpretation':[{'coding':[{'code':'H'}]}],'referenceRange':[{'low':{'value':1},'high':{'value':2},'text':'` + someone + `'}]`),
	obs(`'id':'o3','component':[{'code':{'text':'x'},'valueInteger':3},{'code':{'text':'y'},'dataAbsentReason':{'text':'` + someone + `'}}],'hasMember':[{'reference':'Observation/o1'}]`),
	obs(`'id':'o4','valueSampledData':{'origin':{'value':0},'period':8,'factor':0.5,'dimensions':2,'data':'1 E L U -2.5 3e1'},'derivedFrom':[{'reference':'Observation/o2'}]`),
	`{'resourceType':'Condition','id':'c','clinicalStatus':{'coding':[{'code':'active'}]},'onsetPeriod':{'start':'2025'},'code':{'text':'` + someone + `'},` + me + `}`,
	`{'resourceType':'MedicationAdministration','id':'m','status':'completed','effectiveDateTime':'2026-01-01','medicationCodeableConcept':{'text':'` + someone + `'},` +
		`'dosage':{'rateRatio':{'numerator':{'value':8.0,'unit':'ug'},'denominator':{'value':1,'unit':'min'}}},` + me + `}`,
	`{'resourceType':'DiagnosticReport','id':'r','status':'final','code':{'text':'gas'},'conclusion':'` + someone + `','result':[{'reference':'Observation/o1'}]}`,
}

// some draws the patient and three other kinds.
func some(r *rand.Rand) []string {
	out := []string{kinds[0]}
	for range 3 {
		out = append(out, kinds[1+r.IntN(len(kinds)-1)])
	}
	return out
}

// ndjson puts resources on a line each, and one in a Bundle of its own.
func ndjson(resources []string) []byte {
	var b bytes.Buffer
	for _, s := range resources {
		b.WriteString(strings.ReplaceAll(s, "'", `"`) + "\n")
	}
	return append(b.Bytes(), bundle(resources[len(resources)-1])...)
}

// mutate damages a text in one to four places.
func mutate(r *rand.Rand, text []byte) []byte {
	out := bytes.Clone(text)
	for range 1 + r.IntN(4) {
		if len(out) == 0 {
			return out
		}
		at := r.IntN(len(out))
		end := min(at+1+r.IntN(40), len(out))
		switch r.IntN(7) {
		case 0: // flip a bit
			out[at] ^= 1 << r.IntN(8)
		case 1: // delete
			out = append(out[:at:at], out[end:]...)
		case 2: // duplicate
			out = append(out[:end:end], append(bytes.Clone(out[at:end]), out[end:]...)...)
		case 3: // truncate, rarely: the rest then matters no more
			if r.IntN(4) == 0 {
				out = out[:at]
			}
		case 4: // insert what means something
			token := []string{`{`, `}`, `[`, `]`, `"`, `,`, `:`, `\`, `\u`, "\x00", "\xff", "\n", `null`, `-`, `1e999`, `[[[[`, `"id":`, `2026-13-01`}[r.IntN(18)]
			out = append(out[:at:at], append([]byte(token), out[at:]...)...)
		case 5: // splice a piece from elsewhere
			from := r.IntN(len(out))
			piece := bytes.Clone(out[from:min(from+1+r.IntN(80), len(out))])
			out = append(out[:at:at], append(piece, out[at:]...)...)
		case 6: // overwrite
			out[at] = byte(r.IntN(256))
		}
	}
	return out
}

// placed checks that an error is one of the reader's, names a place, and quotes nobody.
func placed(t *testing.T, err error, prefix string) {
	t.Helper()
	var invalid *record.InvalidError
	var limit *record.LimitError
	switch {
	case errors.As(err, &invalid):
		require.NotEmpty(t, invalid.Violations)
		for _, v := range invalid.Violations {
			require.True(t, strings.HasPrefix(v.Path, prefix), v.Path)
			require.NotEmpty(t, v.Message)
		}
	case errors.As(err, &limit):
		require.True(t, strings.HasPrefix(limit.Path, prefix), limit.Path)
	default:
		t.Fatalf("an error of another kind: %T", err)
	}
	require.NotContains(t, err.Error(), someone, "patient text in an error")
}

// damaged gives a test the mutants of small texts, and holds what it allocates against what
// it was given to read, a hundred at a time: reading the counters costs more than a text.
func damaged(t *testing.T, seed uint64, text func(*rand.Rand) []byte, read func([]byte)) {
	t.Helper()
	const batch = 100
	r := rand.New(rand.NewPCG(seed, seed))
	for range mutants / batch {
		inputs := make([][]byte, batch)
		size := 0
		for i := range inputs {
			inputs[i] = mutate(r, text(r))
			size += len(inputs[i])
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, in := range inputs {
			read(in)
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > uint64(batch)<<20+100*uint64(size) {
			t.Fatalf("%d bytes were allocated to read %d", used, size)
		}
	}
}

func TestMutatedBundles(t *testing.T) {
	_, err := fhir.Parse(bundle(kinds...), fhir.Limits{})
	require.NoError(t, err)
	refused := 0
	damaged(t, 1, func(r *rand.Rand) []byte { return bundle(some(r)...) }, func(in []byte) {
		if _, err := fhir.Parse(in, fhir.Limits{}); err != nil {
			refused++
			placed(t, err, "")
		}
	})
	require.Greater(t, refused, mutants/2)
	require.Less(t, refused, mutants)
}

func TestMutatedExports(t *testing.T) {
	lines, refused := 0, 0
	damaged(t, 2, func(r *rand.Rand) []byte { return ndjson(some(r)) }, func(in []byte) {
		groups := map[string][]fhir.Line{}
		for file := fhir.NewLines(bytes.NewReader(in), "x.ndjson", fhir.Limits{}); ; {
			l, err := file.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			lines++
			res, err := fhir.Glance(l, fhir.Limits{})
			if err != nil {
				refused++
				placed(t, err, l.String())
				continue
			}
			groups[res.Patient] = append(groups[res.Patient], l.Clone())
		}
		for _, lines := range groups {
			if _, err := fhir.ParseResources(lines, nil, fhir.Limits{}); err != nil {
				placed(t, err, "x.ndjson:")
			}
		}
	})
	require.Greater(t, refused, mutants/10)
	require.Less(t, refused, lines/2, "the other lines are read")
}
