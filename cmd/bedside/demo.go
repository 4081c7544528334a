package main

import (
	"fmt"
	"time"

	bedside "github.com/bedside-lm/bedside/clients/go"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server"
)

// demonstration prints the analysis of one record: the record as text, then its summary
// in both languages, then diagnoses and treatments.
type demonstration struct{ name, record string }

// print calls srv as any client would. A call that fails is reported and no reason to
// stop serving.
func (d *demonstration) print(a *app, srv *server.Server) error {
	target, inMemory := inProcess(srv)
	client, err := bedside.Dial(target, inMemory)
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := fmt.Fprintf(a.out, "\nAnalysing %s; the model writes for up to a minute or two.\n", d.name); err != nil {
		return err
	}
	for _, part := range []struct{ language, title string }{{"en", "Summary"}, {"zh", "摘要"}} {
		command := summarizeCmd{Lang: part.language, Facts: part.language == "en"}
		command.Timeout = bedside.DefaultTimeout
		start := time.Now()
		progress := a.progress("summarising", false)
		response, err := client.SummarizeRecord(a.ctx, command.request(fhirSource(d.record)))
		progress.stop()
		if a.ctx.Err() != nil {
			return nil
		}
		if err != nil {
			report(a.ctx, a.err, fmt.Errorf("--demo: %w", command.failed(err)))
			break
		}
		if err := d.printPart(a, part.title, response, time.Since(start)); err != nil {
			return err
		}
	}
	if err := d.printSuggestions(a, client); err != nil || a.ctx.Err() != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, "\nServing until interrupted (Ctrl-C).")
	return err
}

func (d *demonstration) printPart(a *app, title string, r *bedsidev1.SummarizeRecordResponse, took time.Duration) error {
	if r.GetLanguage() == "en" {
		if _, err := fmt.Fprintf(a.out, "\n===== The record as text: %s =====\n\n", d.name); err != nil {
			return err
		}
		if err := writeRecord(a.out, r); err != nil {
			return err
		}
	}
	for _, section := range r.GetSections() {
		section.Facts = nil // they stand above
	}
	if _, err := fmt.Fprintf(a.out, "\n===== %s =====\n\n", title); err != nil {
		return err
	}
	return writeSummary(a.out, r, took)
}
