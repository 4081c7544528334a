package convert_test

import (
	"fmt"
	"testing"

	"buf.build/go/protovalidate"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/convert"
)

// readings is a record of n readings, as a monitor would file them.
func readings(n int) *bedsidev1.PatientRecord {
	p := plain()
	for i := range n - len(p.GetObservations()) {
		p.Observations = append(p.Observations, &bedsidev1.Observation{
			Id: fmt.Sprintf("o-%d", i), Start: "2026-03-01T08:00:00+08:00", Category: "vital-signs",
			Code:  &bedsidev1.Concept{Codings: []*bedsidev1.Coding{{System: "http://loinc.org", Code: "8867-4", Display: "Heart rate"}}},
			Value: quantityValue(&bedsidev1.Quantity{Value: "88", Unit: "beats/min", Code: "/min"}),
		})
	}
	return p
}

func BenchmarkRecordFromProto(b *testing.B) {
	p := readings(10_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := convert.RecordFromProto(p); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "readings/s")
}

// BenchmarkValidate is what the protocol's rules cost for the same record.
func BenchmarkValidate(b *testing.B) {
	p := readings(10_000)
	for b.Loop() {
		if err := protovalidate.Validate(p); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "readings/s")
}
