package convert

import (
	"maps"
	"slices"

	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// PreparedToProto writes what the stages made of a record. raw says whether the readings that
// were changed or merged away come along as they were filed, in the order of their ids.
func PreparedToProto(res *prepare.Result, raw bool) *bedsidev1.PreparedRecord {
	out := &bedsidev1.PreparedRecord{
		Record:   RecordToProto(res.Record),
		Reports:  toEach(res.Reports, stageReportTo),
		Warnings: WarningsToProto(res.Record.Notices),
	}
	if raw {
		ids := slices.Sorted(maps.Keys(res.Raw))
		out.Raw = toEach(ids, func(id string) *bedsidev1.Observation { return observationTo(*res.Raw[id]) })
	}
	return out
}

func stageReportTo(r prepare.Report) *bedsidev1.StageReport {
	out := &bedsidev1.StageReport{
		Stage: string(r.Stage), Source: r.Source, Checked: count(r.Checked), Changes: toEach(r.Changes, stageChangeTo),
	}
	if len(r.Counts) > 0 {
		out.Counts = make(map[string]int32, len(r.Counts))
	}
	for kind, n := range r.Counts {
		out.Counts[string(kind)] = count(n)
	}
	return out
}

func stageChangeTo(c prepare.Change) *bedsidev1.StageChange {
	return &bedsidev1.StageChange{
		Kind: string(c.Kind), Reading: c.Reading, Component: count(c.Component), Into: c.Into,
		Before: c.Before, After: c.After, Reason: c.Reason,
	}
}

// SampledFromProto reads a waveform that stands alone in a request; root is its field. The
// error is a *record.InvalidError.
func SampledFromProto(root string, p *bedsidev1.SampledSignal) (code record.Concept, s *record.SampledData, start record.DateTime, err error) {
	r := &reader{ids: map[string]bool{}}
	r.push(root, -1)
	code = concept(p.GetCode())
	start = r.dateTime("start", p.GetStart())
	s = r.sampled("data", p.GetData())
	if len(r.violations) > 0 {
		return code, nil, start, &record.InvalidError{Violations: r.violations}
	}
	return code, s, start, nil
}

// TextToProto writes a document with its text and what it came to.
func TextToProto(doc *render.Document) *bedsidev1.RecordText {
	out := &bedsidev1.RecordText{
		Language: string(doc.Lang), Text: doc.Text(), Tokens: count(doc.Tokens), OmittedFacts: count(doc.Omitted),
	}
	for _, s := range doc.Sections {
		out.Sections = append(out.Sections, &bedsidev1.SummarySection{Kind: string(s.Kind), Heading: s.Heading, Facts: FactsToProto(s.Facts)})
	}
	return out
}
