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

// printSuggestions prints diagnoses, and treatments for the first. Where no model suggests any it says so in a line.
func (d *demonstration) printSuggestions(a *app, client *bedside.Client) error {
	start := time.Now()
	diagnoses, err := client.SuggestDiagnoses(a.ctx, &bedsidev1.SuggestDiagnosesRequest{Source: fhirSource(d.record), MaxSuggestions: demoDiagnoses})
	if err != nil {
		return d.unsuggested(a, err)
	}
	if _, err := fmt.Fprint(a.out, "\n===== Suggested diagnoses =====\n\n"); err != nil {
		return err
	}
	if err := writeDiagnoses(a.out, diagnoses, time.Since(start)); err != nil {
		return err
	}
	if diagnoses.GetAbstention() == nil {
		treatments, err := client.SuggestTreatments(a.ctx, &bedsidev1.SuggestTreatmentsRequest{Source: fhirSource(d.record)})
		if err != nil {
			return d.unsuggested(a, err)
		}
		if err := writeTreatmentsInShort(a.out, treatments); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(a.out, "All of it, with sources and doses: bedside diagnose %s; bedside treat %[1]s\n", d.name)
	return err
}

func (d *demonstration) unsuggested(a *app, err error) error {
	switch {
	case a.ctx.Err() != nil:
		return nil
	case bedside.Reason(err) == noModel:
		_, err = fmt.Fprint(a.out, "\nNo model here suggests diagnoses; see docs/diagnosis.md.\n")
		return err
	}
	report(a.ctx, a.err, fmt.Errorf("--demo: %w", (&connection{}).failed(err)))
	return nil
}

// writeTreatmentsInShort writes English suggestions: what is kept in one line, the rest each with its gravest reason.
func writeTreatmentsInShort(w io.Writer, r *bedsidev1.SuggestTreatmentsResponse) error {
	var out, rest bytes.Buffer
	fmt.Fprintf(&out, "\n===== Treatments for %s %s =====\n\n", line(r.GetDiagnosis().GetCode()), line(r.GetDiagnosis().GetName()))
	writeAbstention(&out, r.GetAbstention())
	for _, p := range r.GetPatient() {
		fmt.Fprintf(&out, "%s\n", line(p))
	}
	var kept []string
	for _, s := range r.GetSuggestions() {
		if s.GetVerdict() == string(rules.VerdictKept) {
			kept = append(kept, line(s.GetName()))
			continue
		}
		fmt.Fprintf(&rest, "  %s: %s\n", line(s.GetVerdict()), line(s.GetName()))
		if findings := s.GetFindings(); len(findings) > 0 { // gravest first
			reason := strings.TrimSuffix(findings[0].GetText(), " (source: "+findings[0].GetSource()+")")
			fmt.Fprintf(&rest, "    %s\n", line(reason))
		}
	}
	if len(kept) > 0 {
		fmt.Fprintf(&out, "\n  kept: %s\n", strings.Join(kept, ", "))
	}
	out.Write(rest.Bytes())
	fmt.Fprintf(&out, "\n%s\n", line(r.GetNotice()))
	_, err := w.Write(out.Bytes())
	return err
}
