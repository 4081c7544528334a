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
)

type summarizeCmd struct {
	connection

	asked

	Lang  string `help:"Language to write in." enum:"en,zh" default:"en"`
	Model string `help:"Model to use instead of the server's default." short:"m" placeholder:"NAME"`
	Style string `help:"What it is for: the record section by section, the critical facts alone, a handover (SBAR), or a discharge summary." enum:"record,brief,handover,discharge" default:"record"`
	Facts bool   `help:"Also print the record as text, fact by fact; the summary then comes when it is whole."`

	TokenBudget int32 `help:"Tokens of the record as text beyond which a stay is summarised by windows of time; 0 means the server's." default:"0" placeholder:"8192"`
}

// Help is what --help adds.
func (*summarizeCmd) Help() string {
	return `Each sentence is printed with the readings it rests on, [in brackets], and with who
wrote it, (in parentheses): the model, the model after a first wording did not stand in
the record, or the record itself. Sentences come one by one, each as soon as it has been
held against the record; JSON comes when it is whole.

Examples:

  bedside summarize patient.fhir.json
  bedside summarize --style handover patient.fhir.json
  bedside summarize --lang zh --facts patient.fhir.json
  cat patient.fhir.json | bedside summarize --addr 127.0.0.1:8001 --output json -
  bedside summarize --out summaries.ndjson cohort.ndjson.gz       # a line a record; docs/batch.md`
}

// Validate is kong's hook.
func (s *summarizeCmd) Validate() error { return errors.Join(s.asked.check(), s.connection.Validate()) }

// Run prints a summary, or a line for each of many records.
func (s *summarizeCmd) Run(a *app) error {
	if !s.Facts && s.Output == "text" && !s.many() {
		return s.stream(a)
	}
	q := question[*bedsidev1.SummarizeRecordRequest, *bedsidev1.SummarizeRecordResponse]{
		call: "SummarizeRecord", doing: "summarising", request: s.request, write: writeSummary,
		ask: func(ctx context.Context, c *bedside.Client, r *bedsidev1.SummarizeRecordRequest) (*bedsidev1.SummarizeRecordResponse, error) {
			return c.SummarizeRecord(ctx, r)
		},
	}
	return q.run(a, &s.connection, &s.asked)
}

// stream prints a summary sentence by sentence.
func (s *summarizeCmd) stream(a *app) error {
	source, err := a.readSource(s.Records[0])
	if err != nil {
		return err
	}
	p := paletteOf(a.out)
	return s.withClient(a, func(client *bedside.Client) error {
		start := time.Now()
		progress := a.progress("summarising", s.Quiet)
		defer progress.stop()
		last := ""
		for piece, err := range client.StreamSummarizeRecord(a.ctx, s.request(source)) {
			progress.stop()
			if err != nil {
				return s.failed(err)
			}
			var out bytes.Buffer
			if sentence := piece.GetSentence(); sentence != nil {
				if piece.GetSection() != last {
					writeHeading(&out, p, piece.GetHeading(), last != "")
					last = piece.GetSection()
				}
				writeSentence(&out, wordsOf(s.Lang), sentence)
			}
			if whole := piece.GetSummary(); whole != nil {
				out.WriteByte('\n')
				writeAbout(&out, whole, time.Since(start))
			}
			if _, err := a.out.Write(out.Bytes()); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *summarizeCmd) request(source *bedsidev1.RecordSource) *bedsidev1.SummarizeRecordRequest {
	return &bedsidev1.SummarizeRecordRequest{
		Source:       source,
		Language:     s.Lang,
		Model:        s.Model,
		IncludeFacts: s.Facts,
		Style:        summaryStyles[s.Style],
		TokenBudget:  s.TokenBudget,
	}
}

var summaryStyles = map[string]bedsidev1.SummaryStyle{
	"brief":     bedsidev1.SummaryStyle_SUMMARY_STYLE_BRIEF,
	"handover":  bedsidev1.SummaryStyle_SUMMARY_STYLE_HANDOVER,
	"discharge": bedsidev1.SummaryStyle_SUMMARY_STYLE_DISCHARGE,
}

// writeSummary writes a summary as text, in its own language.
func writeSummary(w io.Writer, r *bedsidev1.SummarizeRecordResponse, took time.Duration) error {
	var out bytes.Buffer
	words, p := wordsOf(r.GetLanguage()), paletteOf(w)
	for i, section := range r.GetSections() {
		writeHeading(&out, p, section.GetHeading(), i > 0)
		writeFacts(&out, words, section.GetFacts())
		for _, s := range section.GetSentences() {
			writeSentence(&out, words, s)
		}
	}
	out.WriteByte('\n')
	writeAbout(&out, r, took)
	_, err := w.Write(out.Bytes())
	return err
}

func writeHeading(out *bytes.Buffer, p palette, heading string, gap bool) {
	if gap {
		out.WriteByte('\n')
	}
	fmt.Fprintf(out, "%s\n", p.strong(line(heading)))
}

func writeSentence(out *bytes.Buffer, words *words, s *bedsidev1.SummarySentence) {
	fmt.Fprintf(out, "  - %s%s", line(s.GetText()), evidence(s.GetEvidence()))
	if origin, ok := words.origin[s.GetOrigin()]; ok {
		fmt.Fprintf(out, " (%s)", origin)
	}
	out.WriteByte('\n')
}

// writeAbout writes what stands behind the sentences: warnings, how it came about, the notice.
func writeAbout(out *bytes.Buffer, r *bedsidev1.SummarizeRecordResponse, took time.Duration) {
	words := wordsOf(r.GetLanguage())
	writeWarnings(out, words, r.GetWarnings())
	counts := r.GetCounts()
	if n := r.GetWindows(); n > 0 {
		fmt.Fprintf(out, words.windows+"\n", n)
	}
	fmt.Fprintf(out, words.byOrigin+"\n",
		counts.GetModelSentences()+counts.GetRewrittenSentences()+counts.GetRenderedSentences(),
		counts.GetModelSentences(), counts.GetRewrittenSentences(), counts.GetRenderedSentences())
	fmt.Fprintf(out, words.model+"\n", line(r.GetModel().GetName()), line(r.GetModel().GetVersion()), line(r.GetModel().GetDigest()))
	fmt.Fprintf(out, words.tokens+"\n", r.GetUsage().GetPromptTokens(), r.GetUsage().GetCompletionTokens(), took.Seconds())
	fmt.Fprintf(out, "%s\n", line(r.GetNotice()))
}

func writeFacts(out *bytes.Buffer, words *words, facts []*bedsidev1.Fact) {
	if len(facts) == 0 {
		return
	}
	fmt.Fprintf(out, "  %s\n", words.facts)
	for _, fact := range facts {
		fmt.Fprintf(out, "    %s%s\n", line(fact.GetText()), evidence(fact.GetEvidence()))
	}
}

// writeRecord writes the record's facts alone.
func writeRecord(w io.Writer, r *bedsidev1.SummarizeRecordResponse) error {
	var out bytes.Buffer
	p := paletteOf(w)
	for _, section := range r.GetSections() {
		fmt.Fprintf(&out, "%s\n", p.strong(line(section.GetHeading())))
		for _, fact := range section.GetFacts() {
			fmt.Fprintf(&out, "  - %s%s\n", line(fact.GetText()), evidence(fact.GetEvidence()))
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

func writeWarnings(out *bytes.Buffer, words *words, warnings []*bedsidev1.Warning) {
	if len(warnings) == 0 {
		return
	}
	fmt.Fprintf(out, "%s\n", words.warnings)
	for _, w := range warnings {
		out.WriteString("  - ")
		if w.GetPath() != "" {
			fmt.Fprintf(out, "%s: ", line(w.GetPath()))
		}
		fmt.Fprintf(out, "%s (%s)\n", line(w.GetMessage()), line(w.GetKind()))
	}
	out.WriteByte('\n')
}

// evidence lists references, the kind of resource once for those that follow each other:
// "Observation/hr-1, hr-2; Condition/c". A sentence can rest on dozens.
func evidence(ids []string) string {
	var out strings.Builder
	last := ""
	for _, id := range ids {
		kind, name, found := strings.Cut(id, "/")
		switch {
		case !found:
			kind, name = "", id
		case kind != last:
			name = id
		}
		if out.Len() > 0 && kind == last {
			out.WriteString(", ")
		} else if out.Len() > 0 {
			out.WriteString("; ")
		}
		out.WriteString(name)
		last = kind
	}
	if out.Len() == 0 {
		return ""
	}
	return " [" + line(out.String()) + "]"
}

// line keeps s on one line.
func line(s string) string {
	return printable(strings.Join(strings.Fields(s), " "))
}
