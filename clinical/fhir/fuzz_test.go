package fhir_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
)

// seeds gives the small samples whole, and of the large ones each kind of resource in
// a bundle of its own: a fuzzer gets nowhere with large inputs.
func seeds(f *testing.F) [][]byte {
	var out [][]byte
	for _, pattern := range []string{"*.json", "bad/*.json"} {
		for _, path := range sampleNames(f, pattern) {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			if len(data) < 2000 {
				out = append(out, data)
				continue
			}
			var whole struct {
				Entry []struct{ Resource json.RawMessage }
			}
			if err := json.Unmarshal(data, &whole); err != nil {
				f.Fatal(err)
			}
			for i, e := range whole.Entry {
				if i%4 == 0 && len(e.Resource) < 4000 || strings.Contains(string(e.Resource), `"Medication`) {
					out = append(out, bundle(patient, string(e.Resource)), e.Resource)
				}
			}
		}
	}
	return out
}

// FuzzParse holds that no text makes the reader panic, that an error is one of its
// two kinds and keeps its own limit, that a record has ids that are its own, and that
// the same text gives the same record.
func FuzzParse(f *testing.F) {
	for _, data := range seeds(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		lim := fhir.Limits{Bytes: 1 << 20, Entries: 200, Values: 5000, Samples: 10_000, Notices: 50}
		rec, err := fhir.Parse(data, lim)
		if err != nil {
			var invalid *record.InvalidError
			var limit *record.LimitError
			switch {
			case errors.As(err, &invalid):
				if n := len(invalid.Violations); n == 0 || n > 20 {
					t.Fatalf("%d violations", n)
				}
				for _, v := range invalid.Violations {
					if v.Path == "" || v.Message == "" {
						t.Fatalf("nameless violation %+v", v)
					}
				}
			case !errors.As(err, &limit):
				t.Fatalf("an error of another kind: %T", err)
			}
			return
		}
		if len(rec.Notices) > 51 {
			t.Fatalf("%d notices", len(rec.Notices))
		}
		seen := map[string]bool{}
		for _, o := range rec.Observations {
			if o.ID == "" || seen[o.ID] {
				t.Fatalf("id %q is not its own", o.ID)
			}
			seen[o.ID] = true
		}
		again, err := fhir.Parse(data, lim)
		if err != nil || dump(again) != dump(rec) {
			t.Fatalf("read otherwise the second time: %v", err)
		}
	})
}

// BenchmarkParse reads a collection of 50,000 readings.
func BenchmarkParse(b *testing.B) {
	readings := make([]string, 50_000)
	for i := range readings {
		readings[i] = fmt.Sprintf(`{'resourceType':'Observation','id':'o%d','status':'final',
			'category':[{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/observation-category','code':'vital-signs'}]}],
			'code':{'coding':[{'system':'http://loinc.org','code':'8867-4','display':'Heart rate'}]},
			'subject':{'reference':'Patient/p'},'effectiveDateTime':'2026-01-02T03:%02d:%02dZ',
			'valueQuantity':{'value':%d,'unit':'beats/minute','system':'http://unitsofmeasure.org','code':'/min'},
			'interpretation':[{'coding':[{'code':'N'}]}],'device':{'reference':'Device/monitor-with-no-entry'}}`, i, i/60%60, i%60, 60+i%40)
	}
	benchmark(b, bundle(append([]string{patient}, readings...)...))
}

// BenchmarkParseWaveform reads an hour of a 500 Hz strip.
func BenchmarkParseWaveform(b *testing.B) {
	data := strings.TrimSpace(strings.Repeat("-12 1043 7 88 ", 450_000))
	benchmark(b, bundle(patient, obs(`'valueSampledData':{'origin':{'value':0},'period':2,'dimensions':1,'data':'`+data+`'}`)))
}

func benchmark(b *testing.B, data []byte) {
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fhir.Parse(data, fhir.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
