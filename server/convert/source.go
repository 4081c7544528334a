package convert

import (
	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/hl7v2"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/tabular"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// Limits bound what is read of a request; typed records are bounded by the rules of the protocol
// files.
type Limits struct {
	// Bytes is the size of the largest text, in whichever format; 0 is each reader's own default.
	Bytes int64
}

// Source reads the record of a request, in whichever form it came. The error is a
// *record.InvalidError or a *record.LimitError. Paths begin with "Bundle" in FHIR JSON, with a
// segment ("OBX[2]-5") in HL7 v2, with a row in CSV, and with "source.record" in a typed record,
// as validation's do.
func Source(src *bedsidev1.RecordSource, lim Limits) (*record.PatientRecord, error) {
	switch s := src.GetSource().(type) {
	case *bedsidev1.RecordSource_FhirJson:
		return fhir.Parse([]byte(s.FhirJson), fhir.Limits{Bytes: lim.Bytes})
	case *bedsidev1.RecordSource_Hl7V2:
		return hl7v2.Parse([]byte(s.Hl7V2), hl7v2.Limits{Bytes: lim.Bytes})
	case *bedsidev1.RecordSource_Csv:
		mapping, err := tabular.ParseMapping([]byte(s.Csv.GetMapping()))
		if err != nil {
			return nil, err
		}
		return tabular.Parse([]byte(s.Csv.GetData()), mapping, tabular.Limits{Bytes: lim.Bytes})
	case *bedsidev1.RecordSource_Record:
		return recordAt("source.record", s.Record)
	}
	return nil, &record.InvalidError{Violations: []record.Violation{{Path: "source", Message: "needs a record"}}}
}

// Texts gives what a source says in words, beside the record that Source reads of it.
func Texts(src *bedsidev1.RecordSource, patient string, lim Limits) []record.Text {
	switch s := src.GetSource().(type) {
	case *bedsidev1.RecordSource_FhirJson:
		return fhir.Texts([]byte(s.FhirJson), patient)
	case *bedsidev1.RecordSource_Hl7V2:
		return hl7v2.Texts([]byte(s.Hl7V2), hl7v2.Limits{Bytes: lim.Bytes})
	}
	return nil
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
