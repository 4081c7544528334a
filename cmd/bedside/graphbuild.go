package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bedside "github.com/bedside-lm/bedside/clients/go"
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
		for _, input := range c.Inputs {
			if err := c.input(a, client, input, &n); err != nil {
				return err
			}
		}
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

// input takes one file: line by line, or as a whole.
func (c *graphBuildCmd) input(a *app, client *bedside.Client, name string, n *built) error {
	plain := strings.TrimSuffix(name, ".gz")
	if name != "-" && !strings.HasSuffix(plain, ".ndjson") && !strings.HasSuffix(plain, ".jsonl") {
		text, err := a.readText(name, maxRecordBytes)
		if err != nil {
			return err
		}
		source := fhirSource(text)
		if strings.HasSuffix(name, ".hl7") {
			source.Source = &bedsidev1.RecordSource_Hl7V2{Hl7V2: text}
		}
		return c.record(a, client, source, name, n)
	}
	lines, closeAll, err := openLines(a, name)
	if err != nil {
		return err
	}
	defer closeAll()
	for number := 1; ; number++ {
		text, err := nextLine(lines)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: line %d: %w", name, number, err)
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		source := fhirSource(strings.ToValidUTF8(string(text), "\uFFFD"))
		if err := c.record(a, client, source, fmt.Sprintf("%s: line %d", name, number), n); err != nil {
			return err
		}
	}
}

func openLines(a *app, name string) (*bufio.Reader, func(), error) {
	from, closeAll := a.in, func() {}
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, nil, err
		}
		from, closeAll = f, func() { _ = f.Close() } // it was read alone
	}
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(from)
		if err != nil {
			closeAll()
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		from = z
	}
	return bufio.NewReaderSize(from, 1<<20), closeAll, nil
}

// nextLine reads a line of at most maxRecordBytes.
func nextLine(r *bufio.Reader) ([]byte, error) {
	var out []byte
	for {
		part, err := r.ReadSlice('\n')
		out = append(out, part...)
		switch {
		case len(out) > maxRecordBytes:
			return nil, fmt.Errorf("larger than %s", byteSize(maxRecordBytes))
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(out) > 0, err == nil:
			return out, nil
		}
		return nil, err
	}
}

// record sends one. What is wrong with the record itself is counted; anything else ends the run.
func (c *graphBuildCmd) record(a *app, client *bedside.Client, source *bedsidev1.RecordSource, name string, n *built) error {
	answer, err := client.IngestRecord(a.ctx, &bedsidev1.IngestRecordRequest{Source: source, Patient: c.Patient, AllReadings: c.All})
	switch {
	case err != nil && status.Code(err) == codes.InvalidArgument && !c.single():
		if n.failed++; n.firstFailure == "" {
			n.firstFailure = name
		}
	case err != nil:
		return c.failed(err)
	default:
		n.records++
		n.triples += int64(answer.GetTriples())
		n.added += int64(answer.GetNewTriples())
	}
	if !c.Quiet && a.errIsTTY {
		fmt.Fprintf(a.err, "\r%d records, %d statements, %d new, %d failed", n.records, n.triples, n.added, n.failed)
		if c.single() {
			fmt.Fprint(a.err, "\r\x1b[K")
		}
	}
	return nil
}

// single says whether there is one record alone, whose error is told in full.
func (c *graphBuildCmd) single() bool {
	return len(c.Inputs) == 1 && (strings.HasSuffix(c.Inputs[0], ".json") || strings.HasSuffix(c.Inputs[0], ".hl7"))
}
