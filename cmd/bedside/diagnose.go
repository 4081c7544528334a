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
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
)

type diagnoseCmd struct {
	connection

	asked

	Lang  string `help:"Language to answer in." enum:"en,zh" default:"en"`
	Model string `help:"Model to use instead of the server's default for diagnoses." short:"m" placeholder:"NAME"`
	Most  int32  `help:"How many suggestions at most." default:"5"`
	Quick bool   `help:"Leave out which readings speak for and against."`
}

// Help is what --help adds.
func (*diagnoseCmd) Help() string {
	return `What is suggested supports a clinician and decides nothing. A reading's sign, as in "+0.12", is by how
much the model's probability falls where the reading is left out.

Examples:

  bedside diagnose patient.fhir.json
  bedside diagnose --lang zh --output json patient.fhir.json
  bedside diagnose --out diagnoses.ndjson cohort/*.ndjson.gz      # a line a record; docs/batch.md`
}

// Validate is kong's hook.
func (d *diagnoseCmd) Validate() error { return errors.Join(d.asked.check(), d.connection.Validate()) }

// Run prints suggestions, or a line for each of many records.
func (d *diagnoseCmd) Run(a *app) error {
	d.need = deviceModelsAlone
	q := question[*bedsidev1.SuggestDiagnosesRequest, *bedsidev1.SuggestDiagnosesResponse]{
		call: "SuggestDiagnoses", doing: "weighing diagnoses", request: d.request, write: writeDiagnoses,
		ask: func(ctx context.Context, c *bedside.Client, r *bedsidev1.SuggestDiagnosesRequest) (*bedsidev1.SuggestDiagnosesResponse, error) {
			return c.SuggestDiagnoses(ctx, r)
		},
	}
	return q.run(a, &d.connection, &d.asked)
}

func (d *diagnoseCmd) request(source *bedsidev1.RecordSource) *bedsidev1.SuggestDiagnosesRequest {
	return &bedsidev1.SuggestDiagnosesRequest{
		Source: source, Language: d.Lang, Model: d.Model, MaxSuggestions: d.Most, OmitReadings: d.Quick,
	}
}

// deviceModelsAlone is what diagnoses and treatments need of an engine in this process.
func deviceModelsAlone(c *config.Config) { c.Model, c.EmbeddingModel, c.SummaryModel = "", "", "" }

// leastShown is the probability below which a suggestion other than the first is named and no more.
const leastShown = 0.01

// writeDiagnoses writes suggestions as text, in their own language.
func writeDiagnoses(w io.Writer, r *bedsidev1.SuggestDiagnosesResponse, took time.Duration) error {
	var out bytes.Buffer
	words, p := wordsOf(r.GetLanguage()), paletteOf(w)
	for _, f := range r.GetRedFlags() {
		fmt.Fprintf(&out, "! %s%s\n  %s\n\n", p.bad(line(f.GetText())), evidence(f.GetEvidence()), line(f.GetSource()))
	}
	writeAbstention(&out, r.GetAbstention())
	var less []string
	for i, s := range r.GetSuggestions() {
		if i > 0 && s.GetProbability() < leastShown {
			less = append(less, line(s.GetName())+" "+line(s.GetCode()))
			continue
		}
		fmt.Fprintf(&out, "%d. %s %s  %.1f%%\n", i+1, line(s.GetCode()), p.strong(line(s.GetName())), 100*s.GetProbability())
		writeWeights(&out, words.speaksFor, s.GetReadingsFor())
		writeWeights(&out, words.speaksAgainst, s.GetReadingsAgainst())
		for _, t := range s.GetNextTests() {
			fmt.Fprintf(&out, "   %s %s (%s)\n", words.next, line(t.GetName()), line(t.GetSource()))
		}
	}
	if less != nil {
		fmt.Fprintf(&out, words.less+"\n", strings.Join(less, words.list))
	}
	fmt.Fprintf(&out, "\n%s\n", line(r.GetScope()))
	writeWarnings(&out, words, r.GetWarnings())
	writeModel(&out, words, r.GetModel())
	fmt.Fprintf(&out, words.took+"\n%s\n", took.Seconds(), line(r.GetNotice()))
	_, err := w.Write(out.Bytes())
	return err
}

func writeWeights(out *bytes.Buffer, word string, weights []*bedsidev1.ReadingWeight) {
	for _, w := range weights {
		fmt.Fprintf(out, "   %s %s (%+.2f)%s\n", word, line(w.GetText()), w.GetChange(), evidence(w.GetEvidence()))
	}
}

func writeAbstention(out *bytes.Buffer, a *bedsidev1.Abstention) {
	if a != nil {
		fmt.Fprintf(out, "%s (%s)\n\n", line(a.GetMessage()), line(a.GetReason()))
	}
}

func writeModel(out *bytes.Buffer, words *words, m *bedsidev1.ModelReference) {
	if m != nil {
		fmt.Fprintf(out, words.model+"\n", line(m.GetName()), line(m.GetVersion()), line(m.GetDigest()))
	}
}
