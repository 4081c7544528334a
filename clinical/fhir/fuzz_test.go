package fhir_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

var fuzzed = fhir.Limits{Bytes: 1 << 20, Entries: 200, Values: 5000, Samples: 10_000, Notices: 50}

// sound holds that an error is one of the reader's two kinds, keeps its own limit and names
// a place.
func sound(t *testing.T, err error) {
	t.Helper()
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
	case limit.Path == "":
		t.Fatalf("nameless limit %+v", limit)
	}
}

// FuzzParse holds that no text makes the reader panic, that errors are sound, that a record
// has ids that are its own, that the same text gives the same record, and that the record
// is written and read back as it was.
func FuzzParse(f *testing.F) {
	for _, data := range seeds(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := fhir.Parse(data, fuzzed)
		if err != nil {
			sound(t, err)
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
		second, err := fhir.Parse(data, fuzzed)
		if err != nil || dump(second) != dump(rec) {
			t.Fatalf("read otherwise the second time: %v", err)
		}
		if empty(rec) {
			return
		}
		if diff := cmp.Diff(rec, again(t, rec), same); diff != "" {
			t.Fatalf("-read +written and read:\n%s", diff)
		}
	})
}

// FuzzLines holds that the lines are those of the text, whatever the limit, and that their
// places are right.
func FuzzLines(f *testing.F) {
	f.Add([]byte("\ufeff{}\r\n\n[1]\n  \nlast"), int64(3))
	f.Add([]byte("\n\ufeff"), int64(61))
	f.Add(bulk(1, 1), int64(1000))
	f.Fuzz(func(t *testing.T, data []byte, limit int64) {
		if limit <= 0 {
			return
		}
		var want []string
		for i, l := range strings.Split(string(data), "\n") {
			if l = strings.TrimSuffix(l, "\r"); i == 0 {
				l = strings.TrimPrefix(l, "\ufeff")
			}
			switch {
			case int64(len(l)) > limit:
				want = append(want, fmt.Sprintf("x:%d: more than %d bytes in a line", i+1, limit))
			case len(bytes.TrimSpace([]byte(l))) > 0:
				want = append(want, fmt.Sprintf("x:%d ", i+1)+l)
			}
		}
		var got []string
		for in := fhir.NewLines(bytes.NewReader(data), "x", fhir.Limits{Bytes: limit}); ; {
			l, err := in.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				got = append(got, err.Error())
				continue
			}
			got = append(got, l.String()+" "+string(l.Text))
			place := data[l.Offset:]
			if l.Number == 1 { // only there the mark is no part of the line
				place = bytes.TrimPrefix(place, []byte("\ufeff"))
			}
			if !bytes.HasPrefix(place, l.Text) {
				t.Fatalf("line %d does not stand at byte %d", l.Number, l.Offset)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-lines +read:\n%s", diff)
		}
	})
}

// FuzzGlance holds that a glance takes what the reader takes, and tells of the same patient.
func FuzzGlance(f *testing.F) {
	for _, data := range seeds(f) {
		f.Add(data)
	}
	f.Add([]byte(`{"resourceType":"Observation","subject":{"reference":"urn:uuid:0b5d1f7e-1c9a-4f0e-9d57-3f6a3c1b2a10"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := fhir.Line{Name: "x", Number: 1, Text: data}
		res, err := fhir.Glance(l, fuzzed)
		if err != nil {
			sound(t, err)
		}
		rec, wrong := fhir.ParseResources([]fhir.Line{l}, nil, fuzzed)
		if wrong != nil {
			sound(t, wrong)
			return
		}
		if err != nil {
			t.Fatalf("read whole, and refused at a glance: %v", err)
		}
		if res.Patient != "" && res.Patient != rec.Patient.ID {
			t.Fatalf("%+v at a glance, and the record of %q", res, rec.Patient.ID)
		}
	})
}

// FuzzParseResources holds that lines are read as the entries of a Bundle are: the same
// resources give the same record.
func FuzzParseResources(f *testing.F) {
	f.Add(bulk(1, 3))
	f.Add(ndjson(kinds))
	f.Fuzz(func(t *testing.T, data []byte) {
		var lines []fhir.Line
		var entries []string
		for in := fhir.NewLines(bytes.NewReader(data), "x", fuzzed); ; {
			l, err := in.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return
			}
			lines = append(lines, l.Clone())
			entries = append(entries, `{"resource":`+string(l.Text)+`}`)
		}
		rec, err := fhir.ParseResources(lines, nil, fuzzed)
		if err != nil {
			sound(t, err)
			return
		}
		if bytes.Contains(data, []byte("Bundle")) || bytes.Contains(data, []byte("urn:uuid:")) || len(entries) > 200 {
			return // which only lines may hold, or refer to so
		}
		whole := `{"resourceType":"Bundle","type":"collection","entry":[` + strings.Join(entries, ",") + `]}`
		want, err := fhir.Parse([]byte(whole), fhir.Limits{})
		if err != nil {
			t.Fatalf("as a Bundle: %v", err)
		}
		if diff := cmp.Diff(want, rec, same); diff != "" {
			t.Fatalf("-Bundle +lines:\n%s", diff)
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
