package cohort

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/zeebo/xxh3"
	"golang.org/x/sync/errgroup"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/prepare/split"
	"github.com/bedside-lm/bedside/clinical/record"
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
	job = job.withDefaults()
	if err := job.validate(); err != nil {
		return nil, err
	}
	inputs, err := list(&job)
	if err != nil {
		return nil, err
	}
	labels, err := readLabels(&job)
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

// cut takes one source to pieces, whatever its format.
func (r *reader) cut(ctx context.Context, from io.Reader, i int) (err error) {
	switch in := &r.inputs[i]; {
	case in.whole():
		err = r.whole(ctx, from, i)
	case in.format == FormatFHIR:
		err = r.lines(ctx, from, i)
	default:
		err = r.other(ctx, from, i)
	}
	if err != nil || r.current.told.Pieces == 0 {
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

// AppendItem writes an item, and Items reads what was so written. The items that visit is
// called with share the memory of b.
func AppendItem(b []byte, it *Item) []byte { return appendItem(b, it) }

// Items calls visit with each item that AppendItem wrote.
func Items(b []byte, visit func(Item)) error { return items(b, visit) }

// ItemBytes is how much of a partition's room an item takes.
func ItemBytes(it *Item) int64 { return int64(len(appendItem(nil, it))) }

// AppendPrepared writes a patient but for its print and counts, and ScanPrepared reads it.
func AppendPrepared(b []byte, p *Prepared) []byte { return appendPrepared(b, p) }

// ScanPrepared reads what AppendPrepared wrote.
func ScanPrepared(b []byte) (*Prepared, error) { return scanPrepared(b) }

func inOrder(its []Item) {
	slices.SortStableFunc(its, func(a, b Item) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), bytes.Compare(a.Text, b.Text))
	})
}

// Shared gathers the items that belong to no one patient. They may come in any order.
func (p *Plan) Shared(its []Item) (*fhir.Shared, error) {
	inOrder(its)
	out := fhir.NewShared(p.Job.Limits)
	for _, it := range its {
		line := fhir.Line{Name: p.name(it.File), Number: it.Line, Text: it.Text}
		res, err := fhir.Glance(line, p.Job.Limits)
		if err != nil {
			return nil, err
		}
		if err := out.Add(line, res); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Gathered is all that the input has about one patient, in any order. Of data beyond
// Limits.Bytes it keeps only the places.
type Gathered struct {
	// Label is the patient's in the file of labels, where the job has one.
	Label  string
	items  []Item
	places []place
	bytes  int64
}

// place is where an item lies and how long it is.
type place struct{ file, line, bytes int }

// Add takes an item.
func (g *Gathered) Add(it Item, limit int64) {
	g.places = append(g.places, place{it.File, it.Line, len(it.Text)})
	if g.bytes += int64(len(it.Text)); g.bytes > limit {
		g.items = nil
		return
	}
	g.items = append(g.items, it)
}

// Len is how many items there are.
func (g *Gathered) Len() int { return len(g.places) }

// over is the first item, in the order of the input, that passes the limit.
func (g *Gathered) over(limit int64) (place, bool) {
	if g.bytes <= limit {
		return place{}, false
	}
	slices.SortFunc(g.places, func(a, b place) int { return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line)) })
	sum, i := int64(g.places[0].bytes), 0
	for ; sum <= limit; i++ {
		sum += int64(g.places[i+1].bytes)
	}
	return g.places[i], true
}

// Patient prepares one patient. What cannot be used gives a Reject and no error.
func (p *Plan) Patient(patient string, g *Gathered, shared *fhir.Shared) (*Prepared, *Reject, error) {
	done, err := p.patient(patient, g, shared)
	if err == nil {
		return done, nil, nil
	}
	ps, known := problems(err)
	if !known {
		return nil, nil, err
	}
	return nil, &Reject{Patient: patient, Problems: ps}, nil
}

func (p *Plan) patient(patient string, g *Gathered, shared *fhir.Shared) (*Prepared, error) {
	if at, ok := g.over(p.Job.Limits.Bytes); ok {
		return nil, &record.LimitError{Path: fmt.Sprintf("%s:%d", p.name(at.file), at.line), What: "bytes about one patient", Limit: p.Job.Limits.Bytes}
	}
	inOrder(g.items)
	rec, err := assemble(g.items, p.name, shared, &p.Job)
	if err != nil {
		return nil, err
	}
	return Prepare(patient, rec, &p.Job, map[string]string{patient: g.Label})
}

// PartitionOf is the partition of the outputs that a patient stands in, from 1.
func (p *Plan) PartitionOf(patient string) int { return partitionOf(patient, p.Partitions) }

// Compare orders the patients of one partition as Local writes them. itemBytes is the sum of
// ItemBytes over all items of the partition.
func (p *Plan) Compare(itemBytes int64) func(a, b string) int {
	l := &local{job: p.Job, spool: spool{Sizes: []int64{itemBytes}}}
	passes := l.passes(0)
	return func(a, b string) int {
		return cmp.Or(cmp.Compare(passOf(a, passes), passOf(b, passes)), cmp.Compare(xxh3.HashString(a), xxh3.HashString(b)), strings.Compare(a, b))
	}
}

// WritePart writes the files of one partition below a folder, as they stand below Job.Output.
// sets has one set a patient.
func WritePart(dir string, partition int, ps []*Prepared, sets []split.Set) (out []Output, err error) {
	bySet := map[split.Set]*outputs{}
	defer func() {
		for _, o := range bySet {
			o.discard()
		}
	}()
	for i, p := range ps {
		if bySet[sets[i]] == nil {
			if bySet[sets[i]], err = newOutputs(dir, sets[i], partition); err != nil {
				return nil, err
			}
		}
		if err := bySet[sets[i]].add(p); err != nil {
			return nil, err
		}
	}
	for _, set := range []split.Set{split.All, split.Train, split.Validation, split.Test} {
		if bySet[set] == nil {
			continue
		}
		files, err := bySet[set].commit(dir)
		if err != nil {
			return nil, err
		}
		out = append(out, files...)
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
