package cohort

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/bedside-lm/bedside/clinical/prepare/split"
)

// Source is one file of a plan.
type Source struct {
	Name   string // below the folder that was given
	Path   string
	Size   int64
	Time   int64 // of its last change, in nanoseconds since 1970
	Format Format
	Zipped bool
}

// Plan is a job that can be carried out, with all that decides how. It can be written as JSON
// and carried to another machine, where the functions of a job cannot go.
//
// It is for runners that move the data themselves; Local is one that does not need it. A
// runner that does with it what Local does writes the same bytes.
type Plan struct {
	Job        Job
	Sources    []Source
	Partitions int
	Digest     string // Manifest.Job
}

// NewPlan looks a job over: its settings, its inputs, its labels. The error is a *JobError
// where the job is at fault.
func NewPlan(job Job) (*Plan, error) {
	inputs, labels, err := job.look()
	if err != nil {
		return nil, err
	}
	p := &Plan{Job: job, Partitions: partitionsFor(inputs, job.PartitionBytes), Digest: job.digest(inputs, labels)}
	for _, in := range inputs {
		p.Sources = append(p.Sources, Source{in.Name, in.path, in.Size, in.Time, in.format, in.zipped})
	}
	return p, nil
}

func (p *Plan) inputs() []input {
	out := make([]input, len(p.Sources))
	for i, s := range p.Sources {
		out[i] = input{s.Name, s.Size, s.Time, s.Path, s.Format, s.Zipped}
	}
	return out
}

func (p *Plan) name(file int) string { return p.Sources[file].Name }

// Claim makes the output folder this job's, as Local does. It gives the manifest of a job that
// is complete already, else nil.
func (p *Plan) Claim() (*Manifest, error) {
	l := &local{job: p.Job, digest: p.Digest, work: WorkDir(p.Job.Output)}
	return l.claim()
}

// ReadLabels reads the file of labels, where the job has one.
func (p *Plan) ReadLabels() (map[string]string, error) { return readLabels(&p.Job) }

// Told is what is known of pieces of the input, or of patients, that could not be used.
type Told = told

// Read cuts a source into pieces and finds their patients. visit is called with the pieces of
// one stretch of it after another, about Job.BlockBytes each; they are in order, and those that
// name no patient are left out. The digest is of the file as it lies.
func (p *Plan) Read(ctx context.Context, file int, from io.Reader, visit func([]Item, Told) error) (digest string, err error) {
	source := p.Sources[file]
	sum := sha256.New()
	raw := io.TeeReader(from, sum)
	unpacked := raw
	if source.Zipped {
		z, err := gzip.NewReader(bufio.NewReaderSize(raw, 1<<20))
		if err != nil {
			return "", &JobError{"inputs", source.Name + ": " + err.Error()}
		}
		unpacked = z
	}
	blocks := make(chan *block)
	r := &reader{job: &p.Job, inputs: p.inputs(), read: &atomic.Int64{}, out: blocks, current: &block{}}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		defer close(blocks)
		return r.cut(ctx, unpacked, file)
	})
	both.Go(func() error {
		for b := range blocks {
			its, err := p.keyed(b)
			if err == nil {
				err = visit(its, b.told)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err := both.Wait(); err != nil {
		return "", err
	}
	if _, err := io.Copy(io.Discard, raw); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// cut takes one source to pieces, and hands on the last block of them.
func (r *reader) cut(ctx context.Context, from io.Reader, i int) error {
	if err := r.pieces(ctx, from, i); err != nil || r.current.told.Pieces == 0 {
		return err
	}
	return r.hand(ctx)
}

// keyed are the pieces of a block that are about a patient, or shared.
func (p *Plan) keyed(b *block) ([]Item, error) {
	out := b.texts[:0]
	for _, it := range b.texts {
		ok, err := Key(&it, p.name(it.File), p.Job.Limits)
		if err != nil {
			ps, known := problems(err)
			if !known {
				return nil, err
			}
			b.told.reject(Reject{File: p.name(it.File), Line: it.Line, Problems: ps})
		} else if ok {
			out = append(out, it)
		}
	}
	return out, nil
}

// NewManifest is the manifest of a plan, without what only running it tells.
func (p *Plan) NewManifest(digests []string) *Manifest {
	l := &local{job: p.Job, inputs: p.inputs(), digest: p.Digest, spool: spool{Digests: digests}}
	return l.manifest()
}

// Divide draws the sets, reports on them in the manifest, and fails where they leak or where
// more was rejected than the job allows.
func (p *Plan) Divide(m *Manifest, members []split.Member) ([]split.Set, error) {
	if err := m.tooMany(p.Job.MaxRejects); err != nil {
		return nil, err
	}
	sets := split.Assign(members, p.Job.Split)
	report, err := splitReport(members, sets, &p.Job)
	m.Split = report
	return sets, err
}

// Listed bounds the rejects that are told one by one of a stretch of the input or a partition.
const Listed = listed

// WriteRejects writes the file that tells what was rejected.
func WriteRejects(dir string, some []Reject) (Output, error) {
	r, err := createRejects(dir)
	if err != nil {
		return Output{}, err
	}
	defer r.f.discard()
	if err := r.add(some); err != nil {
		return Output{}, err
	}
	return r.commit()
}

// Bytes is the manifest as it stands in its file. Its outputs are put in order.
func (m *Manifest) Bytes() ([]byte, error) {
	slices.SortFunc(m.Outputs, func(a, b Output) int { return cmpPath(a.Path, b.Path) })
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return append(data, '\n'), nil
}

// WriteFile writes a file whole or not at all.
func WriteFile(path string, data []byte) error { return writeFile(path, data) }

// WorkDir is the folder, within an output folder, of what is not finished.
func WorkDir(output string) string { return filepath.Join(output, workName) }
