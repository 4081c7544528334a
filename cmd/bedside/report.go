package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	bedside "github.com/bedside-lm/bedside/clients/go"
	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/clinical/graph/draw"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/terms"
	"github.com/bedside-lm/bedside/cmd/bedside/internal/htmlreport"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
	"github.com/bedside-lm/bedside/server/convert"
)

type reportCmd struct {
	connection

	Record    string `arg:"" help:"The record, a FHIR R4 Bundle in JSON (.json) or HL7 v2 messages (.hl7) of at most 64 MiB, packed (.gz) or not; \"-\" reads standard input." placeholder:"FILE"`
	Out       string `help:"File to write; it is there only when it is whole." required:"" type:"path" placeholder:"FILE.html"`
	Lang      string `help:"Language to write in." enum:"en,zh" default:"en"`
	Diagnosis string `help:"ICD-10-CM code of the confirmed diagnosis that treatments are for; without it, the first one that the model suggests." short:"d" placeholder:"CODE"`
	Summary   bool   `help:"Have a language model summarise, which takes most of the time." default:"true" negatable:""`
}

// Help is what --help adds.
func (*reportCmd) Help() string {
	return `One page that any browser shows and any printer prints, without scripts and without anything from
elsewhere: plots of the readings, the summary, diagnoses and treatments, each with the readings it
rests on, a picture of the knowledge graph, and the readings. It holds what the record says.

Examples:

  bedside report patient.fhir.json --out patient.html
  bedside report --addr 127.0.0.1:8001 --lang zh --no-summary patient.fhir.json --out patient.html`
}

// Run writes a report.
func (r *reportCmd) Run(a *app) error {
	source, err := a.readSource(r.Record)
	if err != nil {
		return err
	}
	if !r.Summary {
		r.need = deviceModelsAlone
	} else {
		r.need = func(c *config.Config) { c.EmbeddingModel = "" }
	}
	return r.withClient(a, func(client *bedside.Client) error {
		progress := a.progress("writing the report", r.Quiet)
		defer progress.stop()
		in, err := r.ask(a.ctx, client, source)
		progress.stop()
		if err != nil {
			return r.failed(err)
		}
		if err := writePage(r.Out, in); err != nil {
			return err
		}
		if !r.Quiet {
			fmt.Fprintf(a.err, "%s\n", r.Out)
		}
		return nil
	})
}

// ask collects what a report is made of.
func (r *reportCmd) ask(ctx context.Context, client *bedside.Client, source *bedsidev1.RecordSource) (*htmlreport.Input, error) {
	in, err := reportOf(ctx, client, source, r.Lang)
	if err != nil {
		return nil, err
	}
	in.Diagnoses, in.NoDiagnoses, err = part(client.SuggestDiagnoses(ctx, &bedsidev1.SuggestDiagnosesRequest{Source: source, Language: r.Lang}))
	if err != nil {
		return nil, err
	}
	in.Treatments, in.NoTreatments, err = part(client.SuggestTreatments(ctx, &bedsidev1.SuggestTreatmentsRequest{
		Source: source, Language: r.Lang, Diagnosis: r.Diagnosis,
	}))
	if err != nil {
		return nil, err
	}
	if in.NoSummary.NotAsked = !r.Summary; r.Summary {
		in.Summary, in.NoSummary, err = part(client.SummarizeRecord(ctx, &bedsidev1.SummarizeRecordRequest{Source: source, Language: r.Lang}))
	}
	return in, err
}

// part takes an answer. That no model does what is asked leaves a part of the page empty, which says so.
func part[R any](answer *R, err error) (*R, htmlreport.Missing, error) {
	switch {
	case err != nil && bedside.Reason(err) == noModel:
		return nil, htmlreport.Missing{NoModel: true}, nil
	case err != nil:
		return nil, htmlreport.Missing{}, err
	}
	return answer, htmlreport.Missing{}, nil
}

// reportOf begins a report with the prepared record and its graph.
func reportOf(ctx context.Context, client *bedside.Client, source *bedsidev1.RecordSource, lang string) (*htmlreport.Input, error) {
	answer, err := first(client.PrepareRecords(ctx, only(&bedsidev1.PrepareRecordsRequest{Source: source})))
	if err != nil {
		return nil, err
	}
	if f := answer.GetFailure(); f != nil {
		return nil, &unreadable{name: "record", failure: f}
	}
	rec, err := convert.RecordFromProto(answer.GetPrepared().GetRecord())
	if err != nil {
		return nil, err
	}
	in := &htmlreport.Input{Lang: terms.Lang(lang), Record: rec, Made: time.Now(), Version: version}
	g, err := graphOf(rec)
	if err != nil {
		return nil, err
	}
	in.Graph = draw.SVG(g.Patient, g.Nodes, g.Triples, in.Lang)
	return in, nil
}

// graphOf makes the statements of a record about its patient, to be shown: without the entries that they were read from,
// and under a pseudonym that is forgotten at once.
func graphOf(rec *record.PatientRecord) (*graph.Graph, error) {
	key := make([]byte, graph.MinKey)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	names, err := graph.NewPseudonyms(key)
	if err != nil {
		return nil, err
	}
	g, err := graph.FromRecord(rec, graph.Options{Pseudonyms: names, Patient: "patient", Record: "record"})
	if err != nil {
		return nil, err
	}
	personal := map[string]bool{}
	for i := range g.Nodes {
		personal[g.Nodes[i].ID] = g.Nodes[i].Kind.Personal() && g.Nodes[i].ID != g.Patient
	}
	shown := g.Triples[:0:0]
	for i := range g.Triples {
		if t := g.Triples[i]; !personal[t.Subject] && !personal[t.Object] {
			shown = append(shown, t)
		}
	}
	g.Triples = shown
	return g, nil
}

// writePage writes a page, for its owner alone to read.
func writePage(path string, in *htmlreport.Input) error {
	var page bytes.Buffer
	if err := htmlreport.Write(&page, *in); err != nil {
		return err
	}
	err := wholeFile(path, func(w io.Writer) error { _, err := w.Write(page.Bytes()); return err })
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		err = fmt.Errorf("%s: %w", path, pathErr.Err)
	}
	return err
}
