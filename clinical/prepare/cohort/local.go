package cohort

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/bedside-lm/bedside/clinical/fhir"
	"github.com/bedside-lm/bedside/clinical/prepare"
	"github.com/bedside-lm/bedside/clinical/prepare/split"
)

// Local runs a job on this machine, on all its cores, in bounded memory.
type Local struct{}

// workName is the folder of what is not finished, within the output.
const workName = ".work"

const (
	maxPartitions = 4096
	// zippedGrows is how much a packed input is taken to grow.
	zippedGrows = 8
)

// local is one run.
type local struct {
	job        Job
	inputs     []input
	digest     string
	work       string
	partitions int
	spool      spool
	shared     *fhir.Shared
	labels     map[string]string
	progress   progress
}

// spool is what reading the inputs came to.
type spool struct {
	Segments int
	Digests  []string
}

// Run carries the job out.
func (Local) Run(ctx context.Context, job Job) (*Manifest, error) {
	job = job.withDefaults()
	if err := job.validate(); err != nil {
		return nil, err
	}
	inputs, err := list(&job)
	if err != nil {
		return nil, err
	}
	l := &local{job: job, inputs: inputs, digest: job.digest(inputs), work: filepath.Join(job.Output, workName)}
	l.partitions = partitionsFor(inputs, job.PartitionBytes)
	if l.labels, err = readLabels(&job); err != nil {
		return nil, err
	}
	if done, err := l.claim(); done != nil || err != nil {
		return done, err
	}
	stop := l.progress.start(job.Progress)
	defer stop()
	for _, step := range []func(context.Context) error{l.read, l.prepareAll} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return l.write(ctx)
}

func partitionsFor(inputs []input, bytes int64) int {
	total := int64(0)
	for _, in := range inputs {
		size := in.Size
		if in.zipped {
			size *= zippedGrows
		}
		total += size
	}
	return int(min(1+total/bytes, maxPartitions))
}

func (l *local) name(file int) string { return l.inputs[file].Name }

// claim makes the output folder this job's. A job that is complete gives its manifest.
func (l *local) claim() (*Manifest, error) {
	if data, err := os.ReadFile(filepath.Join(l.job.Output, ManifestName)); err == nil {
		m := &Manifest{}
		if json.Unmarshal(data, m) == nil && m.Job == l.digest {
			return m, nil
		}
		return nil, &JobError{"output", "holds another job's output, or its inputs have changed since; name another folder or remove it"}
	}
	claim := filepath.Join(l.work, "job")
	have, err := os.ReadFile(claim)
	if err == nil {
		if string(have) != l.digest {
			return nil, &JobError{"output", "holds an unfinished run of another job, or the inputs have changed since; name another folder or remove it"}
		}
		return nil, nil
	}
	if entries, err := os.ReadDir(l.job.Output); err == nil {
		if slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() != workName }) {
			return nil, &JobError{"output", "is not empty"}
		}
	}
	if err := os.MkdirAll(l.work, 0o750); err != nil {
		return nil, err
	}
	return nil, writeFile(claim, []byte(l.digest))
}

// read puts the inputs in order on disk.
func (l *local) read(ctx context.Context) error {
	told := filepath.Join(l.work, "read")
	if data, err := os.ReadFile(told); err == nil && json.Unmarshal(data, &l.spool) == nil {
		return l.readShared()
	}
	total := int64(0)
	for _, in := range l.inputs {
		total += in.Size
	}
	l.progress.begin("reading", total)
	blocks := make(chan *block)
	workers, ctx := errgroup.WithContext(ctx)
	r := &reader{job: &l.job, inputs: l.inputs, digests: make([]string, len(l.inputs)), read: &l.progress.done, out: blocks}
	workers.Go(func() error {
		defer close(blocks)
		return r.run(ctx)
	})
	for range l.job.Workers {
		workers.Go(func() error {
			for b := range blocks {
				if exists(segmentName(l.work, b.number)) {
					continue
				}
				if err := writeSegment(b, &l.job, l.inputs, l.work, l.partitions); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := workers.Wait(); err != nil {
		return err
	}
	l.spool = spool{Segments: r.number, Digests: r.digests}
	data, err := json.Marshal(l.spool)
	if err != nil {
		return err
	}
	if err := writeFile(told, data); err != nil {
		return err
	}
	return l.readShared()
}

// each runs work for every partition, on all cores.
func (l *local) each(ctx context.Context, work func(ctx context.Context, partition int) error) error {
	workers, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range l.job.Workers {
		workers.Go(func() error {
			for {
				p := int(next.Add(1))
				if p > l.partitions {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return context.Cause(ctx)
				}
				if err := work(ctx, p); err != nil {
					return err
				}
				l.progress.done.Add(1)
			}
		})
	}
	return workers.Wait()
}

func (l *local) prepareAll(ctx context.Context) error {
	l.progress.begin("preparing", int64(l.partitions))
	return l.each(ctx, l.reduce)
}

// write draws the sets, writes the outputs and, last, the manifest.
func (l *local) write(ctx context.Context) (*Manifest, error) {
	m := l.manifest()
	members, sizes, err := l.collect(m)
	if err != nil {
		return nil, err
	}
	sets := split.Assign(members, l.job.Split)
	if m.Split, err = splitReport(members, sets, &l.job); err != nil {
		return nil, err
	}
	l.progress.begin("writing", int64(l.partitions))
	files := make([][]Output, l.partitions+1)
	starts := make([]int, l.partitions+2)
	for p := 1; p <= l.partitions; p++ {
		starts[p+1] = starts[p] + sizes[p]
	}
	err = l.each(ctx, func(_ context.Context, p int) error {
		files[p], err = l.finish(p, sets[starts[p]:starts[p+1]])
		return err
	})
	if err != nil {
		return nil, err
	}
	m.Outputs = append(m.Outputs, slices.Concat(files...)...)
	slices.SortFunc(m.Outputs, func(a, b Output) int { return cmpPath(a.Path, b.Path) })
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := writeFile(filepath.Join(l.job.Output, ManifestName), append(data, '\n')); err != nil {
		return nil, err
	}
	return m, os.RemoveAll(l.work)
}

// collect reads what is known of all parts, writes the rejects, and fails where there are too
// many. sizes has the patients of each partition.
func (l *local) collect(m *Manifest) (members []split.Member, sizes []int, err error) {
	sizes = make([]int, l.partitions+1)
	var rejects []Reject
	for n := range l.spool.Segments {
		told, err := readStretch(segmentName(l.work, n), -1)
		if err != nil {
			return nil, nil, err
		}
		var some []Reject
		if err := json.Unmarshal(told, &some); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", segmentName(l.work, n), errDamaged)
		}
		rejects = append(rejects, some...)
	}
	m.RejectedText = len(rejects)
	for p := 1; p <= l.partitions; p++ {
		ix, err := readIndex(partName(l.work, p))
		if err != nil {
			return nil, nil, err
		}
		sizes[p] = len(ix.Members)
		members = append(members, ix.Members...)
		rejects = append(rejects, ix.Rejects...)
		m.Patients += len(ix.Members)
		m.Rejected += len(ix.Rejects)
		for k, n := range ix.Counts {
			m.Counts[k] += n
		}
	}
	if err := l.tellRejects(m, rejects); err != nil {
		return nil, nil, err
	}
	all := m.Patients + m.Rejected
	if all == 0 {
		return nil, nil, &JobError{"inputs", "hold no patient; see " + rejectsName}
	}
	if float64(m.Rejected) > l.job.MaxRejects*float64(all) {
		return nil, nil, &JobError{"inputs", fmt.Sprintf("%d of %d patients cannot be read, more than a share of %g; see %s", m.Rejected, all, l.job.MaxRejects, rejectsName)}
	}
	return members, sizes, nil
}

const rejectsName = "rejects.jsonl"

func (l *local) tellRejects(m *Manifest, rejects []Reject) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, r := range rejects {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	f, err := create(filepath.Join(l.job.Output, rejectsName))
	if err != nil {
		return err
	}
	defer f.discard()
	if _, err := f.Write(b.Bytes()); err != nil {
		return err
	}
	if err := f.commit(); err != nil {
		return err
	}
	m.Outputs = append(m.Outputs, Output{Path: rejectsName, Bytes: f.size, SHA256: f.sum(), Rows: len(rejects)})
	return nil
}

func splitReport(members []split.Member, sets []split.Set, job *Job) (*SplitReport, error) {
	if !job.Split.Divided() {
		return nil, nil
	}
	checked, err := split.Check(members, sets)
	if err != nil {
		return nil, err
	}
	r := &SplitReport{
		Train: job.Split.Train, Validation: job.Split.Validation, Test: job.Split.Test, Seed: job.Split.Seed,
		Label: job.Label, Leakage: checked, Sets: map[string]map[string]int{},
	}
	for i, m := range members {
		set := sets[i].String()
		if r.Sets[set] == nil {
			r.Sets[set] = map[string]int{}
		}
		r.Sets[set][m.Label]++
	}
	return r, nil
}

func stages(job *Job) []string {
	var out []string
	for _, s := range prepare.Stages() {
		if !slices.Contains(job.Prepare.Skip, s) && (s != prepare.StageGaps || job.Prepare.FillInterval > 0) {
			out = append(out, string(s))
		}
	}
	return out
}

// readLabels reads the file of labels.
func readLabels(job *Job) (map[string]string, error) {
	if job.Label != LabelFile {
		return nil, nil
	}
	data, err := os.ReadFile(job.Labels)
	if err != nil {
		return nil, &JobError{"labels", err.Error()}
	}
	out := map[string]string{}
	for n, line := range bytes.Split(bytes.TrimSpace(data), []byte{'\n'}) {
		patient, label, ok := bytes.Cut(bytes.TrimRight(line, "\r"), []byte{'\t'})
		if !ok {
			return nil, &JobError{"labels", fmt.Sprintf("line %d: a patient's id and a label, with a tab between", n+1)}
		}
		out[string(patient)] = string(label)
	}
	return out, nil
}

var _ Runner = Local{}

// ErrInterrupted is the cause of a run that its caller ended.
var ErrInterrupted = errors.New("interrupted")
