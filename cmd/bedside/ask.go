package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	bedside "github.com/bedside-lm/bedside/clients/go"
	"github.com/bedside-lm/bedside/cmd/bedside/internal/records"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

// question is what one of the commands about a record asks, with requests Q and answers R.
type question[Q, R proto.Message] struct {
	call    string // the method's name
	doing   string // as progress says it
	request func(source *bedsidev1.RecordSource) Q
	ask     func(context.Context, *bedside.Client, Q) (R, error)
	write   func(w io.Writer, answer R, took time.Duration) error
}

// asked are the flags of every command about records.
type asked struct {
	Records []string `arg:"" help:"The record, a FHIR R4 Bundle in JSON (.json) or HL7 v2 messages (.hl7) of at most 64 MiB; \"-\" reads standard input. Many records: several files, or one record a line (.ndjson, .jsonl); all of them also packed (.gz)." placeholder:"FILE"`

	Lines       bool   `help:"Standard input holds a record a line." group:"batch"`
	Out         string `help:"File for the answers to many records. A run that was ended goes on in it when the same command is given again." type:"path" placeholder:"FILE" group:"batch"`
	Concurrency int    `help:"How many records are asked about at once." default:"8" placeholder:"N" group:"batch"`
}

const mostAtOnce = 256

// many says whether an answer a line is wanted, as for many records.
func (m *asked) many() bool {
	return m.Lines || m.Out != "" || len(m.Records) > 1 ||
		slices.ContainsFunc(m.Records, func(name string) bool { return name != records.Stdin && records.ByLine(name) })
}

func (m *asked) check() error {
	switch {
	case m.Concurrency < 1 || m.Concurrency > mostAtOnce:
		return fmt.Errorf("--concurrency must be from 1 to %d", mostAtOnce)
	case m.Lines && !slices.Contains(m.Records, records.Stdin):
		return errors.New(`--lines is about standard input: name it as "-"`)
	}
	standard := 0
	for _, name := range m.Records {
		if name == records.Stdin {
			standard++
		}
	}
	if standard > 1 {
		return errors.New(`standard input can be read once: name "-" once`)
	}
	return nil
}

// run answers about one record as JSON or as text, about many as a line of JSON each.
func (q *question[Q, R]) run(a *app, to *connection, about *asked) error {
	if about.many() {
		return q.runBatch(a, to, about)
	}
	return q.runOne(a, to, about.Records[0])
}

func (q *question[Q, R]) runOne(a *app, to *connection, path string) error {
	source, err := a.readSource(path)
	if err != nil {
		return err
	}
	return to.withClient(a, func(client *bedside.Client) error {
		start := time.Now()
		progress := a.progress(q.doing, to.Quiet)
		defer progress.stop()
		answer, err := q.ask(a.ctx, client, q.request(source))
		progress.stop()
		if err != nil {
			return to.failed(err)
		}
		if to.Output == "json" {
			return writeJSON(a.out, answer)
		}
		return q.write(a.out, answer, time.Since(start))
	})
}

// readSource reads one record: HL7 v2 where its name says so, else FHIR.
func (a *app) readSource(path string) (*bedsidev1.RecordSource, error) {
	if strings.HasSuffix(strings.ToLower(path), ".gz") {
		for r, err := range records.Read(nil, path) {
			if err == nil && r.Err != nil {
				err = fmt.Errorf("%s: %w", path, r.Err)
			}
			return sourceOf(&r), err
		}
	}
	text, err := a.readText(path, maxRecordBytes)
	if err != nil {
		return nil, err
	}
	return sourceOf(&records.Record{Text: text, HL7: strings.HasSuffix(strings.ToLower(path), ".hl7")}), nil
}

func sourceOf(r *records.Record) *bedsidev1.RecordSource {
	if r.HL7 {
		return &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_Hl7V2{Hl7V2: r.Text}}
	}
	return fhirSource(r.Text)
}

// fhirSource is a record in FHIR.
func fhirSource(record string) *bedsidev1.RecordSource {
	return &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_FhirJson{FhirJson: record}}
}
