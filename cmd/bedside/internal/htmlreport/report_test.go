package htmlreport

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/terms"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

var update = flag.Bool("update", false, "write the golden files anew")

func sample(t testing.TB, name string) *record.PatientRecord {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "testdata", "records", name))
	require.NoError(t, err)
	rec, err := fhir.Parse(data, fhir.Limits{})
	require.NoError(t, err)
	return prepare.Run(rec, prepare.Options{}).Record
}

// answered is an input with fixed answers, in which every text begins with word.
func answered(rec *record.PatientRecord, word string) Input {
	by := &bedsidev1.ModelReference{Name: word + "model", Version: "1", Digest: "sha256:0123"}
	hr := []string{"Observation/hr-00", "Observation/hr-01", "Observation/not-there"}
	return Input{
		Lang: terms.English, Record: rec, Version: "test", Made: time.Date(2026, 3, 15, 8, 0, 0, 0, time.UTC),
		Graph: []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>`),
		Summary: &bedsidev1.SummarizeRecordResponse{
			Model: by, Notice: word + "It supports a clinician.", Warnings: []*bedsidev1.Warning{{Kind: "duplicate", Path: "Bundle.entry[55]", Message: word + "kept once"}},
			Sections: []*bedsidev1.SummarySection{{Heading: word + "Vital signs", Sentences: []*bedsidev1.SummarySentence{
				{Text: word + "The heart rate rose.", Evidence: hr, Origin: bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_MODEL},
				{
					Text: word + "Penicillin allergy.", Evidence: []string{"AllergyIntolerance/allergyintolerance-1"}, Origin: bedsidev1.SentenceOrigin_SENTENCE_ORIGIN_RENDERED,
					Failures: []*bedsidev1.CheckFailure{{Kind: "drug", Message: word + "not in the record"}},
				},
			}}, {Heading: "Nothing"}},
		},
		Diagnoses: &bedsidev1.SuggestDiagnosesResponse{
			Model: by, Notice: word + "It supports a clinician.", Scope: word + "From the first 24 h.",
			RedFlags: []*bedsidev1.RedFlag{{Text: word + "NEWS2 at least 13", Evidence: []string{"Observation/rr-01"}, Source: word + "RCP"}},
			Suggestions: []*bedsidev1.DiagnosisSuggestion{
				{
					Code: "A41.9", Name: word + "sepsis", Probability: 0.9934,
					ReadingsFor: []*bedsidev1.ReadingWeight{{Text: word + "lactate", Change: 0.12, Evidence: []string{"Observation/lactate-00"}}},
					NextTests:   []*bedsidev1.NextTest{{Name: word + "blood culture", Source: word + "SSC"}},
				},
				{Code: "J18.9", Name: word + "pneumonia", Probability: 0.0123, ReadingsAgainst: []*bedsidev1.ReadingWeight{{Text: word + "creatinine", Change: -0.03}}},
				{Code: "N10", Name: word + "pyelonephritis", Probability: 0.0042, NextTests: []*bedsidev1.NextTest{{Name: word + "urine culture", Source: word + "IDSA"}}},
				{Code: "I48.91", Name: word + "atrial fibrillation", Probability: 0.0001},
			},
		},
		Treatments: &bedsidev1.SuggestTreatmentsResponse{
			Model: by, Notice: word + "It is for adults.", Diagnosis: &bedsidev1.TreatedDiagnosis{Code: "A41.9", Name: word + "sepsis", Probability: 0.9934},
			Patient: []string{word + "allergy: penicillin AllergyIntolerance/allergyintolerance-1"},
			Suggestions: []*bedsidev1.TreatmentSuggestion{
				{Kind: "monitor", Name: word + "lactate", Verdict: "kept", Lines: []string{"kept: lactate"}, Sources: []string{word + "SSC"}},
				{Kind: "monitor", Name: word + "urine output", Verdict: "kept", Lines: []string{"kept: urine output"}, Sources: []string{word + "SSC"}},
				{Kind: "monitor", Name: word + "glucose", Verdict: "kept", Lines: []string{"kept: glucose"}, Sources: []string{word + "ADA"}},
				{
					Kind: "drug", Name: word + "amoxicillin", Verdict: "removed", NamedByModel: true,
					Lines: []string{"removed: amoxicillin", "contraindicated, allergy: " + word + "penicillin [penicillin AllergyIntolerance/allergyintolerance-1]", word + "dose: 1 g"},
					Findings: []*bedsidev1.TreatmentFinding{{
						Severity: "contraindicated", Text: word + "penicillin", Evidence: []string{"AllergyIntolerance/allergyintolerance-1"},
					}},
				},
			},
		},
	}
}

func written(t testing.TB, in Input) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, Write(&out, in))
	return out.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestPage(t *testing.T) {
	page := written(t, answered(sample(t, "sepsis-icu.fhir.json"), ""))
	golden(t, "sepsis-icu.en.html", page)
	whole(t, page)
	for _, want := range []string{"99.3 %", "1.2 %", "Below 1 %: pyelonephritis N10, atrial fibrillation I48.91.", "lactate, urine output <span", `style="width:99.3%"`, "must not stand", "suggested, 99.3 %", `<li id="s1">`, "for-s1", `class="contraindicated"`} {
		require.Contains(t, page, want)
	}
}

func TestPageInChinese(t *testing.T) {
	in := Input{
		Lang: terms.Chinese, Record: sample(t, "minimal.fhir.json"), NoSummary: Missing{NotAsked: true}, NoTreatments: Missing{NoModel: true},
		Diagnoses: &bedsidev1.SuggestDiagnosesResponse{Abstention: &bedsidev1.Abstention{Reason: "too-few-readings", Message: "检测太少"}},
	}
	page := written(t, in)
	golden(t, "minimal.zh.html", page)
	whole(t, page)
	require.Contains(t, page, `<html lang="zh">`)
	require.Contains(t, page, "没有可以依赖的答案。")
	require.Contains(t, page, "此处没有模型能做这项。")
}

// whole checks that a page needs nothing else: no scripts, nothing fetched, every link leads to one place in it.
func whole(t *testing.T, page string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	ids, links := map[string]int{}, map[string]bool{}
	for n := range root.Descendants() {
		require.NotContains(t, []string{"script", "iframe", "object", "embed", "img", "link", "base", "form"}, n.Data)
		for _, a := range n.Attr {
			require.False(t, strings.HasPrefix(strings.ToLower(a.Key), "on"), "%s of %s", a.Key, n.Data)
			switch a.Key {
			case "id":
				ids[a.Val]++
			case "href", "src":
				require.True(t, strings.HasPrefix(a.Val, "#"), "%s is fetched", a.Val)
				links[a.Val[1:]] = true
			default:
			}
		}
	}
	for id, n := range ids {
		require.Equal(t, 1, n, id)
	}
	for id := range links {
		require.Equal(t, 1, ids[id], "#%s leads nowhere", id)
	}
	require.NotRegexp(t, `url\(|@import|https?://[^w]`, regexp.MustCompile(`xmlns="[^"]*"`).ReplaceAllString(page, ""))
	require.NotContains(t, page, "ZgotmplZ", "something was not fit to be where it stands")
}

// Whatever a record or a server says is text.
func TestWhatComesFromElsewhereIsEscaped(t *testing.T) {
	const bad = `"'><script>alert(1)</script><img src=x onerror=alert(1)>{{.}}</style>`
	rec := sample(t, "sepsis-icu.fhir.json")
	rec.Patient.ID = bad
	rec.Encounters[0].Service = record.Concept{Text: bad}
	for i := range rec.Observations {
		o := &rec.Observations[i]
		o.ID += bad
		o.Code = record.Concept{Text: o.Code.Label() + bad}
		if q := o.Value.Quantity; q != nil {
			q.Unit, q.Code = bad, ""
		}
	}
	rec.Observations[0].Value = record.Value{Text: bad}
	for i := range rec.Medications {
		rec.Medications[i].DosageText, rec.Medications[i].ID = bad, rec.Medications[i].ID+bad
	}
	in := answered(rec, bad)
	in.Summary.Sections[0].Sentences[0].Evidence = []string{"Observation/hr-00" + bad, bad}
	in.Diagnoses.Suggestions[0].Code = bad
	in.Diagnoses.Abstention = &bedsidev1.Abstention{Reason: bad, Message: bad}
	in.Treatments.Suggestions[0].Verdict, in.Treatments.Suggestions[3].Findings[0].Severity = bad, bad
	in.Version, in.NoSummary.Error = bad, bad
	page := written(t, in)
	whole(t, page)
	require.Contains(t, page, "&lt;script&gt;alert(1)")
	for _, lang := range []terms.Lang{terms.English, terms.Chinese} {
		in.Lang = lang
		require.NotContains(t, strings.ToLower(written(t, in)), "<script")
	}
}

// An empty record and no answers make a page, too.
func TestPageOfNothing(t *testing.T) {
	page := written(t, Input{Record: &record.PatientRecord{}, NoDiagnoses: Missing{Error: "out of time"}})
	whole(t, page)
	require.Contains(t, page, "No answer: out of time")
	require.NotContains(t, page, "raise no alarm", "nobody looked")
}

func TestReadingsAreBounded(t *testing.T) {
	rec := &record.PatientRecord{}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range mostRows + 500 {
		rec.Observations = append(rec.Observations, record.Observation{
			ID: "o" + at.Format("150405") + string(rune('a'+i%26)) + time.Duration(i).String(), Code: record.Concept{Text: "pulse"},
			Start: record.DateTime{Time: at.Add(time.Duration(i) * time.Minute), Precision: record.PrecisionSecond},
			Value: record.Value{Quantity: &record.Quantity{Value: record.NewDecimal(float64(60 + i%40)), Unit: "/min"}},
		})
	}
	last := "Observation/" + rec.Observations[len(rec.Observations)-1].ID
	page := written(t, Input{Record: rec, Summary: &bedsidev1.SummarizeRecordResponse{Sections: []*bedsidev1.SummarySection{{
		Heading: "x", Sentences: []*bedsidev1.SummarySentence{{Text: "y", Evidence: []string{last}}},
	}}}})
	require.Contains(t, page, "500 further readings are left out here.")
	require.Equal(t, mostRows, strings.Count(page, `<td class="value">`))
	require.Contains(t, page, `for-s1"`, "what a statement rests on is always shown")
	require.LessOrEqual(t, strings.Count(page, `class="p-good"`), mostPoints)
}

func TestPlots(t *testing.T) {
	number := func(v float64) *float64 { return &v }
	reading := func(hour int, v float64, flag string, marks ...record.Mark) render.Reading {
		at := record.DateTime{Time: time.Date(2026, 3, 14, hour, 0, 0, 0, time.UTC), Precision: record.PrecisionSecond}
		return render.Reading{Reference: "Observation/x", At: at, Number: number(v), Flag: flag, Low: number(60), High: number(100), Marks: marks}
	}
	anchor := func(string) string { return "e1" }
	p, ok := plotOf(&render.Measure{Name: "heart rate", Readings: []render.Reading{
		reading(6, 88, "N"), reading(7, 300, "H", record.MarkArtefact), reading(8, 131, "H"), reading(10, 50, "L"),
	}}, anchor)
	require.True(t, ok)
	require.Equal(t, []string{"M42.0"}, regexp.MustCompile(`^M[0-9.]+`).FindAllString(p.Lines[0], -1))
	require.Equal(t, 2, strings.Count(p.Lines[0], "L"), "the line goes through what is in doubt")
	classes := ""
	for _, pt := range p.Points {
		classes += pt.Class + " "
		require.True(t, pt.X >= plotLeft && pt.X <= plotWidth-plotRight && pt.Y >= plotTop && pt.Y <= plotHeight-plotBottom)
	}
	require.Equal(t, "good doubt bad bad ", classes)
	require.InDelta(t, plotLeft+(plotWidth-plotLeft-plotRight)/2, p.Points[2].X, 0.01, "times are not spaced as they lie")
	require.True(t, p.Band)
	require.Greater(t, p.BandSize, 0.0)
	for name, readings := range map[string][]render.Reading{
		"one": {reading(6, 88, "N")}, "at one time": {reading(6, 88, "N"), reading(6, 89, "N")}, "words": {{Text: "alert"}, {Text: "drowsy"}}, "none": nil,
	} {
		_, ok := plotOf(&render.Measure{Readings: readings}, anchor)
		require.False(t, ok, name)
	}
	flat, ok := plotOf(&render.Measure{Readings: []render.Reading{reading(6, 70, "N"), reading(8, 70, "N")}}, anchor)
	require.True(t, ok)
	require.False(t, math.IsNaN(flat.Points[0].Y) || math.IsInf(flat.Points[0].Y, 0))
}

// The page's own drawings are well formed.
func TestPlotsAreXML(t *testing.T) {
	page := written(t, answered(sample(t, "sepsis-icu.fhir.json"), ""))
	drawings := regexp.MustCompile(`(?s)<svg class="plot".*?</svg>`).FindAllString(page, -1)
	require.Greater(t, len(drawings), 5)
	for _, d := range drawings {
		dec := xml.NewDecoder(strings.NewReader(d))
		for {
			_, err := dec.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
		}
	}
}
