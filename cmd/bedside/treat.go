package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	bedside "github.com/bedside-lm/bedside/clients/go"
	"github.com/bedside-lm/bedside/clinical/treatment/rules"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

type treatCmd struct {
	connection

	asked

	Diagnosis string `help:"ICD-10-CM code of the confirmed diagnosis; without it, the first one that the model suggests." short:"d" placeholder:"CODE"`
	Lang      string `help:"Language to answer in." enum:"en,zh" default:"en"`
	Model     string `help:"Model to use instead of the server's default for treatments." short:"m" placeholder:"NAME"`
}

// Help is what --help adds.
func (*treatCmd) Help() string {
	return `What guidelines name for the diagnosis, held against the record. A star marks what the model would
order too. It supports a clinician and decides nothing.

Examples:

  bedside treat --diagnosis A41.9 patient.fhir.json
  bedside treat --lang zh patient.fhir.json
  bedside treat --out treatments.ndjson cohort.ndjson.gz          # a line a record; docs/batch.md`
}

// Validate is kong's hook.
func (t *treatCmd) Validate() error { return errors.Join(t.asked.check(), t.connection.Validate()) }

// Run prints suggestions, or a line for each of many records.
func (t *treatCmd) Run(a *app) error {
	t.need = deviceModelsAlone
	q := question[*bedsidev1.SuggestTreatmentsRequest, *bedsidev1.SuggestTreatmentsResponse]{
		call: "SuggestTreatments", doing: "checking treatments", request: t.request, write: writeTreatments,
		ask: func(ctx context.Context, c *bedside.Client, r *bedsidev1.SuggestTreatmentsRequest) (*bedsidev1.SuggestTreatmentsResponse, error) {
			return c.SuggestTreatments(ctx, r)
		},
	}
	return q.run(a, &t.connection, &t.asked)
}

func (t *treatCmd) request(source *bedsidev1.RecordSource) *bedsidev1.SuggestTreatmentsRequest {
	return &bedsidev1.SuggestTreatmentsRequest{Source: source, Language: t.Lang, Model: t.Model, Diagnosis: t.Diagnosis}
}

// writeTreatments writes suggestions as text, in their own language.
func writeTreatments(w io.Writer, r *bedsidev1.SuggestTreatmentsResponse, took time.Duration) error {
	var out bytes.Buffer
	words, p := wordsOf(r.GetLanguage()), paletteOf(w)
	if d := r.GetDiagnosis(); d != nil {
		status := words.confirmed
		if !d.GetConfirmed() {
			status = fmt.Sprintf("%s, %.1f%%", words.suggested, 100*d.GetProbability())
		}
		fmt.Fprintf(&out, "%s %s (%s)\n\n", line(d.GetCode()), line(d.GetName()), status)
	}
	writeAbstention(&out, r.GetAbstention())
	for _, known := range r.GetPatient() {
		fmt.Fprintf(&out, "%s\n", line(known))
	}
	for _, s := range r.GetSuggestions() {
		out.WriteByte('\n')
		for i, l := range s.GetLines() {
			switch {
			case i > 0:
				fmt.Fprintf(&out, "    %s\n", line(l))
			case s.GetNamedByModel():
				fmt.Fprintf(&out, "  * %s\n", p.verdict(s.GetVerdict(), line(l)))
			default:
				fmt.Fprintf(&out, "  - %s\n", p.verdict(s.GetVerdict(), line(l)))
			}
		}
		fmt.Fprintf(&out, "    %s\n", line(strings.Join(s.GetSources(), "; ")))
	}
	out.WriteByte('\n')
	writeWarnings(&out, words, r.GetWarnings())
	writeModel(&out, words, r.GetModel())
	fmt.Fprintf(&out, words.took+"\n%s\n", took.Seconds(), line(r.GetNotice()))
	_, err := w.Write(out.Bytes())
	return err
}

// verdict paints what is said of a treatment.
func (p palette) verdict(verdict, text string) string {
	switch rules.Verdict(verdict) {
	case rules.VerdictRemoved:
		return p.bad(text)
	case rules.VerdictMarked:
		return p.warn(text)
	case rules.VerdictKept:
		return p.good(text)
	}
	return text
}
