package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	bedside "github.com/bedside-lm/bedside/clients/go"
	"github.com/bedside-lm/bedside/clinical/treatment/rules"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

const (
	demoDiagnoses = 3
	noModel       = "NO_MODEL" // the server's reason where no model does what is asked
)

// printSuggestions prints diagnoses, and treatments for the first, in English; the pages have both languages. Where no model
// suggests any it says so in a line.
func (d *demonstration) printSuggestions(a *app, client *bedside.Client) error {
	start := time.Now()
	var took time.Duration
	for i, page := range d.pages {
		var err error
		lang := string(page.Lang)
		page.Diagnoses, page.NoDiagnoses, err = part(client.SuggestDiagnoses(a.ctx, &bedsidev1.SuggestDiagnosesRequest{
			Source: fhirSource(d.record), Language: lang, MaxSuggestions: demoDiagnoses,
		}))
		if i == 0 {
			took = time.Since(start)
		}
		if err == nil {
			page.Treatments, page.NoTreatments, err = part(client.SuggestTreatments(a.ctx, &bedsidev1.SuggestTreatmentsRequest{
				Source: fhirSource(d.record), Language: lang,
			}))
		}
		if err != nil {
			return d.failed(a, err)
		}
	}
	page := d.pages[0]
	if page.Diagnoses == nil {
		_, err := fmt.Fprint(a.out, "\nNo model here suggests diagnoses; see docs/diagnosis.md.\n")
		return err
	}
	if err := d.heading(a, "Suggested diagnoses"); err != nil {
		return err
	}
	if err := writeDiagnoses(a.out, page.Diagnoses, took); err != nil {
		return err
	}
	if page.Diagnoses.GetAbstention() == nil && page.Treatments != nil {
		diagnosis := page.Treatments.GetDiagnosis()
		if err := d.heading(a, "Treatments for "+line(diagnosis.GetCode()+" "+diagnosis.GetName())); err != nil {
			return err
		}
		if err := writeTreatmentsInShort(a.out, page.Treatments); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(a.out, "All of it, with sources and doses: bedside diagnose %s; bedside treat %[1]s\n", d.name)
	return err
}

// writeTreatmentsInShort writes English suggestions: what is kept in one line, the rest each with its gravest reason.
func writeTreatmentsInShort(w io.Writer, r *bedsidev1.SuggestTreatmentsResponse) error {
	var out, rest bytes.Buffer
	p := paletteOf(w)
	writeAbstention(&out, r.GetAbstention())
	for _, known := range r.GetPatient() {
		fmt.Fprintf(&out, "%s\n", line(known))
	}
	var kept []string
	for _, s := range r.GetSuggestions() {
		if s.GetVerdict() == string(rules.VerdictKept) {
			kept = append(kept, line(s.GetName()))
			continue
		}
		fmt.Fprintf(&rest, "  %s: %s\n", p.verdict(s.GetVerdict(), line(s.GetVerdict())), line(s.GetName()))
		if findings := s.GetFindings(); len(findings) > 0 { // gravest first
			reason := strings.TrimSuffix(findings[0].GetText(), " (source: "+findings[0].GetSource()+")")
			fmt.Fprintf(&rest, "    %s\n", line(reason))
		}
	}
	if len(kept) > 0 {
		fmt.Fprintf(&out, "\n  %s: %s\n", p.verdict(string(rules.VerdictKept), "kept"), strings.Join(kept, ", "))
	}
	out.Write(rest.Bytes())
	fmt.Fprintf(&out, "\n%s\n", line(r.GetNotice()))
	_, err := w.Write(out.Bytes())
	return err
}
