// Package cohort prepares whole cohorts: it reads any amount of device data, gathers what is
// about one patient, cleans and describes it, divides the patients into sets, and writes files
// for analysis and training.
//
// Memory is bounded whatever the input's size: what is read is first put in order on disk
// (as map and reduce do), then worked on patient by patient. What stays in memory for each
// patient is about 200 bytes, by which the sets are drawn and checked for leaks. Every file
// is written beside its place and renamed into it, so a run that was killed goes on where it
// was, and ends with the same bytes as one that was not.
package cohort

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/prepare/features"
	"github.com/bedside-lm/bedside/clinical/prepare/split"
	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// Runner carries a job out.
type Runner interface {
	// Run returns when the output is complete, or with an error; ending ctx ends it soon. What
	// was done by then is kept, and the same job goes on from there.
	Run(ctx context.Context, job Job) (*Manifest, error)
}

// Embedder turns texts into vectors of one length.
type Embedder interface {
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}

// Job says what is prepared and what is written.
type Job struct {
	// Inputs are files and folders, which are searched.
	Inputs []string
	// Format is how the inputs are read; "" tells by their names.
	Format Format
	// Mapping says what the columns of CSV files mean.
	Mapping []byte
	// Output is the folder that is written; it must be empty, or hold the same job.
	Output string

	Prepare prepare.Options
	// Texts are the ways in which each record is put into words; none: no texts. Tokenizer
	// names what their CountTokens counts with, since a function cannot be told from another.
	Texts     []render.Options
	Tokenizer string
	Split     split.Options
	// Label says what patients are stratified by: LabelNone, LabelDiagnosis or LabelFile.
	Label Label
	// Labels is the file of LabelFile: a line a patient, id and label with a tab between.
	Labels string
	// Embedder, where it is not nil, gives each record's first text a vector. EmbedderName names
	// the model in the manifest.
	Embedder     Embedder
	EmbedderName string

	// MaxRejects is the share of patients that may be rejected before the job fails; 0 is 0.05.
	MaxRejects float64
	// Limits bound one patient's data; Bytes is 16 MiB by default, some 40,000 readings. A patient
	// with more is rejected. What a run needs in memory grows by about 20 times this limit.
	Limits fhir.Limits
	// Workers is how many patients are worked on at once; 0: one a core.
	Workers int
	// BlockBytes and PartitionBytes bound what one worker holds; default 8 MiB each. They
	// decide how many output files there are, so another value is another job.
	BlockBytes, PartitionBytes int64
	// Version is the program's, for the manifest.
	Version string
	// Progress is called now and then from one goroutine; nil: never.
	Progress func(Progress)
}

// Format is a kind of input.
type Format string

// The formats. Files named .gz are unpacked.
const (
	FormatAuto  Format = ""
	FormatFHIR  Format = "fhir"  // NDJSON of resources or Bundles, or files with one Bundle
	FormatHL7v2 Format = "hl7v2" // messages
	FormatCSV   Format = "csv"   // tables, by a mapping
)

// Label says what patients are stratified by.
type Label string

// The labels.
const (
	LabelNone      Label = "none"
	LabelDiagnosis Label = "diagnosis" // ICD-10 category of the first encounter diagnosis
	LabelFile      Label = "file"
)

// Progress is how far a job is.
type Progress struct {
	Step         string // "reading", "preparing" or "writing"
	Done, Total  int64  // bytes while reading, else parts
	Patients     int64
	Observations int64
	Rejected     int64
	Elapsed      time.Duration
	// Remaining is what is left of the step at its rate so far; 0 where that cannot be told.
	Remaining time.Duration
}

// JobError says that a job cannot be run as it is.
type JobError struct {
	Field   string // such as "output" or "split"
	Message string
}

func (e *JobError) Error() string { return e.Field + ": " + e.Message }

func (j Job) withDefaults() Job {
	if j.Workers <= 0 {
		j.Workers = runtime.GOMAXPROCS(0)
	}
	if j.BlockBytes <= 0 {
		j.BlockBytes = 8 << 20
	}
	if j.PartitionBytes <= 0 {
		j.PartitionBytes = 8 << 20
	}
	if j.MaxRejects <= 0 {
		j.MaxRejects = 0.05
	}
	if j.Label == "" {
		j.Label = LabelNone
	}
	if j.Limits.Bytes <= 0 {
		j.Limits.Bytes = 16 << 20
	}
	// A job that came by way of its file is the same job: there, what is empty is absent.
	if len(j.Mapping) == 0 {
		j.Mapping = nil
	}
	if len(j.Prepare.Skip) == 0 {
		j.Prepare.Skip = nil
	}
	return j
}

func (j *Job) validate() error {
	switch {
	case len(j.Inputs) == 0:
		return &JobError{"inputs", "name a file or folder"}
	case j.Output == "":
		return &JobError{"output", "name a folder"}
	case j.Label == LabelFile && j.Labels == "":
		return &JobError{"labels", "name the file of labels"}
	case j.Embedder != nil && len(j.Texts) == 0:
		return &JobError{"texts", "vectors are made of texts; ask for one"}
	}
	if err := j.Split.Validate(); err != nil {
		return &JobError{"split", err.Error()}
	}
	return nil
}

// look looks a job over, with its defaults: its settings, its inputs, its labels. The error is a
// *JobError where the job is at fault.
func (j *Job) look() ([]input, map[string]string, error) {
	*j = j.withDefaults()
	if err := j.validate(); err != nil {
		return nil, nil, err
	}
	inputs, err := list(j)
	if err != nil {
		return nil, nil, err
	}
	labels, err := readLabels(j)
	return inputs, labels, err
}

// digest names the job: what is read, and every setting that decides what is written.
func (j *Job) digest(in []input, labels map[string]string) string {
	data, err := json.Marshal(struct {
		Layout                            int
		Inputs                            []input
		Format                            Format
		Mapping                           []byte
		Prepare                           prepare.Options
		Texts                             []textOptions
		Split                             split.Options
		Label                             Label
		Labels                            map[string]string
		Features                          string
		Embedder, Tokenizer, Version      string
		MaxRejects                        float64
		Limits                            fhir.Limits
		BlockBytes, PartitionBytes, Batch int64
	}{
		layout, in, j.Format, j.Mapping, j.Prepare, textsOf(j.Texts), j.Split, j.Label, labels, features.Describe(),
		j.EmbedderName, j.Tokenizer, j.Version, j.MaxRejects, j.Limits, j.BlockBytes, j.PartitionBytes, embedAtOnce,
	})
	if err != nil {
		panic(err) // plain values always marshal
	}
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// layout is the version of the work folder and of the outputs.
const layout = 1

// textOptions are render.Options that can be written down.
type textOptions struct {
	Lang                                 render.Lang
	Now                                  string
	MaxFacts                             int
	Style                                render.Style
	OmitFreeText, RelativeTimes, Derived bool
	Alarms                               map[string]terms.Bounds
	TokenBudget                          int
	Part                                 bool `json:",omitempty"`
}

func textsOf(options []render.Options) []textOptions {
	out := make([]textOptions, len(options))
	for i, o := range options {
		if len(o.Alarms) == 0 {
			o.Alarms = nil
		}
		out[i] = textOptions{o.Lang, o.Now.String(), o.MaxFacts, o.Style, o.OmitFreeText, o.RelativeTimes, o.Derived, o.Alarms, o.TokenBudget, o.Part}
	}
	return out
}

// textName is a way of putting a record into words, for the manifest: "en", "zh compact
// relative derived 512 tokens".
func textName(o render.Options) string {
	name := string(o.Lang)
	if o.Lang != render.Chinese {
		name = string(render.English)
	}
	for _, part := range []struct {
		word string
		on   bool
	}{
		{"compact", o.Style == render.StyleCompact}, {"relative", o.RelativeTimes}, {"derived", o.Derived}, {"no-free-text", o.OmitFreeText},
		{"alarms", len(o.Alarms) > 0}, {fmt.Sprintf("%d-tokens", o.TokenBudget), o.TokenBudget > 0},
	} {
		if part.on {
			name += " " + part.word
		}
	}
	return name
}
