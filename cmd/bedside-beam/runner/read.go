package runner

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/local" // files by path
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/bedside-lm/bedside/clinical/prepare/cohort"
	"github.com/bedside-lm/bedside/clinical/prepare/split"
)

func init() {
	register.DoFn5x1[context.Context, int, func(string, []byte), func([]byte), func([]byte), error](&readFn{})
	register.DoFn2x1[[]byte, func(string, []byte), error](&labelsFn{})
	register.Emitter2[string, []byte]()
	register.Emitter1[[]byte]()
}

// note is what the division, the manifest and the rejects need to know: of a stretch of a
// source, of a source that was read to its end, or of a patient.
type note struct {
	// Of a source.
	File, Stretch int
	Told          *cohort.Told `json:",omitempty"`
	Digest        string       `json:",omitempty"`

	// Of a patient. Bytes is the room that the patient's items take in the partition.
	Patient string         `json:",omitempty"`
	Bytes   int64          `json:",omitempty"`
	Member  *split.Member  `json:",omitempty"`
	Counts  map[string]int `json:",omitempty"`
	Reject  *cohort.Reject `json:",omitempty"`
}

func emitNote(n *note, emit func([]byte)) error {
	data, err := json.Marshal(n)
	if err == nil {
		emit(data)
	}
	return err
}

// readFn cuts a source to pieces, and hands on all that a stretch of it holds of a patient at
// once: a source is often sorted by patient, and then little is left to group.
type readFn struct {
	planned
	packer packer
}

// Setup readies the function.
func (f *readFn) Setup() (err error) {
	if f.packer, err = newPacker(); err != nil {
		return err
	}
	return f.planned.Setup()
}

// ProcessElement reads one source.
func (f *readFn) ProcessElement(ctx context.Context, file int, pieces func(string, []byte), shared, notes func([]byte)) (err error) {
	path := f.plan.Sources[file].Path
	fs, err := filesystem.New(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fs.Close()) }()
	from, err := fs.OpenRead(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	stretch := 0
	digest, err := f.plan.Read(ctx, file, from, func(its []cohort.Item, told cohort.Told) error {
		byPatient := map[string][]byte{}
		var ofAll []byte
		for i := range its {
			if its[i].Shared {
				ofAll = cohort.AppendItem(ofAll, &its[i])
				continue
			}
			byPatient[its[i].Patient] = cohort.AppendItem(byPatient[its[i].Patient], &its[i])
		}
		for patient, b := range byPatient {
			pieces(patient, f.packer.pack(b))
		}
		if len(ofAll) > 0 {
			shared(f.packer.pack(ofAll))
		}
		stretch++
		return emitNote(&note{File: file, Stretch: stretch, Told: &told}, notes)
	})
	if err != nil {
		return err
	}
	return emitNote(&note{File: file, Digest: digest}, notes)
}

// labelsFn hands on the file of labels, by patient.
type labelsFn struct{ planned }

// ProcessElement reads the file.
func (f *labelsFn) ProcessElement(_ []byte, emit func(string, []byte)) error {
	labels, err := f.plan.ReadLabels()
	for patient, label := range labels {
		emit(patient, append([]byte{packedLabel}, label...))
	}
	return err
}
