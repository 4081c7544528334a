package fhir_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
)

// patients and perPatient size the benchmarks' export: about 40 MB of compact JSON.
const (
	patients   = 200
	perPatient = 400
)

// bulk writes an export: vital signs, blood pressures with components, laboratory values
// with a reference range, drugs given and a few others, the patients mixed line by line.
func bulk(patients, each int) []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) {
		fmt.Fprintln(&b, strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", ""), "\t", ""), "'", `"`))
	}
	const category = `'category':[{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/observation-category','code':'%s','display':'%s'}]}]`
	vital, lab := fmt.Sprintf(category, "vital-signs", "Vital Signs"), fmt.Sprintf(category, "laboratory", "Laboratory")
	for p := range patients {
		line(`{'resourceType':'Patient','id':'p%d','gender':'female','birthDate':'19%02d-04-05','name':[{'family':'Beispiel','given':['Erika']}]}`, p, p%100)
		line(`{'resourceType':'Encounter','id':'e%d','status':'finished','class':{'system':'http://terminology.hl7.org/CodeSystem/v3-ActCode','code':'IMP'},
			'subject':{'reference':'Patient/p%d'},'period':{'start':'2026-01-02T00:00:00+01:00','end':'2026-01-09T12:00:00+01:00'}}`, p, p)
	}
	for i := range each {
		for p := range patients {
			rest := fmt.Sprintf(`'subject':{'reference':'Patient/p%d'},'encounter':{'reference':'Encounter/e%d'},'effectiveDateTime':'2026-01-%02dT%02d:%02d:00+01:00'`,
				p, p, 2+i/60%7, i/4%24, i%4*15)
			switch i % 8 {
			case 0, 1, 2, 3:
				line(`{'resourceType':'Observation','id':'o%d-%d','meta':{'versionId':'1','lastUpdated':'2026-01-09T12:00:00.000Z'},'status':'final',`+vital+`,
					'code':{'coding':[{'system':'http://loinc.org','code':'8867-4','display':'Heart rate'}],'text':'Heart rate'},`+rest+`,
					'valueQuantity':{'value':%d.%d,'unit':'/min','system':'http://unitsofmeasure.org','code':'/min'},'device':{'reference':'Device/monitor-%d'}}`,
					p, i, 60+(i*7+p)%50, i%10, p%20)
			case 4, 5:
				line(`{'resourceType':'Observation','id':'o%d-%d','status':'final',`+vital+`,
					'code':{'coding':[{'system':'http://loinc.org','code':'85354-9','display':'Blood pressure panel with all children optional'}]},`+rest+`,
					'component':[{'code':{'coding':[{'system':'http://loinc.org','code':'8480-6','display':'Systolic blood pressure'}]},
					'valueQuantity':{'value':%d,'unit':'mmHg','system':'http://unitsofmeasure.org','code':'mm[Hg]'}},
					{'code':{'coding':[{'system':'http://loinc.org','code':'8462-4','display':'Diastolic blood pressure'}]},
					'valueQuantity':{'value':%d,'unit':'mmHg','system':'http://unitsofmeasure.org','code':'mm[Hg]'}}]}`, p, i, 100+(i+p)%60, 50+(i+p)%40)
			case 6:
				line(`{'resourceType':'Observation','id':'o%d-%d','status':'final',`+lab+`,
					'code':{'coding':[{'system':'http://loinc.org','code':'2524-7','display':'Lactate [Moles/volume] in Serum or Plasma'}]},`+rest+`,
					'valueQuantity':{'value':%d.%d0,'unit':'mmol/L','system':'http://unitsofmeasure.org','code':'mmol/L'},
					'interpretation':[{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation','code':'H','display':'High'}]}],
					'referenceRange':[{'low':{'value':0.5,'unit':'mmol/L','system':'http://unitsofmeasure.org','code':'mmol/L'},
					'high':{'value':2.2,'unit':'mmol/L','system':'http://unitsofmeasure.org','code':'mmol/L'}}]}`, p, i, 1+(i+p)%6, i%10)
			case 7:
				line(`{'resourceType':'MedicationAdministration','id':'m%d-%d','status':'completed',
					'medicationCodeableConcept':{'coding':[{'system':'http://www.nlm.nih.gov/research/umls/rxnorm','code':'7512','display':'norepinephrine'}],'text':'Norepinephrine'},
					'subject':{'reference':'Patient/p%d'},'context':{'reference':'Encounter/e%d'},'effectivePeriod':{'start':'2026-01-02T%02d:%02d:00+01:00'},
					'dosage':{'text':'8 ug/min','rateQuantity':{'value':8.0,'unit':'ug/min','system':'http://unitsofmeasure.org','code':'ug/min'}}}`,
					p, i, p, p, i/4%24, i%4*15)
			}
		}
	}
	return b.Bytes()
}

// byPatient groups an export's lines as a cohort does.
func byPatient(b *testing.B, data []byte) map[string][]fhir.Line {
	out := map[string][]fhir.Line{}
	in := fhir.NewLines(bytes.NewReader(data), "all.ndjson", fhir.Limits{})
	for {
		l, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			b.Fatal(err)
		}
		res, err := fhir.Glance(l, fhir.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		out[res.Patient] = append(out[res.Patient], l.Clone())
	}
}

// BenchmarkBulk reads an export into records: lines, a glance at each, and each patient's
// lines as one record. One core.
func BenchmarkBulk(b *testing.B) {
	data := bulk(patients, perPatient)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		for _, lines := range byPatient(b, data) {
			if _, err := fhir.ParseResources(lines, nil, fhir.Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkGlance(b *testing.B) {
	data := bulk(patients, perPatient)
	lines := bytes.SplitAfter(data, []byte("\n"))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		for _, l := range lines[:len(lines)-1] {
			if _, err := fhir.Glance(fhir.Line{Text: l}, fhir.Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkLines(b *testing.B) {
	data := bulk(patients, perPatient)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		in := fhir.NewLines(bytes.NewReader(data), "all.ndjson", fhir.Limits{})
		for {
			if _, err := in.Next(); err != nil {
				break
			}
		}
	}
}

// BenchmarkWrite writes the records of an export as Bundles.
func BenchmarkWrite(b *testing.B) {
	var all []*record.PatientRecord
	size := 0
	for _, lines := range byPatient(b, bulk(patients, perPatient)) {
		rec, err := fhir.ParseResources(lines, nil, fhir.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, rec)
	}
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		size = 0
		for _, rec := range all {
			var err error
			if out, err = fhir.AppendBundle(out[:0], rec); err != nil {
				b.Fatal(err)
			}
			size += len(out)
		}
	}
	b.SetBytes(int64(size))
}

func BenchmarkParseResources(b *testing.B) {
	data := bulk(patients, perPatient)
	grouped := byPatient(b, data)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		for _, lines := range grouped {
			if _, err := fhir.ParseResources(lines, nil, fhir.Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkParseResourcesOnAllCores reads one patient's lines after another on each core.
func BenchmarkParseResourcesOnAllCores(b *testing.B) {
	data := bulk(patients, perPatient)
	var all [][]fhir.Line
	for _, lines := range byPatient(b, data) {
		all = append(all, lines)
	}
	var next atomic.Int64
	b.SetBytes(int64(len(data) / len(all)))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			lines := all[int(next.Add(1))%len(all)]
			if _, err := fhir.ParseResources(lines, nil, fhir.Limits{}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
