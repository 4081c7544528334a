package main

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bedside "github.com/bedside-lm/bedside/clients/go"
	"github.com/bedside-lm/bedside/cmd/bedside/internal/records"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

type graphBuildCmd struct {
	graphConnection

	Inputs  []string `arg:"" help:"Records: a FHIR R4 Bundle each (.json), HL7 v2 messages about one patient (.hl7), or one Bundle a line (.ndjson), also packed (.gz). \"-\" reads lines from standard input." placeholder:"INPUT"`
	All     bool     `help:"Take every reading in, instead of each measure's first, latest, lowest and highest."`
	Patient string   `help:"Pseudonym of the patient; for one record alone." placeholder:"NAME"`
}

// Help is what --help adds.
func (*graphBuildCmd) Help() string {
	return `Each record is stored as a whole or not at all, and the same record again changes nothing: a run that was ended goes on
by giving the same command once more. What cannot be read is named by file and line, and ends nothing.

Examples:

  bedside graph build patient.fhir.json
  bedside graph build --database ward.db cohort/*.ndjson.gz
  bedside graph build --addr 127.0.0.1:8001 - < bundles.ndjson`
}

// built is what a run has come to.
type built struct {
	records, failed int
	triples, added  int64
	firstFailure    string
}

// Run builds.
func (c *graphBuildCmd) Run(a *app) error {
	return c.withGraph(a, func(client *bedside.Client) error {
		var n built
		shown := &statusLine{w: a.err, tty: a.errIsTTY, quiet: c.Quiet}
		start := time.Now()
		for r, err := range records.Read(interruptible{a.ctx, a.in}, c.Inputs...) {
			if err == nil {
				err = c.record(a, client, &r, &n)
			}
			if err != nil {
				shown.end()
				return err
			}
			shown.show(fmt.Sprintf("%d records, %d statements, %d new, %d failed", n.records, n.triples, n.added, n.failed), time.Since(start))
		}
		shown.end()
		if n.records == 0 && n.failed == 0 {
			return errors.New("the inputs hold no record")
		}
		if c.Output == "json" {
			fmt.Fprintf(a.out, "{\"records\": %d, \"failed\": %d, \"triples\": %d, \"newTriples\": %d}\n", n.records, n.failed, n.triples, n.added)
		} else {
			fmt.Fprintf(a.out, "%d records, %d statements, %d of them new\n", n.records, n.triples, n.added)
		}
		if n.failed > 0 {
			return fmt.Errorf("%d records could not be taken, the first: %s", n.failed, n.firstFailure)
		}
		return nil
	})
}

// record sends one. What is wrong with the record itself is counted; anything else ends the run.
func (c *graphBuildCmd) record(a *app, client *bedside.Client, r *records.Record, n *built) error {
	single := len(c.Inputs) == 1 && r.Line == 0 // its error is told in full
	if r.Err != nil && single {
		return fmt.Errorf("%s: %w", r.Place(), r.Err)
	}
	var answer *bedsidev1.IngestRecordResponse
	err := r.Err
	if err == nil {
		answer, err = client.IngestRecord(a.ctx, &bedsidev1.IngestRecordRequest{Source: sourceOf(r), Patient: c.Patient, AllReadings: c.All})
	}
	switch {
	case err != nil && (r.Err != nil || status.Code(err) == codes.InvalidArgument) && !single:
		if n.failed++; n.firstFailure == "" {
			n.firstFailure = r.Place()
		}
	case err != nil:
		return c.failed(err)
	default:
		n.records++
		n.triples += int64(answer.GetTriples())
		n.added += int64(answer.GetNewTriples())
	}
	return nil
}
