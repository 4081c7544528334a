package convert

import (
	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// Source reads the record of a request, in whichever form it came. lim bounds FHIR JSON;
// typed records are bounded by the rules of the protocol files. The error is a
// *record.InvalidError or a *record.LimitError. Paths begin with "Bundle" in FHIR JSON and
// with "source.record" in a typed record, as validation's do.
func Source(src *bedsidev1.RecordSource, lim fhir.Limits) (*record.PatientRecord, error) {
	switch s := src.GetSource().(type) {
	case *bedsidev1.RecordSource_FhirJson:
		return fhir.Parse([]byte(s.FhirJson), lim)
	case *bedsidev1.RecordSource_Record:
		return recordAt("source.record", s.Record)
	}
	return nil, &record.InvalidError{Violations: []record.Violation{{Path: "source", Message: "needs a record"}}}
}

// WarningsToProto writes what was odd in a record, so that whoever reads the answer knows.
func WarningsToProto(notices []record.Notice) []*bedsidev1.Warning {
	return toEach(notices, func(n record.Notice) *bedsidev1.Warning {
		return &bedsidev1.Warning{Kind: string(n.Kind), Path: n.Path, Message: n.Message}
	})
}

// FactsToProto writes a section's facts.
func FactsToProto(facts []render.Fact) []*bedsidev1.Fact {
	return toEach(facts, func(f render.Fact) *bedsidev1.Fact {
		return &bedsidev1.Fact{Id: f.ID, Text: f.Text, Evidence: f.Evidence}
	})
}
