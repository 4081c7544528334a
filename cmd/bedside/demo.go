package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	bedside "github.com/bedside-lm/bedside/clients/go"
	"github.com/bedside-lm/bedside/clinical/graph"
	"github.com/bedside-lm/bedside/cmd/bedside/internal/htmlreport"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server"
)

// demonstration prints the analysis of one record: the record as text, then its summary
// in both languages, then diagnoses, treatments, and the statements of its graph. All of it goes into a page of HTML as well.
type demonstration struct {
	name, record string
	folder       string // of the pages; empty for none
	pages        []*htmlreport.Input
}

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
	for _, language := range []string{"en", "zh"} {
		page, err := reportOf(a.ctx, client, fhirSource(d.record), language)
		if err != nil {
			return d.failed(a, err)
		}
		d.pages = append(d.pages, page)
	}
	for _, step := range []func(*app, *bedside.Client) error{d.printSummaries, d.printSuggestions, d.printGraph, d.writePages} {
		if err := step(a, client); err != nil || a.ctx.Err() != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(a.out, "\nServing until interrupted (Ctrl-C).")
	return err
}

// failed reports a call that failed; nil, so that serving goes on.
func (d *demonstration) failed(a *app, err error) error {
	if a.ctx.Err() == nil {
		report(a.ctx, a.err, fmt.Errorf("--demo: %w", (&connection{Timeout: bedside.DefaultTimeout}).failed(err)))
	}
	return nil
}

func (d *demonstration) heading(a *app, text string) error {
	_, err := fmt.Fprintf(a.out, "\n%s\n\n", paletteOf(a.out).heading("===== "+text+" ====="))
	return err
}

func (d *demonstration) printSummaries(a *app, client *bedside.Client) error {
	for i, title := range []string{"Summary", "摘要"} {
		page := d.pages[i]
		command := summarizeCmd{Lang: string(page.Lang), Facts: i == 0}
		start := time.Now()
		progress := a.progress("summarising", false)
		response, err := client.SummarizeRecord(a.ctx, command.request(fhirSource(d.record)))
		progress.stop()
		if err != nil {
			page.NoSummary.Error = (&callError{err: err}).Error()
			return d.failed(a, err)
		}
		page.Summary = response
		if err := d.printPart(a, title, response, time.Since(start)); err != nil {
			return err
		}
	}
	return nil
}

func (d *demonstration) printPart(a *app, title string, r *bedsidev1.SummarizeRecordResponse, took time.Duration) error {
	if r.GetLanguage() == "en" {
		if err := d.heading(a, "The record as text: "+d.name); err != nil {
			return err
		}
		if err := writeRecord(a.out, r); err != nil {
			return err
		}
	}
	for _, section := range r.GetSections() {
		section.Facts = nil // they stand above
	}
	if err := d.heading(a, title); err != nil {
		return err
	}
	return writeSummary(a.out, r, took)
}

// shownStatements bounds what is printed of each relation; the page draws more.
const shownStatements = 8

// printGraph prints what the record says of its patient, by relation. Nothing is stored.
func (d *demonstration) printGraph(a *app, _ *bedside.Client) error {
	g, err := graphOf(d.pages[0].Record)
	if err != nil {
		return d.failed(a, err)
	}
	if err := d.heading(a, "Knowledge graph"); err != nil {
		return err
	}
	names := map[string]*graph.Node{}
	for i := range g.Nodes {
		names[g.Nodes[i].ID] = &g.Nodes[i]
	}
	var out bytes.Buffer
	var order []graph.Predicate
	said := map[graph.Predicate][]string{}
	for i := range g.Triples {
		t := &g.Triples[i]
		n := names[t.Object]
		if t.Subject != g.Patient || n == nil {
			continue
		}
		if !slices.Contains(order, t.Predicate) {
			order = append(order, t.Predicate)
		}
		said[t.Predicate] = append(said[t.Predicate], fmt.Sprintf("%s <%s>", line(n.Name(d.pages[0].Lang)), line(n.ID)))
	}
	for _, p := range order {
		fmt.Fprintf(&out, "  patient %s\n", paletteOf(a.out).strong(p.Name(d.pages[0].Lang)))
		for i, object := range said[p] {
			if i == shownStatements {
				fmt.Fprintf(&out, "    ... and %d more\n", len(said[p])-shownStatements)
				break
			}
			fmt.Fprintf(&out, "    %s\n", object)
		}
	}
	fmt.Fprintf(&out, "%d statements about the patient and the concepts named. To keep them: bedside graph build %s\n", len(g.Triples), d.name)
	_, err = a.out.Write(out.Bytes())
	return err
}

// writePages writes a page a language.
func (d *demonstration) writePages(a *app, _ *bedside.Client) error {
	if d.folder == "" {
		return nil
	}
	if err := os.MkdirAll(d.folder, 0o700); err != nil {
		return err
	}
	var written []string
	for _, page := range d.pages {
		path := filepath.Join(d.folder, "report."+string(page.Lang)+".html")
		if err := writePage(path, page); err != nil {
			return err
		}
		written = append(written, path)
	}
	if err := d.heading(a, "Report"); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "All of it as a page, with plots and the readings that each sentence rests on:\n")
	for _, path := range written {
		_, failed := fmt.Fprintf(a.out, "  %s\n", paletteOf(a.out).strong(path))
		err = errors.Join(err, failed)
	}
	return err
}
