package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	bedside "github.com/bedside-lm/bedside/clients/go"
	"github.com/bedside-lm/bedside/clinical/prepare/split"
	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
	"github.com/bedside-lm/bedside/server/config"
)

type prepareCmd struct {
	connection

	Inputs []string `arg:"" help:"Files and folders: FHIR R4 Bundles (.json) and NDJSON, HL7 v2 (.hl7), tables (.csv, .tsv); in a cohort also packed (.gz). \"-\" reads one record from standard input." placeholder:"INPUT"`
	Out    string   `help:"Prepare a whole cohort into this folder. Without it, one record is prepared and printed." type:"path" placeholder:"DIR" group:"cohort"`

	Format  string `help:"How the inputs are read: fhir, hl7v2 or csv; auto tells by their names." enum:"auto,fhir,hl7v2,csv" default:"auto"`
	Mapping string `help:"What the columns of tables mean (YAML)." type:"existingfile" placeholder:"FILE"`

	Lang          []string      `help:"Language of the text; a cohort may have both: en,zh." enum:"en,zh" default:"en" group:"text"`
	Style         string        `help:"full, or compact: one short line a fact." enum:"full,compact" default:"full" group:"text"`
	TokenBudget   int32         `help:"Most tokens of a text; the least informative facts are left out first. 0: no limit." default:"0" group:"text"`
	RelativeTimes bool          `help:"Times relative to admission instead of by the clock." group:"text"`
	Skip          []string      `help:"Stages to leave out: units, clock, duplicates, plausibility, artefacts, gaps." placeholder:"STAGE"`
	FillInterval  time.Duration `help:"Step of the grid on which gaps are filled; 0 fills none." default:"0"`
	Vectors       bool          `help:"Also a vector of each record's text, by the default embedding model."`

	cohortFlags
}

// cohortFlags are those that need --out.
type cohortFlags struct {
	Split      string  `help:"Shares of training, validation and test: 0.8,0.1,0.1." placeholder:"SHARES" group:"cohort"`
	Seed       uint64  `help:"Draws the division." default:"0" group:"cohort"`
	Label      string  `help:"What patients are stratified by: diagnosis (the ICD-10 category of the encounter), file (--labels), or none." enum:"none,diagnosis,file" default:"none" group:"cohort"`
	Labels     string  `help:"Labels, a line a patient: id, tab, label." type:"existingfile" placeholder:"FILE" group:"cohort"`
	MaxRejects float64 `help:"Share of patients that may be unreadable before the run fails." default:"0.05" group:"cohort"`
	Workers    int     `help:"Patients worked on at once; 0: one a core." default:"0" group:"cohort"`
	Memory     int64   `help:"MiB of memory that the run tries to stay within." default:"256" group:"cohort"`
	NoText     bool    `help:"Write no texts." group:"cohort"`

	Runner   string   `help:"local: on this machine, in bounded memory. prism, flink, spark or dataflow: as an Apache Beam pipeline, by bedside-beam." enum:"local,prism,flink,spark,dataflow" default:"local" group:"cohort"`
	BeamFlag []string `help:"A flag for bedside-beam, such as --endpoint=host:8099; may be repeated." sep:"none" placeholder:"FLAG" group:"cohort"`
}

// Help is what --help adds.
func (*prepareCmd) Help() string {
	return `One record: what each stage changed and why, then the record as text. A cohort: all cores, in
bounded memory whatever the size; FHIR records, readings and features as Parquet, texts as JSON
lines, and a manifest, which is written last. A run that was ended, by Ctrl-C or kill -9, goes
on where it was when the same command is given again.

Examples:

  bedside prepare patient.fhir.json
  bedside prepare --lang zh --style compact --fill-interval 1h monitor.hl7
  bedside prepare --mapping vitals.mapping.yaml vitals.csv
  bedside prepare export/ --out cohort/ --split 0.8,0.1,0.1 --label diagnosis --lang en,zh`
}

// Validate is kong's hook.
func (p *prepareCmd) Validate() error {
	if _, err := p.shares(); err != nil {
		return err
	}
	switch {
	case p.Out == "" && len(p.Inputs) != 1:
		return errors.New("several inputs are a cohort: name a folder with --out")
	case p.Out == "" && p.cohortFlags.given():
		return errors.New("--split, --seed, --label, --labels, --runner and --no-text are for cohorts: name a folder with --out")
	case p.Out == "" && len(p.Lang) > 1:
		return errors.New("one record is printed in one language; a cohort (--out) may have both")
	case (p.Label == "file") != (p.Labels != ""):
		return errors.New("--label file and --labels go together")
	case p.Out != "" && p.Addr != "" && !p.Vectors:
		return errors.New("a cohort is prepared on this machine; --addr is for its --vectors alone")
	case p.FillInterval < 0 || p.FillInterval%time.Minute != 0 || p.FillInterval > 24*time.Hour:
		return errors.New("--fill-interval must be whole minutes, a day at most")
	case p.TokenBudget < 0:
		return errors.New("--token-budget must not be negative")
	case len(p.BeamFlag) > 0 && p.Runner == localRunner:
		return errors.New("--beam-flag needs a --runner other than local")
	case p.NoText && p.Vectors:
		return errors.New("vectors are made of texts: --no-text and --vectors exclude each other")
	}
	return p.connection.Validate()
}

func (f *cohortFlags) given() bool {
	return f.Split != "" || f.Seed != 0 || f.Label != "none" || f.Labels != "" || f.NoText || f.Runner != localRunner
}

func (f *cohortFlags) shares() (split.Options, error) {
	out := split.Options{Seed: f.Seed}
	if f.Split == "" {
		return out, nil
	}
	var rest string
	n, err := fmt.Sscanf(f.Split+" ", "%g,%g,%g%s", &out.Train, &out.Validation, &out.Test, &rest)
	if n != 3 || err == nil || rest != "" {
		return out, fmt.Errorf("--split %q: expected three shares, such as 0.8,0.1,0.1", f.Split)
	}
	if err := out.Validate(); err != nil {
		return out, fmt.Errorf("--split: %w", err)
	}
	return out, nil
}

// Run prepares one record, or a cohort.
func (p *prepareCmd) Run(a *app) error {
	if p.Out != "" {
		return p.cohort(a)
	}
	source, err := p.source(a)
	if err != nil {
		return err
	}
	// The engine is there for counting tokens and for vectors; what needs neither loads no model.
	p.need = func(c *config.Config) {
		if p.TokenBudget == 0 {
			c.Model = ""
		}
		if p.Vectors {
			c.EmbeddingModel = defaultEmbedding
		}
	}
	return p.withClient(a, func(client *bedside.Client) error {
		progress := a.progress("preparing", p.Quiet)
		defer progress.stop()
		answer, err := first(client.PrepareRecords(a.ctx, only(p.request(source))))
		progress.stop()
		if err != nil {
			return p.failed(err)
		}
		if f := answer.GetFailure(); f != nil {
			return &unreadable{name: p.Inputs[0], failure: f}
		}
		if p.Output == "json" {
			return writeJSON(a.out, answer.GetPrepared())
		}
		return writePrepared(a.out, answer.GetPrepared())
	})
}

func only[T any](v T) iter.Seq[T] { return func(yield func(T) bool) { yield(v) } }

// first gives what comes first of a call's answers.
func first[T any](answers iter.Seq2[*T, error]) (*T, error) {
	for answer, err := range answers {
		return answer, err
	}
	return nil, errors.New("the server gave no answer")
}

func (p *prepareCmd) request(source *bedsidev1.RecordSource) *bedsidev1.PrepareRecordsRequest {
	style := bedsidev1.TextStyle_TEXT_STYLE_FULL
	if p.Style == "compact" {
		style = bedsidev1.TextStyle_TEXT_STYLE_COMPACT
	}
	return &bedsidev1.PrepareRecordsRequest{Source: source, Options: &bedsidev1.PreparationOptions{
		SkipStages: p.Skip, FillIntervalMinutes: int32(p.FillInterval / time.Minute), IncludeRaw: p.Output == "json",
		IncludeFeatures: p.Output == "json", IncludeVector: p.Vectors,
		Text: &bedsidev1.TextOptions{Language: p.Lang[0], Style: style, TokenBudget: p.TokenBudget, RelativeTimes: p.RelativeTimes},
	}}
}

// source reads the one record.
func (p *prepareCmd) source(a *app) (*bedsidev1.RecordSource, error) {
	text, err := a.readText(p.Inputs[0], maxRecordBytes)
	if err != nil {
		return nil, err
	}
	switch p.formatOf(text) {
	case "hl7v2":
		return &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_Hl7V2{Hl7V2: text}}, nil
	case "csv":
		if p.Mapping == "" {
			return nil, &usageError{errors.New("a table needs --mapping, which says what its columns mean")}
		}
		mapping, err := os.ReadFile(p.Mapping)
		if err != nil {
			return nil, err
		}
		return &bedsidev1.RecordSource{Source: &bedsidev1.RecordSource_Csv{Csv: &bedsidev1.CsvSource{Data: text, Mapping: string(mapping)}}}, nil
	}
	return fhirSource(text), nil
}

func (p *prepareCmd) formatOf(text string) string {
	if p.Format != "auto" {
		return p.Format
	}
	switch strings.ToLower(filepath.Ext(p.Inputs[0])) {
	case ".hl7":
		return "hl7v2"
	case ".csv", ".tsv":
		return "csv"
	}
	for _, header := range []string{"MSH", "FHS", "BHS"} {
		if strings.HasPrefix(strings.TrimLeft(text, "\x0b\r\n"), header) {
			return "hl7v2"
		}
	}
	return "fhir"
}

// unreadable says what is wrong with a record.
type unreadable struct {
	name    string
	failure *bedsidev1.PreparationFailure
}

func (u *unreadable) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", u.name, u.failure.GetMessage())
	for _, p := range u.failure.GetProblems() {
		fmt.Fprintf(&b, "\n  %s: %s", p.GetPath(), p.GetMessage())
	}
	return b.String()
}

// shownChanges bounds what is printed of each stage; JSON has all.
const shownChanges = 8

// writePrepared writes what the stages did, and the record as text.
func writePrepared(w io.Writer, r *bedsidev1.PreparedRecord) error {
	var out bytes.Buffer
	out.WriteString("What preparation did\n")
	for _, report := range r.GetReports() {
		writeReport(&out, report)
	}
	out.WriteByte('\n')
	for _, section := range r.GetText().GetSections() {
		fmt.Fprintf(&out, "%s\n", line(section.GetHeading()))
		for _, fact := range section.GetFacts() {
			fmt.Fprintf(&out, "  - %s%s\n", line(fact.GetText()), evidence(fact.GetEvidence()))
		}
		out.WriteByte('\n')
	}
	words := wordsOf(r.GetText().GetLanguage())
	writeWarnings(&out, words, r.GetWarnings())
	fmt.Fprintf(&out, "%d readings, %d tokens of text", len(r.GetRecord().GetObservations()), r.GetText().GetTokens())
	if n := r.GetText().GetOmittedFacts(); n > 0 {
		fmt.Fprintf(&out, ", %d facts left out for the token budget", n)
	}
	if v := r.GetVector(); v != nil {
		fmt.Fprintf(&out, ", a vector of %d numbers", len(v.GetValues()))
	}
	out.WriteByte('\n')
	_, err := w.Write(out.Bytes())
	return err
}

func writeReport(out *bytes.Buffer, report *bedsidev1.StageReport) {
	total := int32(0)
	for _, n := range report.GetCounts() {
		total += n
	}
	fmt.Fprintf(out, "  %-12s %d of %d readings\n", report.GetStage(), total, report.GetChecked())
	for i, c := range report.GetChanges() {
		if i == shownChanges {
			fmt.Fprintf(out, "    ... and %d more\n", int(total)-shownChanges)
			break
		}
		fmt.Fprintf(out, "    %s: %s", line(c.GetReading()), c.GetKind())
		if c.GetInto() != "" {
			fmt.Fprintf(out, " of %s", line(c.GetInto()))
		}
		if c.GetBefore() != "" {
			fmt.Fprintf(out, ", %s", line(c.GetBefore()))
		}
		if c.GetAfter() != "" {
			fmt.Fprintf(out, " -> %s", line(c.GetAfter()))
		}
		fmt.Fprintf(out, " (%s)\n", line(c.GetReason()))
	}
}
