package cohort

import (
	"github.com/bedside-lm/bedside/clinical/prepare/features"
	"github.com/bedside-lm/bedside/clinical/prepare/split"
)

// ManifestName is the file that says what an output folder holds. It is written last: a
// folder with a manifest is complete.
const ManifestName = "manifest.json"

// Manifest says what was read, what was done and what was written.
type Manifest struct {
	Version string  `json:"version"`
	Job     string  `json:"job"` // digest of the inputs' names and sizes, and of every setting
	Inputs  []Input `json:"inputs"`

	Stages        []string `json:"stages"`
	Texts         []string `json:"texts,omitempty"`
	FeatureSchema string   `json:"feature_schema"`
	Embedder      string   `json:"embedder,omitempty"`
	Tokenizer     string   `json:"tokenizer,omitempty"` // that tokens of the texts are counted with

	Patients     int            `json:"patients"`
	Rejected     int            `json:"rejected_patients"`
	Pieces       int            `json:"pieces"` // lines, messages or files that were read
	RejectedText int            `json:"rejected_pieces"`
	Counts       map[string]int `json:"counts"`

	Split   *SplitReport `json:"split,omitempty"`
	Outputs []Output     `json:"outputs"`
}

// Input is one file that was read.
type Input struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// SplitReport says how the cohort was divided.
type SplitReport struct {
	Train      float64                   `json:"train"`
	Validation float64                   `json:"validation"`
	Test       float64                   `json:"test"`
	Seed       uint64                    `json:"seed"`
	Label      Label                     `json:"label"`
	Sets       map[string]map[string]int `json:"sets"` // patients by set and label
	Leakage    split.Checked             `json:"leakage"`
	// LeakedPatients and LeakedPairs are 0: a job that leaks fails.
	LeakedPatients int `json:"leaked_patients"`
	LeakedPairs    int `json:"leaked_pairs"`
}

func (l *local) manifest() *Manifest {
	m := &Manifest{
		Version: l.job.Version, Job: l.digest, FeatureSchema: features.SchemaName, Embedder: l.job.EmbedderName, Tokenizer: l.job.Tokenizer, Counts: map[string]int{},
		Stages: stages(&l.job),
	}
	for i, in := range l.inputs {
		m.Inputs = append(m.Inputs, Input{Name: in.Name, Bytes: in.Size, SHA256: l.spool.Digests[i]})
	}
	for _, t := range l.job.Texts {
		m.Texts = append(m.Texts, textName(t))
	}
	return m
}
