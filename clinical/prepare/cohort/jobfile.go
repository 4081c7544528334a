package cohort

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/prepare/split"
	"github.com/bedside-lm/bedside/clinical/record"
	"github.com/bedside-lm/bedside/clinical/render"
	"github.com/bedside-lm/bedside/clinical/terms"
)

// jobFile is a Job as JSON: the settings that can be written down. Lengths of time are text,
// such as "1h30m"; what is left out has its default.
type jobFile struct {
	Inputs         []string       `json:"inputs"`
	Format         Format         `json:"format,omitempty"`
	Mapping        string         `json:"mapping,omitempty"`
	Output         string         `json:"output"`
	Prepare        prepareFile    `json:"prepare,omitzero"`
	Texts          []textFile     `json:"texts,omitempty"`
	Tokenizer      string         `json:"tokenizer,omitempty"`
	Split          splitFile      `json:"split,omitzero"`
	Label          Label          `json:"label,omitempty"`
	Labels         string         `json:"labels,omitempty"`
	MaxRejects     float64        `json:"max_rejects,omitempty"`
	Limits         map[string]int `json:"limits,omitempty"`
	Workers        int            `json:"workers,omitempty"`
	BlockBytes     int64          `json:"block_bytes,omitempty"`
	PartitionBytes int64          `json:"partition_bytes,omitempty"`
	Version        string         `json:"version,omitempty"`
}

type splitFile struct {
	Train      float64 `json:"train"`
	Validation float64 `json:"validation"`
	Test       float64 `json:"test"`
	Seed       uint64  `json:"seed"`
}

type prepareFile struct {
	Skip           []prepare.StageName `json:"skip,omitempty"`
	MaxChanges     int                 `json:"max_changes,omitempty"`
	FillInterval   duration            `json:"fill_interval,omitempty"`
	MaxFilled      int                 `json:"max_filled,omitempty"`
	SameMoment     duration            `json:"same_moment,omitempty"`
	MaxClockOffset duration            `json:"max_clock_offset,omitempty"`
	Hampel         float64             `json:"hampel,omitempty"`
	MinQuality     float64             `json:"min_quality,omitempty"`
}

type textFile struct {
	Language      render.Lang             `json:"language,omitempty"`
	Style         string                  `json:"style,omitempty"`
	Now           string                  `json:"now,omitempty"`
	MaxFacts      int                     `json:"max_facts,omitempty"`
	OmitFreeText  bool                    `json:"omit_free_text,omitempty"`
	RelativeTimes bool                    `json:"relative_times,omitempty"`
	Derived       bool                    `json:"derived,omitempty"`
	Alarms        map[string]terms.Bounds `json:"alarms,omitempty"`
	TokenBudget   int                     `json:"token_budget,omitempty"`
	Part          bool                    `json:"part,omitempty"`
}

const compact = "compact"

// duration is a length of time as text.
type duration time.Duration

// MarshalText writes it as time.ParseDuration reads it.
func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration does.
func (d *duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return &JobError{"prepare", "a length of time, such as 1h30m"}
	}
	*d = duration(v)
	return nil
}

// limitsOf names the limits in a job's file.
func limitsOf(l *fhir.Limits) map[string]*int {
	return map[string]*int{
		"entries": &l.Entries, "depth": &l.Depth, "values": &l.Values, "string_bytes": &l.StringBytes, "samples": &l.Samples,
		"codings": &l.Codings, "contained": &l.Contained, "violations": &l.Violations, "notices": &l.Notices,
	}
}

const limitBytes = "bytes"

// MarshalJSON writes a job's settings. The error is a *JobError where it has what cannot be
// written: an Embedder, a text's CountTokens, or AssessWaveform. Progress is left out.
func (j Job) MarshalJSON() ([]byte, error) {
	if j.Embedder != nil {
		return nil, &JobError{"embedder", "cannot be written down; only the runner of this machine makes vectors"}
	}
	if j.Prepare.AssessWaveform != nil {
		return nil, &JobError{"prepare", "what assesses waveforms cannot be written down; only the runner of this machine does"}
	}
	out := jobFile{
		Inputs: j.Inputs, Format: j.Format, Mapping: string(j.Mapping), Output: j.Output, Tokenizer: j.Tokenizer, Split: splitFile(j.Split),
		Label: j.Label, Labels: j.Labels, MaxRejects: j.MaxRejects, Limits: map[string]int{}, Workers: j.Workers,
		BlockBytes: j.BlockBytes, PartitionBytes: j.PartitionBytes, Version: j.Version,
		Prepare: prepareFile{
			j.Prepare.Skip, j.Prepare.MaxChanges, duration(j.Prepare.FillInterval), j.Prepare.MaxFilled,
			duration(j.Prepare.SameMoment), duration(j.Prepare.MaxClockOffset), j.Prepare.Hampel, j.Prepare.MinQuality,
		},
	}
	for _, t := range j.Texts {
		if t.CountTokens != nil {
			return nil, &JobError{"tokenizer", "cannot be written down; only the runner of this machine counts tokens with a model's own"}
		}
		style := ""
		if t.Style == render.StyleCompact {
			style = compact
		}
		out.Texts = append(out.Texts, textFile{t.Lang, style, t.Now.String(), t.MaxFacts, t.OmitFreeText, t.RelativeTimes, t.Derived, t.Alarms, t.TokenBudget, t.Part})
	}
	for name, n := range limitsOf(&j.Limits) {
		if *n != 0 {
			out.Limits[name] = *n
		}
	}
	if j.Limits.Bytes != 0 {
		out.Limits[limitBytes] = int(j.Limits.Bytes)
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes. The error is a *JobError for a setting that is
// not known or cannot be meant.
func (j *Job) UnmarshalJSON(data []byte) error {
	var in jobFile
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return &JobError{"job", err.Error()}
	}
	out := Job{
		Inputs: in.Inputs, Format: in.Format, Output: in.Output, Tokenizer: in.Tokenizer, Split: split.Options(in.Split), Label: in.Label,
		Labels: in.Labels, MaxRejects: in.MaxRejects, Workers: in.Workers, BlockBytes: in.BlockBytes, PartitionBytes: in.PartitionBytes, Version: in.Version,
		Prepare: prepare.Options{
			Skip: in.Prepare.Skip, MaxChanges: in.Prepare.MaxChanges, FillInterval: time.Duration(in.Prepare.FillInterval), MaxFilled: in.Prepare.MaxFilled,
			SameMoment: time.Duration(in.Prepare.SameMoment), MaxClockOffset: time.Duration(in.Prepare.MaxClockOffset), Hampel: in.Prepare.Hampel, MinQuality: in.Prepare.MinQuality,
		},
	}
	if in.Mapping != "" {
		out.Mapping = []byte(in.Mapping)
	}
	for _, t := range in.Texts {
		o, err := t.options()
		if err != nil {
			return err
		}
		out.Texts = append(out.Texts, o)
	}
	named := limitsOf(&out.Limits)
	for name, n := range in.Limits {
		if name == limitBytes {
			out.Limits.Bytes = int64(n)
		} else if named[name] == nil {
			return &JobError{"limits", "one of " + limitBytes + ", " + strings.Join(sortedKeys(named), ", ")}
		} else {
			*named[name] = n
		}
	}
	*j = out
	return in.known()
}

func (t *textFile) options() (render.Options, error) {
	now, err := record.ParseDateTime(t.Now)
	switch {
	case err != nil:
		return render.Options{}, &JobError{"texts", "now: " + err.Error()}
	case t.Language != "" && t.Language != render.English && t.Language != render.Chinese:
		return render.Options{}, &JobError{"texts", "language: en or zh"}
	case t.Style != "" && t.Style != compact && t.Style != "full":
		return render.Options{}, &JobError{"texts", "style: full or " + compact}
	}
	o := render.Options{
		Lang: t.Language, Now: now, MaxFacts: t.MaxFacts, OmitFreeText: t.OmitFreeText, RelativeTimes: t.RelativeTimes, Derived: t.Derived,
		Alarms: t.Alarms, TokenBudget: t.TokenBudget, Part: t.Part,
	}
	if t.Style == compact {
		o.Style = render.StyleCompact
	}
	return o, nil
}

// known says whether the words of a job's file are ones that there are.
func (f *jobFile) known() error {
	if f.Format != FormatAuto && !slices.Contains(formats, f.Format) {
		return &JobError{"format", "fhir, hl7v2 or csv"}
	}
	if !slices.Contains([]Label{LabelNone, LabelDiagnosis, LabelFile}, cmp.Or(f.Label, LabelNone)) {
		return &JobError{"label", "none, diagnosis or file"}
	}
	for _, s := range f.Prepare.Skip {
		if !slices.Contains(prepare.Stages(), s) {
			return &JobError{"prepare", "skip: a stage's name"}
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
