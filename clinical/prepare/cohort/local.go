package cohort

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

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
	room       *semaphore.Weighted // of bytes of partitions
	progress   progress
}

// spool is what reading the inputs came to.
type spool struct {
	Segments int
	Digests  []string
	Sizes    []int64 // bytes of each partition, over all segments
}

// Run carries the job out.
func (Local) Run(ctx context.Context, job Job) (*Manifest, error) {
	inputs, labels, err := job.look()
	if err != nil {
		return nil, err
	}
	l := &local{job: job, inputs: inputs, labels: labels, work: filepath.Join(job.Output, workName)}
	l.partitions = partitionsFor(inputs, job.PartitionBytes)
	l.digest = job.digest(inputs, labels)
	l.room = semaphore.NewWeighted(l.roomSize())
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
			return m, os.RemoveAll(l.work) // which a run that ended in between has left
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
	l.spool = spool{Segments: r.number, Digests: r.digests, Sizes: make([]int64, l.partitions+1)}
	for n := range l.spool.Segments {
		if err := measureSegment(segmentName(l.work, n), l.spool.Sizes); err != nil {
			return err
		}
	}
	data, err := json.Marshal(l.spool)
	if err != nil {
		return err
	}
	if err := writeFile(told, data); err != nil {
		return err
	}
	return l.readShared()
}

// each runs work for the numbers from 0 to n, on all cores.
func (l *local) each(ctx context.Context, n int, work func(ctx context.Context, i int) error) error {
	workers, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range l.job.Workers {
		workers.Go(func() error {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err := work(ctx, i); err != nil {
					return err
				}
				l.progress.done.Add(1)
			}
			return nil
		})
	}
	return workers.Wait()
}

func (l *local) prepareAll(ctx context.Context) error {
	l.progress.begin("preparing", int64(l.partitions))
	return l.each(ctx, l.partitions, func(ctx context.Context, i int) error { return l.reduce(ctx, i+1) })
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
	byPartition := make([][]split.Set, 0, l.partitions)
	for _, n := range sizes[1:] {
		byPartition, sets = append(byPartition, sets[:n:n]), sets[n:]
	}
	starts := together(sizes[1:])
	files := make([][]Output, len(starts)-1)
	l.progress.begin("writing", int64(len(files)))
	err = l.each(ctx, len(files), func(_ context.Context, i int) error {
		some, err := l.finish(i, starts[i]+1, byPartition[starts[i]:starts[i+1]])
		files[i] = some
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

var _ Runner = Local{}

// ErrInterrupted is the cause of a run that its caller ended.
var ErrInterrupted = errors.New("interrupted")
